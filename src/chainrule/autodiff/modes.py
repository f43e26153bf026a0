"""The two modes: `vjp` carries cotangents back, `jvp` carries tangents forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule import tree
from chainrule.autodiff.arguments import (
    Entered,
    borrowed,
    check_tuples,
    enter,
    like_argument,
    map_result,
    matched_cotangent,
    plain_result,
    refuse_lost_writes,
)
from chainrule.autodiff.reverse import sweep, zeros_for
from chainrule.core.cells import HANDLES, frozen, settled
from chainrule.core.reroute import following
from chainrule.core.trace import ForwardLevel, Node, ReverseLevel
from chainrule.core.types import Value
from chainrule.errors import ContainerError
from chainrule.ops.elementwise import STRONG_ZERO

Pullback = Callable[[Any], tuple[Any, ...]]


def vjp(f: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, Pullback]:
    """Evaluate `f` and return its pullback: cotangents of the result to cotangents of the arguments.

    Args:
        f: a function of arrays or containers of arrays; its result is an array or a container of
            arrays.
        *args: the arguments, all differentiated.
        **options: passed to `f` as they are.

    Returns:
        The result, and `pullback(g)`: `g` in the container and shapes of the result; it returns a
        tuple with one cotangent per argument, each in the container, shapes and dtypes of its
        argument. It may be called again.

    Raises:
        DTypeError: an argument holds integers.
        ContainerError: an argument holds no number, or something that is none.

    Examples:
        >>> import numpy as np
        >>> out, pullback = vjp(lambda x: x**2, np.array([1.0, 3.0]))
        >>> pullback(np.array([1.0, 10.0]))
        (array([ 2., 60.]),)
    """
    entered = [enter("vjp", a, f"argument {i}") for i, a in enumerate(args)]
    out, inputs, level = trace_reverse(f, list(range(len(args))), args, entered, options)
    leaves, structure = tree.flatten(out)
    results = [plain_result(x if not belongs(x, level) else x.out) for x in leaves]
    nodes = [x.node if belongs(x, level) else None for x in leaves]

    def pullback(g: Any) -> tuple[Any, ...]:
        cotangents, got = tree.flatten(g)
        if got != structure:
            raise ContainerError.from_mismatch("pullback", repr(got), repr(structure))
        seeds = [
            (node, matched_cotangent("pullback", c, result))
            for node, c, result in zip(nodes, cotangents, results, strict=True)
            if node is not None
        ]
        swept = sweep(seeds, inputs, release=False)
        return tuple(_regrouped(swept, entered))

    return tree.unflatten(structure, results), pullback


def jvp(
    f: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any], **options: Any
) -> tuple[Any, Any]:
    """Evaluate `f` and how its result moves when the arguments move along `tangents`.

    Args:
        f: a function of arrays or containers of arrays.
        args: a tuple of arguments.
        tangents: a tuple with one tangent per argument, in its container and shapes.
        **options: passed to `f` as they are.

    Returns:
        The result and its tangent, both in the container of the result.

    Examples:
        >>> import numpy as np
        >>> jvp(np.sin, (0.0,), (2.0,))
        (np.float64(0.0), np.float64(2.0))
    """
    check_tuples("jvp", args, tangents)
    entered = [enter("jvp", a, f"argument {i}") for i, a in enumerate(args)]
    with following(f), ForwardLevel() as level:
        handles = []
        flat: list[Any] = []
        for argument, tangent in zip(entered, tangents, strict=True):
            moves, structure = tree.flatten(tangent)
            if structure != argument.structure:
                raise ContainerError.from_mismatch(
                    "jvp tangent", repr(structure), repr(argument.structure)
                )
            leaves = [
                level.input(x, matched_cotangent("jvp tangent", t, x))
                for x, t in zip(argument.values, moves, strict=True)
            ]
            handles.append(tree.unflatten(argument.structure, leaves))
            flat += leaves
        _, given = borrowed((), options)
        out = map_result(frozen, f(*handles, **given))
        refuse_lost_writes(
            [*(x for a in entered for x in a.given), *options.values()], [*flat, *given.values()]
        )
    value = map_result(lambda x: plain_result(x.out if belongs(x, level) else x), out)
    tangent = map_result(
        lambda x: plain_result(x.node) if belongs(x, level) else zeros_for(settled(x)), out
    )
    return value, tangent


def belongs(x: Any, level: Any) -> bool:
    """Say whether `x` is a traced value of `level`, running or ended."""
    return type(x) in HANDLES and x.level is level


def trace_reverse(
    f: Callable[..., Any],
    positions: Sequence[int],
    args: Sequence[Any],
    entered: Sequence[Entered],
    options: dict[str, Any],
) -> tuple[Any, list[Node], ReverseLevel]:
    """Run `f` with the arguments at `positions` traced; return what it returned, the input nodes and the level."""
    given, given_options = borrowed(args, options)
    flat: list[Any] = []
    with following(f), ReverseLevel() as level:
        for i, argument in zip(positions, entered, strict=True):
            handles = [level.input(x) for x in argument.values]
            flat += handles
            given[i] = tree.unflatten(argument.structure, handles)
        inputs = [h.node for h in flat]
        # A view is cut now: once the trace has ended, a write to its base would be cut from plain values.
        out = map_result(frozen, f(*given, **given_options))
        refuse_lost_writes(
            [*(x for a in entered for x in a.given), *args, *options.values()],
            [*flat, *given, *given_options.values()],
        )
    return out, inputs, level


def _regrouped(swept: Sequence[Value], entered: Sequence[Entered]) -> list[Any]:
    """Return flat cotangents as one container per argument."""
    rest = iter(swept)
    groups = []
    for argument in entered:
        leaves = [
            like_argument(zeros_for(x) if g is None else g, given)
            for given, x, g in zip(argument.given, argument.values, rest, strict=False)
        ]
        groups.append(tree.unflatten(argument.structure, leaves))
    return groups


def gradients_of(
    seed: Value,
    node: Node | None,
    inputs: Sequence[Node],
    entered: Sequence[Entered],
    *,
    strong_zero: bool,
) -> list[Any]:
    """Sweep once from one result and return the gradients, one container per argument."""
    if node is None:
        return _regrouped([None] * len(inputs), entered)
    token = STRONG_ZERO.set(strong_zero or STRONG_ZERO.get())
    try:
        swept = sweep([(node, seed)], inputs, release=True)
    finally:
        STRONG_ZERO.reset(token)
    return _regrouped(swept, entered)
