"""`return a + b, float(c)` as statements of its own for each item: one of them may be Python's, the others native."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

_ITEM = "chainrule_item_"
_BLOCKS = ("body", "orelse", "finalbody")


def spread(statements: Sequence[ast.stmt], own: Collection[str]) -> list[ast.stmt]:
    """Return statements in which the items of a returned tuple are given names first, in their order.

    Names that are not the function's `own` count as items too: what is computed behind them may bind them anew.

    >>> print(ast.unparse(ast.Module(spread(ast.parse("return a, b + c, f(d)").body, "a"), [])))
    chainrule_item_1 = b + c
    chainrule_item_2 = f(d)
    return (a, chainrule_item_1, chainrule_item_2)
    """
    written: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
            written += _spread_one(statement, statement.value, own)
            continue
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            for block in _BLOCKS:
                if getattr(statement, block, None):
                    setattr(statement, block, spread(getattr(statement, block), own))
        written.append(statement)
    return written


def _spread_one(statement: ast.Return, value: ast.Tuple, own: Collection[str]) -> list[ast.stmt]:
    if any(isinstance(x, (ast.Starred, ast.NamedExpr)) for x in ast.walk(value)):
        return [statement]
    written: list[ast.stmt] = []
    items: list[ast.expr] = []
    for i, item in enumerate(value.elts):
        is_own = isinstance(item, ast.Name) and item.id in own
        if is_own or isinstance(item, ast.Constant):
            items.append(item)
            continue
        name = f"{_ITEM}{i}"
        target = ast.copy_location(ast.Name(name, ast.Store()), item)
        written.append(ast.copy_location(ast.Assign([target], item), item))
        items.append(ast.copy_location(ast.Name(name, ast.Load()), item))
    pair = ast.copy_location(ast.Tuple(items, ast.Load()), value)
    return [*written, ast.copy_location(ast.Return(pair), statement)]
