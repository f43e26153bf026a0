"""Arrays that are written to: items, slices, masks, index arrays, views, out=."""

import numpy as np


def slices(x):
    a = x * 1.0
    a[1:-1] = 0.5 * (a[:-2] + a[2:])
    return a**2


def row_by_row(x):
    a = np.zeros((3, 2))
    for i in range(3):
        a[i] = x[2 * i : 2 * i + 2] * (i + 1)
    return a


def column_by_column(x):
    a = np.zeros((3, 2))
    a[:, 0] = x[:3]
    a[:, 1] = a[:, 0] * x[3:]
    return a


def mask(x):
    a = x**2
    a[x > 1] = 1.0
    return a * x


def mask_with_values(x):
    a = np.zeros_like(x)
    large = x > 1
    a[large] = np.log(x[large])
    a[~large] = x[~large] ** 3
    return a


def in_place_on_a_mask(x):
    a = x.copy()
    a[x < 1] *= 2
    a[x < 1] += a[x >= 1].sum()
    return a


def index_array(x):
    a = np.zeros(8)
    a[[7, 3, 5]] = x[[0, 1, 2]]
    a[np.array([0, 1])] += x[3:5]
    return a


def repeated_indices_keep_the_last(x):
    a = np.zeros(3)
    a[[0, 1, 0]] = x[:3]
    return a * x[3:]


def scattered_sum(x):
    a = np.zeros(3)
    np.add.at(a, [0, 2, 2, 1, 0, 2], x)
    return a**2


def scattered_by_a_loop(x):
    a = np.zeros(3)
    for i, value in zip([0, 2, 2, 1, 0, 2], x, strict=True):
        a[i] += value
    return a**2


def pairs_of_indices(x):
    a = np.zeros((3, 3))
    a[[0, 1, 2], [2, 0, 1]] = x[:3]
    a[np.ix_([0, 2], [0, 1])] += x[2:].reshape(2, 2)
    return a @ a


def swapped_rows(x):
    a = x.reshape(3, 2).copy()
    a[[0, 2]] = a[[2, 0]]
    return a * np.arange(6).reshape(3, 2)


def swapped_items(x):
    a = x.copy()
    a[0], a[5] = a[5], a[0]
    return a * np.arange(6)


def view_of_a_row(x):
    a = np.zeros((2, 3))
    row = a[1]
    row[:] = x[:3]
    row *= x[3:]
    return a


def view_written_through_its_base(x):
    a = x.copy()
    middle = a[2:4]
    a[2] = x[0] * x[1]
    return middle * a[:2]


def transposed_view(x):
    a = np.zeros((2, 3))
    a.T[:] = x.reshape(3, 2)
    return a**2


def reshaped_view(x):
    a = np.zeros(6)
    a.reshape(2, 3)[1] = x[:3]
    a.ravel()[0] = x[5]
    return a * x


def flat(x):
    a = np.zeros((2, 3))
    a.flat = x
    a.flat[2] = x[0] * x[1]
    return a


def reversed_view(x):
    a = x.copy()
    a[::-1][:2] = x[:2] ** 2
    return a


def diagonal_filled(x):
    a = np.outer(x[:3], x[3:])
    np.fill_diagonal(a, x[0])
    return a @ a


def diagonal_by_indices(x):
    a = np.ones((3, 3))
    a[np.diag_indices(3)] = x[:3]
    a[range(2), range(1, 3)] -= x[3:5]
    return a @ x[:3]


def whole(x):
    a = np.empty(6)
    a[:] = x
    a[...] = a * a
    return a


def filled(x):
    a = np.empty(3)
    a.fill(x[0])
    return a * x[:3]


def into_an_argument(x):
    x[0] = x[1] * 2
    x += 1
    return x**2


def normalised_in_place(x):
    a = x.reshape(2, 3).copy()
    a -= a.mean(axis=1, keepdims=True)
    a /= np.linalg.norm(a, axis=1)[:, None]
    return a * np.arange(6).reshape(2, 3)


def chain_of_outs(x):
    a = np.empty_like(x)
    np.sin(x, out=a)
    np.multiply(a, x, out=a)
    np.add(a, 1.0, out=a)
    return np.sqrt(a, a)


def out_of_a_slice(x):
    a = np.zeros(6)
    np.exp(x[:3], out=a[:3])
    np.dot(x[:3].reshape(1, 3), x[3:], out=a[3:4])
    return a


def out_of_a_reduction(x):
    a = np.zeros(2)
    np.sum(x.reshape(2, 3), axis=1, out=a)
    return a**2


def where_of_a_ufunc(x):
    a = np.zeros(6)
    np.log(x, out=a, where=x > 1)
    return a * x


def copied_to(x):
    a = np.zeros((2, 3))
    np.copyto(a, x[:3])
    np.copyto(a, x[3:] ** 2, where=np.array([True, False, True]))
    return a


def put(x):
    a = np.zeros(6)
    np.put(a, [0, 4], x[:2])
    a.put([5], x[3])
    return a * x


def put_on_a_mask(x):
    a = x.copy()
    np.putmask(a, x > 1, x[::-1] * 2)
    np.place(a, a < 0.4, x[:2])
    return a


def put_along_an_axis(x):
    a = x.reshape(2, 3).copy()
    np.put_along_axis(a, np.argmax(a, axis=1)[:, None], x[:2, None] * 9, axis=1)
    return a


def sorted_in_place(x):
    a = x * x
    a.sort()
    return a * np.arange(6)


def partially_sorted_in_place(x):
    a = x.copy()
    a.partition(2)
    return a[2] * np.sum(a[:2])


def heat_equation(x):
    u = np.zeros(8)
    u[1:-1] = x
    for _ in range(4):
        u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def game_of_shifts(x):
    board = x.reshape(2, 3)
    return board * np.roll(board, 1, axis=0) - np.roll(board, -1, axis=1)


def elimination(x):
    a = x[:4].reshape(2, 2) + 3 * np.eye(2)
    b = x[4:].copy()
    b[1] -= a[1, 0] / a[0, 0] * b[0]
    a[1] -= a[1, 0] / a[0, 0] * a[0]
    b[1] /= a[1, 1]
    b[0] = (b[0] - a[0, 1] * b[1]) / a[0, 0]
    return b


def shifted_by_itself(x):
    a = x.copy()
    a[1:] += a[:-1]
    a[:-1] *= a[1:]
    return a


def several_names(x):
    a = b = np.zeros(6)
    a[:3] = x[:3]
    b[3:] = a[:3] * 2
    c = a
    c += 1
    return b**2


def two_buffers_in_turn(x):
    old, new = x.copy(), np.empty_like(x)
    for _ in range(3):
        new[:] = old[::-1] * 0.5 + x
        old, new = new, old
    return old


def ring_buffer(x):
    recent = np.zeros(3)
    smooth = np.empty(6)
    for i, value in enumerate(x):
        recent[i % 3] = value
        smooth[i] = recent.mean()
    return smooth * x


def complex_parts_written(x):
    z = np.zeros(3, dtype=complex)
    z.real = x[:3]
    z.imag[1:] = x[3:5]
    z[0] += 1j * x[5]
    return np.abs(z)


def single_precision_array(x):
    a = np.zeros(6, dtype=np.float32)
    a[:] = x
    return a.dtype.itemsize * x


def structured_steps(x):
    path = np.zeros((4, 2))
    velocity = x[:2].copy()
    for step in range(1, 4):
        velocity -= 0.1 * path[step - 1]
        path[step] = path[step - 1] + velocity
    return path


def triangle_swept(x):
    table = np.zeros((4, 4))
    table[:, 0] = x[:4]
    for j in range(1, 4):
        for i in range(4 - j):
            table[i, j] = (table[i + 1, j - 1] - table[i, j - 1]) / j
    return table[0]


def conversions_copy_and_slices_do_not(x):
    a, b, c, d = x.astype(float), np.array(x), x[:], np.asarray(x)
    a[0], b[1], c[2], d[3] = 0, 0, 0, 0
    return a * b + c * d


def parts_of_complex_numbers_are_views(x):
    z = np.ones(6, dtype=complex)
    part = z.imag
    part[1:] = x[1:]
    z.real[0] = x[0]
    z *= 1 + x[2] * 1j
    return z.real * part


def part_of_a_real_array_is_the_array(x):
    a = x * 2
    a.real[0] = x[1] ** 2
    np.real(a)[2] = 1.0
    return a


def view_of_an_array_made_here(x):
    table = np.arange(6.0).reshape(2, 3)
    table.T[0] = x[:2]
    table.ravel()[-2:] *= x[2:4]
    return table


def view_returned_after_its_array_changed(x):
    a = x * 1
    part = a[1:3]
    a[2] = x[0] * x[5]
    return part
