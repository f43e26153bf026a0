"""Taking multiples of π/2 off an angle.

Up to some size by products with π/2 in parts (Cody and Waite), whose product with the multiple is exact; beyond, in a
function of its own, by the digits of 2/π that matter (Payne and Hanek, "Radian reduction for trigonometric functions",
1983).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import ordered_sum_parts, sum_parts
from chainrule.compiler.emission.maths.far_angles import far_angle

DOUBLE = np.dtype(np.float64)
_FAR = 2.0**20


def reduced_angle(e: Any, x: Any, *, is_precise: bool = False) -> tuple[Any, Any, Any]:
    """Return the number of quarter turns, as integers, and the rest in two parts.

    Of float32 numbers the second part is None unless it must be precise.
    """
    if x.dtype.itemsize == 4:
        quadrant, wide, _ = _reduced(e, e.cast(x, DOUBLE), few=True)
        r = e.cast(wide, x.dtype)
        low = e.cast(wide - e.cast(r, DOUBLE), x.dtype) if is_precise else None
        return e.cast(quadrant, np.dtype(np.int32)), r, low
    return _reduced(e, x, few=False)


def _reduced(e: Any, x: Any, *, few: bool) -> tuple[Any, Any, Any]:
    is_far = ~(e.fabs(x) < _FAR)
    near = e.chosen(is_far, 0.0, x)
    n = e.to_nearest(near * (2 / np.pi))
    first, second, third, fourth = coefficients.HALF_PI_PARTS
    r = e.multiply_add(n, -first, near)
    if few:
        r, low = e.multiply_add(n, -(third + fourth), e.multiply_add(n, -second, r)), n * 0.0
    else:
        r, lost = sum_parts(r, n * -second)
        r, more = sum_parts(r, n * -third)
        r, low = ordered_sum_parts(r, e.multiply_add(n, -fourth, lost + more))
    return far_angle(e, x, is_far, (e.whole(n), r, low))
