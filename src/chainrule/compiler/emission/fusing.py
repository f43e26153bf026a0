"""A product and the sum it goes into become one instruction, which rounds once.

LLVM would do that itself where it may, but not in code that it makes in haste; here every tier of code gets the same
bits. The emitter marks products and sums of floats as `contract` where one rounding may do, and on a machine that has
no such instruction the marks go away.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from chainrule.compiler.emission.instructions import Declarations, Function
from chainrule.compiler.machine_code.machine import Machine

MARK = "contract "
_NAME = re.compile(r"%t\d+")
_MARKED = re.compile(r"  (%t\d+) = (fmul|fadd|fsub) contract +(<[^>]*>|\w+) (.*)")
_NEGATED = re.compile(r"  (%t\d+) = fneg (?:<[^>]*>|\w+) (%t\d+)$")
_BITS = {"half": "f16", "float": "f32", "double": "f64"}
_SET_AND_USED = 2
"""A name that is used once occurs twice."""


class _Marked(NamedTuple):
    """A marked instruction: the name of its result, what it does, the type, and the texts of two operands."""

    name: str
    instruction: str
    type: str
    operands: tuple[str, str]


class _Product(NamedTuple):
    """A product that may become part of a sum: its lines, its factors, and whether it is negated."""

    lines: tuple[int, ...]
    factors: tuple[str, str]
    is_negated: bool


def fuse(f: Function, declarations: Declarations, machine: Machine) -> None:
    """Take the marks out of a function, and write sums of products as one instruction where the machine has it.

    A product is fused if nothing else uses it: `x * x - x * x` stays zero. It is taken from the same block, so that no
    loop computes again what was computed before it.
    """
    if not any(MARK in line for line in f.lines):
        return
    if machine.has_fma:
        f.lines = _fused(f.lines, declarations)
    f.lines = [line.replace(MARK, "", 1) for line in f.lines]


def _fused(lines: list[str], declarations: Declarations) -> list[str]:
    occurrences = Counter(_NAME.findall("\n".join(lines)))
    products: dict[str, _Product] = {}
    written: list[tuple[str, ...]] = [(line,) for line in lines]
    for i, line in enumerate(lines):
        if not line.startswith(" "):  # a label
            products.clear()
        elif f" {MARK}" in line:
            marked = _read(line)
            if marked.instruction == "fmul":
                if occurrences[marked.name] == _SET_AND_USED:
                    products[marked.name] = _Product((i,), marked.operands, is_negated=False)
                continue
            which = next((k for k, x in enumerate(marked.operands) if x in products), None)
            if which is not None:
                product = products.pop(marked.operands[which])
                for k in product.lines:
                    written[k] = ()
                written[i] = _one(declarations, marked, product, which)
        elif " = fneg " in line:
            negated = _NEGATED.match(line)
            if negated and negated[2] in products and occurrences[negated[1]] == _SET_AND_USED:
                before = products.pop(negated[2])
                products[negated[1]] = _Product(
                    (*before.lines, i), before.factors, not before.is_negated
                )
    return [line for part in written for line in part]


def _read(line: str) -> _Marked:
    found = _MARKED.match(line)
    assert found is not None, line
    name, instruction, kind, operands = found.groups()
    first, second = operands.split(", ")
    return _Marked(name, instruction, kind, (first, second))


def _one(
    declarations: Declarations, marked: _Marked, product: _Product, which: int
) -> tuple[str, ...]:
    """Write a product and a sum, or a difference, as one instruction; what it takes away is negated before, exactly."""
    name, instruction, kind, operands = marked
    factor, other = product.factors[0], operands[1 - which]
    is_difference = instruction == "fsub"
    written = []
    if product.is_negated != (is_difference and which == 1):
        written.append(f"  {name}.p = fneg {kind} {factor}")
        factor = f"{name}.p"
    if is_difference and which == 0:
        written.append(f"  {name}.s = fneg {kind} {other}")
        other = f"{name}.s"
    function = f"llvm.fma.{_suffix(kind)}"
    declarations.declare(function, kind, [kind, kind, kind])
    given = ", ".join(f"{kind} {x}" for x in (factor, product.factors[1], other))
    return (*written, f"  {name} = call {kind} @{function}({given})")


def _suffix(kind: str) -> str:
    """Return what intrinsics call a type: `v8f32` for `<8 x float>`."""
    lanes, _, element = kind.strip("<>").rpartition(" x ")
    return f"v{lanes}{_BITS[element]}" if lanes else _BITS[element]
