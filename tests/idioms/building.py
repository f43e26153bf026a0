"""Arrays made inside the function, and filled."""

import numpy as np
from numpy import concatenate, empty, zeros


def fill_zeros_one_by_one(x):
    a = np.zeros(6)
    for i in range(6):
        a[i] = x[i] ** (i + 1)
    return a


def fill_empty_from_a_recurrence(x):
    a = np.empty(5)
    a[0], a[1] = x[0], x[1]
    for n in range(2, 5):
        a[n] = x[2] * a[n - 1] - a[n - 2] / x[3]
    return a


def names_imported_from_numpy(x):
    a = zeros((2, 3))
    a[0] = x[:3]
    b = empty(3)
    b[:] = x[3:]
    return concatenate([a.ravel(), b * b])


def array_of_a_list(x):
    return np.array([x[0], 2.0, x[1] * x[2]]) ** 2


def array_of_nested_lists(x):
    angle = x[0]
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation @ x[1:3]


def array_of_a_comprehension(x):
    return np.array([np.sum(x[: i + 1]) for i in range(len(x))])


def array_of_rows(x):
    return np.array([x, x**2, np.ones(6)]).T @ np.array([1.0, 2.0, 3.0])


def list_appended_then_stacked(x):
    rows = []
    state = x
    for _ in range(3):
        state = np.tanh(state) + 0.1
        rows.append(state)
    return np.stack(rows)


def full_of_a_traced_number(x):
    return np.full((2, 2), x[3]) * np.full_like(np.ones(2), x[1])


def ones_like_the_argument(x):
    a = np.ones_like(x)
    a[2:4] = x[:2] * 3
    return a * x


def zeros_of_the_arguments_shape_and_dtype(x):
    a = np.zeros(x.shape, dtype=x.dtype)
    a += x
    a[::2] *= x[1::2]
    return a


def asarray_of_a_mixed_list(x):
    return np.asarray([x[0], 1, True, x[5]], dtype=float) * np.arange(4)


def float_of_a_list(x):
    return np.array([x[0], x[1]], dtype=np.float64) * np.float64(2.0)


def linspace_between_traced_ends(x):
    return np.linspace(x[0], x[1], 5) ** 2


def arange_with_a_traced_step(x):
    return np.arange(5) * x[0] + x[1]


def concatenated_pieces(x):
    return np.concatenate([x[3:], np.zeros(2), x[:3] ** 2, [1.0, 2.0]])


def joined_by_index_tricks(x):
    return np.r_[x[:2], 0.0, x[2] * x[3]] @ np.r_[1:5]


def columns_by_index_tricks(x):
    return np.c_[x[:3], np.ones(3), x[3:] ** 2] @ np.array([1.0, -1.0, 2.0])


def stacked_every_way(x):
    a, b = x[:3], x[3:]
    return (
        np.vstack([a, b]) @ np.column_stack([a, b])
        + np.hstack([a, b]).sum() * np.dstack([a, b])[0, 0]
    )


def block_matrix(x):
    a, b = np.diag(x[:2]), x[2:].reshape(2, 2)
    return np.block([[a, b], [b.T, np.eye(2)]]) @ np.arange(1.0, 5.0)


def tridiagonal_matrix(x):
    return np.diag(x) + np.diag(x[:-1] * 0.5, 1) + np.diag(x[1:] ** 2, -1)


def triangle_filled_by_indices(x):
    lower = np.zeros((3, 3))
    lower[np.tril_indices(3)] = x
    return lower @ lower.T


def symmetric_matrix_from_its_triangle(x):
    a = np.zeros((3, 3))
    a[np.triu_indices(3)] = x
    return a + a.T - np.diag(np.diag(a))


def masked_triangle(x):
    a = np.outer(x[:3], x[3:])
    return np.tril(a) @ np.triu(a, 1)


def vandermonde_by_broadcasting(x):
    return x[:3, None] ** np.arange(4)


def vandermonde(x):
    return np.vander(x[:3], 4) @ np.ones(4)


def outer_table_of_differences(x):
    return np.sqrt((x[:, None] - x[None, :]) ** 2 + 1e-2)


def grid_of_a_function(x):
    gx, gy = np.meshgrid(np.linspace(0, x[0], 3), np.linspace(0, x[1], 4))
    return np.sin(gx) * np.cos(gy)


def open_grid(x):
    gx, gy = np.ix_(x[:2], x[2:5])
    return gx * gy + gx


def function_of_indices(x):
    i, j = np.indices((2, 3))
    return x[0] ** i * x[1] ** j


def from_function(x):
    return np.fromfunction(lambda i, j: x[0] * i + x[1] * j, (2, 3)) ** 2


def copy_then_change(x):
    a = x.copy()
    a[0] = a[1] * a[2]
    return a * x


def zero_dimensional_accumulator(x):
    total = np.zeros(())
    for value in x:
        total += value**2
    return np.sqrt(total)


def tiled_and_repeated(x):
    return np.tile(x[:2], 3) * np.repeat(x[3:], 2)


def padded(x):
    return np.pad(x, 2) + np.pad(x, (1, 3), mode="edge") * np.pad(x, 2, mode="reflect")


def inserted_deleted_appended(x):
    return np.append(np.delete(x, 1), x[0] * x[1]) * np.insert(x, 2, x[5])[:6]


def kronecker_and_cross(x):
    return np.kron(x[:2], x[2:4]).sum() * np.cross(x[:3], x[3:])


def constants_kept_in_a_table(x):
    table = {"weights": np.arange(6.0), "bias": np.ones(6)}
    table["weights"][2] = x[2]
    return table["weights"] * x + table["bias"]


def padded_with_values_of_its_own(x):
    a = np.pad(x, (1, 2), constant_values=(x[0] * x[1], x[5]))
    b = np.pad(x.reshape(2, 3), 1, constant_values=x[2])
    c = np.pad(x, 2, mode="linear_ramp", end_values=(x[3], 0.5))
    return np.concatenate([a, b.ravel(), c]) ** 2


def lists_in_the_place_of_arrays(x):
    a, b, c = x[0], x[1], x[2]
    y = np.ones(3) * x[:3] + [a, b, c] - (b, 1.0, a)
    y *= [c, a, 0.5]
    m = np.linalg.inv([[a, b], [c, 9.0]]) @ [a, b]
    return y.dot([a, b, 2.0]) + np.dot([a, b], m) + np.sum(np.where(y > [b, a, c], y, [a, b, c]))


def lists_of_rows(x):
    rows = [[x[0] * j + k * x[1] for j in range(3)] for k in range(2)]
    return np.mean(rows, axis=0) * np.transpose(rows)[:, 1] + np.sum(rows) - np.max(rows, axis=0)
