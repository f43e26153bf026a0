"""Functions given by points or coefficients: `interp`, `gradient`, `polyval`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import is_traced, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Shape, Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.canonical import real_like
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.layout import laid_out


def _interp(
    x: Value,
    xp: Value,
    fp: Value,
    left: Value | None = None,
    right: Value | None = None,
    period: float | None = None,
) -> Value:
    x, xp = [_double(real_like("np.interp", n, v)) for n, v in (("x", x), ("xp", xp))]
    fp = _double(fp)
    if not type_of(x).shape:
        return _interp(np.reshape(x, (1,)), xp, fp, left, right, period)[0]
    shapes = type_of(xp).shape, type_of(fp).shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 1 or shapes[0] == (0,):
        reason = "xp and fp need one axis of equal length, with at least one point"
        raise ShapeError.from_numpy("interp", shapes, reason)
    if period is not None:
        x, xp, fp = _unrolled(x, xp, fp, abs(period))
        left = right = None
    below = fp[0] if left is None else left
    above = fp[-1] if right is None else right
    inside = _on_segments(x, xp, fp) if type_of(xp).shape[0] > 1 else fp[0]
    return np.where(x < xp[0], below, np.where(x > xp[-1], above, inside))


def _on_segments(x: Value, xp: Value, fp: Value) -> Value:
    """The line through the points on both sides of x; at a point, the line to its right."""
    segments = type_of(xp).shape[0] - 1
    found = FRONTS["searchsorted"](xp, x, side="right")
    i = np.minimum(np.maximum(found - 1, 0), segments - 1)
    at = FRONTS["getitem"]
    start, low, end, high = at(fp, i), at(xp, i), at(fp, i + 1), at(xp, i + 1)
    gap = high - low
    slope = (end - start) / np.where(gap == 0, 1.0, gap)
    line = start + slope * (x - low)
    is_number = ~np.isnan(x)
    # Behind points at one place NumPy takes the last; so it does where there is no line to the last point.
    is_end = (gap == 0) | (np.isnan(line) & (found > segments))
    beside = np.where(is_end, fp[-1], _beside_infinities(x, start, end, low, high, slope))
    return np.where(is_number & (is_end | np.isnan(line)), beside, line)


def _beside_infinities(
    x: Value, start: Value, end: Value, low: Value, high: Value, slope: Value
) -> Value:
    """Return what NumPy takes where the line from the left is NaN: the point itself, or the line from the right."""
    line = end + slope * (x - high)
    is_constant = (x == low) | (np.isnan(line) & (start == end))
    return np.where(is_constant, start, line)


def _unrolled(x: Value, xp: Value, fp: Value, period: float) -> tuple[Value, Value, Value]:
    """Bring everything into one period, in order, and add a point of the next one on either side."""
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = np.argsort(xp)
    at = FRONTS["getitem"]
    xp, fp = at(xp, order), at(fp, order)
    points = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return x, points, np.concatenate([fp[-1:], fp, fp[:1]])


def _double(x: Value) -> Value:
    x = as_array(x)
    return FRONTS["astype"](x, np.complex128 if type_of(x).dtype.kind == "c" else np.float64)


_POINTS = np.array([-2.5, -1.0, 0.3, 2.5])

composite(
    "interp",
    _interp,
    names=(np.interp,),
    samples=(
        Sample((3,), _POINTS, (4,)),
        Sample((), _POINTS, (4,)),
        Sample((2, 2), (3,), (3,), prepare=lambda x, xp, fp: (x, xp + _POINTS[[0, 2, 3]] * 4, fp)),
        Sample(np.array([-9.0, 0.5, 9.0]), _POINTS, (4,), left=1.0, right=-1.0),
        Sample((3,), [0.1, 1.1, 2.2], (3,), period=3.0),
        Sample(np.array([0.5]), [0.0], (1,)),
    ),
    rejects=(Sample((3,), (3,), (4,)), Sample((3,), (0,), (0,))),
)


def _gradient(
    f: Value,
    *varargs: Any,
    axis: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> Any:
    f = as_array(f)
    t = type_of(f)
    if t.dtype.kind in "iu":  # truth values have no differences
        f = FRONTS["astype"](f, np.float64)
    chosen = range(t.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = tuple(range(t.ndim)[i] for i in chosen)
    if edge_order not in {1, 2}:
        raise ArgumentError.from_range("np.gradient", "edge_order", edge_order, "1 or 2")
    results = tuple(
        _slopes(f, i, gaps, edge_order)
        for i, gaps in zip(axes, _all_gaps(varargs, t.shape, axes), strict=True)
    )
    return results[0] if len(axes) == 1 else results


def _all_gaps(varargs: Sequence[Any], shape: Shape, axes: Shape) -> list[Value]:
    """Return per axis the distance of its samples: one number, or one per gap."""
    spacings = [as_array(h) for h in varargs] or [1.0]
    if len(spacings) == 1 and not type_of(spacings[0]).shape:
        return spacings * len(axes)
    if len(spacings) != len(axes):
        expected = f"no spacing, one number, or one spacing for each of the {len(axes)} axes"
        raise ArgumentError.from_range("np.gradient", "varargs", varargs, expected)
    for spacing, i in zip(spacings, axes, strict=True):
        if type_of(spacing).shape not in {(), (shape[i],)}:
            shapes = shape, type_of(spacing).shape
            reason = f"the coordinates of axis {i} need {shape[i]} values"
            raise ShapeError.from_numpy("gradient", shapes, reason)
    return [h[1:] - h[:-1] if type_of(h).shape else h for h in spacings]


def _slopes(f: Value, axis: int, gaps: Value, edge_order: int) -> Value:
    """Differences along one axis: central inside, one-sided at the ends."""
    t = type_of(f)
    if t.shape[axis] <= edge_order:
        reason = f"edge_order {edge_order} needs {edge_order + 1} samples along axis {axis}"
        raise ShapeError.from_numpy("gradient", (t.shape,), reason)
    if t.dtype.kind == "b" and edge_order == 2 and _differ(gaps):
        f = FRONTS["astype"](f, np.float64)  # NumPy takes no differences, but weighs all of them
        t = type_of(f)
    given, f = f, np.moveaxis(f, axis, -1)
    edge = _first_edge if edge_order == 1 else _second_edge
    if type_of(gaps).shape:
        inside, ends = _uneven(f, gaps[:-1], gaps[1:]), (gaps, gaps[::-1])
    else:
        inside, ends = (f[..., 2:] - f[..., :-2]) / (2.0 * gaps), (gaps, gaps)
    parts = [edge(f, ends[0]), inside, -edge(f[..., ::-1], ends[1])]
    slopes = laid_out(np.moveaxis(np.concatenate(parts, axis=-1), -1, axis), like=given)
    return FRONTS["astype"](slopes, t.dtype)


def _differ(gaps: Value) -> bool:
    """Say whether samples lie unevenly; NumPy takes even ones for what one number says."""
    return bool(type_of(gaps).shape) and bool(np.any(gaps != gaps[:1]))


def _uneven(f: Value, before: Value, after: Value) -> Value:
    """The slope at the middle of the parabola through three neighbours."""
    left = (f[..., 1:-1] - f[..., :-2]) / before
    right = (f[..., 2:] - f[..., 1:-1]) / after
    return (left * after + right * before) / (before + after)


def _first_edge(f: Value, gaps: Value) -> Value:
    return (f[..., 1:2] - f[..., :1]) / _gap(gaps, 0)


def _second_edge(f: Value, gaps: Value) -> Value:
    """The slope at the first of three points of a parabola."""
    near, far = _gap(gaps, 0), _gap(gaps, 1)
    first = (f[..., 1:2] - f[..., :1]) / near
    second = (f[..., 2:3] - f[..., 1:2]) / far
    return first - (second - first) * near / (near + far)


def _gap(gaps: Value, i: int) -> Value:
    return gaps[i] if type_of(gaps).shape else gaps


_COORDINATES = np.array([0.0, 0.7, 1.1, 2.0])

composite(
    "gradient",
    _gradient,
    names=(np.gradient,),
    samples=(
        Sample((4,)),
        Sample((4,), 0.5, edge_order=2),
        Sample((3, 4)),
        Sample((3, 4), (), axis=-1, domain=(0.5, 1.0)),
        Sample((4,), _COORDINATES),
        Sample((3, 4), _COORDINATES, axis=1, edge_order=2),
        Sample((2, 4), 2.0, _COORDINATES),
        Sample((4,), (4,), prepare=lambda f, x: (f, x + 5 * _COORDINATES)),
        Sample((2,)),
    ),
    rejects=(Sample((1,)), Sample((3,), _COORDINATES), Sample((2, 3), axis=0, edge_order=2)),
)


def _polyval(p: Value, x: Value) -> Value:
    x = as_array(x)
    is_mixed = isinstance(p, (list, tuple)) and any(map(is_traced, p))
    y = FRONTS["zeros_like"](x)
    for coefficient in p if is_mixed else as_array(p):
        y = y * x + coefficient
    return y


composite(
    "polyval",
    _polyval,
    names=(np.polyval,),
    samples=(
        Sample((3,), (2, 2)),
        Sample([1.0, -2.0, 0.5], (3,)),
        Sample((4,), ()),
        Sample((1,), (2,)),
    ),
)
