"""Kinds of op that need no other op: `linear`, `general`, `constant`, `composite`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import add
from typing import Any

from chainrule.core.cells import type_of
from chainrule.core.graph import reads_by_symbols
from chainrule.core.op import (
    FRONTS,
    CanFail,
    Needs,
    Notation,
    Op,
    Rule,
    Sample,
    Ufunc,
    called,
    enter,
    never,
    reads_argument,
)
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value

Infer = Callable[..., ArrayType | tuple[ArrayType, ...]]
Names = tuple[Any, ...]


def fitted(g: Value, x: Value) -> Value:
    """Return cotangent or tangent `g` in the dtype and realness of the value `x` it belongs to."""
    got, wanted = type_of(g), type_of(x)
    if got is wanted or got.dtype is wanted.dtype or got.dtype == wanted.dtype:
        return g
    if got.dtype.kind == "c" and wanted.dtype.kind == "f":
        g = FRONTS["real"](g)
    return FRONTS["astype"](g, wanted.dtype)


def linear(
    name: str,
    numpy: Callable[..., Any],
    *,
    transposes: tuple[Rule | None, ...] | Rule,
    infer: Infer,
    front: Callable[..., Any] | None = None,
    names: Names | None = None,
    joint: bool = False,
    accumulate: Callable[[Any, Any, Sequence[Any], Mapping[str, Any]], None] | None = None,
    consume: Callable[[Needs, Any, Sequence[Any], Mapping[str, Any]], Sequence[Any]] | None = None,
    notation: Notation | None = None,
    samples: tuple[Sample, ...] = (),
    rejects: tuple[Sample, ...] = (),
    body: Callable[..., Any] | None = None,
    can_fail: CanFail = never,
) -> Op:
    """Declare an op that is linear in each argument: the transposes are its vjps, the op itself is its jvp.

    Args:
        name: its name in the table.
        numpy: computes it on plain values.
        transposes: per argument `transpose(g, *args, **params)`, None for an argument that is never
            differentiated, and so are further ones; or one rule `transposes(i, g, *args, **params)`
            for any number of arguments.
        infer: the type of the result from the types of the arguments.
        front: takes NumPy's signature; by default the op itself.
        names: the NumPy functions it answers for; by default `numpy` if NumPy dispatches it.
        joint: linear in all arguments together, such as `concatenate`, rather than in each, such as
            `matmul`.
        accumulate: see `Op.accumulate`.
        consume: see `Op.consume`.
        notation: how it is written.
        samples: calls for the generated tests.
        rejects: calls that must raise ShapeError.
        body: see `Op.body`.
        can_fail: see `Op.can_fail`.
    """

    def transpose(i: int, g: Value, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        if callable(transposes):
            return transposes(i, g, *args, **params)
        rule = transposes[i]
        return None if rule is None else rule(g, *args, **params)

    def vjp(
        needs: Needs, g: Value, out: Value, args: Sequence[Value], params: Mapping[str, Any]
    ) -> list[Value]:
        return [
            fitted(transpose(i, g, args, params), x) if need and not _is_fixed(i) else None
            for i, (need, x) in enumerate(zip(needs, args, strict=True))
        ]

    def jvp(
        tangents: Sequence[Value], out: Value, args: Sequence[Value], params: Mapping[str, Any]
    ) -> Value:
        if joint:
            filled = [
                x if _is_fixed(i) else FRONTS["zeros_like"](x) if t is None else t
                for i, (t, x) in enumerate(zip(tangents, args, strict=True))
            ]
            return fitted(apply(op, *filled, **params), out)
        terms = [
            apply(op, *args[:i], t, *args[i + 1 :], **params)
            for i, t in enumerate(tangents)
            if t is not None and not _is_fixed(i)
        ]
        return fitted(reduce(add, terms), out) if terms else FRONTS["zeros_like"](out)

    def _is_fixed(i: int) -> bool:
        return not callable(transposes) and (i >= len(transposes) or transposes[i] is None)

    def reads(traced: int, types: Sequence[ArrayType], params: Mapping[str, Any]) -> int:
        if callable(transposes):
            return (
                0
                if joint
                else sum(reads_argument(i) for i in range(len(types)) if traced & ~(1 << i))
            )
        read = [
            rule is None or (not joint and traced & ~(1 << i) != 0)
            for i, rule in enumerate(transposes)
        ]
        constants = -reads_argument(len(transposes))  # the bits of every argument behind those
        return sum(reads_argument(i) for i, is_read in enumerate(read) if is_read) + constants

    arity = 1 if callable(transposes) else len(transposes)
    op = Op(
        name=name,
        kind="linear",
        numpy=numpy,
        infer=infer,
        vjp=vjp,
        jvp=jvp,
        reads=reads,
        reads_vary=callable(transposes),
        accumulate=accumulate,
        consume=consume,
        body=body,
        can_fail=can_fail,
        notation=notation or called(name, arity),
        samples=samples,
        rejects=rejects,
        aliases=_dispatched(numpy) if names is None else names,
    )
    enter(op, front or partial(apply, op), op.aliases)
    return op


def general(
    name: str,
    numpy: Callable[..., Any],
    *,
    vjp: Rule,
    jvp: Rule,
    infer: Infer,
    front: Callable[..., Any] | None = None,
    names: Names | None = None,
    arity: int = 1,
    notation: Notation | None = None,
    samples: tuple[Sample, ...] = (),
    rejects: tuple[Sample, ...] = (),
    can_fail: CanFail = never,
    ufunc: Ufunc | None = None,
    body: Callable[..., Any] | None = None,
) -> Op:
    """Declare an op by both its rules.

    Args:
        name: its name in the table.
        numpy: computes it on plain values; a tuple for several outputs.
        vjp: `vjp(g, out, *args, **params)`: the cotangent of the argument, or a tuple with one per
            argument. Where the op has several outputs, `g` and `out` are tuples and an output
            nobody used has a zero cotangent.
        jvp: `jvp(tangents, out, *args, **params)`: the tangent of the result. Tangents are a tuple
            with one per argument, zeros where an argument does not move.
        infer: the type of the result from the types of the arguments.
        front: takes NumPy's signature; by default the op itself.
        names: the NumPy functions it answers for; by default `numpy` if NumPy dispatches it.
        arity: how many arguments are differentiated; further ones are constants.
        notation: how it is written.
        samples: calls for the generated tests.
        rejects: calls that must raise ShapeError.
        ufunc: see `Op.ufunc`.
        can_fail: see `Op.can_fail`.
        body: see `Op.body`.
    """

    def full_vjp(
        needs: Needs, g: Value, out: Value, args: Sequence[Value], params: Mapping[str, Any]
    ) -> list[Value]:
        terms = vjp(g, out, *args, **params)
        if arity == 1:
            terms = (terms,)
        return [
            fitted(terms[i], x) if need and i < arity else None
            for i, (need, x) in enumerate(zip(needs, args, strict=True))
        ]

    def full_jvp(
        tangents: Sequence[Value], out: Value, args: Sequence[Value], params: Mapping[str, Any]
    ) -> Value:
        filled = tuple(
            FRONTS["zeros_like"](x) if t is None else t
            for t, x in zip(tangents[:arity], args[:arity], strict=True)
        )
        tangent = jvp(filled, out, *args, **params)
        if type(out) is tuple:
            return tuple(fitted(t, o) for t, o in zip(tangent, out, strict=True))
        return fitted(tangent, out)

    op = Op(
        name=name,
        kind="general",
        numpy=numpy,
        infer=infer,
        vjp=full_vjp,
        jvp=full_jvp,
        reads=lambda traced, types, params: reads_by_symbols(op, traced, types, params),
        reads_vary=True,
        can_fail=can_fail,
        ufunc=ufunc,
        body=body,
        notation=notation or called(name, arity),
        samples=samples,
        rejects=rejects,
        aliases=_dispatched(numpy) if names is None else names,
    )
    enter(op, front or partial(apply, op), op.aliases)
    return op


def constant(
    name: str,
    numpy: Callable[..., Any],
    *,
    infer: Infer,
    front: Callable[..., Any] | None = None,
    names: Names | None = None,
    undefined: str = "",
    arity: int = 1,
    notation: Notation | None = None,
    samples: tuple[Sample, ...] = (),
    rejects: tuple[Sample, ...] = (),
    can_fail: CanFail = never,
    refuses: Rule | None = None,
    lower: Callable[..., Any] | None = None,
    ufunc: Ufunc | None = None,
    body: Callable[..., Any] | None = None,
    left_to_numpy: str = "",
) -> Op:
    """Declare an op whose derivative is zero everywhere, or with `undefined` one that has none and says why.

    In eager mode its results are plain values: nothing is lost.
    """

    def no_rule(*_: Any) -> Any:
        message = f"{name} is constant: no sweep comes here"
        raise AssertionError(message)

    op = Op(
        name=name,
        kind="constant",
        numpy=numpy,
        infer=infer,
        vjp=no_rule,
        jvp=no_rule,
        reads=lambda traced, types, params: 0,
        is_constant=True,
        undefined=undefined,
        lower=lower,
        can_fail=can_fail,
        refuses=refuses,
        ufunc=ufunc,
        body=body,
        left_to_numpy=left_to_numpy,
        notation=notation or called(name, arity),
        samples=samples,
        rejects=rejects,
        aliases=_dispatched(numpy) if names is None else names,
    )
    enter(op, front or partial(apply, op), op.aliases)
    return op


def composite(
    name: str,
    function: Callable[..., Any],
    *,
    names: tuple[Any, ...] = (),
    samples: tuple[Sample, ...] = (),
    rejects: tuple[Sample, ...] = (),
) -> Op:
    """Declare an op by a function of other ops, with NumPy's signature; calling it records those ops.

    Args:
        name: its name in the table.
        function: written in plain NumPy, traceable.
        names: the NumPy functions it answers for.
        samples: calls for the generated tests.
        rejects: calls that must raise ShapeError.
    """

    def no_rule(*_: Any, **__: Any) -> Any:
        message = f"{name} is composite: it records the ops it is made of, never itself"
        raise AssertionError(message)

    op = Op(
        name=name,
        kind="composite",
        numpy=function,
        infer=no_rule,
        vjp=no_rule,
        jvp=no_rule,
        reads=no_rule,
        notation=called(name, 1),
        samples=samples,
        rejects=rejects,
        aliases=names,
    )
    enter(op, function, names)
    return op


def _dispatched(function: Callable[..., Any]) -> Names:
    """NumPy hands calls of `function` to us: it is a ufunc or carries the dispatch protocol."""
    return (function,) if hasattr(function, "nin") or hasattr(function, "_implementation") else ()
