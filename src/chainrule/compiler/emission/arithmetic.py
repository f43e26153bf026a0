"""Sums, products, comparisons and choices, of floats, integers, truth values and complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.compiler.emission import complex_arithmetic as complex_parts
from chainrule.compiler.emission.primitives import BOOL, Primitives
from chainrule.compiler.emission.values import AnyValue, Pair, Value


class Arithmetic(Primitives):
    """The methods of NumPy's names for what a processor does itself."""

    floor_divide: Callable[..., Any]
    hypot: Callable[..., Any]

    def add(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return Pair(self, x.real + y.real, x.imag + y.imag, x.dtype)
        return self._by_kind(x, y, "fadd", "add", "or")

    def subtract(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return Pair(self, x.real - y.real, x.imag - y.imag, x.dtype)
        return self._by_kind(x, y, "fsub", "sub", None)

    def multiply(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return complex_parts.product(x, y)
        return self._by_kind(x, y, "fmul", "mul", "and")

    def divide(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return complex_parts.quotient(self, x, y)
        return self._by_kind(x, y, "fdiv", None, None)

    def _by_kind(
        self, x: Value, y: Value, floats: str | None, integers: str | None, truths: str | None
    ) -> Value:
        kind = x.dtype.kind
        instruction = {"f": floats, "i": integers, "u": integers, "b": truths}[kind]
        if instruction is None:
            raise self.unsupported(str(floats or integers), x, y)
        flags = self.flags if kind == "f" and instruction != "fdiv" else ""
        return self.binary(f"{instruction} {flags}", x, y)

    def negative(self, x: AnyValue) -> Any:
        if isinstance(x, Pair):
            return Pair(self, -x.real, -x.imag, x.dtype)
        if x.dtype.kind == "f":
            text = self.function.set(f"fneg {x.typed}")
            return Value(self, text, x.dtype, x.lanes)
        if x.dtype.kind == "b":
            raise self.unsupported("negative", x)
        return self.subtract(0, x)

    def positive(self, x: AnyValue) -> Any:
        return x

    def square(self, x: AnyValue) -> Any:
        return x * x

    def reciprocal(self, x: AnyValue) -> Any:
        if isinstance(x, Pair):
            return complex_parts.reciprocal(self, x)
        return 1 / self._float("reciprocal", x)

    def sqrt(self, x: AnyValue) -> Any:
        return self.intrinsic("sqrt", self._float("sqrt", x))

    def absolute(self, x: AnyValue) -> Any:
        if isinstance(x, Pair):
            return self.hypot(x.real, x.imag)
        if x.dtype.kind == "f":
            return self.intrinsic("fabs", x)
        if x.dtype.kind == "i":
            return self.intrinsic("abs", x, extra=("i1 false",))
        return x

    def fabs(self, x: AnyValue) -> Any:
        return self.intrinsic("fabs", self._float("fabs", x))

    def copysign(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        return self.intrinsic("copysign", self._float("copysign", x), y)

    def _float(self, name: str, x: AnyValue) -> Value:
        if isinstance(x, Pair) or x.dtype.kind != "f":
            raise self.unsupported(name, x)
        return x

    # comparisons; complex numbers are ordered by their real parts, then by their imaginary parts

    def less(self, x: Any, y: Any) -> Any:
        return self._compared("olt", "slt", "ult", x, y)

    def less_equal(self, x: Any, y: Any) -> Any:
        return self._compared("ole", "sle", "ule", x, y)

    def greater(self, x: Any, y: Any) -> Any:
        return self._compared("ogt", "sgt", "ugt", x, y)

    def greater_equal(self, x: Any, y: Any) -> Any:
        return self._compared("oge", "sge", "uge", x, y)

    def _compared(self, floats: str, signed: str, unsigned: str, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return complex_parts.in_order(self, floats, x, y)
        if x.dtype.kind == "f":
            return self.compared(f"fcmp {floats}", x, y)
        return self.compared(f"icmp {signed if x.dtype.kind == 'i' else unsigned}", x, y)

    def equal(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return self.equal(x.real, y.real) & self.equal(x.imag, y.imag)
        return self.compared("fcmp oeq" if x.dtype.kind == "f" else "icmp eq", x, y)

    def not_equal(self, x: Any, y: Any) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return self.not_equal(x.real, y.real) | self.not_equal(x.imag, y.imag)
        return self.compared("fcmp une" if x.dtype.kind == "f" else "icmp ne", x, y)

    # choices

    def where(self, condition: AnyValue, x: Any, y: Any) -> Any:
        return self.chosen(self.truth(condition), x, y)

    def truth(self, x: AnyValue) -> Value:
        """Return whether a value is not zero; NaN is not."""
        if x.dtype == BOOL:
            return x  # type: ignore[return-value]  # bools are no pairs
        zero: Any = 0j if isinstance(x, Pair) else 0
        return self.not_equal(x, zero)  # type: ignore[no-any-return]

    def maximum(self, x: Any, y: Any) -> Any:
        return self._extreme(x, y, "ogt", "max", "or", keeps_nan=True)

    def minimum(self, x: Any, y: Any) -> Any:
        return self._extreme(x, y, "olt", "min", "and", keeps_nan=True)

    def fmax(self, x: Any, y: Any) -> Any:
        return self._extreme(x, y, "ogt", "max", "or", keeps_nan=False)

    def fmin(self, x: Any, y: Any) -> Any:
        return self._extreme(x, y, "olt", "min", "and", keeps_nan=False)

    def _extreme(
        self, x: Any, y: Any, order: str, integers: str, truths: str, *, keeps_nan: bool
    ) -> Any:
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            return complex_parts.extreme(self, order, x, y, keeps_nan=keeps_nan)
        kind = x.dtype.kind
        if kind == "b":
            return self.binary(truths, x, y)
        if kind != "f":
            return self.intrinsic(f"{'s' if kind == 'i' else 'u'}{integers}", x, y)
        # the choice is one instruction of x86: the second operand where a NaN or a tie is met
        better = self.chosen(self.compared(f"fcmp {order}", x, y), x, y)
        if keeps_nan:
            return self.chosen(self.isnan(x), x, better)
        return self.chosen(self.isnan(y), x, better)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        return self.minimum(self.maximum(x, low), high)

    def isnan(self, x: AnyValue) -> Any:
        if isinstance(x, Pair):
            return self.isnan(x.real) | self.isnan(x.imag)
        if x.dtype.kind != "f":
            return self.spread(self.number(False, BOOL), x.lanes)  # noqa: FBT003  a number
        return self.compared("fcmp uno", x, x)

    # casts

    def cast(self, x: AnyValue, dtype: np.dtype[Any]) -> Any:
        """Return a value in another dtype, as `astype` does."""
        from_dtype = x.dtype
        if from_dtype == dtype:
            return x
        if dtype.kind == "c":
            return complex_parts.cast(self, x, dtype)
        if isinstance(x, Pair):
            return self.truth(x) if dtype == BOOL else self.cast(x.real, dtype)
        if dtype == BOOL:
            return self.truth(x)
        if from_dtype.kind == "f":
            return self._cast_float(x, dtype)
        return self._cast_whole(x, dtype)

    def _cast_whole(self, x: Value, dtype: np.dtype[Any]) -> Value:
        is_signed = x.dtype.kind == "i"
        if dtype.kind == "f":
            return self.converted("sitofp" if is_signed else "uitofp", x, dtype)
        size = 0 if x.dtype == BOOL else x.dtype.itemsize
        if size == dtype.itemsize:
            return Value(self, x.text, dtype, x.lanes)
        if size > dtype.itemsize:
            return self.converted("trunc", x, dtype)
        return self.converted("sext" if is_signed else "zext", x, dtype)

    def _cast_float(self, x: Value, dtype: np.dtype[Any]) -> Value:
        """Cast floats. What does not fit becomes what x86's instruction makes of it: the lowest integer."""
        if dtype.kind == "f":
            wider = dtype.itemsize > x.dtype.itemsize
            return self.converted("fpext" if wider else "fptrunc", x, dtype)
        if dtype == np.uint64:
            return self._cast_to_largest(x, dtype)
        wide = np.dtype(np.int32 if dtype.itemsize < 4 or dtype == np.int32 else np.int64)
        limit = 2.0 ** (8 * wide.itemsize - 1)
        fits = (x >= -limit) & (x < limit)
        inside = self.converted("fptosi", self.chosen(fits, x, 0.0), wide)
        cast = self.chosen(fits, inside, self.number(int(-limit), wide))
        return self._cast_whole(cast, dtype)

    def _cast_to_largest(self, x: Value, dtype: np.dtype[Any]) -> Value:
        half = 2.0**63
        is_large = x >= half
        low = self._cast_float(self.chosen(is_large, x - half, x), np.dtype(np.int64))
        flipped = self.chosen(is_large, low ^ self.number(-(2**63), low), low)
        return Value(self, flipped.text, dtype, x.lanes)
