"""Taking multiples of π/2 off a large angle, in a function of its own that is called if any lane needs it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from chainrule.compiler.emission.instructions import Function
from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import ordered_sum_parts, product_parts, sum_parts
from chainrule.compiler.emission.values import Value

INT64 = np.dtype(np.int64)
_WORD = 0xFFFFFFFF
_BEFORE = 64  # the table begins with as many zeros, for angles below 2^54
_WORDS = 6


def far_angle(e: Any, x: Any, is_far: Any, near: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return what `near` is, or where an angle is far its own quarter turns and rest."""
    f = e.function
    name = _function(e, x.lanes)
    before, far, behind = f.label, f.new("far"), f.new("behind")
    f.write(f"br i1 {e.in_any_lane(is_far)}, label %{far}, label %{behind}")
    f.begin(far)
    kind = _result(near)
    result = f.set(f"call {kind} @{name}({x.typed})")
    parts = []
    for i, part in enumerate(near):
        text = f.set(f"extractvalue {kind} {result}, {i}")
        parts.append(e.chosen(is_far, Value(e, text, part.dtype, part.lanes), part))
    after = f.label
    f.write(f"br label %{behind}")
    f.begin(behind)
    joined = [
        f.set(f"phi {p.type} [ {n.text}, %{before} ], [ {p.text}, %{after} ]")
        for n, p in zip(near, parts, strict=True)
    ]
    q, r, low = (Value(e, t, p.dtype, p.lanes) for t, p in zip(joined, near, strict=True))
    return q, r, low


def _result(parts: Any) -> str:
    return f"{{ {', '.join(p.type for p in parts)} }}"


def _function(e: Any, lanes: int) -> str:
    """Return the name of the function for vectors of so many angles."""
    name = f"far_angle_{lanes}"
    if name in e.declarations.lines:
        return name
    dtype = np.dtype(np.float64)
    f = Function(name, [], result="")
    inner = type(e)(f, e.declarations, e.machine)
    x = Value(inner, "%x", dtype, lanes)
    f.parameters.append((x.type, "%x"))
    with inner.exactly():
        parts = _far(inner, x)
    f.result = _result(parts)
    text = "poison"
    for i, part in enumerate(parts):
        text = f.set(f"insertvalue {f.result} {text}, {part.typed}, {i}")
    f.write(f"ret {f.result} {text}")
    e.declarations.lines[name] = f.text("noinline #0", "internal ")
    return name


def _far(e: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return quarter turns and the rest of finite angles, by the digits of 2/π that matter."""
    bits = e.bits(e.fabs(x))
    exponent = e.shifted_right(bits, 52) - 1023
    mantissa = (bits & (2**52 - 1)) | 2**52
    place = e.maximum(e.minimum(exponent, 1024) + (_BEFORE - 54), 0)
    digits = _digits(e, place)
    product = _product(e, mantissa, digits)
    # the product's two highest bits are quarter turns, the others a fraction of one, counted from the nearest
    high = _joined(e, product[5], product[4], product[3])
    low = _joined(e, product[3], product[2], product[1])
    turns = e.shifted_right_zero(product[5], 30) + e.shifted_right_zero(high, 63)
    r, rest = _angle(e, high, low)
    is_negative = x < 0.0
    r = e.chosen(e.isfinite(x), r, e.number(np.nan, x))
    flip = e.chosen(is_negative, -1.0, e.number(1.0, x))
    return e.chosen(is_negative, e.negative(turns), turns), r * flip, rest * flip


def _digits(e: Any, place: Any) -> list[Any]:
    """Return six words of 2/π from a place on, the lowest first."""
    table = coefficients.TWO_OVER_PI
    words = ", ".join(f"i32 {w}" for w in table)
    pointer = e.declarations.constant("two_over_pi", f"[{len(table)} x i32]", f"[{words}]")
    index = e.shifted_right(place, 5)
    shift = place & 31
    loaded = [e.looked_up(pointer, index + i if i else index) for i in range(_WORDS + 1)]
    result = []
    for first, second in itertools.pairwise(loaded):
        both = e.shifted_left(first, 32) | second
        shifted = e.binary("shl", both, shift)
        result.append(e.shifted_right_zero(shifted, 32))
    return result[::-1]


def _product(e: Any, mantissa: Any, digits: list[Any]) -> list[Any]:
    """Return the lowest six words of a product, the lowest first."""
    low, high = mantissa & _WORD, e.shifted_right_zero(mantissa, 32)
    carry = before = None
    words = []
    for digit in digits:
        first = low * digit
        total = first & _WORD
        over = e.shifted_right_zero(first, 32)
        if before is not None:
            second = high * before
            total, over = total + (second & _WORD), over + e.shifted_right_zero(second, 32)
            total = total + carry
        words.append(total & _WORD)
        carry = over + e.shifted_right_zero(total, 32)
        before = digit
    return words


def _joined(e: Any, high: Any, middle: Any, low: Any) -> Any:
    """Return 64 bits of three words, from the third on."""
    upper = e.shifted_left(high, 34) | e.shifted_left(middle, 2)
    return upper | e.shifted_right_zero(low, 30)


def _angle(e: Any, high: Any, low: Any) -> tuple[Any, Any]:
    """Return π/2 times the fraction `high / 2^64 + low / 2^128`, in two parts."""
    double = np.dtype(np.float64)
    a = e.cast(e.shifted_right(high, 32), double) * 2.0**-32
    b = e.cast(high & _WORD, double) * 2.0**-64
    c = e.cast(e.shifted_right_zero(low, 32), double) * 2.0**-96
    d = e.cast(low & _WORD, double) * 2.0**-128
    total, lost = sum_parts(a, b)
    total, more = sum_parts(total, c)
    total, rest = ordered_sum_parts(total, lost + more + d)
    first, second = np.pi / 2, 6.123233995736766e-17
    product, error = product_parts(e, total, first)
    return ordered_sum_parts(product, error + (total * second + rest * first))
