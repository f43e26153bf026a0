"""How one call of an op is written: its notation, with the options without which it could not be read."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Notation, called
from chainrule.core.trace import Node
from chainrule.core.types import Shape
from chainrule.explanation.typeset import ATOM

_SELECTING = frozenset({"getitem", "setitem", "scatter"})
_LOOSE = 4
_SHOWN = ("axis", "repeats", "shift", "offset", "k", "n")


def notation_of(node: Node) -> Notation:
    """Return how the call that made a node is written: `sum(x, axis=0)`, `x[:, None]`, `concatenate(a, b, axis=1)`."""
    op, params = node.op, node.params
    assert op is not None
    notation = op.notation
    if op.name in _SELECTING and "index" in params:
        index = f"[{index_text(params['index'])}]"
        if op.name == "scatter":
            return Notation(f"zeros with {{0}} at {index}", _LOOSE)
        return Notation(notation.template.replace("[…]", index), notation.precedence)
    if op.name == "transpose":
        return notation if _is_matrix_transpose(params.get("axes")) else called("transpose", 1)
    if op.name == "sum_to":
        return _summing(type_of(node.args[0]).shape, node.type.shape)
    if notation.precedence < ATOM or not notation.template.endswith(")"):
        return notation
    fields = sum(part[1] is not None for part in string.Formatter().parse(notation.template))
    if fields < len(node.args):  # a function of any number of arguments
        notation = called(op.name, len(node.args))
    options = [f"{k}={_plain(params[k])}" for k in _SHOWN if _is_worth_showing(k, node)]
    inside = ", ".join([notation.template[:-1], *options])
    return Notation(f"{inside})")


def index_text(index: Sequence[Any]) -> str:
    """Write a canonical index: `:, None`, `1:, 0`; an index array is a `…`.

    >>> (
    ...     index_text((slice(None), None)),
    ...     index_text((slice(1, None, 2), 0)),
    ...     index_text((Ellipsis, None)),
    ... )
    (':, None', '1::2, 0', '…, None')
    """
    return ", ".join(_index_part(i) for i in index)


def _index_part(part: Any) -> str:
    if isinstance(part, slice):
        start, stop = ("" if x is None else str(x) for x in (part.start, part.stop))
        return f"{start}:{stop}" + ("" if part.step is None else f":{part.step}")
    return str(part) if part is None or isinstance(part, (int, np.integer)) else "…"


def _is_matrix_transpose(axes: Any) -> bool:
    """Say whether the last two axes are swapped, and no others."""
    if axes is None:
        return True
    n = len(axes)
    return n >= 2 and tuple(axes) == (*range(n - 2), n - 1, n - 2)


def _is_worth_showing(name: str, node: Node) -> bool:
    """Say whether an option changes how the call is read: an axis does not if all axes are meant."""
    value = node.params.get(name)
    if name != "axis":
        return type(value) is int
    if type(value) is not tuple:
        return type(value) is int
    return bool(node.args) and len(value) < len(type_of(node.args[0]).shape)


def _plain(value: Any) -> str:
    return str(value[0] if type(value) is tuple and len(value) == 1 else value)


def _summing(shape: Shape, target: Shape) -> Notation:
    """Return how a sum over the axes that were broadcast is written."""
    new = len(shape) - len(target)
    axes = [i for i, n in enumerate(shape) if i < new or target[i - new] != n]
    if len(axes) == len(shape):
        return called("sum", 1)
    return Notation(f"sum({{0}}, axis={_plain(tuple(axes))})")
