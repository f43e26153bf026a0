"""Whole parts, remainders, signs, and what kind of number a float is."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.integers import Integers
from chainrule.compiler.emission.maths.remainders import exact_remainder
from chainrule.compiler.emission.primitives import BOOL
from chainrule.compiler.emission.values import AnyValue, Pair, Value


class Rounding(Integers):
    """The methods of NumPy's names for steps, remainders and questions about floats."""

    def rint(self, x: AnyValue) -> Any:
        if isinstance(x, Pair):
            return Pair(self, self.rint(x.real), self.rint(x.imag), x.dtype)
        return self.to_nearest(self._float("rint", x))

    def floor(self, x: AnyValue) -> Any:
        return self._whole_part("floor", x)

    def ceil(self, x: AnyValue) -> Any:
        return self._whole_part("ceil", x)

    def trunc(self, x: AnyValue) -> Any:
        return self._whole_part("trunc", x)

    def _whole_part(self, name: str, x: AnyValue) -> Any:
        if not isinstance(x, Pair) and x.dtype.kind in "biu":
            return x
        x = self._float(name, x)
        if not self.machine.is_x86 or self.machine.vector_bits > 128:
            return self.intrinsic(name, x)
        if name == "trunc":
            size = self.floor(self.fabs(x))
            return self.copysign(size, x)
        nearest = self.to_nearest(x)
        wrong = nearest > x if name == "floor" else nearest < x
        step = -1.0 if name == "floor" else 1.0
        return self.copysign(self.chosen(wrong, nearest + step, nearest), x)

    def isinf(self, x: AnyValue) -> Any:
        if isinstance(x, Pair):
            return self.isinf(x.real) | self.isinf(x.imag)
        if x.dtype.kind != "f":
            return self.spread(self.number(False, BOOL), x.lanes)  # noqa: FBT003  a number
        return self.equal(self.fabs(x), np.inf)

    def isfinite(self, x: AnyValue) -> Any:
        if isinstance(x, Pair):
            return self.isfinite(x.real) & self.isfinite(x.imag)
        if x.dtype.kind != "f":
            return self.spread(self.number(True, BOOL), x.lanes)  # noqa: FBT003  a number
        return self.fabs(x) < np.inf

    def signbit(self, x: AnyValue) -> Any:
        return self.bits(self._float("signbit", x)) < 0

    def real_sign(self, x: AnyValue) -> Any:
        """Return -1, 0 or 1, and NaN of NaN."""
        if isinstance(x, Pair) or x.dtype == BOOL:
            raise self.unsupported("sign", x)
        one = self.number(1, x)
        positive = self.chosen(x > 0, one, 0)
        if x.dtype.kind == "u":
            return positive
        sign = self.chosen(x < 0, self.number(-1, x), positive)
        return sign if x.dtype.kind == "i" else self.chosen(self.isnan(x), x, sign)

    def heaviside(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        step = self.chosen(x > 0.0, self.number(1.0, x), self.chosen(x < 0.0, 0.0, y))
        return self.chosen(self.isnan(x), x, step)

    def fmod(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair) or x.dtype.kind == "b":
            raise self.unsupported("fmod", x, y)
        if x.dtype.kind == "f":
            return exact_remainder(self, x, y)
        zero = self.equal(y, 0)
        if x.dtype.kind == "u":
            return self.chosen(zero, 0, self.binary("urem", x, self.chosen(zero, 1, y)))
        safe = self.chosen(zero | self.equal(y, -1), 1, y)
        return self.chosen(zero, 0, self.binary("srem", x, safe))

    def remainder(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if x.dtype.kind != "f":
            return self._whole("remainder", x, y)[1]
        return self._floored(x, y)[1]

    def floor_divide(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if x.dtype.kind != "f":
            return self._whole("floor_divide", x, y)[0]
        quotient = self._floored(x, y)[0]
        return self.chosen(self.equal(y, 0.0), x / y, quotient)

    def _whole(self, name: str, x: AnyValue, y: AnyValue) -> tuple[Value, Value]:
        if isinstance(x, Pair) or isinstance(y, Pair) or x.dtype.kind not in "iu":
            raise self.unsupported(name, x, y)
        return self._whole_quotient(x, y)

    def _floored(self, x: Value, y: Value) -> tuple[Any, Any]:
        """Return quotient and remainder rounded down, by NumPy's steps."""
        with self.exactly():
            rest = exact_remainder(self, x, y)
            quotient = (x - rest) / y
            is_zero = self.equal(rest, 0.0)
            differs = self.not_equal(self._is_negative(rest), self._is_negative(y)) & ~is_zero
            result = self.chosen(differs, rest + y, rest)
            quotient = self.chosen(differs, quotient - 1.0, quotient)
            result = self.chosen(is_zero, self.copysign(0.0 * result, y), result)
            down = self.floor(quotient)
            down = self.chosen(quotient - down > 0.5, down + 1.0, down)
            nothing = self.copysign(self.number(0.0, x), x / y)
            return self.chosen(self.equal(quotient, 0.0), nothing, down), result

    def _is_negative(self, x: Value) -> Any:
        return x < 0.0

    # parts of complex numbers

    def real(self, x: AnyValue) -> Any:
        return x.real if isinstance(x, Pair) else x

    def imag(self, x: AnyValue) -> Any:
        return x.imag if isinstance(x, Pair) else self.spread(self.number(0, x), x.lanes)

    def conjugate(self, x: AnyValue) -> Any:
        return Pair(self, x.real, -x.imag, x.dtype) if isinstance(x, Pair) else x

    def complex_of_parts(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        x = self._float("complex_of_parts", x)
        return Pair(self, x, y, np.dtype(np.complex64 if x.dtype.itemsize == 4 else np.complex128))
