"""Complex numbers in parts: the imaginary part, the conjugate, the angle. The real part is in `broadcasting`.

A cotangent `g` of a complex `z` means `df = Re(sum(g * dz))`, without conjugation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.ops.broadcasting import real_type
from chainrule.ops.canonical import array_like
from chainrule.ops.elementwise import elementwise_type
from chainrule.ops.kinds import composite, linear

_SHAPES = (Sample((2, 3)), Sample(()), Sample((0, 3)))


def _imag(x: Any) -> Any:
    part = np.imag(x)
    return part.copy() if isinstance(part, np.ndarray) else part


linear(
    "imag",
    _imag,
    infer=real_type,
    transposes=(lambda g, x: g * -1j,),
    names=(np.imag,),
    samples=_SHAPES,
)
linear(
    "conjugate",
    np.conjugate,
    infer=elementwise_type(np.conjugate, "conjugate"),
    transposes=(lambda g, x: np.conjugate(g),),
    samples=_SHAPES,
)
FRONTS["conj"] = FRONTS["conjugate"]  # arrays have both methods


def _angle(z: Value, deg: bool = False) -> Value:
    z = array_like(z)
    angle = np.arctan2(np.imag(z), np.real(z))
    return angle * (180 / math.pi) if deg else angle


composite(
    "angle",
    _angle,
    names=(np.angle,),
    samples=(Sample((2, 3)), Sample((2, 3), deg=True), Sample(()), Sample((0, 3))),
)
