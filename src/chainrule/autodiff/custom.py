"""Control over the tape: rules of the user's own, and values that are taken for constants."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.autodiff import modes
from chainrule.autodiff.reverse import zeros_for
from chainrule.core.cells import is_traced, type_of
from chainrule.core.op import FRONTS, READS_ALL, Needs, Op, Rule, called
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value
from chainrule.errors import ArgumentError, ContainerError, EscapedValueError, ShapeError
from chainrule.ops.kinds import fitted

Params = Mapping[str, Any]


def stop_gradient(x: Any) -> Any:
    """Return a copy of `x`, an array or a container of arrays, that every derivative takes for a constant.

    Examples:
        >>> from chainrule import grad
        >>> grad(lambda x: x * stop_gradient(x))(3.0)
        3.0
    """
    return tree.map(FRONTS["stop_gradient"], x)


def custom_rule(
    *, vjp: Rule | None = None, jvp: Rule | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function a derivative rule of its own; what the function does inside is not followed.

    One of the two rules is enough: each is linear in `g` or in the tangents, and the other is its transpose. A rule
    written in NumPy can itself be differentiated. It receives the keyword options of the call.

    Args:
        vjp: `vjp(g, out, *args, **options)` returns the cotangent of the argument, or a tuple with one per positional
            argument, None for zero.
        jvp: `jvp(tangents, out, *args, **options)` returns the tangent of the result. `tangents` is a tuple with one
            per positional argument, zeros for one that does not move, None for one that is no float.

    Returns:
        A decorator for functions of arrays and numbers that return an array, or a tuple of arrays; `g`, `out` and the
        tangent are tuples then. Arguments that have a derivative are passed by position.

    Raises:
        ArgumentError: neither rule is given.
        ShapeError: when a rule returns a cotangent or tangent that has not the shape of what it belongs to.
        ContainerError: when a rule returns the wrong number of them, or an argument is a container of traced values.

    Examples:
        >>> import math
        >>> import numpy as np
        >>> from chainrule import grad
        >>> @custom_rule(vjp=lambda g, out, x: g * np.cos(x))
        ... def sine(x):
        ...     return math.sin(x)
        >>> grad(sine)(0.0), grad(grad(sine))(0.0)
        (1.0, -0.0)
    """
    if vjp is None and jvp is None:
        raise ArgumentError.from_no_rule("custom_rule")

    def decorated(f: Callable[..., Any]) -> Callable[..., Any]:
        name = getattr(f, "__name__", "custom_rule")

        @functools.cache
        def op_of(arity: int) -> Op:
            return _op(name, f, vjp, jvp, arity)

        @functools.wraps(f)
        def call(*args: Any, **options: Any) -> Any:
            _check_arguments(name, args, options)
            return apply(op_of(len(args)), *args, **options)

        return call

    return decorated


def _op(name: str, f: Callable[..., Any], vjp: Rule | None, jvp: Rule | None, arity: int) -> Op:
    """Make an op of the user's function; it is in no table, only this function's calls reach it."""

    def cotangents(g: Value, out: Value, args: Sequence[Value], params: Params) -> list[Value]:
        if vjp is None:
            return _cotangents_from_jvp(tangent, g, out, args, params)
        terms = vjp(_protected(g), _protected(out), *map(_protected, args), **params)
        terms = terms if type(terms) is tuple else (terms,)
        if len(terms) != len(args):
            raise ContainerError.from_mismatch(
                f"{name}: the vjp rule",
                _counted(terms, "cotangent"),
                f"{len(args)}, one per argument",
            )
        return [
            zeros_for(x)
            if term is None
            else _matched(f"{name}: the cotangent of argument {i}", term, x)
            for i, (term, x) in enumerate(zip(terms, args, strict=True))
        ]

    def tangent(
        tangents: Sequence[Value], out: Value, args: Sequence[Value], params: Params
    ) -> Value:
        if jvp is None:
            return _tangent_from_vjp(cotangents, tangents, out, args, params)
        moved = jvp(
            tuple(map(_protected, tangents)), _protected(out), *map(_protected, args), **params
        )
        if type(out) is not tuple:
            return _matched(f"{name}: the tangent of the result", moved, out)
        if type(moved) is not tuple or len(moved) != len(out):
            got = _counted(moved if type(moved) is tuple else (moved,), "tangent")
            raise ContainerError.from_mismatch(
                f"{name}: the jvp rule", got, f"{len(out)}, one per result"
            )
        return tuple(
            _matched(f"{name}: the tangent of result {i}", t, o)
            for i, (t, o) in enumerate(zip(moved, out, strict=True))
        )

    def full_vjp(
        needs: Needs, g: Value, out: Value, args: Sequence[Value], params: Params
    ) -> list[Value]:
        terms = cotangents(g, out, args, params)
        return [
            term if need is not None and need else None
            for need, term in zip(needs, terms, strict=True)
        ]

    def full_jvp(
        tangents: Sequence[Value], out: Value, args: Sequence[Value], params: Params
    ) -> Value:
        filled = [
            (zeros_for(x) if type_of(x).is_inexact else None) if t is None else t
            for t, x in zip(tangents, args, strict=True)
        ]
        return tangent(filled, out, args, params)

    return Op(
        name=name,
        kind="general",
        numpy=_evaluated(name, f),
        infer=functools.partial(_inferred, f),
        vjp=full_vjp,
        jvp=full_jvp,
        reads=lambda traced, types, params: READS_ALL,
        notation=called(name, arity),
    )


def _evaluated(name: str, f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f` on copies, since its body may write to its arguments, which the trace needs as they are."""

    def evaluate(*args: Value, **params: Any) -> Value:
        out = f(*[x.copy() if type(x) is np.ndarray else x for x in args], **params)
        if any(map(is_traced, out if type(out) is tuple else (out,))):
            raise EscapedValueError.from_closure(name)
        return out

    return evaluate


def _protected(x: Value) -> Value:
    """Return a plain array as a view that a rule cannot write to: the sweep and other rules use it too."""
    if type(x) is tuple:
        return tuple(map(_protected, x))
    if type(x) is np.ndarray:
        x = x.view()
        x.flags.writeable = False
    return x


def _tangent_from_vjp(
    cotangents: Callable[..., list[Value]],
    tangents: Sequence[Value],
    out: Value,
    args: Sequence[Value],
    params: Params,
) -> Value:
    """Transpose the pullback: it is linear in `g`, so its own pullback maps tangents to the result's tangent."""
    moving = [i for i, t in enumerate(tangents) if t is not None]

    def pulled(g: Value) -> tuple[Value, ...]:
        terms = cotangents(g, out, args, params)
        return tuple(terms[i] for i in moving)

    seed = tuple(map(zeros_for, out)) if type(out) is tuple else zeros_for(out)
    _, transposed = modes.vjp(pulled, seed)
    (moved,) = transposed(tuple(tangents[i] for i in moving))
    return moved


def _cotangents_from_jvp(
    tangent: Callable[..., Value],
    g: Value,
    out: Value,
    args: Sequence[Value],
    params: Params,
) -> list[Value]:
    """Transpose the pushforward: it is linear in the tangents, so its pullback maps `g` to the cotangents."""
    moving = [i for i, x in enumerate(args) if type_of(x).is_inexact]

    def pushed(*moves: Value) -> Value:
        tangents: list[Value] = [None] * len(args)
        for i, move in zip(moving, moves, strict=True):
            tangents[i] = move
        return tangent(tangents, out, args, params)

    _, transposed = modes.vjp(pushed, *(zeros_for(args[i]) for i in moving))
    terms: list[Value] = [None] * len(args)
    for i, term in zip(moving, transposed(g), strict=True):
        terms[i] = term
    return terms


def _inferred(
    f: Callable[..., Any], *types: ArrayType, **params: Any
) -> ArrayType | tuple[ArrayType, ...]:
    """Find the type of the result by a trial on ones: what `f` does inside cannot be followed."""
    with np.errstate(all="ignore"):
        out = f(*(np.ones(t.shape, t.dtype)[()] for t in types), **params)
    return tuple(map(type_of, out)) if type(out) is tuple else type_of(out)


def _matched(where: str, g: Value, x: Value) -> Value:
    got, expected = type_of(g).shape, type_of(x).shape
    if got != expected:
        raise ShapeError.from_cotangent(where, got, expected)
    return fitted(g, x)


def _check_arguments(name: str, args: Sequence[Any], options: Params) -> None:
    for i, x in enumerate(args):
        if not tree.is_leaf(x) and any(map(is_traced, tree.leaves(x))):
            raise ContainerError.from_leaf(
                name, f"argument {i}", f"a {type(x).__name__} of traced values"
            )
    for option, x in options.items():
        if any(map(is_traced, tree.leaves(x))):
            raise ArgumentError.from_traced_option(name, option)


def _counted(terms: Sequence[Any], noun: str) -> str:
    return f"{len(terms)} {noun}{'' if len(terms) == 1 else 's'}"
