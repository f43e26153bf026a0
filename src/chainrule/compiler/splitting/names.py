"""Which names statements look up, bind, and need from before: what has to be handed to a part of a function, and back.

All of it errs on the safe side: a name may be said to be looked up though it is not, never the other way round.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

Names = frozenset[str]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NONE: Names = frozenset()


def bound_by(nodes: Iterable[ast.AST]) -> Names:
    """Return the names that statements bind, or unbind, in the function they stand in.

    >>> sorted(bound_by(ast.parse("a, b[0] = 1, [c := 2 for d in x]; import e.f as g").body))
    ['a', 'c', 'g']
    """
    return frozenset(bindings_in(nodes))


def bindings_in(nodes: Iterable[ast.AST]) -> list[str]:
    """Return the same names as often as they are bound."""
    found: list[str] = []
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.append(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found += [(a.asname or a.name).partition(".")[0] for a in node.names]
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            found.append(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.append(node.rest)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(node.name)
            pending += node.decorator_list
            pending += node.bases if isinstance(node, ast.ClassDef) else [node.args]
        elif isinstance(node, _COMPREHENSIONS):
            # only an assignment expression binds a name outside of it
            walrus = [x for x in ast.walk(node) if isinstance(x, ast.NamedExpr)]
            found += [x.target.id for x in walrus]
        elif isinstance(node, ast.Lambda):
            pending.append(node.args)
        else:
            pending += ast.iter_child_nodes(node)
    return found


def parameters_of(arguments: ast.arguments) -> Names:
    """Return the names of a function's parameters."""
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return frozenset([a.arg for a in (*listed, arguments.vararg, arguments.kwarg) if a is not None])


def read_by(
    nodes: Iterable[ast.AST], leaving_out: Callable[[ast.AST], bool] | None = None
) -> Names:
    """Return the names that are looked up in the scope of some nodes, by functions defined there too.

    >>> sorted(read_by(ast.parse("a = [b + c for b in d]; e += 1; f = lambda g: g + h").body))
    ['c', 'd', 'e', 'h']

    Args:
        nodes: statements or expressions.
        leaving_out: says of a node that it does not count.
    """
    found: set[str] = set()
    for node in nodes:
        if leaving_out is None or not leaving_out(node):
            found |= _read_by_one(node, leaving_out)
    return frozenset(found)


def _read_by_one(node: ast.AST, leaving_out: Callable[[ast.AST], bool] | None) -> Names:
    if isinstance(node, ast.Name):
        return frozenset([node.id]) if not isinstance(node.ctx, ast.Store) else _NONE
    if isinstance(node, _FUNCTIONS):
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        outside = [*node.args.defaults, *[d for d in node.args.kw_defaults if d is not None]]
        outside += [] if isinstance(node, ast.Lambda) else node.decorator_list
        own = parameters_of(node.args) | (bound_by(body) - declared_in(body))
        return (read_by(body) - own) | read_by(outside)
    if isinstance(node, _COMPREHENSIONS):
        first, *others = node.generators
        targets = bound_by([g.target for g in node.generators])
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        inside = [*parts, *first.ifs, *[x for g in others for x in (g.iter, *g.ifs)]]
        return read_by([first.iter]) | (read_by(inside) - targets)
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        return read_by([node.value]) | {node.target.id}
    return read_by(ast.iter_child_nodes(node), leaving_out)


def declared_in(nodes: Iterable[ast.AST]) -> Names:
    """Return the names that are declared to be global or of an outer function, not counting functions inside."""
    found: set[str] = set()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            found.update(node.names)
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            pending += ast.iter_child_nodes(node)
    return frozenset(found)


def unbound_in(nodes: Iterable[ast.AST]) -> Names:
    """Return the names that `del`, or the end of an `except`, takes away somewhere: they are never bound for sure."""
    found: set[str] = set()
    for node in [x for n in nodes for x in ast.walk(n)]:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return frozenset(found)


class Flow:
    """Follows statements in their order: what they need that is not bound yet, and what is bound for sure behind them.

    Attributes:
        needed: the names that are looked up where they may not have been bound before.
    """

    def __init__(self) -> None:
        self.needed: set[str] = set()

    def through(self, statements: Sequence[ast.stmt], bound: Names | None) -> Names | None:
        """Return the names that are bound behind statements; None where nothing ever comes behind them.

        Args:
            statements: in their order.
            bound: the names that are bound before.
        """
        for statement in statements:
            if bound is None:
                return None
            bound = self._through_one(statement, bound)
        return bound

    def _read(self, nodes: Iterable[ast.AST | None], bound: Names) -> None:
        self.needed |= read_by([n for n in nodes if n is not None]) - bound

    def _through_one(self, node: ast.stmt, bound: Names) -> Names | None:
        through = self._BLOCKS.get(type(node))
        if through is not None:
            return through(self, node, bound)
        self._read([node], bound)
        if isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            return None
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom)):
            return bound | bound_by([node])
        if isinstance(node, ast.AnnAssign):
            return bound if node.value is None else bound | bound_by([node])
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            return bound | {node.name}
        return bound - bound_by([node]) if isinstance(node, ast.Delete) else bound

    def _through_if(self, node: ast.If, bound: Names) -> Names | None:
        self._read([node.test], bound)
        one, other = self.through(node.body, bound), self.through(node.orelse, bound)
        if one is None or other is None:
            return other if one is None else one
        return one & other

    def _through_while(self, node: ast.While, bound: Names) -> Names:
        self._read([node.test], bound)
        self.through(node.body, bound)
        self.through(node.orelse, bound)
        return bound

    def _through_for(self, node: ast.For, bound: Names) -> Names:
        self._read([node.iter, node.target], bound)
        self.through(node.body, bound | bound_by([node.target]))
        self.through(node.orelse, bound)
        return bound

    def _through_with(self, node: ast.With, bound: Names) -> Names:
        for item in node.items:
            self._read([item.context_expr, item.optional_vars], bound)
        targets = [i.optional_vars for i in node.items if i.optional_vars is not None]
        self.through(node.body, bound | bound_by(targets))
        return bound  # what it raised may have been swallowed

    def _through_try(self, node: ast.Try, bound: Names) -> Names:
        self.through(node.body, bound)
        for handler in node.handlers:
            self._read([handler.type], bound)
            self.through(handler.body, bound | ({handler.name} if handler.name else _NONE))
        self.through(node.orelse, bound)
        self.through(node.finalbody, bound)
        return bound

    _BLOCKS: ClassVar[dict[type, Callable[[Flow, Any, Names], Names | None]]] = {
        ast.If: _through_if,
        ast.While: _through_while,
        ast.For: _through_for,
        ast.With: _through_with,
        ast.Try: _through_try,
    }


def is_left_by(statements: Iterable[ast.AST]) -> bool:
    """Say whether a `break` or `continue` among statements belongs to a loop around them."""
    for node in statements:
        if isinstance(node, (ast.Break, ast.Continue)):
            return True
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            if is_left_by(node.orelse):
                return True
        elif is_left_by(ast.iter_child_nodes(node)):
            return True
    return False


def returns(statements: Iterable[ast.AST]) -> bool:
    """Say whether the function returns among some statements."""
    return any(
        isinstance(node, ast.Return)
        or (
            not isinstance(node, (*_FUNCTIONS, ast.ClassDef))
            and returns(ast.iter_child_nodes(node))
        )
        for node in statements
    )
