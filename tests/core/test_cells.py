"""Traced arrays are written to as NumPy's are: what the user sees and the gradient agree with plain NumPy."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

X = np.arange(1.0, 13.0).reshape(4, 3)


def write_item(x: Any) -> Any:
    y = x * 2
    y[1, 2] = x[0, 0] * x[3, 1]
    return np.sum(y * y)


def write_rows(x: Any) -> Any:
    y = x + 0.0
    y[1:3] = x[0] * x[3]
    return np.sum(y * x)


def write_through_a_view(x: Any) -> Any:
    y = x * 1.0
    row = y[1]
    row[0] = x[2, 2] ** 2
    return np.sum(y * y)


def write_through_a_view_of_a_view(x: Any) -> Any:
    y = x * 1.0
    y[1:][::2][0] *= x[0]
    return np.sum(y**3)


def read_a_view_after_its_base_was_written(x: Any) -> Any:
    y = x * 1.0
    v = y[1:3]
    y[1, 0] = 7.0 * x[3, 2]
    return np.sum(v * v)


def add_in_place(x: Any) -> Any:
    y = x * 1.0
    y += x
    y[0] -= 2.0 * x[1]
    y[:, 1] /= x[:, 0]
    return np.sum(y * y)


def write_by_mask(x: Any) -> Any:
    y = x * 1.0
    y[x > 6.5] = 0.0
    y[x < 3.5] = x[3, 0]
    return np.sum(y * y)


def write_by_repeated_positions(x: Any) -> Any:
    y = x * 1.0
    y[np.array([0, 2, 0])] = x[1:] * x[:3]
    return np.sum(y * y)


def write_the_argument(x: Any) -> Any:
    x[0] = x[1] * x[2]
    return np.sum(x * x)


def write_by_out(x: Any) -> Any:
    y = x * 1.0
    np.multiply(x, x, out=y)
    return np.sum(y * x)


def loop_of_writes(x: Any) -> Any:
    y = x[0] * 1.0
    for i in range(1, 3):
        y[i] = y[i - 1] * x[1, i] + x[2, i]
    return np.sum(y * y)


def scalars_are_immutable(x: Any) -> Any:
    s = x[0, 0]
    t = s
    s += 5.0 * x[1, 1]
    return s * t


PROGRAMS = [
    value for value in list(globals().values()) if callable(value) and value.__module__ == __name__
]


def central(f: Callable[[Any], Any], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        g[i] = (f(up) - f(down)) / (2 * h)
    return g


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_value_and_gradient_are_those_of_numpy(program: Callable[[Any], Any]) -> None:
    x = X.copy()
    value, gradient = cr.value_and_grad(program)(x)
    assert np.array_equal(x, X)
    assert value == pytest.approx(program(X.copy()), rel=1e-13)
    np.testing.assert_allclose(gradient, central(program, X / 1.0), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_second_order_agrees(program: Callable[[Any], Any]) -> None:
    def directional(x: Any) -> Any:
        return np.sum(cr.grad(program)(x) * weights)

    weights = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
    np.testing.assert_allclose(
        cr.grad(directional)(X), central(directional, X / 1.0), rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_forward_mode_agrees(program: Callable[[Any], Any]) -> None:
    tangent = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
    _, moved = cr.jvp(program, (X,), (tangent,))
    assert moved == pytest.approx(np.sum(cr.grad(program)(X) * tangent), rel=1e-10)


def test_a_value_too_large_for_its_place_is_refused() -> None:
    def f(x: Any) -> Any:
        x[1:3] = x
        return np.sum(x)

    with pytest.raises(cr.errors.ShapeError, match="assignment: cannot combine shapes"):
        cr.grad(f)(X)


def test_an_in_place_result_of_another_shape_is_refused() -> None:
    def f(x: Any) -> Any:
        y = x[0]
        y += x
        return np.sum(y)

    with pytest.raises(cr.errors.ShapeError, match="does not fit into the array written to"):
        cr.grad(f)(X)


def test_a_complex_value_is_not_written_into_a_real_array() -> None:
    def f(x: Any) -> Any:
        x[0] = x[1] * 1j
        return np.sum(x)

    with pytest.raises(
        cr.errors.DTypeError, match="cannot be written into an array of dtype float64"
    ):
        cr.grad(f)(X)


def test_a_loop_of_writes_reuses_the_memory_of_the_array() -> None:
    def fill(x: Any) -> Any:
        y = x * 0.0
        for i in range(100):
            y[i] = x[i] * 2.0
        return np.sum(y[:100])

    x = np.ones(131_072)
    gradient = cr.grad(fill)
    tracemalloc.start()
    gradient(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * x.nbytes


def test_a_value_that_a_rule_reads_survives_a_later_write() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        z = y * y
        y[0] = 100.0
        return np.sum(z)

    assert cr.grad(f)(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_a_copy_and_its_original_are_written_to_apart() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        z = y.copy()
        z[0] = 5.0
        y[1] = 7.0 * x[1]
        return np.sum(y * z)

    np.testing.assert_allclose(cr.grad(f)(np.array([1.0, 2.0])), [5.0, 28.0])


def test_the_flat_elements_are_read_and_written() -> None:
    def f(x: Any) -> Any:
        a = (x * 1.0).T
        a.flat[1] = x[0, 0] * 10.0
        a.flat[[2, 3]] = [x[0, 1], 2.0]
        b = x * 1.0
        b.flat = x[0]
        return np.sum(a * a) + a.flat[1] * len(a.flat) + sum(a.flat) + np.sum(b * x)

    np.testing.assert_allclose(cr.grad(f)(X), central(f, X / 1.0), rtol=1e-6)
    assert cr.value_and_grad(f)(X)[0] == pytest.approx(f(X.copy()))


def test_an_array_is_partitioned_and_sorted_in_place() -> None:
    def f(x: Any) -> Any:
        a, b = x.copy(), x.copy()
        a.partition(1)
        b.sort()
        return a[1] * b[2]

    assert cr.grad(f)(np.array([3.0, 1.0, 2.0])).tolist() == [2.0, 0.0, 3.0]


def test_a_result_that_is_a_view_is_what_it_was_when_the_function_ended() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        v = y[:2]
        y[0] = 10.0 * x[2]
        return v

    out, pullback = cr.vjp(f, np.array([1.0, 2.0, 3.0]))
    assert out.tolist() == [30.0, 2.0]
    assert pullback(np.ones(2))[0].tolist() == [0.0, 1.0, 10.0]


def test_the_third_step_of_an_in_place_operator_is_not_done_again() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        before = y.version
        y[0] += x[1]
        assert y.version == before + 1
        y[[1, 2]] = y[0:2]
        return np.sum(y * y)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(cr.grad(f)(x), central(lambda x: g(x), x), rtol=1e-6)


def g(x: Any) -> Any:
    y = np.array([x[0] + x[1], x[1], x[2]])
    y[[1, 2]] = y[0:2].copy()
    return np.sum(y * y)


def test_a_long_chain_of_views_costs_no_more_than_its_length() -> None:
    def f(x: Any) -> Any:
        a = x
        for _ in range(400):
            a = a[1:]
        return a[0]

    assert cr.grad(f)(np.ones(402)).sum() == 1.0


def test_a_masked_division_has_no_derivative_where_it_divides_not() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.divide(1.0, x, out=np.zeros(3), where=x != 0))

    assert cr.grad(f)(np.array([0.0, 1.0, 2.0])).tolist() == [0.0, -1.0, -0.25]


def test_a_broadcast_array_follows_writes_and_refuses_them() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        rows = np.broadcast_to(y, (2, 3))
        y[0] = 5.0 * x[1]
        return np.sum(rows * x)

    assert cr.value_and_grad(f)(np.array([1.0, 2.0, 3.0]))[0] == 2 * (10.0 + 4.0 + 9.0)
    with pytest.raises(cr.errors.ArgumentError):
        cr.grad(lambda x: np.broadcast_to(x, (2, 3)).fill(0.0))(np.ones(3))


def test_the_flat_elements_are_taken_one_by_one() -> None:
    def f(x: Any) -> Any:
        a = x * 1.0
        flat = a.flat
        first = next(flat) * next(flat)
        a.flat[5] = x[0, 0] ** 2
        assert flat.index == 2
        assert flat.coords == (0, 2)
        return (
            first
            + sum(flat)
            + a.flat[-7]
            + np.sum(flat.copy()[4:] ** 2)
            + sum(e * e for e in a.flat)
        )

    np.testing.assert_allclose(cr.grad(f)(X), central(f, X), rtol=1e-6, atol=1e-5)


def test_reads_and_writes_of_flat_elements_touch_nothing_else() -> None:
    def nodes(n: int) -> int:
        def f(x: Any) -> Any:
            a = np.zeros((2, n))
            for i in range(n):
                a.flat[i] = x
            return sum(a.flat[i] for i in range(n))

        return len(cr.trace(f, 1.0).nodes)

    assert nodes(20) - nodes(10) == nodes(30) - nodes(20)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda a: setattr(a, "shape", (3, 4)), r"a = a\.reshape\(shape\)"),
        (lambda a: setattr(a, "dtype", np.int64), r"a = a\.astype\(dtype\)"),
        (lambda a: a.resize(20), r"np\.resize\(a, shape\)"),
    ],
)
def test_what_would_change_an_array_under_its_other_names_is_refused(
    change: Any, text: str
) -> None:
    for make in (lambda x: x * 1.0, lambda x: np.zeros((4, 3))):
        with pytest.raises(cr.errors.ArgumentError, match=text):
            cr.grad(lambda x, make=make: (change(make(x)), np.sum(x))[1])(X)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, out: np.sum(x, axis=0, out=out),
        lambda x, out: x.mean(axis=0, out=out),
        lambda x, out: np.add.reduce(x, axis=0, out=out),
        lambda x, out: np.dot(x[0], x.T, out=out),
    ],
)
def test_out_of_another_shape_is_refused_as_by_numpy(call: Any) -> None:
    with pytest.raises(ValueError, match=r"dimension|shape|array"):
        call(X, np.zeros((1, 3)))
    with pytest.raises(cr.errors.ShapeError, match="out= needs the shape of the result"):
        cr.grad(lambda x: np.sum(call(x, np.zeros((1, 3)))))(X)


def test_out_larger_than_the_result_is_filled_where_numpy_fills_it() -> None:
    def f(x: Any) -> Any:
        a, b = np.empty((2, 4, 3)), np.empty((2, 4, 3))
        np.clip(x, 2.5, 9.5, out=a)
        np.multiply(x, x, out=b)
        return np.sum(a) + np.sum(b)

    np.testing.assert_allclose(cr.grad(f)(X), central(f, X), rtol=1e-6, atol=1e-5)


def test_numbers_and_arrays_of_no_axes_are_indexed_as_numpys() -> None:
    def f(x: Any) -> Any:
        s = x[0, 0]
        a = np.array(s * 1.0)
        a[a > 0] = x[1, 1]
        a[a < 0] = 7.0
        a[True] = a * x[2, 2]
        a[False] = 0.0
        b = np.asarray(a.sum())
        b += 1.0
        chosen = s[s > 0].sum() + s[s < 0].sum()
        return a[()] + a[None][0] * b + s[()] * s[None][0] + np.sum(s[..., None] * x) + chosen

    np.testing.assert_allclose(cr.grad(f)(X), central(f, X), rtol=1e-6, atol=1e-5)
    with pytest.raises(IndexError, match="invalid index to scalar"):
        cr.grad(lambda x: x[0, 0][1])(X)


@pytest.mark.parametrize("value", [np.ones(1), [1.0], (1.0, 2.0)])
@pytest.mark.parametrize("transformed", [lambda f: cr.grad(f), lambda f: cr.compile(f)])
def test_an_array_cannot_be_written_to_one_place_of_flat(transformed, value):
    def step(x):
        a = x * 1.0
        a.flat[1] = value
        return np.sum(a)

    for f in (step, transformed(step)):
        with pytest.raises(ValueError, match=r"Error setting single item|was written to one place"):
            f(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"flat: an array of shape \(\d,\) was written to one"):
        cr.grad(step)(np.ones((2, 2)))
