"""Taking arrays apart along an axis. The parts are views, as NumPy's are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.errors import ShapeError
from chainrule.ops.canonical import along, array_like, axis_of, part_along
from chainrule.ops.kinds import composite


def _array_split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    ary = array_like(ary)
    shape = type_of(ary).shape
    axis = axis_of(axis, len(shape))
    return [
        part_along(ary, axis, start, stop)
        for start, stop in pairwise(_bounds(shape[axis], settled(indices_or_sections)))
    ]


def _bounds(size: int, indices_or_sections: Any) -> list[int]:
    """Return where parts begin and end: at the given indices, or so that they differ by one at most."""
    if np.ndim(indices_or_sections):
        return [0, *map(int, indices_or_sections), size]
    sections = int(indices_or_sections)
    if sections < 1:
        raise ShapeError.from_division("array_split", size, sections)
    each, more = divmod(size, sections)
    return [i * each + min(i, more) for i in range(sections + 1)]


def _split(ary: Value, indices_or_sections: Any, axis: int = 0, name: str = "split") -> list[Value]:
    ary = array_like(ary)
    shape = type_of(ary).shape
    if not np.ndim(indices_or_sections):
        size, sections = shape[axis_of(axis, len(shape))], int(indices_or_sections)
        if sections < 1 or size % sections:
            raise ShapeError.from_division(name, size, sections)
    return _array_split(ary, indices_or_sections, axis)


def _hsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    ndim = _checked_ndim("hsplit", ary, 1)
    return _split(ary, indices_or_sections, 0 if ndim == 1 else 1, "hsplit")


def _vsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    _checked_ndim("vsplit", ary, 2)
    return _split(ary, indices_or_sections, 0, "vsplit")


def _dsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    _checked_ndim("dsplit", ary, 3)
    return _split(ary, indices_or_sections, 2, "dsplit")


def _checked_ndim(name: str, x: Value, least: int) -> int:
    shape = type_of(array_like(x)).shape
    if len(shape) < least:
        raise ShapeError.from_ndim(name, shape, f"at least {least} axes")
    return len(shape)


def _unstack(x: Value, /, *, axis: int = 0) -> tuple[Value, ...]:
    shape = type_of(x).shape
    if not shape:
        raise ShapeError.from_ndim("unstack", shape, "at least one axis")
    axis = axis_of(axis, len(shape))
    return tuple([FRONTS["getitem"](x, along(axis, i)) for i in range(shape[axis])])


composite(
    "array_split",
    _array_split,
    names=(np.array_split,),
    samples=(Sample((5, 2), 3), Sample((2, 5), [1, 3], axis=-1), Sample((2,), 3)),
    rejects=(Sample((4,), 0),),
)
composite(
    "split",
    lambda ary, indices_or_sections, axis=0: _split(ary, indices_or_sections, axis),
    names=(np.split,),
    samples=(Sample((4, 2), 2), Sample((2, 5), [1, 3], axis=1)),
    rejects=(Sample((4,), 3),),
)
composite(
    "hsplit",
    _hsplit,
    names=(np.hsplit,),
    samples=(Sample((2, 4), 2), Sample((4,), [1])),
    rejects=(Sample((), 1),),
)
composite(
    "vsplit",
    _vsplit,
    names=(np.vsplit,),
    samples=(Sample((4, 2), 2),),
    rejects=(Sample((4,), 2),),
)
composite(
    "dsplit",
    _dsplit,
    names=(np.dsplit,),
    samples=(Sample((1, 2, 4), 2),),
    rejects=(Sample((4, 2), 2),),
)
composite(
    "unstack",
    _unstack,
    names=(np.unstack,),
    samples=(Sample((3, 2)), Sample((3, 2), axis=-1), Sample((3,))),
    rejects=(Sample(()),),
)
