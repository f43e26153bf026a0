"""The instructions that everything else is made of: constants, casts between registers, intrinsics, choices, bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.compiler.emission.fusing import MARK
from chainrule.compiler.emission.instructions import (
    Declarations,
    Function,
    number_text,
    splat,
    splat_text,
)
from chainrule.compiler.emission.values import AnyValue, DType, Pair, Value, real_dtype, type_text
from chainrule.compiler.machine_code.machine import Machine
from chainrule.errors import LoweringError

BOOL = np.dtype(np.bool_)
_MANTISSA = {4: (23, 127), 8: (52, 1023)}
_WHOLE: dict[int, DType] = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


class Primitives:
    """Writes single instructions into a function.

    Attributes:
        function: where they are written; it may be exchanged while emitting.
        flags: what LLVM may do with a sum or a product of floats: `contract` makes one rounding of both.
        active: how many lanes of vectors are run, the first ones, where not all are.
    """

    def __init__(self, function: Function, declarations: Declarations, machine: Machine) -> None:
        self.function = function
        self.declarations = declarations
        self.machine = machine
        self.flags = MARK
        self.active: int | None = None

    @contextmanager
    def exactly(self) -> Iterator[None]:
        """Round after every sum and product, as algorithms that compute their own rounding errors need."""
        before, self.flags = self.flags, ""
        try:
            yield
        finally:
            self.flags = before

    # values

    def number(self, value: Any, like: AnyValue | DType) -> Any:
        """Return a number in the dtype of another value."""
        dtype = like if isinstance(like, np.dtype) else like.dtype
        if dtype.kind == "c":
            real = real_dtype(dtype)
            return Pair(self, self.number(value.real, real), self.number(value.imag, real), dtype)
        return Value(self, number_text(value, dtype), dtype)

    def matched(self, *values: Any) -> list[Any]:
        """Return values with the same number of lanes; Python numbers take the dtype of the first value."""
        like = next(v for v in values if isinstance(v, (Value, Pair)))
        known = [v if isinstance(v, (Value, Pair)) else self._beside(v, like) for v in values]
        lanes = max([v.lanes for v in known])
        return [v if v.lanes == lanes else self.spread(v, lanes) for v in known]

    def _beside(self, value: Any, like: AnyValue) -> Any:
        """Return a Python number in the dtype of a value, which must be able to hold it."""
        needs = "f" if isinstance(value, float) else "c" if isinstance(value, complex) else "b"
        if "biufc".index(needs) > "biufc".index(like.dtype.kind):
            raise self.unsupported(f"{value}, beside which it stands,", like)
        return self.number(value, like)

    def spread(self, x: AnyValue, lanes: int) -> Any:
        """Return a vector with `x` in every lane."""
        if isinstance(x, Pair):
            return Pair(self, self.spread(x.real, lanes), self.spread(x.imag, lanes), x.dtype)
        return splat(self.function, x, lanes)

    def unsupported(self, name: str, *values: AnyValue) -> LoweringError:
        """Return the error that says that there are no instructions for these dtypes."""
        return LoweringError.from_dtypes(name, [v.dtype for v in values])

    # instructions

    def binary(self, instruction: str, x: Value, y: Value) -> Value:
        """Write `instruction x, y`, of one type."""
        text = self.function.set(f"{instruction} {x.typed}, {y.text}")
        return Value(self, text, x.dtype, x.lanes)

    def compared(self, instruction: str, x: Value, y: Value) -> Value:
        """Write a comparison of numbers of one type."""
        text = self.function.set(f"{instruction} {x.typed}, {y.text}")
        return Value(self, text, BOOL, x.lanes)

    def converted(self, instruction: str, x: Value, dtype: DType) -> Value:
        """Write `instruction x to dtype`."""
        text = self.function.set(f"{instruction} {x.typed} to {type_text(dtype, x.lanes)}")
        return Value(self, text, dtype, x.lanes)

    def chosen(self, condition: Value, x: Any, y: Any) -> Any:
        """Return `x` where the condition holds, `y` elsewhere."""
        x, y = self.matched(x, y)
        if isinstance(x, Pair):
            real = self.chosen(condition, x.real, y.real)
            return Pair(self, real, self.chosen(condition, x.imag, y.imag), x.dtype)
        if condition.lanes == 1:
            text = self.function.set(f"select i1 {condition.text}, {x.typed}, {y.typed}")
            return Value(self, text, x.dtype, x.lanes)
        x, y = self.spread(x, condition.lanes), self.spread(y, condition.lanes)
        text = self.function.set(f"select {condition.typed}, {x.typed}, {y.typed}")
        return Value(self, text, x.dtype, x.lanes)

    def intrinsic(self, name: str, *values: Value, extra: Sequence[str] = ()) -> Value:
        """Call an intrinsic of LLVM's whose arguments and result are of one type; `extra` are constants behind."""
        first = values[0]
        lanes = f"v{first.lanes}" if first.lanes > 1 else ""
        kind = "f" if first.dtype.kind == "f" else "i"
        bits = 1 if first.dtype.kind == "b" else 8 * first.dtype.itemsize
        full = f"llvm.{name}.{lanes}{kind}{bits}"
        types = [v.type for v in values] + [e.split()[0] for e in extra]
        self.declarations.declare(full, first.type, types)
        arguments = ", ".join([v.typed for v in values] + list(extra))
        text = self.function.set(f"call {first.type} @{full}({arguments})")
        return Value(self, text, first.dtype, first.lanes)

    # floats

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """Return `x * y + z`, in one rounding where the machine does that at once."""
        return self.intrinsic("fmuladd", *self.matched(x, y, z))

    def product_error(self, x: Value, y: Value, product: Value) -> Value:
        """Return `x * y - product` for the rounded product: the rounding error, exactly."""
        with self.exactly():
            if self.machine.has_fma:
                return self.intrinsic("fma", *self.matched(x, y, -product))
            (x_high, x_low), (y_high, y_low) = self.halved(x), self.halved(y)
            error: Value = x_high * y_high - product + x_high * y_low + x_low * y_high
            return error + x_low * y_low  # type: ignore[no-any-return]  # operators are untyped

    def halved(self, x: Value) -> tuple[Value, Value]:
        """Return two numbers of half the digits whose sum is `x`; the split of Veltkamp and Dekker, by bits."""
        digits = 12 if x.dtype.itemsize == 4 else 27
        mask = ~((1 << digits) - 1)
        high = self.floated(self.bits(x) & mask, x.dtype)
        return high, x - high

    def bits(self, x: Value) -> Value:
        """Return the bits of floats as integers of the same size."""
        return self.converted("bitcast", x, _WHOLE[x.dtype.itemsize])

    def floated(self, x: Value, dtype: DType) -> Value:
        """Return the floats that have these bits."""
        return self.converted("bitcast", x, dtype)

    def to_nearest(self, x: Value) -> Value:
        """Return the nearest whole number of floats, the even one of two."""
        if not self.machine.is_x86 or self.machine.vector_bits > 128:
            return self.intrinsic("roundeven", x)
        # Without an instruction the intrinsic is a call. Beyond 2^23 or 2^52 every float is whole.
        large = 2.0 ** (23 if x.dtype.itemsize == 4 else 52)
        size = self.intrinsic("fabs", x)
        with self.exactly():
            whole = size + large - large
        whole = self.intrinsic("copysign", *self.matched(whole, x))
        return self.chosen(size < large, whole, x)  # type: ignore[no-any-return]

    def whole(self, x: Value) -> Value:
        """Return small whole floats as integers of the same size."""
        return self.converted("fptosi", x, _WHOLE[x.dtype.itemsize])

    def shifted_left(self, x: Value, count: int) -> Value:
        """Shift the bits of integers."""
        return self.binary("shl", *self.matched(x, count))

    def shifted_right(self, x: Value, count: int) -> Value:
        """Shift the bits of integers and keep the sign."""
        return self.binary("ashr", *self.matched(x, count))

    def shifted_right_zero(self, x: Value, count: int) -> Value:
        """Shift the bits of integers, zeros following."""
        return self.binary("lshr", *self.matched(x, count))

    def power_of_two(self, exponent: Value) -> Value:
        """Return `2**exponent` for a whole float within the range of exponents."""
        mantissa, bias = _MANTISSA[exponent.dtype.itemsize]
        bits = self.shifted_left(self.whole(exponent) + bias, mantissa)
        return self.floated(bits, exponent.dtype)

    def in_any_lane(self, condition: Value) -> str:
        """Return the text of the truth value: does the condition hold in any lane?"""
        if condition.lanes == 1:
            return condition.text
        name = f"llvm.vector.reduce.or.v{condition.lanes}i1"
        self.declarations.declare(name, "i1", [condition.type])
        return self.function.set(f"call i1 @{name}({condition.typed})")

    def looked_up(self, table: str, index: Value) -> Value:
        """Return words of 32 bits from a table in memory, as integers of 64 bits."""
        words = []
        for lane in range(index.lanes):
            at = index.text
            if index.lanes > 1:
                at = self.function.set(f"extractelement {index.typed}, i64 {lane}")
            pointer = self.function.set(f"getelementptr i32, ptr {table}, i64 {at}")
            word = self.function.set(f"load i32, ptr {pointer}, align 4")
            words.append(self.function.set(f"zext i32 {word} to i64"))
        if index.lanes == 1:
            return Value(self, words[0], index.dtype)
        text = "poison"
        for lane, word in enumerate(words):
            text = self.function.set(f"insertelement {index.type} {text}, i64 {word}, i64 {lane}")
        return Value(self, text, index.dtype, index.lanes)

    def scaled(self, x: Value, exponent: Value) -> Value:
        """Return `x * 2**exponent` for a whole float `exponent` within twice the range of exponents."""
        bits = 8 * x.dtype.itemsize * x.lanes
        if self.machine.has_masks and self.machine.is_x86 and bits in {128, 256, 512}:
            return self._scaled_at_once(x, exponent, bits)
        mantissa, bias = _MANTISSA[x.dtype.itemsize]
        whole = self.whole(exponent)
        half = self.shifted_right(whole, 1)
        for part in (half, whole - half):
            x = x * self.floated(self.shifted_left(part + bias, mantissa), x.dtype)
        return x

    def _scaled_at_once(self, x: Value, exponent: Value, bits: int) -> Value:
        letter = "s" if x.dtype.itemsize == 4 else "d"
        name = f"llvm.x86.avx512.mask.scalef.p{letter}.{bits}"
        mask = f"i{max(8, x.lanes)} -1"
        types = [x.type, x.type, x.type, mask.split(maxsplit=1)[0]] + ["i32"] * (bits == 512)
        self.declarations.declare(name, x.type, types)
        arguments = [x.typed, exponent.typed, x.typed, mask] + ["i32 4"] * (bits == 512)
        text = self.function.set(f"call {x.type} @{name}({', '.join(arguments)})")
        return Value(self, text, x.dtype, x.lanes)

    def constants(self, values: Sequence[float], like: Value) -> list[Value]:
        """Return numbers as vectors, for a polynomial's coefficients."""
        return [
            Value(
                self,
                splat_text(number_text(c, like.dtype), like.dtype, like.lanes),
                like.dtype,
                like.lanes,
            )
            for c in values
        ]
