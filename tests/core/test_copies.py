"""Copies lie in memory as their original, so that what is a view of an argument outside of a trace is one inside."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.core.copies import copied, has_gaps, own_copy
from chainrule.errors import EscapedValueError


def _blocks() -> Any:
    return np.arange(1.0, 241.0).reshape(4, 6, 10)


_LAYOUTS = {
    "rows": lambda: _blocks()[0],
    "columns": lambda: np.asfortranarray(_blocks()[0]),
    "a part": lambda: _blocks()[0, 1:4, :5],
    "every other": lambda: _blocks()[0, ::2, ::2],
    "every other row": lambda: _blocks()[0, ::2],
    "backwards": lambda: _blocks()[0, ::-1],
    "backwards in rows": lambda: _blocks()[0, :, ::-1],
    "one column in rows": lambda: _blocks()[0, :, 0].reshape(2, 3),
    "axes exchanged": lambda: _blocks().transpose(2, 0, 1)[1],
    "the other byte order": lambda: _blocks().astype(">f8")[0, 1:4, ::2],
    "three axes": lambda: _blocks()[:, 1:4, ::2].transpose(1, 2, 0),
}


def _write_to_raveled(x: Any) -> Any:
    part = x.ravel()
    part[0] = 100.0
    return np.sum(x) + np.sum(part)


def _write_to_reshaped(x: Any) -> Any:
    part = np.reshape(x, -1)
    part[1:3] = 100.0
    return np.sum(x * np.arange(x.size).reshape(x.shape)) + np.sum(part)


def _write_before(x: Any) -> Any:
    x[0] = 7.0
    part = x.reshape(-1)
    part[1] = 100.0
    return np.sum(x) + np.sum(part)


def _write_to_columns(x: Any) -> Any:
    part = np.reshape(x.T, -1, order="F")
    part[0] = 50.0
    other = x[0:1].reshape(-1)
    other[-1] = 2.0
    return np.sum(x * np.arange(x.size).reshape(x.shape)) + np.sum(part)


def _write_to_sorted(x: Any) -> Any:
    ordered, parted = np.sort(-x.T, axis=0), np.partition(x[:, 1:].T, 1, axis=-1)
    for made in (ordered, parted):
        made.T.reshape(-1)[1] = 100.0
        np.reshape(made, -1)[0] = 50.0
    return np.sum(ordered * 2.0) + np.sum(parted)


def _layout(x: Any) -> Any:
    flags = x.flags.c_contiguous, x.T.flags.f_contiguous, (x * 2).flags.c_contiguous
    return np.sum(x) * (1 + np.dot(flags, (1, 2, 4)))


@pytest.mark.parametrize(
    "f",
    [
        _write_to_raveled,
        _write_to_reshaped,
        _write_before,
        _write_to_columns,
        _write_to_sorted,
        _layout,
    ],
)
@pytest.mark.parametrize("layout", _LAYOUTS)
def test_a_reshaped_argument_is_a_view_under_a_trace_where_it_is_one_outside(
    layout: str, f: Any
) -> None:
    make = _LAYOUTS[layout]
    expected = f(make())
    assert cr.value_and_grad(f)(make())[0] == expected
    assert cr.jvp(f, (make(),), (np.ones(make().shape),))[0] == expected
    assert cr.compile(f)(make()) == expected


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)),
    st.permutations(range(3)),
    st.tuples(*[st.sampled_from([-3, -2, -1, 1, 2, 3])] * 3),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_a_copy_reshapes_to_a_view_where_the_original_does(
    shape: Any, axes: Any, steps: Any, repeated: Any
) -> None:
    whole = np.arange(np.prod([3 * n for n in shape])).reshape([3 * n for n in shape])
    x = whole[tuple([slice(None, None, step) for step in steps])].transpose(axes)
    shape = tuple([n if is_there else 1 for n, is_there in zip(x.shape, repeated, strict=True)])
    x = np.broadcast_to(x[tuple([slice(0, n) for n in shape])], x.shape)
    out = copied(x)
    assert np.array_equal(out, x)
    assert not np.shares_memory(out, x)
    assert (out.base.nbytes if has_gaps(out) else out.nbytes) <= 4 * x.nbytes
    assert (x * 2).strides == (out * 2).strides
    assert (x.flags.c_contiguous, x.flags.f_contiguous) == (
        out.flags.c_contiguous,
        out.flags.f_contiguous,
    )
    a, b, c = x.shape
    for target in ((a * b, c), (a, b * c), (a * b * c,), (c, a * b)):
        for order in ("C", "F"):
            assert _is_view(out, target, order) == _is_view(x, target, order)


def _is_view(x: Any, shape: Any, order: Any) -> bool:
    try:
        np.reshape(x, shape, order=order, copy=False)
    except ValueError:
        return False
    return True


def test_a_loop_of_writes_to_an_argument_with_gaps_copies_it_once() -> None:
    held = []

    def f(x: Any) -> Any:
        for i in range(3):
            x[i] = i
            held.append(x.leaf().__array_interface__["data"][0])
        return np.sum(x)

    cr.grad(f)(_blocks()[0, :, ::2])
    assert held[1] == held[2]


def test_what_is_not_known_of_the_memory_of_an_argument_is_refused() -> None:
    for name in ("strides", "base"):
        with pytest.raises(EscapedValueError, match=rf"^\.{name} says how an array lies"):
            cr.grad(lambda x, name=name: np.sum(x) * (getattr(x, name) is None))(_blocks()[0, ::2])
    assert cr.grad(lambda x: np.sum(x) * x.strides[0])(np.ones((2, 3)))[0, 0] == 24


@pytest.mark.parametrize(
    "x",
    [
        np.broadcast_to(1.0, (3,)),
        np.broadcast_to(np.arange(3.0), (2, 3)),
        np.broadcast_to(np.arange(4.0)[::2], (2, 2)),
        np.lib.stride_tricks.sliding_window_view(np.arange(6.0), 3),
    ],
)
def test_elements_that_were_one_in_memory_are_written_to_one_by_one(x):
    y = own_copy(x)
    np.testing.assert_array_equal(y, x)
    for i, place in enumerate(np.ndindex(x.shape)):
        y[place] = -1.0
        assert np.count_nonzero(y == -1.0) == i + 1


def test_a_cotangent_that_was_broadcast_is_added_to_element_by_element():
    def f(x):
        recent, means = np.zeros(3), np.empty(6)
        for i, value in enumerate(x):
            recent[i % 3] = value
            means[i] = recent.mean()
        return np.sum((means * x) ** 2)

    x, t = np.linspace(0.5, 1.2, 6), np.linspace(1.0, 2.0, 6)
    gradient = cr.grad(f)
    expected = (gradient(x + 1e-6 * t) - gradient(x - 1e-6 * t)) / 2e-6
    np.testing.assert_allclose(cr.jvp(gradient, (x,), (t,))[1], expected, rtol=1e-6)
