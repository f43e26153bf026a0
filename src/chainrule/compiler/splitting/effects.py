"""Statements that are there for what they do rather than for a value: Python runs these, once per call.

A part of a step is captured once and then not run any more. So what the syntax shows to be an effect is left out of the
parts from the start, though a step that is compiled as a whole may have it.
"""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.compiler.outside import VALUES_ONLY
from chainrule.compiler.splitting.names import bound_by
from chainrule.compiler.splitting.source import Source

_ACTING = (print, input, open, next, exec, eval, setattr, delattr, breakpoint)
"""Builtin functions that are called for what they do, or that take from what they are given."""

_NUMBERS = frozenset({"item", "tolist"})
"""Methods that make Python's numbers of NumPy's, which native code does not tell apart."""

_TAKING = frozenset(
    {
        *("pop", "popitem", "popleft", "setdefault", "send", "write", "read", "readline"),
        *("readlines", "recv", "acquire", "release", "__next__"),
    }
)
"""Methods that change the object they belong to and return something."""

_DRAWING = frozenset(
    name
    for kind in (np.random.Generator, np.random.RandomState, random.Random)
    for name in dir(kind)
    if not name.startswith("_")
) - {"bit_generator", "get_state", "getstate", "f", "power"}
"""Methods of random generators."""

_DRAWS = "it draws random numbers"
_PYTHONS_NUMBERS = "it makes numbers of Python's"


def effect_of(statement: ast.stmt, source: Source) -> str:
    """Say in a few words what a statement, or one inside of it, does besides computing; empty if nothing shows it."""
    if not source.declared.isdisjoint(bound_by([statement])):
        return "it sets a name of an outer scope"
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        effect = _effect(node, source)
        if effect:
            return effect
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            pending += ast.iter_child_nodes(node)
    return ""


def _effect(node: ast.AST, source: Source) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return "it is called for what it does"
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For)):
        return _effect_of_targets(node, source)
    if isinstance(node, ast.Call):
        return _effect_of_call(node, source)
    if isinstance(node, ast.Compare) and _asks_which(node):
        return "it asks whether two names stand for one object"
    return _EFFECTS.get(type(node), "")


_EFFECTS: dict[type[ast.AST], str] = {
    ast.With: "it enters a context",
    ast.ClassDef: "it defines a class",
    **dict.fromkeys((ast.Import, ast.ImportFrom), "it imports"),
    **dict.fromkeys((ast.Delete, ast.Global, ast.Nonlocal), "it changes which names there are"),
    **dict.fromkeys((ast.Await, ast.Yield, ast.YieldFrom), "it waits"),
    **dict.fromkeys((ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith), "it waits"),
}


def _effect_of_targets(
    node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For, source: Source
) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in _parts(targets):
        if isinstance(target, ast.Attribute):
            return "it sets an attribute"
        if isinstance(target, ast.Subscript) and not _is_local(target, source):
            return "it writes into what other code sees"
    return ""


def _asks_which(node: ast.Compare) -> bool:
    """Say whether objects are compared by `is`, other than with None, True and such: a part may have copies of them."""
    sides = [node.left, *node.comparators]
    return any(
        isinstance(op, (ast.Is, ast.IsNot)) and not any(isinstance(x, ast.Constant) for x in pair)
        for op, *pair in zip(node.ops, sides, sides[1:], strict=False)
    )


def _parts(targets: Iterable[ast.expr]) -> list[ast.expr]:
    """Return the single targets of an assignment."""
    found: list[ast.expr] = []
    for target in targets:
        if isinstance(target, (ast.Tuple, ast.List)):
            found += _parts(target.elts)
        else:
            found.append(target.value if isinstance(target, ast.Starred) else target)
    return found


def _is_local(target: ast.expr, source: Source) -> bool:
    """Say whether what an item is set of is reached from a local name, by items alone."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return isinstance(target, ast.Name) and target.id in source.locals


def _effect_of_call(node: ast.Call, source: Source) -> str:
    called = source.resolved(node.func)
    if any(called is function for function in _ACTING):
        return "it is called for what it does"
    if called is round:
        return _PYTHONS_NUMBERS
    if not isinstance(node.func, ast.Attribute):
        module = getattr(called, "__module__", None)
        return _of_module(module) if isinstance(module, str) else ""
    holder = source.resolved(node.func.value)
    if isinstance(holder, ModuleType):
        return _of_module(holder.__name__)
    return _effect_of_method(node.func.attr, holder)


def _effect_of_method(name: str, holder: Any) -> str:
    """Say what a method does by its name; `holder` is what it belongs to, if that is known."""
    if name in _NUMBERS:
        return _PYTHONS_NUMBERS
    if name in _TAKING:
        return f"{name} changes what it belongs to"
    return _DRAWS if name in _DRAWING and not _is_other(holder) else ""


def _is_other(holder: Any) -> bool:
    """Say whether something is known and is no random generator."""
    return holder is not None and not hasattr(holder, "bit_generator")


def _of_module(name: str) -> str:
    if name == "numpy.random" or name.startswith("numpy.random."):
        return _DRAWS
    first = name.partition(".")[0]
    is_acting = first in sys.stdlib_module_names and first not in VALUES_ONLY
    if first == "random":
        return _DRAWS
    return f"{first} is not about values" if is_acting else ""
