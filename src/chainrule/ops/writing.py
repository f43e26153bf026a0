"""NumPy's functions that write into their first argument: `put`, `copyto`, `fill_diagonal` and their kind.

Each says where it writes and what. Its entry in the table is the array as it is afterwards; NumPy's call writes to the
user's array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, TracedScalar, check_integers, settled, type_of
from chainrule.core.op import BY_NUMPY, FRONTS, WEAK_FRONTS, Sample
from chainrule.core.types import ArrayType, Shape, Value, broadcast_shapes
from chainrule.errors import (
    ArgumentError,
    ContainerError,
    DTypeError,
    EscapedValueError,
    ShapeError,
)
from chainrule.ops.canonical import array_like, axis_of
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.layout import reshaped
from chainrule.ops.numbers import by_numbers, carries, numbers_of

Write = tuple[Any, Value] | None
"""An index and what is written there; None for nothing."""

WRITERS: set[str] = set()
"""The entries whose NumPy function returns nothing and writes into its first argument."""

_MASK = np.array([[True, False, True], [False, False, True]])


def writes(
    name: str,
    key: Any,
    plan: Callable[..., Write],
    samples: tuple[Sample, ...],
    *,
    of_integers: bool = False,
) -> None:
    """Declare a function that writes.

    Args:
        name: its name in the table.
        key: NumPy's function, or a ufunc and the name of its method.
        plan: takes NumPy's arguments and says what is written where.
        samples: calls for the generated tests.
        of_integers: whether it works on integers alone, which carry no derivative.
    """
    numpy = getattr(*key) if type(key) is tuple else key

    def changed(a: Value, *args: Any, **options: Any) -> Value:
        write = plan(a, *args, **options)
        return FRONTS["copy"](a) if write is None else FRONTS["setitem"](a, write[1], write[0])

    def front(a: Value, *args: Any, **options: Any) -> None:
        is_number = type(a) is TracedScalar or type(a) in {int, float, complex}
        if is_number or isinstance(a, np.generic):
            raise ContainerError.from_number(f"np.{name}")
        if type(a) in HANDLES:
            write = plan(a, *args, **options)
            if write is not None:
                a.write(*write)
            elif a.ndim:
                a.write((slice(0, 0),), 0)  # as NumPy, which refuses what is read-only all the same
        elif carries(args) or carries(tuple(options.values())):
            raise EscapedValueError.from_conversion(
                f"np.{name} into a plain array",
                "write into an array made inside the function, by np.zeros or np.copy",
            )
        else:
            plain = {k: numbers_of(f"np.{name}", v) for k, v in options.items()}
            numpy(a, *[numbers_of(f"np.{name}", x) for x in args], **plain)

    def changed_integers(a: Value, *args: Any) -> Value:
        result = np.array(a)
        numpy(result, *args)
        return result

    if of_integers:
        by_numbers(name, changed_integers, names=(), samples=samples)
    else:
        composite(name, changed, samples=samples)
        WRITERS.add(name)
        FRONTS[name] = front  # methods call it by name, and mean to write
    front.__wrapped__ = plan  # type: ignore[attr-defined]  # whose parameters are NumPy's
    front.__name__ = name
    BY_NUMPY[key] = front


def _flat(x: Any, target: ArrayType) -> Value:
    """Return the elements of what is written; Python's number becomes one of the array's before anything is chosen."""
    check_integers(x, target.dtype)
    x = array_like(x)
    t = type_of(x)
    if t.weak and t.dtype.kind == "f" and target.dtype.kind in "iu":
        WEAK_FRONTS["cast_to_integer"](x, dtype=np.dtype(int))
    return reshaped(as_array(x), (t.size,))


def _repeated(values: Value, positions: Any) -> Value:
    """Return the values in the order of `positions`, from the start again where they do not suffice."""
    size = type_of(values).size
    return FRONTS["getitem"](values, positions % size)


def _at(positions: Any, shape: Shape) -> Any:
    """Return the index of elements that are counted row by row."""
    return positions if len(shape) == 1 else np.unravel_index(positions, shape)


def _put(a: Value, ind: Value, v: Value, mode: str = "raise") -> Write:
    t = type_of(a)
    positions = np.ravel(numbers_of("np.put", array_like(ind))).astype(np.intp)
    values = _flat(v, t)
    if not positions.size or not type_of(values).size:
        return None
    if mode == "clip":
        positions = np.clip(positions, 0, t.size - 1)
    elif mode == "wrap":
        positions = positions % t.size
    elif mode != "raise":
        raise ArgumentError.from_choice("np.put", "mode", mode, ("raise", "wrap", "clip"))
    elif np.any((positions < -t.size) | (positions >= t.size)):
        expected = f"positions in an array of {t.size} elements"
        raise ArgumentError.from_range("np.put", "ind", ind, expected)
    order = np.arange(positions.size)
    return _at(positions % t.size, t.shape), _repeated(values, order)


def _putmask(a: Value, mask: Value, values: Value) -> Write:
    positions = _chosen("np.putmask", a, mask)
    values = _flat(values, type_of(a))
    if not positions.size or not type_of(values).size:
        return None
    return _at(positions, type_of(a).shape), _repeated(values, positions)


def _place(arr: Value, mask: Value, vals: Value) -> Write:
    positions = _chosen("np.place", arr, mask)
    values = _flat(vals, type_of(arr))
    if not positions.size:
        return None
    if not type_of(values).size:
        raise ArgumentError.from_range("np.place", "vals", vals, "at least one value")
    return _at(positions, type_of(arr).shape), _repeated(values, np.arange(positions.size))


def _chosen(name: str, a: Value, mask: Value) -> Any:
    """Return the positions where a mask holds."""
    chosen = np.asarray(numbers_of(name, mask))
    shape = type_of(a).shape
    if chosen.size != type_of(a).size:
        reason = "the mask needs one element for each of the array's"
        raise ShapeError.from_numpy(name, (shape, chosen.shape), reason)
    return np.flatnonzero(chosen)


def _copyto(dst: Value, src: Value, casting: Any = "same_kind", where: Value = True) -> Write:
    src, target = array_like(src), type_of(dst)
    got = type_of(src)
    if got.weak:
        np.copyto(np.zeros((), target.dtype), got.dtype.type(1).item(), casting=casting)
    elif not np.can_cast(got.dtype, target.dtype, casting):
        raise DTypeError.from_unsafe_cast("np.copyto", got.dtype, target.dtype)
    if where is True:
        return ..., src
    extra = got.ndim - target.ndim
    if extra > 0 and got.shape[:extra] == (1,) * extra:
        src = reshaped(src, got.shape[extra:])
        got = type_of(src)
    if broadcast_shapes("copyto", target.shape, got.shape) != target.shape:
        shapes = target.shape, got.shape
        raise ShapeError.from_numpy("copyto", shapes, "the source does not fit")
    return ..., FRONTS["astype"](FRONTS["where"](settled(where), src, dst), target.dtype)


def _put_along_axis(arr: Value, indices: Value, values: Value, axis: int | None) -> Write:
    shape = type_of(arr).shape
    if axis is None:
        raise ArgumentError.from_unsupported(
            "np.put_along_axis",
            "axis=None, which changes nothing in some versions of NumPy,",
            "use np.put",
        )
    axis = axis_of(axis, len(shape))
    if type_of(indices).ndim != len(shape):
        shapes = shape, type_of(indices).shape
        reason = "both need the same number of axes"
        raise ShapeError.from_numpy("put_along_axis", shapes, reason)
    index: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape)])
    index[axis] = settled(indices)
    return tuple(index), values


def _fill_diagonal(a: Value, val: Value, wrap: bool = False) -> Write:
    t = type_of(a)
    if t.ndim < 2:
        raise ShapeError.from_ndim("np.fill_diagonal", t.shape, "at least two axes")
    if t.ndim > 2 and len(set(t.shape)) > 1:
        raise ShapeError.from_ndim("np.fill_diagonal", t.shape, "axes of equal length")
    step = 1 + (t.shape[1] if t.ndim == 2 else int(np.cumprod(t.shape[:-1]).sum()))
    stop = t.size if t.ndim > 2 or wrap else t.shape[1] ** 2
    positions = np.arange(t.size)[:stop:step]
    values = _flat(val, t)
    if not positions.size or not type_of(values).size:
        return None
    return _at(positions, t.shape), _repeated(values, np.arange(positions.size))


writes(
    "put",
    np.put,
    _put,
    (
        Sample((2, 3), [0, 4], (2,)),
        Sample((2, 3), np.array([[0, -1], [2, 0]]), (3,)),
        Sample((4,), [5, -6], (2,), mode="clip"),
        Sample((4,), [5, -6], (), mode="wrap"),
        Sample((4,), [], ()),
    ),
)
writes(
    "putmask",
    np.putmask,
    _putmask,
    (
        Sample((2, 3), _MASK, (2, 3)),
        Sample((2, 3), _MASK, (2,)),
        Sample((2, 3), _MASK, ()),
        Sample((2, 3), ~_MASK & _MASK, ()),
    ),
)
writes(
    "place",
    np.place,
    _place,
    (
        Sample((2, 3), _MASK, (3,)),
        Sample((2, 3), _MASK, (2,)),
        Sample((2, 3), ~_MASK & _MASK, (1,)),
    ),
)
writes(
    "copyto",
    np.copyto,
    _copyto,
    (
        Sample((2, 3), (3,)),
        Sample((2, 3), ()),
        Sample((2, 3), (2, 1), where=_MASK),
        Sample((2, 3), 4.0, where=_MASK[0]),
        Sample((2, 3), (2, 3), casting="unsafe"),
    ),
)
writes(
    "put_along_axis",
    np.put_along_axis,
    _put_along_axis,
    (
        Sample((2, 3), np.array([[2], [0]]), (2, 1), 1),
        Sample((2, 3), np.array([[1, 0, 0]]), (), axis=0),
        Sample((2, 3), np.array([[2, 1], [0, 2]]), (2, 2), -1),
    ),
)
writes(
    "fill_diagonal",
    np.fill_diagonal,
    _fill_diagonal,
    (
        Sample((3, 3), ()),
        Sample((2, 3), (2,)),
        Sample((5, 2), (), wrap=True),
        Sample((5, 2), ()),
        Sample((2, 2, 2), (2,)),
        Sample((3, 3), (2,)),
    ),
)
