"""Complex numbers in parts: the real and the imaginary part, the conjugate, the angle.

A cotangent `g` of a complex `z` means `df = Re(sum(g * dz))`, without conjugation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import TracedArray, TracedView, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.ops.canonical import array_like
from chainrule.ops.elementwise import elementwise_type
from chainrule.ops.kinds import composite, linear
from chainrule.ops.layout import viewed, viewed_read_only
from chainrule.ops.twins import add_twin

_SHAPES = (Sample((2, 3)), Sample(()), Sample((0, 3)))


def _real_type(x: ArrayType) -> ArrayType:
    return array_type(x.shape, np.empty(0, x.dtype).real.dtype)


def _copied(part: Any) -> Any:
    """Return a part that does not keep the whole array alive."""
    return part.copy() if type(part) is np.ndarray else part


def _real_front(val: Value) -> Value:
    """Return the real part: of a complex array a view, of a real one the array itself."""
    val = array_like(val)
    if type_of(val).weak:
        return val.real
    if type_of(val).dtype.kind != "c" and type(val) in {TracedArray, TracedView}:
        return val
    return viewed(
        val,
        lambda z: apply(REAL, z),
        lambda z, new: apply(_JOINED, new, apply(IMAG, z)),
        ("real",),
    )


def _imag_front(val: Value) -> Value:
    """Return the imaginary part, of a complex array a view; the zeros of a real one are read-only."""
    val = array_like(val)
    if type_of(val).weak:
        return val.imag
    if type_of(val).dtype.kind != "c":
        return viewed_read_only("imag", val, lambda z: apply(IMAG, z), ("imag",))
    return viewed(
        val,
        lambda z: apply(IMAG, z),
        lambda z, new: apply(_JOINED, apply(REAL, z), new),
        ("imag",),
    )


REAL = linear(
    "real",
    lambda x: _copied(np.real(x)) if np.iscomplexobj(x) else np.real(x),
    infer=_real_type,
    transposes=(lambda g, x: g,),
    front=_real_front,
    names=(np.real,),
    samples=_SHAPES,
)
IMAG = linear(
    "imag",
    lambda x: _copied(np.imag(x)),
    infer=_real_type,
    transposes=(lambda g, x: g * -1j,),
    front=_imag_front,
    names=(np.imag,),
    samples=_SHAPES,
)


def _joined(x: Any, y: Any) -> Any:
    z = np.empty(np.shape(x), np.result_type(x, np.complex64))
    z.real, z.imag = x, y
    return z


_JOINED = linear(
    "complex_of_parts",
    _joined,
    infer=lambda x, y: array_type(x.shape, np.result_type(x.dtype, np.complex64)),
    transposes=(lambda g, x, y: g, lambda g, x, y: g * 1j),
    joint=True,
    samples=(Sample((2, 3), (2, 3)), Sample((0, 3), (0, 3))),
)
CONJUGATE = linear(
    "conjugate",
    np.conjugate,
    infer=elementwise_type(np.conjugate, "conjugate"),
    transposes=(lambda g, x: np.conjugate(g),),
    samples=_SHAPES,
)
FRONTS["conj"] = FRONTS["conjugate"]  # arrays have both methods
add_twin(REAL, lambda z: z.real)
add_twin(IMAG, lambda z: z.imag)
add_twin(CONJUGATE, lambda z: z.conjugate())


def _angle(z: Value, deg: bool = False) -> Value:
    z = array_like(z)
    is_complex = type_of(z).dtype.kind == "c"
    # NumPy's imaginary part of a real array is here Python's zero: beside booleans it decides the dtype.
    angle = np.arctan2(np.imag(z), np.real(z)) if is_complex else np.arctan2(0, z)
    return angle * (180 / math.pi) if deg else angle


composite(
    "angle",
    _angle,
    names=(np.angle,),
    samples=(Sample((2, 3)), Sample((2, 3), deg=True), Sample(()), Sample((0, 3))),
)
