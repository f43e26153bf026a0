"""An explanation as LaTeX: every gradient in three lines, with names, with numbers, and its value."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

from chainrule.explanation.formula import BRIEF, Call, Expression, Number, Symbol, written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.wires import Wire

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

_TEMPLATES = {
    # op: how it is set, how tightly it binds
    "multiply": (r"{0} \cdot {1}", 20),
    "divide": (r"\frac{{{0}}}{{{1}}}", 100),
    "power": (r"{0}^{{{1}}}", 40),
    "exp": (r"e^{{{0}}}", 100),
    "sqrt": (r"\sqrt{{{0}}}", 100),
    "absolute": (r"\left|{0}\right|", 100),
    "sigmoid": (r"\sigma({0})", 100),
    "log": (r"\ln({0})", 100),
    "sin": (r"\sin({0})", 100),
    "cos": (r"\cos({0})", 100),
    "tanh": (r"\tanh({0})", 100),
    "matmul": (r"{0} \, {1}", 20),
}
_ENCLOSED = {
    "divide": (0, 1),
    "power": (1,),
    "exp": (0,),
    "sqrt": (0,),
    "absolute": (0,),
    "sigmoid": (0,),
}
_SPECIAL = re.compile(r"([#$%&_{}])")
_MOST = 200


def explanation_latex(explanation: Explanation, digits: int, *, standalone: bool) -> str:
    """Return an `align*`, or a whole document that holds it."""
    rows: list[str] = []
    for wire in list(reversed(explanation.graph.wires))[:_MOST]:
        if wire.readers:
            rows += _gradient(explanation, wire, Digits(digits))
    body = " \\\\\n".join(rows)
    align = f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
    if not standalone:
        return align
    return f"\\documentclass{{article}}\n\\usepackage{{amsmath}}\n\\begin{{document}}\n{align}\n\\end{{document}}\n"


def _gradient(explanation: Explanation, wire: Wire, digits: Digits) -> list[str]:
    """Return the lines of one gradient: symbolic, substituted, numeric; of an array step the symbolic one."""
    name = _derivative(explanation, wire)
    symbolic = []
    for edge in wire.readers:
        upstream = _derivative(explanation, edge.target)
        if edge.local is None:
            symbolic.append(_set(edge.formula, None).replace("\\mathit{g}", upstream))
            continue
        symbolic.append(f"{_grouped(edge.formula)} \\cdot {upstream}")
    lines = [f"{name} &= {' + '.join(symbolic)}"]
    if any(e.local is None for e in wire.readers) or _is_array(wire.total):
        return lines
    terms = [
        f"{_number(e.local, digits)} \\cdot {_number(e.target.total, digits)}" for e in wire.readers
    ]
    parts = [x for e in wire.readers for x in (e.local, e.target.total)]
    relation = {"=": "=", "≈": "\\approx"}
    lines.append(f"&{relation[digits.equals(*parts)]} {' + '.join(terms)}")
    lines.append(f"&{relation[digits.equals(wire.total, *parts)]} {_number(wire.total, digits)}")
    return lines


def _derivative(explanation: Explanation, wire: Wire) -> str:
    outcome = _name(explanation.outcome)
    name = _set(wire.label, None)
    if wire is explanation.graph.output:
        name = outcome
    elif not isinstance(wire.label, Symbol):
        name = f"({name})"
    return f"\\frac{{\\partial {outcome}}}{{\\partial {name}}}"


def _grouped(formula: Expression) -> str:
    text = _set(formula, None)
    is_sum = isinstance(formula, Call) and formula.notation.precedence <= 10
    return f"({text})" if is_sum or text.startswith("-") else text


def _set(expression: Expression, parent: tuple[int, int] | None) -> str:
    """Set a formula; `parent` is how tightly the call around it binds, and the place in it."""
    if isinstance(expression, Symbol):
        return _name(expression.name)
    if isinstance(expression, Number):
        text = _plain_number(expression.value)
        return (
            f"({text})"
            if text.startswith("-") and parent is not None and (parent[1] or parent[0] >= 40)
            else text
        )
    template, precedence = _TEMPLATES.get(expression.name, (None, expression.notation.precedence))
    if template is None and precedence == 100:
        inside = ", ".join(_set(a, None) for a in expression.arguments)
        return f"\\operatorname{{{_escaped(expression.name)}}}({inside})"
    if template is None:
        template = expression.notation.template.replace("ᵀ", "^\\top ")
        template = "".join(
            literal + ("" if field is None else f"{{{field}}}")
            for literal, field, _, _ in string.Formatter().parse(template)
        )
    enclosed = _ENCLOSED.get(expression.name, ()) if precedence != 100 else range(9)
    parts = [
        _set(a, None if i in enclosed else (precedence, i))
        for i, a in enumerate(expression.arguments)
    ]
    text = template.format(*parts)
    if parent is None:
        return text
    outer, place = parent
    loose = precedence < outer or (precedence == outer and (place > 0 or outer in {30, 40}))
    return f"({text})" if loose or (place and text.startswith("-")) else text


def _name(name: str) -> str:
    """Set a name: W1[0,0] is W1 with the index below."""
    match = re.fullmatch(r"(.*?)\[([\d,\s]+)\]", name)
    base, index = (match[1], match[2]) if match else (name, "")
    if not base.isidentifier():
        base = f"\\text{{{_escaped(base)}}}"
    elif len(base) > 1 or base == "g":
        base = f"\\mathit{{{_escaped(base)}}}"
    return f"{base}_{{{index}}}" if index else base


def _escaped(text: str) -> str:
    return (
        _SPECIAL.sub(r"\\\1", text)
        .replace("…", "\\ldots{}")
        .replace("#", "")
        .replace("∂", "$\\partial$")
    )


def _plain_number(value: Any) -> str:
    return _power_of_ten(written(Number(value), BRIEF))


def _number(value: Any, digits: Digits) -> str:
    text = _power_of_ten(digits.number(value).replace("−", "-"))
    return f"({text})" if text.startswith("-") else text


def _power_of_ten(text: str) -> str:
    """Set 1e-05 as a power of ten."""
    mantissa, e, exponent = text.partition("e")
    return (
        f"{mantissa} \\times 10^{{{int(exponent)}}}"
        if e and exponent.lstrip("+-").isdigit()
        else text
    )


def _is_array(x: Any) -> bool:
    return type(x) is tuple or getattr(x, "ndim", 0) > 0
