"""Arithmetic: sums, products, quotients, powers, roots."""

from __future__ import annotations

import numpy as np

from chainrule.core.op import Notation, Sample, infix
from chainrule.core.types import PYTHON_NUMBERS, Value
from chainrule.ops.elementwise import broadcasts, elementwise
from chainrule.ops.refusals import negative_exponent

elementwise(
    "add",
    np.add,
    partials=(lambda out, x, y: 1.0, lambda out, x, y: 1.0),
    notation=infix("+", 10),
)
elementwise(
    "subtract",
    np.subtract,
    partials=(lambda out, x, y: 1.0, lambda out, x, y: -1.0),
    notation=infix("-", 10),
)
elementwise(
    "multiply",
    np.multiply,
    partials=(lambda out, x, y: y, lambda out, x, y: x),
    notation=infix("*", 20),
)


def _one_over(y: Value) -> Value:
    """1 / y, by NumPy's rules for a zero, also where Python has its own."""
    return np.divide(1, y) if type(y) in PYTHON_NUMBERS and y == 0 else 1 / y


elementwise(
    "divide",
    np.divide,
    partials=(lambda out, x, y: _one_over(y), lambda out, x, y: -out / y),
    notation=infix("/", 20),
    domain=(0.5, 2.0),
)
elementwise("negative", np.negative, partials=(lambda out, x: -1.0,), notation=Notation("-{0}", 30))
elementwise("positive", np.positive, partials=(lambda out, x: 1.0,), notation=Notation("+{0}", 30))


def power_by_base(out: Value, x: Value, y: Value) -> Value:
    """`y * x ** (y - 1)`, and 0 where `y` is 0, also for the base 0."""
    if type(y) not in PYTHON_NUMBERS:
        return y * np.power(x, np.where(y == 0, 1, y - 1.0))
    if y == 0:
        return 0.0
    if y == 1:
        return 1.0
    return y * x if y == 2 else y * np.power(x, y - 1)


def power_by_exponent(out: Value, x: Value, y: Value) -> Value:
    """`out * log(x)`, and 0 for the base 0, whose powers are constant on either side of `y = 0`."""
    logarithm = np.log(np.where(x == 0, 1, x))
    return out * (logarithm.item() if type(x) in PYTHON_NUMBERS else logarithm)


elementwise(
    "power",
    np.power,
    partials=(power_by_base, power_by_exponent),
    refuses=negative_exponent,
    notation=infix("**", 40),
    samples=(
        *broadcasts(2, (0.3, 2.0)),
        Sample((2, 3), 2),
        Sample((2, 3), 3),
        Sample((2, 3), 0),
        Sample((2, 3), np.array([0, 1, 3])),
        Sample((2, 3), -0.5, domain=(0.3, 2.0)),
        Sample(2.0, (2, 3)),
    ),
)

elementwise(
    "float_power",
    np.float_power,
    partials=(power_by_base, power_by_exponent),
    samples=(
        Sample((2, 3), (3,), domain=(0.3, 2.0)),
        Sample((2, 3), 2),
        Sample((), (2,), domain=(0.3, 2.0)),
    ),
)

elementwise("square", np.square, partials=(lambda out, x: 2 * x,))
elementwise("reciprocal", np.reciprocal, partials=(lambda out, x: -out * out,), domain=(0.4, 2.0))
elementwise("sqrt", np.sqrt, partials=(lambda out, x: 0.5 / out,), domain=(0.3, 2.0))
elementwise("cbrt", np.cbrt, partials=(lambda out, x: 1 / (3 * out * out),), domain=(0.3, 2.0))
