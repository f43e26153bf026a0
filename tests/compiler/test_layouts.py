"""Arguments may lie in memory as they like; what is written into them lies as they do, and nothing around them is."""

import zlib

import numpy as np
import pytest
from tests import closeness
from tests.calls import Call, draw, has_numpy_name, parts, traced
from tests.compiler.together import compiled_together

import chainrule as cr
from chainrule.core.cells import HANDLES, type_of
from chainrule.core.op import TABLE


def _part(whole, index, x):
    """Return a part of an array, with the numbers of `x` in it."""
    part = whole[index]
    part[...] = x
    return part


LAYOUTS = {
    "by rows": np.ascontiguousarray,
    "by columns": np.asfortranarray,
    "in a larger one": lambda x: _part(np.ones((5, 7)), np.s_[1:4, 2:6], x),
    "every second of every second row": lambda x: _part(np.ones((6, 9)), np.s_[::2, 1::2], x),
    "backwards": lambda x: _part(np.ones((3, 4)), np.s_[::-1, ::-1], x),
    "across and backwards": lambda x: _part(np.ones((5, 6)).T, np.s_[4:1:-1, 1:], x),
}


def _written(a, b):
    a[0] = b[1]
    a *= 2
    return np.sum(a)


def _updated(a, b):
    return a - b[::-1] * np.cumsum(a, 0)


def _around(x):
    return x if x.base is None else x.base


@pytest.mark.parametrize("donate", [(), 0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_write_lies_where_the_argument_does(layout, donate):
    compiled = cr.compile(_written, donate=donate)
    b = np.full((3, 4), 3.0)
    for _ in range(2):
        x, y = (LAYOUTS[layout](np.arange(12.0).reshape(3, 4)) for _ in range(2))
        assert compiled(y, b) == _written(x, b)
        np.testing.assert_array_equal(_around(y), _around(x))
    assert "eagerly" not in compiled.report()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_result_in_a_donated_array_lies_as_that_does(layout):
    compiled = cr.compile(_updated, donate=0)
    b = np.full((3, 4), 3.0)
    for _ in range(2):
        x, y = (LAYOUTS[layout](np.arange(12.0).reshape(3, 4)) for _ in range(2))
        x[...] = _updated(x, b)
        assert compiled(y, b) is y
        np.testing.assert_array_equal(_around(y), _around(x))


def test_a_donated_array_that_is_returned_itself_takes_no_other_result():
    compiled = cr.compile(lambda a: (a[::-1] + a, a), donate=0)
    for _ in range(2):
        a = np.arange(3.0)
        total, same = compiled(a)
        assert same is a
        np.testing.assert_array_equal(a, np.arange(3.0))
        np.testing.assert_array_equal(total, [2.0, 2.0, 2.0])


def test_elements_between_which_others_of_half_their_size_lie_are_left_to_numpy():
    records = np.zeros(3, dtype=[("a", complex), ("b", float)])
    records["a"], records["b"] = [1 + 1j, 2, 3], 9
    compiled = cr.compile(lambda x: x * 2)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(records["a"]), records["a"] * 2)
    assert "has the strides (24,), with elements of 16 bytes" in compiled.report()


OF_ANY = {
    "by columns": np.asfortranarray,
    "backwards, in a larger one": lambda x: _part(
        np.ones([n + 2 for n in x.shape], x.dtype), (slice(-2, 0, -1),) * x.ndim, x
    ),
    "every second by columns": lambda x: _part(
        np.ones([2 * n for n in x.shape], x.dtype, order="F"), (slice(None, None, 2),) * x.ndim, x
    ),
    "one row again and again": lambda x: np.broadcast_to(x[:1], x.shape),
}


def _largest(op):
    """Return the sample with the most axes, if one has elements to lay out."""
    drawn = [(draw(op, s), s) for s in op.samples]
    axes = [max([np.ndim(x) for x in c.arrays if np.size(x) > 1], default=0) for c, _ in drawn]
    return drawn[int(np.argmax(axes))] if any(axes) else None


CALLS = {op.name: found for op in TABLE.values() if has_numpy_name(op) and (found := _largest(op))}
TOGETHER = [list(CALLS)[i : i + 8] for i in range(0, len(CALLS), 8)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("names", TOGETHER, ids=lambda names: names[0])
def test_every_op_gives_numpys_numbers_however_its_arguments_lie(names):
    functions = [CALLS[name][0].function for name in names]
    arguments = [_turned(name) for name in names]
    expected = [f(*xs) for f, xs in zip(functions, arguments, strict=True)]
    for name, got, wanted in zip(
        names, compiled_together(functions, arguments), expected, strict=True
    ):
        assert_numbers_are(got, wanted, name)
    for name, f, xs, wanted in zip(names, functions, arguments, expected, strict=True):
        if not TABLE[name].undefined:
            assert_numbers_are(traced(Call(f, tuple(xs))), wanted, name)


def _turned(name):
    """Return an op's arguments, each in the layout next to that of the one before it."""
    call, sample = CALLS[name]
    layouts = list(OF_ANY.values())[: 3 if sample.prepare else 4]
    turn = zlib.crc32(name.encode())  # each op begins with another one
    return [
        layouts[(turn + i) % len(layouts)](x) if isinstance(x, np.ndarray) and x.shape else x
        for i, x in enumerate(call.arrays)
    ]


def assert_numbers_are(result, expected, name):
    for got, wanted in zip(parts(result), parts(expected), strict=True):
        if type_of(wanted).dtype.kind in "biufc":
            try:
                closeness.assert_same(got.leaf() if type(got) in HANDLES else got, wanted)
            except AssertionError as error:
                error.add_note(f"of {name}")
                raise


PLAIN_FIRST = {
    "a number": lambda x: 2.5 + x,
    "an array without axes": lambda x: np.array(2.5) * x,
    "a row": lambda x: np.arange(1.0, x.shape[1] + 1) - x,
    "a condition": lambda x: np.where(np.array(True), 1.0, x),
    "both sides": lambda x: 2.0 / (x * 3),
    "what is written to": lambda x: _set(np.ones(x.shape[::-1]).T, x),
    "every other row": lambda x: _set(np.ones((4 * len(x), x.shape[1]))[::4], x),
}


def _set(a, x):
    a[...] = x
    return a


@pytest.mark.parametrize("name", PLAIN_FIRST)
def test_what_is_plain_before_what_is_traced_leaves_the_layout_as_it_is(name):
    def step(x):
        y = PLAIN_FIRST[name](np.sin(x.T))
        return (
            y.ravel(order="K"),
            np.reshape(y, -1, order="A"),
            np.sort(y).ravel(order="K"),
            float(np.median(y)),
        )

    x = np.arange(1.0, 13.0).reshape(4, 3)
    compiled = cr.compile(step)
    for given in (x, x + 1, x.T.copy().T):
        for one, other in zip(compiled(given), step(given), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14)
    assert "eager" not in compiled.report()
