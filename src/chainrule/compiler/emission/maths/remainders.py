"""The exact remainder of a division, for which no processor has an instruction."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.instructions import Function
from chainrule.compiler.emission.values import Value

_DIGITS = {4: 22, 8: 51}
_MANTISSA = {4: 23, 8: 52}


def exact_remainder(e: Any, x: Any, y: Any) -> Any:
    """Return the remainder of `x / y` with the sign of `x`, exactly, as fmod does."""
    size, divisor = e.fabs(x), e.fabs(y)
    with e.exactly():
        rest = _step(e, size, divisor)
        is_far = size / divisor >= 2.0 ** _DIGITS[x.dtype.itemsize]
        is_far = is_far & e.isfinite(x) & (divisor > 0.0)
        rest = _far_remainder(e, size, divisor, is_far, rest)
    rest = e.chosen(e.equal(divisor, np.inf) & e.isfinite(x), size, rest)
    bad = e.equal(divisor, 0.0) | ~e.isfinite(x) | e.isnan(y)
    rest = e.chosen(bad, e.number(np.nan, x), rest)
    return e.copysign(rest, x)


def _step(e: Any, x: Any, y: Any) -> Any:
    """Return the remainder of positive numbers whose quotient is below the number of digits of a float."""
    n = e.trunc(x / y)
    product = n * y
    error = e.product_error(n, y, product)
    rest = (x - product) - error
    rest = e.chosen(rest < 0.0, rest + y, rest)
    return e.chosen(rest >= y, rest - y, rest)


def _far_remainder(e: Any, x: Any, y: Any, is_far: Any, near: Any) -> Any:
    """Return `near`, or in lanes that are far the remainder, from a function of its own."""
    f = e.function
    name = _function(e, x)
    before, far, behind = f.label, f.new("far"), f.new("behind")
    f.write(f"br i1 {e.in_any_lane(is_far)}, label %{far}, label %{behind}")
    f.begin(far)
    text = f.set(f"call {x.type} @{name}({x.typed}, {y.typed})")
    rest = e.chosen(is_far, Value(e, text, x.dtype, x.lanes), near)
    after = f.label
    f.write(f"br label %{behind}")
    f.begin(behind)
    joined = f.set(f"phi {x.type} [ {near.text}, %{before} ], [ {rest.text}, %{after} ]")
    return Value(e, joined, x.dtype, x.lanes)


def _function(e: Any, x: Any) -> str:
    """Return the name of the function: it takes off multiples of `y · 2^k`, the largest first."""
    name = f"far_remainder_{x.dtype.char}{x.lanes}"
    if name in e.declarations.lines:
        return name
    f = Function(name, [(x.type, "%x"), (x.type, "%y")], result=x.type)
    inner = type(e)(f, e.declarations, e.machine)
    rest, y = (Value(inner, t, x.dtype, x.lanes) for t in ("%x", "%y"))
    with inner.exactly():
        loop, done = f.new("loop"), f.new("done")
        start = f.label
        f.write(f"br label %{loop}")
        f.begin(loop)
        at = len(f.lines)
        name_in = f"%{f.new('rest')}"
        rest = Value(inner, name_in, x.dtype, x.lanes)
        following, go_on = _reduced_once(inner, rest, y)
        f.write(f"br i1 {inner.in_any_lane(go_on)}, label %{loop}, label %{done}")
        f.lines[at:at] = [
            f"  {name_in} = phi {x.type} [ %x, %{start} ], [ {following.text}, %{loop} ]"
        ]
        f.begin(done)
    f.write(f"ret {x.type} {following.text}")
    e.declarations.lines[name] = f.text("noinline #0", "internal ")
    return name


def _reduced_once(e: Any, rest: Any, y: Any) -> tuple[Any, Any]:
    """Return what is left after multiples of `y`, or of `y` times a power of 2, and whether that is too much."""
    size = rest.dtype.itemsize
    shift = _exponent(e, rest) - _exponent(e, y) - float(_DIGITS[size] - 2)
    # In two steps, each within the exponents' range.
    half = e.to_nearest(e.chosen(shift > 0.0, shift, 0.0) * 0.5)
    after = _step(e, rest, e.scaled(e.scaled(y, half), half))
    after = e.chosen(e.isfinite(rest) & (y > 0.0), after, 0.0)
    return after, (after >= y) & (y > 0.0)


def _exponent(e: Any, x: Any) -> Any:
    """Return the exponent of positive floats, also of those so small that their bits do not show it."""
    size = x.dtype.itemsize
    digits = _MANTISSA[size] + 1
    is_small = x < 2.0 ** (-60 if size == 4 else -900)
    shown = e.chosen(is_small, x * 2.0**digits, x)
    exponent = e.cast(e.shifted_right(e.bits(shown), _MANTISSA[size]), x.dtype)
    return e.chosen(is_small, exponent - float(digits), exponent)
