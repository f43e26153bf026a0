"""What the user calls a value: read off the assignment whose right side recorded it."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Sequence
from types import CodeType

from chainrule.core.trace import Node
from chainrule.position import range_at

Place = tuple[CodeType, int] | None
_Range = tuple[int | None, ...]


def assigned_names(nodes: Sequence[Node], outside: Place) -> dict[Node, str]:
    """Return the nodes that were assigned to a variable, with its name.

    A call may record several nodes at one place, of which the last is its result; a loop records the same op there
    again and again, each time a new value of the variable.

    Args:
        nodes: in the order they were recorded.
        outside: the place the trace was started from; what was recorded there is no user's line.
    """
    found = {}
    for i, node in enumerate(nodes):
        name = None if node.place == outside else _name_at(node.place)
        if name is None:
            continue
        following = nodes[i + 1] if i + 1 < len(nodes) else None
        if following is None or following.place != node.place or following.op is node.op:
            found[node] = name
    return found


def unique(name: str, taken: dict[str, int]) -> str:
    """Return a name that is not taken yet: `h`, `h_2`, `h_3`, and take it; `taken` counts the uses of a name."""
    result, count = name, taken.get(name, 0)
    while result in taken:
        count += 1
        result = f"{name}_{count}"
    taken[name] = max(count, 1)
    taken[result] = taken.get(result, 1)
    return result


def _name_at(place: Place) -> str | None:
    if place is None:
        return None
    return _assignments(place[0].co_filename).get(range_at(place))


@functools.lru_cache(maxsize=64)
def _assignments(file: str) -> dict[_Range, str]:
    """Return where in a file expressions stand that are assigned to one variable."""
    try:
        module = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}
    found: dict[_Range, str] = {}
    for statement in ast.walk(module):
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, (ast.AnnAssign, ast.NamedExpr)) and statement.value is not None:
            targets, value = [statement.target], statement.value
        elif isinstance(statement, ast.AugAssign):
            _note(found, statement.target, statement)
            continue
        else:
            continue
        for target in targets:
            _pair(found, target, value)
    return found


def _pair(found: dict[_Range, str], target: ast.expr, value: ast.expr) -> None:
    """Note `a = value`, and of `a, b = x, y` each part."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for part, of in zip(target.elts, value.elts, strict=False):
            _pair(found, part, of)
        return
    _note(found, target, value)


def _note(found: dict[_Range, str], target: ast.expr, value: ast.expr | ast.stmt) -> None:
    if isinstance(target, ast.Name):
        key = (value.lineno, value.end_lineno, value.col_offset, value.end_col_offset)
        found[key] = target.id
