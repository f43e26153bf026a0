"""The kinds of op that work element by element: one partial derivative per argument says everything."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn

import numpy as np

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.graph import reads_by_symbols
from chainrule.core.op import (
    Needs,
    Notation,
    Op,
    Rule,
    Sample,
    Ufunc,
    called,
    enter,
)
from chainrule.core.trace import apply
from chainrule.core.types import (
    PYTHON_NUMBERS,
    ArrayType,
    Value,
    array_type,
    broadcast_shapes,
)
from chainrule.errors import NotDifferentiableError
from chainrule.ops.broadcasting import astype, broadcast_to, sum_to
from chainrule.ops.kinds import Names, constant, fitted
from chainrule.ops.twins import add_operator

_COMPLEX = array_type((), np.dtype(complex))
Domain = tuple[float, float]


@functools.cache
def _ufunc_dtype(ufunc: np.ufunc, *keys: Any) -> np.dtype[Any]:
    return ufunc.resolve_dtypes((*keys, *(None,) * ufunc.nout))[-1]


def elementwise_type(ufunc: Any, name: str) -> Callable[..., ArrayType]:
    """Return the type rule of a ufunc: shapes broadcast, the dtype is NumPy's choice."""

    def infer(*types: ArrayType, **_: Any) -> ArrayType:
        keys = [
            {"f": float, "i": int, "c": complex}.get(t.dtype.kind, t.dtype) if t.weak else t.dtype
            for t in types
        ]
        if all(t.weak for t in types):
            keys = [t.dtype for t in types]
        return array_type(
            broadcast_shapes(name, *(t.shape for t in types)), _ufunc_dtype(ufunc, *keys)
        )

    return infer


STRONG_ZERO: ContextVar[bool] = ContextVar("strong_zero", default=False)
"""Whether a zero cotangent stays zero whatever it is multiplied by: 0 · inf = 0."""


def strong(x: Value) -> Value:
    """Return a float or complex number of Python's as NumPy's, also where it is traced."""
    if type(x) in {float, complex}:
        return np.asarray(x)[()]
    return astype(x, x.type.dtype) if type(x) in HANDLES and x.type.weak else x


def slope(rule: Rule, out: Value, args: Sequence[Value]) -> Value:
    """Return a partial derivative. NumPy's numbers divide by zero, Python's raise or turn complex."""
    for x in args:
        if type(x) not in PYTHON_NUMBERS:
            break
    else:
        return rule(out, *map(strong, args))
    try:
        return rule(out, *args)
    except (ZeroDivisionError, OverflowError):  # of traced numbers of Python's
        return rule(out, *map(strong, args))


def _times(g: Value, partial: Value) -> Value:
    if type(partial) is float:
        if partial == 1.0:
            return g
        if partial == -1.0:
            return -g
    return g * np.where(g == 0, 0, partial) if STRONG_ZERO.get() else g * partial


def _shaped_vjp(g: Value, partial: Value, x: Value) -> Value:
    term = _times(g, partial)
    wanted = type_of(x)
    if type_of(term) is wanted:
        return term
    return fitted(sum_to(term, wanted.shape), x)


def elementwise(
    name: str,
    numpy: Callable[..., Any],
    *,
    partials: tuple[Rule | None, ...],
    infer: Callable[..., ArrayType] | None = None,
    front: Callable[..., Any] | None = None,
    names: Names | None = None,
    notation: Notation | None = None,
    domain: Domain = (-2.0, 2.0),
    samples: tuple[Sample, ...] | None = None,
    lower: Callable[..., Any] | None = None,
    ufunc: Ufunc | None = None,
    refuses: Rule | None = None,
) -> Op:
    """Declare an op that works element by element.

    Args:
        name: its name in the table.
        numpy: a ufunc, or a function that broadcasts as one.
        partials: per argument `partial(out, *args)`, None for one that is refused when it moves. A rule that returns
            exactly `1.0` or `-1.0` costs no product. Broadcasting, dtype and realness are the kind's business.
        infer: the type rule; a ufunc brings its own.
        front: takes NumPy's signature; by default the op itself.
        names: the NumPy functions it answers for; by default `numpy` if it is a ufunc.
        notation: how it is written.
        domain: where the samples' random numbers come from.
        samples: calls for the generated tests; by default every broadcast of the arguments.
        lower: how the compiler computes it, where its emitter has no method of this name: `lower(e, *args)`.
        ufunc: see `Op.ufunc`.
        refuses: see `Op.refuses`.
    """
    arity = len(partials)

    def unary_vjp(
        needs: Needs, g: Value, out: Value, args: Sequence[Value], params: Mapping[str, Any]
    ) -> Any:
        return (_shaped_vjp(g, slope(partials[0] or unknown(0), out, args), args[0]),)

    def unknown(i: int) -> NoReturn:
        """Refuse where a rule of another op needs more than is known of this one: fronts refuse users' calls."""
        raise NotDifferentiableError.from_reason(
            name, f"its derivative with respect to argument {i + 1} is not known"
        )

    def vjp(
        needs: Needs, g: Value, out: Value, args: Sequence[Value], params: Mapping[str, Any]
    ) -> list[Value]:
        return [
            _shaped_vjp(g, slope(partials[i] or unknown(i), out, args), x) if need else None
            for i, (need, x) in enumerate(zip(needs, args, strict=True))
        ]

    def jvp(
        tangents: Sequence[Value], out: Value, args: Sequence[Value], params: Mapping[str, Any]
    ) -> Value:
        terms = [
            _times(t, slope(partials[i] or unknown(i), out, args))
            for i, t in enumerate(tangents)
            if t is not None
        ]
        return fitted(broadcast_to(functools.reduce(operator.add, terms), type_of(out).shape), out)

    def symbolic_reads(traced: int, types: Sequence[ArrayType], params: Mapping[str, Any]) -> Any:
        # A rule may read more for complex numbers; what is kept must not depend on who came first.
        reads = reads_by_symbols(op, traced, [array_type((), t.dtype) for t in types], params)
        try:
            return reads | reads_by_symbols(
                op, traced, [_COMPLEX if t.is_inexact else t for t in types], params
            )
        except TypeError:  # the op has no complex form
            return reads

    op = Op(
        name=name,
        kind="elementwise",
        numpy=numpy,
        infer=infer or elementwise_type(numpy, name),
        vjp=unary_vjp if arity == 1 else vjp,
        jvp=jvp,
        reads=symbolic_reads,
        partials=partials,
        lower=lower,
        ufunc=ufunc,
        refuses=refuses,
        notation=notation or called(name, arity),
        samples=broadcasts(arity, domain) if samples is None else samples,
        rejects=(Sample((2, 3), (2, 4)),) if arity == 2 and front is None else (),
        aliases=((numpy,) if isinstance(numpy, np.ufunc) else ()) if names is None else names,
    )
    enter(op, front or functools.partial(apply, op), op.aliases)
    add_operator(op)
    return op


def broadcasts(arity: int, domain: Domain) -> tuple[Sample, ...]:
    """Return samples of every way in which the arguments broadcast."""
    shapes: list[tuple[tuple[int, ...], ...]] = [
        ((2, 3),) * arity,
        ((),) * arity,
        ((0, 3),) * arity,
    ]
    if arity == 2:
        shapes += [((2, 3), (3,)), ((1, 3), (2, 1)), ((), (2,)), ((2, 3), ())]
    return tuple(Sample(*s, domain=domain) for s in shapes)


def stepwise(
    name: str,
    ufunc: np.ufunc,
    *,
    names: Names | None = None,
    undefined: str = "",
    notation: Notation | None = None,
    samples: tuple[Sample, ...] | None = None,
) -> Op:
    """Declare a ufunc whose derivative is zero everywhere, or with `undefined` one that has none and says why."""
    op = constant(
        name,
        ufunc,
        infer=elementwise_type(ufunc, name),
        names=names,
        undefined=undefined,
        arity=ufunc.nin,
        notation=notation,
        samples=broadcasts(ufunc.nin, (-2.0, 2.0)) if samples is None else samples,
    )
    add_operator(op)
    return op
