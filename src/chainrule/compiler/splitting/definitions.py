"""Statements that only make a function: `def`, a lambda that is given a name, and `cr.grad` of such.

What they make has no state. So each part of a step makes the functions it calls anew, of the variables it was handed,
instead of being handed a function that is another one in every call.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.compiler.splitting.names import Names, bindings_in, bound_by, read_by
from chainrule.compiler.splitting.source import Source

_TRANSFORMS = frozenset({"grad", "value_and_grad", "jacobian", "hessian"})
_BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def functions_in(source: Source) -> dict[str, ast.stmt]:
    """Return the statements that only make a function, by its name, where that is never bound to anything else."""
    times = Counter([*source.parameters, *bindings_in(source.body), *_with_state(source.body)])
    found: dict[str, ast.stmt] = {}
    statements = [s for s in _every_statement(source.body) if _is_ahead(s, source)]
    while True:  # until no function is found that is made of those
        more = {
            name: statement
            for statement in statements
            if (name := _made_by(statement, source, found)) and times[name] == 1
        }
        if len(more) == len(found):
            return found
        found = more


def _is_ahead(statement: ast.stmt, source: Source) -> bool:
    """Say whether what a statement makes is named behind it in its block only, where it surely has been made."""
    block = _block_of(statement, source.body)
    behind = block[block.index(statement) :]
    names = bound_by([statement])
    return _times_named(names, behind) == _times_named(names, source.body)


def _block_of(statement: ast.stmt, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the block of a function that a statement stands in."""
    pending: list[Any] = [body]
    while True:
        block = pending.pop()
        if statement in block:
            return list(block)
        for node in block:
            fields = [x for _, x in ast.iter_fields(node)]
            pending += [
                x for x in fields if isinstance(x, list) and x and isinstance(x[0], _BLOCKS)
            ]


def _times_named(names: Names, body: Sequence[ast.stmt]) -> int:
    return sum([isinstance(x, ast.Name) and x.id in names for s in body for x in ast.walk(s)])


def _with_state(body: Sequence[ast.stmt]) -> list[str]:
    """Return the names of what has attributes set."""
    return [
        x.value.id
        for statement in body
        for x in ast.walk(statement)
        if isinstance(x, ast.Attribute)
        and isinstance(x.ctx, ast.Store)
        and isinstance(x.value, ast.Name)
    ]


def _every_statement(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a function, those in its blocks too, but not those of functions inside."""
    found = []
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt):
            found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            pending += [x for x in ast.iter_child_nodes(node) if isinstance(x, _BLOCKS)]
    return found


def _made_by(statement: ast.stmt, source: Source, known: dict[str, ast.stmt]) -> str:
    """Return the name of the function that a statement makes, and does nothing else; empty for other statements."""
    if isinstance(statement, ast.FunctionDef):
        is_bare = not statement.decorator_list and _is_bare(statement.args)
        return statement.name if is_bare and statement.name not in source.declared else ""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target = statement.targets[0]
    is_local = isinstance(target, ast.Name) and target.id in source.locals
    if is_local and _is_function(statement.value, source, known):
        assert isinstance(target, ast.Name)
        return target.id
    return ""


def _is_bare(arguments: ast.arguments) -> bool:
    """Say whether a function has no defaults, which are computed where it is defined."""
    return not arguments.defaults and all(d is None for d in arguments.kw_defaults)


def _is_function(value: ast.expr, source: Source, known: dict[str, ast.stmt]) -> bool:
    if isinstance(value, ast.Lambda):
        return _is_bare(value.args)
    if not isinstance(value, ast.Call) or not _is_maker(value.func, source):
        return False
    given = [*value.args, *[k.value for k in value.keywords]]
    is_partial = source.resolved(value.func) is functools.partial
    if is_partial and any(isinstance(x, ast.List) for g in given for x in ast.walk(g)):
        return False  # it may be added to from call to call
    return all(_is_fixed(x, source, known) for x in given)


def _is_maker(function: ast.expr, source: Source) -> bool:
    called = source.resolved(function)
    module = getattr(called, "__module__", None) or ""
    is_transform = module.startswith("chainrule.autodiff") and called.__name__ in _TRANSFORMS
    return is_transform or called is functools.partial


def _is_fixed(x: ast.expr, source: Source, known: dict[str, ast.stmt]) -> bool:
    """Say whether an argument is a function, or written out."""
    if isinstance(x, (ast.Tuple, ast.List)):
        return all(_is_fixed(e, source, known) for e in x.elts)
    if isinstance(x, ast.Name):
        return x.id in known or x.id not in source.locals
    return isinstance(x, ast.Constant) or _is_function(x, source, known)


def with_functions(
    statements: Sequence[ast.stmt], functions: dict[str, ast.stmt]
) -> list[ast.stmt]:
    """Return statements with the functions they call, each made right before it is first named."""
    written: list[ast.stmt] = []
    made: set[str] = set()

    def make(names: Names) -> None:
        for name in sorted(names & functions.keys() - made):
            made.add(name)
            make(read_by([functions[name]]))
            written.append(functions[name])

    for statement in statements:
        make(read_by([statement]))
        written.append(statement)
    return written


def functions_named(names: Names, functions: Mapping[str, ast.stmt]) -> Names:
    """Return which functions are named, by others that are named too."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in functions and name not in found:
            found.add(name)
            pending += read_by([functions[name]])
    return frozenset(found)
