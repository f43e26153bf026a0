"""Reshape and transpose, and views: where NumPy's result shares memory with its argument, so does ours.

Whether it does is asked of NumPy itself, with an array that lies in memory as NumPy's own would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import (
    Step,
    TracedArray,
    TracedScalar,
    TracedView,
    layout_of,
    settled,
    type_of,
)
from chainrule.core.op import FRONTS, Notation, Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Shape, Value, array_type
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.broadcasting import astype
from chainrule.ops.canonical import Axes, array_like, axis_of
from chainrule.ops.kinds import linear


def _reshape(a: Value, /, shape: Any, order: Any = "C", *, copy: bool | None = None) -> Value:
    a = array_like(a)
    target = target_shape(type_of(a).shape, shape)
    if order != "C":
        order = _order_of(a, order)
    if copy:
        return FRONTS["copy"](_reshaped_in_order(a, target, order))
    if copy is None and not _reshapes_to_view(a, target, order):
        return _reshaped_in_order(a, target, order)
    if copy is False:
        np.reshape(layout_of(a), target, order=order, copy=False)
    return viewed(
        a,
        lambda base: _reshaped_in_order(base, target, order),
        lambda base, new: _reshaped_in_order(new, type_of(base).shape, order),
        ("reshape", target, order),
    )


RESHAPE: Op = linear(
    "reshape",
    lambda x, shape: np.reshape(x, shape),
    infer=lambda x, shape: array_type(target_shape(x.shape, shape), x.dtype),
    transposes=(lambda g, x, shape: reshaped(g, type_of(x).shape),),
    front=_reshape,
    names=(np.reshape,),
    samples=(
        Sample((2, 3), shape=(3, 2)),
        Sample((2, 3), shape=-1),
        Sample((2, 6), shape=(2, -1, 3)),
        Sample((2, 3), shape=(3, 2), order="F"),
        Sample((), shape=(1, 1)),
        Sample((0, 3), shape=(3, 0)),
        Sample((2, 3), shape=(6,), copy=True),
    ),
    rejects=(Sample((2, 3), shape=(4, 2)), Sample((2, 3), shape=(4, -1))),
)


def _transpose(a: Value, axes: Any = None) -> Value:
    a = array_like(a)
    if type_of(a).weak:
        a = astype(a, type_of(a).dtype)
    ndim = type_of(a).ndim
    if axes is None:
        return transpose_viewed(a, tuple(range(ndim))[::-1])
    order = tuple([axis_of(i, ndim) for i in axes])
    if len(set(order)) != ndim or len(order) != ndim:
        raise ShapeError.from_axes("transpose", type_of(a).shape, order)
    return transpose_viewed(a, order)


TRANSPOSE: Op = linear(
    "transpose",
    lambda x, axes: np.transpose(x, axes),
    infer=lambda x, axes: array_type(tuple([x.shape[i] for i in axes]), x.dtype),
    transposes=(lambda g, x, axes: transposed(g, _inverse(axes)),),
    front=_transpose,
    names=(np.transpose, np.permute_dims),
    notation=Notation("{0}ᵀ", 40),
    samples=(
        Sample((2, 3)),
        Sample((2, 3, 4), axes=(1, -1, 0)),
        Sample((3,)),
        Sample((0, 3)),
    ),
    rejects=(Sample((2, 3), axes=(0, 0)), Sample((2, 3), axes=(0,))),
)


def reshaped(x: Value, shape: Shape) -> Value:
    """Reshape for rules: without views, to a shape that is known to fit."""
    return x if type_of(x).shape == shape else apply(RESHAPE, x, shape=shape)


def transposed(x: Value, axes: Axes) -> Value:
    """Permute the axes for rules: without views."""
    return x if axes == tuple(range(len(axes))) else apply(TRANSPOSE, x, axes=axes)


def reshape_viewed(x: Value, shape: Shape) -> Value:
    """Return `x` with axes of size one added or taken away, which is a view of `x` always."""
    return viewed(
        x,
        lambda base: reshaped(base, shape),
        lambda base, new: reshaped(new, type_of(base).shape),
        ("reshape", shape, "C"),
    )


def transpose_viewed(x: Value, axes: Axes) -> Value:
    """Permute the axes, which gives a view of `x` always."""
    inverse = _inverse(axes)
    return viewed(
        x,
        lambda base: transposed(base, axes),
        lambda base, new: transposed(new, inverse),
        ("transpose", axes),
    )


def viewed(
    x: Value, cut: Callable[[Value], Value], put: Callable[[Value, Value], Value], key: Any
) -> Value:
    """Return `cut(x)`; of a traced array a view, so that writes to it reach `x`.

    Args:
        x: any value.
        cut: takes the part from the content of `x`.
        put: takes the content of `x` and a changed part, and returns the changed content.
        key: equal for equal cuts.
    """
    if type(x) is TracedArray or type(x) is TracedView:
        return x.part(Step(cut, put, key))
    x = settled(x)
    return cut(x) if type(x) is TracedScalar else cut(np.asarray(x))


def viewed_read_only(name: str, x: Value, cut: Callable[[Value], Value], key: Any) -> Value:
    """Return a view that follows writes to `x` but refuses to be written to, as NumPy's does."""

    def put(base: Value, new: Value) -> Value:
        raise ArgumentError.from_read_only(name)

    return viewed(x, cut, put, key)


def is_contiguous(x: Value, order: str = "C") -> bool:
    """Say whether NumPy's own `x` would be laid out row by row, or for order F column by column."""
    flags = layout_of(x).flags
    return bool(flags.c_contiguous if order == "C" else flags.f_contiguous)


def laid_out(x: Value, like: Value = None) -> Value:
    """Return `x` as NumPy lays out a new array: row by row, or column by column where `like` lies so.

    It decides whether a later reshape is a view, which writes would reach.
    """
    if type(x) is not TracedArray and type(x) is not TracedView:
        return x
    order = "C" if like is None else _order_of(like, "A")
    return x if is_contiguous(x, order) else FRONTS["copy"](x, order=order)


def laid_out_as(x: Value, like: Value) -> Value:
    """Return `x` as NumPy lays out a copy of `like`: its axes follow on each other in the same order."""
    if type(x) is not TracedArray and type(x) is not TracedView:
        return x
    axes = _order_in_memory(np.empty_like(layout_of(like), order="K"))
    if axes == _order_in_memory(layout_of(x)):
        return x
    rest = [i for i in range(type_of(x).ndim) if i not in axes]
    order = (*rest, *axes)
    return transposed(FRONTS["copy"](transposed(x, order), order="C"), _inverse(order))


def _order_in_memory(x: Any) -> Axes:
    """Return the axes of several places, the outermost first."""
    axes = [i for i in range(x.ndim) if x.shape[i] > 1]
    return tuple(sorted(axes, key=lambda i: -x.strides[i]))


def target_shape(shape: Shape, target: Any) -> Shape:
    """Return the shape to reshape to, with -1 replaced by the number that fits.

    Raises:
        ShapeError: the numbers of elements differ.
    """
    wanted = (target,) if isinstance(target, (int, np.integer)) else tuple(target)
    wanted = tuple([n if type(n) is int else int(n) for n in wanted])
    size = math.prod(shape)
    if wanted.count(-1) == 1:
        rest = -math.prod(wanted)
        if rest == 0 or size % rest:
            raise ShapeError.from_reshape(shape, wanted)
        wanted = tuple([size // rest if n == -1 else n for n in wanted])
    if math.prod(wanted) != size or min(wanted, default=0) < 0:
        raise ShapeError.from_reshape(shape, wanted)
    return wanted


def _reshaped_in_order(x: Value, shape: Shape, order: str) -> Value:
    """Reshape; reading and writing column by column is transposing before and after."""
    if order == "C":
        return reshaped(x, shape)
    backwards = tuple(range(type_of(x).ndim))[::-1]
    return transposed(
        reshaped(transposed(x, backwards), shape[::-1]), tuple(range(len(shape)))[::-1]
    )


def _reshapes_to_view(x: Value, shape: Shape, order: Any) -> bool:
    if type(x) not in {TracedArray, TracedView}:
        return False
    layout = layout_of(x)
    if order == "C" and layout.flags.c_contiguous:
        return True
    try:
        np.reshape(layout, shape, order=order, copy=False)
    except ValueError:
        return False
    return True


def _order_of(x: Value, order: str) -> str:
    """Return C or F; order A is F for an array that lies column by column and not row by row."""
    if order in {"C", "F"}:
        return order
    if order != "A":
        raise ArgumentError.from_choice("reshape", "order", order, ("C", "F", "A"))
    return "F" if is_contiguous(x, "F") and not is_contiguous(x) else "C"


def _inverse(axes: Axes) -> Axes:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))
