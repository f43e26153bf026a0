"""Numbers that decide about shapes: the graph is for those of one call, and a guard holds it to them."""

import numpy as np
import pytest
from tests.calls import parts

import chainrule as cr

RNG = np.random.default_rng(3)


def masked_sum(x):
    return np.sum(x[x > 0.2] ** 2)


def relu_in_place(x):
    y = x.copy()
    y[y < 0] = 0.0
    return np.sum(y * x)


def scaled_rows(x):
    y = x.reshape(-1, 2).copy()
    y[y[:, 0] < 0] = [1.5, -2.0]
    return np.sum(np.sin(y))


def damped(x):
    y = x.copy()
    y[y < 0] *= 0.1
    return np.sum(y**3)


def compressed(x):
    return np.prod(np.compress(x > 0, x)) + np.sum(x[np.nonzero(x > 0.5)])


def levels(x):
    return np.sum(np.unique(np.round(x)) ** 2)


def trimmed(x):
    return np.sum(np.trim_zeros(np.maximum(x, 0.0)) ** 2)


def with_where(x):
    out = np.zeros(x.shape) * x
    np.sin(x, out=out, where=x > 0)
    return np.sum(out)


FUNCTIONS = [
    *(masked_sum, relu_in_place, scaled_rows, damped, compressed, levels, trimmed, with_where)
]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("transform", [lambda f: f, cr.value_and_grad, cr.hessian])
def test_what_numbers_decide_is_compiled(f, transform):
    eager, step = transform(f), cr.compile(transform(f))
    arguments = [RNG.normal(size=6) for _ in range(2)]
    for x in (*arguments, *arguments):
        for got, expected in zip(parts(step(x)), parts(eager(x)), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert "eagerly" not in step.report()


def test_one_number_for_all_that_a_mask_names_needs_no_guard():
    step = cr.compile(relu_in_place)
    for _ in range(12):
        x = RNG.normal(size=50)
        assert step(x) == pytest.approx(relu_in_place(x))
    assert "guard" not in step.report()
    assert "NumPy" not in step.report()


def test_a_mask_of_leading_axes_takes_a_row():
    def f(x, row):
        y = x * 1.0
        y[x[:, 0] > 0] = row
        return y

    x, row = RNG.normal(size=(9, 3)), np.arange(3.0)
    np.testing.assert_array_equal(cr.compile(f)(x, row), f(x, row))


def test_too_many_answers_run_eagerly_and_right():
    step = cr.compile(masked_sum)
    for count in (*range(20), *range(20)):
        x = np.where(np.arange(20) < count, 1.0 + np.arange(20), -1.0)
        assert step(x) == pytest.approx(masked_sum(x))
    assert "depends on numbers" in step.report()


def test_a_mask_that_does_not_fit_raises_as_numpy_does():
    def f(x):
        x = x.copy()
        x[x[:3] > 0] = 1.0
        return x

    with pytest.raises(IndexError):
        cr.compile(f)(np.ones(5))


def test_zeros_of_either_sign_are_two_answers():
    def f(x, q):
        return np.quantile(x, np.abs(q)) + 1 / np.quantile(q * np.ones(2), 0.5)

    step = cr.compile(f)
    with np.errstate(divide="ignore"):
        for q in (0.0, -0.0, 0.5):
            assert step(np.arange(4.0), np.float64(q)) == f(np.arange(4.0), np.float64(q))


def test_paths_that_take_turns_are_found_without_looking_at_the_call(monkeypatch):
    def step(x, y):
        total = np.sum(x)
        if total > 2:
            y += x
            return y * 2
        return x * 3 if total > 1 else np.exp(x) + y

    compiled = cr.compile(step)
    sizes = [0.1, 0.4, 0.9, 0.4, 0.1, 0.9, 0.1, 0.4]
    for size in sizes * 2:
        compiled(np.full(3, size), np.ones(3))
    monkeypatch.setattr(compiled, "_otherwise", None)
    for size in sizes:
        x, y, z = np.full(3, size), np.ones(3), np.ones(3)
        np.testing.assert_allclose(compiled(x, y), step(x, z), rtol=1e-14)
        assert y.tolist() == z.tolist()
        ops = [node.op.name for node in compiled.captured.nodes]
        assert ("exp" in ops) == (size == 0.1)
    monkeypatch.undo()
    assert compiled(np.ones(4), np.ones(4)).tolist() == [4.0] * 4
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        compiled(np.array([750.0, -400.0, -400.0]), np.ones(3))


@pytest.mark.parametrize(
    "select",
    [
        lambda x: x[x != 0],
        lambda x: np.stack(np.nonzero(x)),
        np.argwhere,
        np.flatnonzero,
        lambda x: np.stack(np.nonzero(x > 0.5)),
    ],
)
@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 0)])
def test_positions_are_those_of_elements_that_are_not_zero(select, shape):
    compiled = cr.compile(select)
    for special in (np.nan, -0.0, np.inf, 1.0):
        for count in (0, 1, 0, 1):
            x = np.zeros(shape)
            x.flat[:count] = special
            expected = select(x)
            np.testing.assert_array_equal(compiled(x), expected)
            assert compiled(x).dtype == expected.dtype
    assert "eagerly" not in compiled.report()


def test_a_mask_is_counted_by_native_code():
    compiled = cr.compile(lambda x: x[x > 0] * 2)
    compiled(np.arange(4.0))
    assert "types of" not in compiled.report()


@pytest.mark.parametrize(("is_differentiated", "most"), [(False, 2), (True, 8)])
def test_a_mask_of_few_counts_is_compiled_for_each_where_that_pays(is_differentiated, most):
    def f(x):
        return cr.grad(masked_sum)(x) if is_differentiated else masked_sum(x)

    compiled = cr.compile(f)
    for count in range(1, most + 2):
        is_native = "eagerly" not in compiled.report()
        x = np.where(np.arange(12) < count, 1.0, -1.0)
        np.testing.assert_allclose(compiled(x), f(x))
        assert is_native
    compiled(x)
    assert f"more than {most} calls" in compiled.report()
