"""The functions of `np.fft`. The transform is symmetric, so it is its own transpose."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite, linear

_UNDONE_BY = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@functools.cache
def _complex_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.fft.fft(np.zeros(1, dtype)).dtype


@functools.cache
def _real_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.fft.irfft(np.zeros(2, dtype)).dtype


def _symmetric(name: str, numpy: Callable[..., Any]) -> Any:
    """Declare a complex transform over `axes`, which keeps the shape."""

    def same(x: Value, axes: Shape, norm: str) -> Value:
        return apply(op, x, axes=axes, norm=norm)

    op = linear(
        name,
        lambda x, axes, norm: numpy(x, axes=axes, norm=norm),
        infer=lambda x, axes, norm: array_type(x.shape, _complex_of(x.dtype)),
        transposes=(lambda g, x, axes, norm: same(g, axes, norm),),
        front=same,
        names=(),
        samples=(
            Sample((2, 3), axes=(0, 1), norm="backward"),
            Sample((4,), axes=(0,), norm="ortho"),
        ),
    )
    return op


_TRANSFORM = _symmetric("transform", np.fft.fftn)
_INVERSE = _symmetric("inverse_transform", np.fft.ifftn)


def _weights(n: int, x: ArrayType, axis: int, doubled: float) -> Any:
    """How often each coefficient of a real signal of length n counts: the first and a middle one once."""
    weights = np.full(n // 2 + 1, doubled, _real_of(x.dtype))
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape((-1,) + (1,) * (x.ndim - 1 - axis))


def _half_type(x: ArrayType, axis: int, norm: str) -> ArrayType:
    shape = (*x.shape[:axis], x.shape[axis] // 2 + 1, *x.shape[axis + 1 :])
    return array_type(shape, _complex_of(x.dtype))


def _half_transpose(g: Value, x: Value, axis: int, norm: str) -> Value:
    """Re Σₖ gₖ exp(-iθₖ): the inverse transform counts all coefficients but two twice."""
    n, t = type_of(x).shape[axis], type_of(g)
    halved = np.conjugate(g) * _weights(n, t, axis, 0.5)
    return apply(_WHOLE, halved, n=n, axis=axis, norm=_UNDONE_BY[norm])


def _whole_type(x: ArrayType, n: int, axis: int, norm: str) -> ArrayType:
    return array_type((*x.shape[:axis], n, *x.shape[axis + 1 :]), _real_of(x.dtype))


def _whole_transpose(g: Value, x: Value, n: int, axis: int, norm: str) -> Value:
    coefficients = np.conjugate(apply(_HALF, g, axis=axis, norm=_UNDONE_BY[norm]))
    return coefficients * _weights(n, type_of(g), axis, 2.0)


_HALF = linear(
    "real_transform",
    lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm),
    infer=_half_type,
    transposes=(_half_transpose,),
    names=(),
    samples=(Sample((5,), axis=0, norm="backward"), Sample((2, 4), axis=1, norm="forward")),
)
_WHOLE = linear(
    "inverse_real_transform",
    lambda x, n, axis, norm: np.fft.irfft(x, n=n, axis=axis, norm=norm),
    infer=_whole_type,
    transposes=(_whole_transpose,),
    names=(),
    samples=(
        Sample((3,), n=5, axis=0, norm="backward"),
        Sample((3, 2), n=4, axis=0, norm="ortho"),
    ),
)


def _norm(name: str, norm: str | None) -> str:
    if norm is not None and norm not in _UNDONE_BY:
        raise ArgumentError.from_choice(f"np.fft.{name}", "norm", norm, tuple(_UNDONE_BY))
    return norm or "backward"


def _resized(name: str, x: Value, axis: int, n: int) -> Value:
    """Cut an axis to n entries, or fill it with zeros up to n."""
    shape = type_of(x).shape
    if n < 1:
        raise ShapeError.from_no_samples(f"np.fft.{name}", n)
    if n < shape[axis]:
        return x[(slice(None),) * axis + (slice(n),)]
    if n > shape[axis]:
        widths = [(0, n - shape[axis] if i == axis else 0) for i in range(len(shape))]
        return np.pad(x, widths)
    return x


def _sized_axes(
    x: ArrayType, s: Sequence[int] | None, axes: Sequence[int] | None
) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """Return the axes counted from zero, and the size asked for along each."""
    if axes is None:
        axes = range(x.ndim) if s is None else range(-len(s), 0)
    canonical = tuple(range(x.ndim)[i] for i in axes)
    if s is None:
        return canonical, (None,) * len(canonical)
    if len(s) != len(canonical):
        raise ShapeError.from_numpy(
            "fftn", (tuple(s), canonical), "s and axes need the same length"
        )
    return canonical, tuple(None if n == -1 else n for n in s)


def _complex_front(name: str, op: Any, default: Sequence[int] | None) -> Callable[..., Value]:
    def front(
        a: Value,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = default,
        norm: str | None = None,
    ) -> Value:
        a = as_array(a)
        canonical, sizes = _sized_axes(type_of(a), s, axes)
        for axis, n in zip(canonical, sizes, strict=True):
            a = _resized(name, a, axis, type_of(a).shape[axis] if n is None else n)
        kind = _norm(name, norm)
        return apply(op, a, axes=canonical, norm=kind) if canonical else a

    return front


def _one_axis(many: Callable[..., Value]) -> Callable[..., Value]:
    def front(a: Value, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
        return many(a, None if n is None else (n,), (axis,), norm)

    return front


def _real_front(name: str, default: Sequence[int] | None) -> Callable[..., Value]:
    def front(
        a: Value,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = default,
        norm: str | None = None,
    ) -> Value:
        a, kind = as_array(a), _norm(name, norm)
        canonical, sizes = _sized_axes(type_of(a), s, axes)
        for axis, n in zip(canonical, sizes, strict=True):
            a = _resized(name, a, axis, type_of(a).shape[axis] if n is None else n)
        half = apply(_HALF, a, axis=canonical[-1], norm=kind)
        rest = canonical[:-1]
        return apply(_TRANSFORM, half, axes=rest, norm=kind) if rest else half

    return front


def _inverse_real_front(name: str, default: Sequence[int] | None) -> Callable[..., Value]:
    def front(
        a: Value,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = default,
        norm: str | None = None,
    ) -> Value:
        a, kind = as_array(a), _norm(name, norm)
        canonical, sizes = _sized_axes(type_of(a), s, axes)
        shape, last = type_of(a).shape, canonical[-1]
        for axis, n in zip(canonical[:-1], sizes[:-1], strict=True):
            a = _resized(name, a, axis, shape[axis] if n is None else n)
        whole = 2 * (shape[last] - 1) if sizes[-1] is None else sizes[-1]
        a = _resized(name, a, last, whole // 2 + 1 if whole > 0 else whole)
        rest = canonical[:-1]
        a = apply(_INVERSE, a, axes=rest, norm=kind) if rest else a
        return apply(_WHOLE, a, n=whole, axis=last, norm=kind)

    return front


def _hfft(a: Value, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    opposite = _UNDONE_BY[_norm("hfft", norm)]
    return _IRFFT(np.conjugate(as_array(a)), n, axis, opposite)


def _ihfft(a: Value, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    return np.conjugate(_RFFT(a, n, axis, _UNDONE_BY[_norm("ihfft", norm)]))


def _shifted(sign: int) -> Callable[..., Value]:
    def shift(x: Value, axes: int | Sequence[int] | None = None) -> Value:
        x = as_array(x)
        shape = type_of(x).shape
        if axes is None:
            axes = range(len(shape))
        elif isinstance(axes, (int, np.integer)):
            axes = (int(axes),)
        steps = tuple(n // 2 if sign > 0 else -(n // 2) for n in (shape[i] for i in axes))
        return np.roll(x, steps, tuple(axes))

    return shift


_FFTN = _complex_front("fftn", _TRANSFORM, None)
_IFFTN = _complex_front("ifftn", _INVERSE, None)
_RFFT = _one_axis(_real_front("rfft", None))
_IRFFT = _one_axis(_inverse_real_front("irfft", None))
_LINE = (
    Sample((4,)),
    Sample((5,), norm="ortho"),
    Sample((2, 3), 4, axis=0, norm="forward"),
    Sample((2, 5), n=3),
)
_PLANE = (
    Sample((3, 4)),
    Sample((2, 4, 3), s=(3, 3), norm="ortho"),
    Sample((3, 2, 4), axes=(0, 2), norm="forward"),
)
_SPACE = (
    Sample((2, 3, 2)),
    Sample((2, 4, 3), s=(3, 3), axes=(0, -1), norm="ortho"),
    Sample((3, 2, 4), axes=(2, 0), norm="forward"),
    Sample((2, 3), axes=(-1,)),
)
_SHIFT = (Sample((5,)), Sample((2, 3)), Sample((2, 3), axes=1), Sample((2, 3), axes=(0, -1)))

for _name, _front, _samples in (
    ("fft", _one_axis(_FFTN), _LINE),
    ("ifft", _one_axis(_IFFTN), _LINE),
    ("rfft", _RFFT, _LINE),
    ("irfft", _IRFFT, (*_LINE, Sample((3,), n=5))),
    ("hfft", _hfft, (*_LINE, Sample((3,), n=5))),
    ("ihfft", _ihfft, _LINE),
    ("fft2", _complex_front("fft2", _TRANSFORM, (-2, -1)), _PLANE),
    ("ifft2", _complex_front("ifft2", _INVERSE, (-2, -1)), _PLANE),
    ("rfft2", _real_front("rfft2", (-2, -1)), _PLANE),
    ("irfft2", _inverse_real_front("irfft2", (-2, -1)), _PLANE),
    ("fftn", _FFTN, _SPACE),
    ("ifftn", _IFFTN, _SPACE),
    ("rfftn", _real_front("rfftn", None), _SPACE),
    ("irfftn", _inverse_real_front("irfftn", None), _SPACE),
    ("fftshift", _shifted(1), _SHIFT),
    ("ifftshift", _shifted(-1), _SHIFT),
):
    composite(_name, _front, names=(getattr(np.fft, _name),), samples=_samples)
