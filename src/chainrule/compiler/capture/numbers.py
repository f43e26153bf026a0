"""What a value is in the call that a step is captured with, and whether it is that again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from chainrule.core.op import FRONTS, TABLE, Op
from chainrule.core.trace import OUTPUT, Node
from chainrule.core.types import Value, array_type
from chainrule.errors import NotCompiledError
from chainrule.ops.numbers import NeedsNumbers

_DTYPES: dict[int, np.dtype[Any]] = {
    np.dtype(c).num: np.dtype(c) for c in np.typecodes["All"] if c not in "SUVOMm"
}


def _never(*_: Any) -> Any:
    message = "a measure has no derivative: no sweep comes here"
    raise AssertionError(message)


def has_numbers(x: Any, asked: Value) -> Any:
    """Compare a value with numbers: equal elements, zeros of the same sign, NaN where NaN is."""
    kind = x.type.dtype.kind
    if kind == "c":
        parts = [(FRONTS[part](x), getattr(np, part)(asked)) for part in ("real", "imag")]
        return FRONTS["logical_and"](*[has_numbers(*part) for part in parts])
    same = FRONTS["equal"](x, asked)
    if kind == "f":
        signs = FRONTS["equal"](FRONTS["signbit"](x), np.signbit(asked))
        both = FRONTS["logical_and"](FRONTS["isnan"](x), np.isnan(asked))
        same = FRONTS["logical_or"](FRONTS["logical_and"](same, signs), both)
    return FRONTS["all"](same)


def measure(op: Op) -> Op:
    """Return the op that tells the types of another one's results, as integers; None where they are no numbers."""

    def types(*args: Any, **params: Any) -> Any:
        results = op.numpy(*args, **params)
        parts = results if isinstance(results, tuple) else (results,)
        arrays = [np.asarray(r) for r in parts if isinstance(r, (np.ndarray, np.generic))]
        if len(arrays) < len(parts) or any(a.dtype.kind not in "biufc" for a in arrays):
            return None
        rows = [(a.dtype.num, a.ndim, *a.shape) for a in arrays]
        is_tuple = isinstance(results, tuple)
        return np.array([is_tuple, len(rows), *[n for row in rows for n in row]], np.int64)

    return Op(
        f"types of {op.name}",
        "constant",
        types,
        _never,
        _never,
        _never,
        _never,
        left_to_numpy=NeedsNumbers.reason,
    )


def types_from(numbers: Any) -> Any:
    """Return the types that the op of `measure` has told."""
    is_tuple, count, *rest = (int(n) for n in numbers)
    types = []
    for _ in range(count):
        number, ndim = rest[:2]
        shape = tuple(rest[2 : 2 + ndim])
        rest = rest[2 + ndim :]
        types.append(array_type(shape, _DTYPES[number]))
    return tuple(types) if is_tuple else types[0]


def number(node: Node, known: Mapping[Node, Value]) -> Value:
    """Compute one node, though Python raises: a check says so in the graph, which is for calls where Python does not.

    Raises:
        NotCompiledError: NumPy raises. The step would catch the error here, but not where the graph is run.
    """
    op = cast("Op", node.op)
    try:
        return evaluated(node, known)
    except Exception as error:
        if op.refuses is None or op.name not in TABLE:
            raise NotCompiledError.from_failure(op.name, error) from error
    with np.errstate(all="ignore"):
        return np.asarray(evaluated(node, known, TABLE[op.name].numpy)).item()


def evaluated(
    node: Node, known: Mapping[Node, Value], numpy: Callable[..., Value] | None = None
) -> Value:
    """Compute one node from the values of its parents, by another function than its op's if one is given."""
    if node.op is OUTPUT:
        return known[node.parents[0]][node.params["index"]]
    args = [
        a if parent is None else known[parent]
        for a, parent in zip(node.args, node.parents, strict=True)
    ]
    return (numpy or cast("Op", node.op).numpy)(*args, **node.params)
