"""Bits, shifts, quotients and truth values, with NumPy's answers where a processor has none."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.arithmetic import Arithmetic
from chainrule.compiler.emission.instructions import close_loop, open_loop
from chainrule.compiler.emission.primitives import BOOL
from chainrule.compiler.emission.values import AnyValue, Pair, Value

BYTE = np.dtype(np.uint8)


class Integers(Arithmetic):
    """The methods of NumPy's names for what is done with integers and truth values."""

    def bitwise_and(self, x: Any, y: Any) -> Any:
        return self._bits("and", x, y)

    def bitwise_or(self, x: Any, y: Any) -> Any:
        return self._bits("or", x, y)

    def bitwise_xor(self, x: Any, y: Any) -> Any:
        return self._bits("xor", x, y)

    def _bits(self, instruction: str, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair) or x.dtype.kind == "f":
            raise self.unsupported(f"bitwise_{instruction}", x, y)
        return self.binary(instruction, x, y)

    def invert(self, x: AnyValue) -> Any:
        return self.bitwise_xor(x, True if x.dtype == BOOL else -1)

    def left_shift(self, x: Any, y: Any) -> Any:
        return self._shifted("shl", "shl", x, y)

    def right_shift(self, x: Any, y: Any) -> Any:
        return self._shifted("ashr", "lshr", x, y)

    def _shifted(self, signed: str, unsigned: str, x: Any, y: Any) -> Any:
        """Shift bits out at the end, all of them if the count is as large as the number of bits, or negative."""
        x, y = self.matched(x, y)
        if isinstance(x, Pair) or x.dtype.kind not in "iu":
            raise self.unsupported("shift", x, y)
        bits = 8 * x.dtype.itemsize
        unsigned_y = Value(self, y.text, np.dtype(f"u{x.dtype.itemsize}"), y.lanes)
        fits = unsigned_y < bits
        is_signed = x.dtype.kind == "i"
        shifted = self.binary(signed if is_signed else unsigned, x, self.chosen(fits, y, 0))
        if signed == "ashr" and is_signed:
            return self.chosen(fits, shifted, self.binary("ashr", *self.matched(x, bits - 1)))
        return self.chosen(fits, shifted, 0)

    def logical_and(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        return self.binary("and", self.truth(x), self.truth(y))

    def logical_or(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        return self.binary("or", self.truth(x), self.truth(y))

    def logical_xor(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        return self.binary("xor", self.truth(x), self.truth(y))

    def logical_not(self, x: AnyValue) -> Any:
        return self.invert(self.truth(x))

    def bitwise_count(self, x: AnyValue) -> Any:
        """Return how many bits of the size of an integer are set."""
        if isinstance(x, Pair) or x.dtype.kind not in "biu":
            raise self.unsupported("bitwise_count", x)
        if x.dtype == BOOL:
            return self.cast(x, BYTE)
        return self.cast(self.intrinsic("ctpop", self.absolute(x)), BYTE)

    def integer_power(self, x: Value, y: Value) -> Value:
        """Return `x ** y` of integers by squares; a negative `y`, which NumPy refuses, gives 1."""
        f = self.function
        x, y = self.matched(x, y)
        y = self.chosen(y < 0, 0, y) if y.dtype.kind == "i" else y
        one = self.spread(self.number(1, x), x.lanes)
        values = (one, x, y)
        bits = str(8 * x.dtype.itemsize)
        loop = open_loop(f, "0", bits, 1, [(v.type, v.text) for v in values])
        result, base, rest = (Value(self, t, x.dtype, x.lanes) for t in loop.kept)
        is_odd = self.not_equal(rest & 1, 0)
        after = (
            self.chosen(is_odd, result * base, result),
            base * base,
            self.shifted_right_zero(rest, 1),
        )
        close_loop(f, loop, [v.text for v in after])
        return after[0]  # type: ignore[no-any-return]  # operators are untyped

    def _whole_quotient(self, x: Value, y: Value) -> tuple[Value, Value]:
        """Return quotient and remainder rounded down; both are 0 where the divisor is."""
        is_zero = self.equal(y, 0)
        if x.dtype.kind == "u":
            safe = self.chosen(is_zero, 1, y)
            quotient, rest = self.binary("udiv", x, safe), self.binary("urem", x, safe)
            return self.chosen(is_zero, 0, quotient), self.chosen(is_zero, 0, rest)
        # the lowest integer by -1 traps; x / -1 = -x wraps as NumPy's does
        is_minus = self.equal(y, -1)
        safe = self.chosen(is_zero | is_minus, 1, y)
        quotient, rest = self.binary("sdiv", x, safe), self.binary("srem", x, safe)
        differs = self.not_equal(rest, 0) & ((rest ^ y) < 0)
        quotient = self.chosen(differs, quotient - 1, quotient)
        rest = self.chosen(differs, rest + y, rest)
        quotient = self.chosen(is_minus, self.negative(x), quotient)
        return self.chosen(is_zero, 0, quotient), self.chosen(is_zero, 0, rest)
