"""Functions and generators that outlive the statement that makes them, and read variables that change later.

They see the variables of the function that runs the statement. A part of a step is another function with variables of
its own: what it makes must not live on, and what Python has made does not see what a part binds before it has returned.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from chainrule.compiler.splitting.definitions import functions_named
from chainrule.compiler.splitting.names import (
    Names,
    bindings_in,
    bound_by,
    declared_in,
    parameters_of,
    read_by,
)
from chainrule.compiler.splitting.source import Source

_CONSUMING = (sum, max, min, any, all, list, tuple, dict, set, frozenset, sorted)
"""Builtin functions that are through with what they are given when they return."""

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def outliving_of(statement: ast.stmt, source: Source, functions: Mapping[str, ast.stmt]) -> str:
    """Return a variable that something made here reads later, and that may have another value then; empty if none is.

    Args:
        statement: may be run in a part.
        source: the function it stands in.
        functions: by name, the statements that only make a function.
    """
    steady = _bound_once_ahead(source, statement.lineno)
    for closure in _living_on((statement,), source, functions):
        later = _read_later(closure, functions) & source.locals - steady
        if later:
            return min(later)
    return ""


def late_names(
    python: Sequence[ast.AST], source: Source, functions: Mapping[str, ast.stmt]
) -> Names:
    """Return the variables that what Python makes reads later, and that may have another value then."""
    found: set[str] = set()
    for closure in _living_on(python, source, functions):
        steady = _bound_once_ahead(source, closure.lineno)
        found |= _read_later(closure, functions) & source.locals - steady
    return frozenset(found)


def _bound_once_ahead(source: Source, line: int) -> Names:
    """Return the names that are bound in one place, and that is ahead of a line and in no loop."""
    times = Counter([*source.parameters, *bindings_in(source.body)])
    found: set[str] = set(source.parameters)
    for statement in source.body:
        if statement.lineno < line:
            found |= _bound_outside_loops(statement)
    return frozenset([name for name in found if times[name] == 1])


def _bound_outside_loops(statement: ast.stmt) -> Names:
    looped = bound_by([x for x in ast.walk(statement) if isinstance(x, _LOOPS)])
    return bound_by([statement]) - looped


def _read_later(node: ast.AST, functions: Mapping[str, ast.stmt]) -> Names:
    """Return the names that something made looks up when it runs, and the functions that it calls then."""
    found = set(_read_by(node))
    named = functions_named(frozenset(found), functions)
    for name in named:
        found |= _read_by(functions[name])
    return frozenset(found - named)


def _read_by(node: ast.AST) -> Names:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        own = parameters_of(node.args) | (bound_by(body) - declared_in(body))
        return read_by(body) - own
    return read_by([node])


def _living_on(
    nodes: Sequence[ast.AST], source: Source, functions: Collection[str]
) -> Iterator[Any]:
    """Yield the functions, classes and generators that are made, and not just called, or used up by a call."""
    calls = [x for node in nodes for x in ast.walk(node) if isinstance(x, ast.Call)]
    used = {id(x) for call in calls for x in _used_up(call, source)}
    pending = list(nodes)
    while pending:
        node = pending.pop()
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        is_made = is_function or isinstance(node, (ast.ClassDef, ast.GeneratorExp))
        is_made = is_made or (isinstance(node, ast.Name) and node.id in functions)
        if is_made and id(node) not in used:
            yield node
        if not is_function:
            pending += ast.iter_child_nodes(node)


def _used_up(call: ast.Call, source: Source) -> Sequence[ast.AST]:
    """Return what does not outlive a call: what it calls, what a builtin uses up, and what is differentiated in it."""
    given = [*call.args, *[k.value for k in call.keywords]]
    if any(source.resolved(call.func) is f for f in _CONSUMING):
        return given
    if isinstance(call.func, ast.Call):
        maker = source.resolved(call.func.func)
        module = getattr(maker, "__module__", None) or ""
        return call.func.args if module.startswith("chainrule.") else ()
    return (call.func,)
