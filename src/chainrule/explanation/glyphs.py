"""What a picture shows of a value: the sign of its gate, its name, its number and its gradient, as short texts."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.core.op import Notation
from chainrule.core.trace import OUTPUT
from chainrule.core.types import PYTHON_NUMBERS
from chainrule.explanation.formula import BRIEF, Symbol, written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.wires import Edge, Wire

_LONGEST_ARRAY = 26
_LONGEST_LOCAL = 18
_SIGNS = {"*": "×", "-": "−", "/": "÷", "@": "@", "**": "^", "+": "+"}
_SYMBOLS = {"sigmoid": "σ", "negative": "−", "transpose": "ᵀ", "sum": "Σ", "sqrt": "√"}
_NARROW = frozenset("iljtf.,:;'|![]() ·")
_WIDE = frozenset("mwMW@%∂‖→…")


@dataclass(frozen=True)
class Glyph:
    """One value in a picture.

    Attributes:
        symbol: what stands in the gate: `×`, `exp`; of an input its name.
        name: what the user calls the value; empty where the gate says it, or nobody does.
        value: the number that came forward, or the shape and size of an array.
        gradient: the number that came back.
        kind: an input of the program, an op, or several steps folded into one.
    """

    symbol: str
    name: str
    value: str
    gradient: str
    kind: Literal["input", "op", "fold"] = "op"


def glyph(wire: Wire, digits: Digits) -> Glyph:
    """Return what is shown of a wire."""
    name = wire.label.name if isinstance(wire.label, Symbol) else ""
    is_input = wire.node.op is None
    symbol = name if is_input else gate_symbol(wire, digits)
    is_numbered = re.fullmatch(r"v\d+(\[.*\])?", name)
    return Glyph(
        symbol=symbol,
        name="" if is_input or is_numbered else name,
        value=shown(wire.value, digits),
        gradient=shown(wire.total, digits, mark="‖∇‖ "),
        kind="input" if is_input else "op",
    )


def gate_symbol(wire: Wire, digits: Digits) -> str:
    """Return the sign of an op, with a constant operand beside it: `×`, `0.5 ×`, `^ 2`, `exp`."""
    node = wire.node
    if node.op is OUTPUT:
        return f"[{node.params['index']}]"
    assert node.op is not None
    sign = _infix(node.op.notation)
    if sign is None:
        return _SYMBOLS.get(node.op.name, node.op.name)
    if len(node.args) != 2:
        return sign
    left, right = (_constant(a, p, digits) for a, p in zip(node.args, node.parents, strict=True))
    return " ".join(part for part in (left, sign, right) if part)


def _infix(notation: Notation) -> str | None:
    """Return the sign between two operands, None of a notation that is not written so."""
    parts = [
        (literal, place) for literal, place, _, _ in string.Formatter().parse(notation.template)
    ]
    if len(parts) != 2 or parts[0] != ("", "0") or parts[1][1] != "1":
        return None
    return _SIGNS.get(parts[1][0].strip(), parts[1][0].strip())


def _constant(argument: Any, parent: Any, digits: Digits) -> str:
    """Return a constant number as it is written; nothing for what is traced or an array."""
    if parent is not None:
        return ""
    if type(argument) in PYTHON_NUMBERS or np.ndim(argument) == 0:
        return digits.number(argument)
    return "c"


def shown(value: Any, digits: Digits, *, mark: str = "") -> str:
    """Write a number or a small array in full; of a larger array its shape, or with a mark its norm behind it."""
    if type(value) is tuple:
        return " ".join(shown(part, digits, mark=mark) for part in value[:2])
    if not np.ndim(value):
        return digits.number(value)
    text = digits.number(value)
    if text.startswith("[") and len(text) <= _LONGEST_ARRAY:
        return text
    if mark:
        return mark + digits.number(float(np.linalg.norm(np.ravel(value))))
    return "×".join(map(str, np.shape(value))) + (" vector" if np.ndim(value) == 1 else "")


def local_text(edge: Edge, digits: Digits) -> str:
    """Write the local derivative of an edge as short as it goes: `× −4`; of a product its formula, if that is short."""
    if edge.local is None:
        text = written(edge.formula, digits.names)
        return text if len(text) <= _LONGEST_LOCAL else ""
    if np.ndim(edge.local):
        text = digits.number(edge.local)
        return f"× {text}" if text.startswith("[") and len(text) <= _LONGEST_ARRAY else ""
    return f"× {digits.number(edge.local)}"


def weight(contribution: Any) -> float:
    """Return the size of a contribution: of an array its norm; NaN counts as nothing to draw."""
    if type(contribution) is tuple:
        return sum(map(weight, contribution))
    size = float(np.linalg.norm(np.ravel(contribution)))
    return size if np.isfinite(size) else 0.0


def sign(contribution: Any) -> int:
    """Return the sign of a contribution, of an array that of its sum; 0 where nothing is handed on."""
    if type(contribution) is tuple:
        return 1 if weight(contribution) else 0
    total = np.sum(contribution).real
    if not np.any(contribution):
        return 0
    return -1 if total < 0 else 1


def label_of(wire: Wire) -> str:
    """Return what a wire is called in words: its name or its short formula."""
    return written(wire.label, BRIEF)


def text_width(text: str, size: float) -> float:
    """Estimate how wide a text is in a sans-serif font; on the safe side."""
    return size * sum(map(_em, text))


def _em(character: str) -> float:
    """Return the width of a character in a wide font of the kind, in parts of its size."""
    if character in _NARROW:
        return 0.42
    if character in _WIDE:
        return 1.0
    return 0.74 if character.isupper() else 0.635
