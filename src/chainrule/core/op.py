"""What an op is, and the table of all of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

from chainrule.core.types import ArrayType, Value
from chainrule.forks import forks_wait
from chainrule.records import fresh, record, replaced

Rule = Callable[..., Any]
Kind = Literal["elementwise", "linear", "general", "composite", "constant"]
Needs = Sequence[object]
"""One entry per argument; truthy where a derivative is wanted."""

CanFail = Callable[[Sequence[Any], Mapping[str, Any]], bool]
"""`can_fail(args, params)`: whether some numbers are refused; arguments that are not known are their types."""


def never(args: Sequence[Any], params: Mapping[str, Any]) -> bool:  # noqa: ARG001  a `CanFail`
    """Say that every number has a result: NaN is one too."""
    return False


def sometimes(args: Sequence[Any], params: Mapping[str, Any]) -> bool:  # noqa: ARG001  a `CanFail`
    """Say that some numbers have no result, a singular matrix for example: an error is raised."""
    return True


@record
class Notation:
    """How a call is written: a template over its arguments, and how tightly it binds."""

    template: str
    precedence: int = 100


def infix(symbol: str, precedence: int) -> Notation:
    """Write `x symbol y`."""
    return Notation(f"{{0}} {symbol} {{1}}", precedence)


def called(name: str, arity: int) -> Notation:
    """Write `name(x, y)`."""
    return Notation(f"{name}({', '.join(f'{{{i}}}' for i in range(arity))})")


class Sample:
    """One call for the generated tests, as a user would write it.

    A positional tuple is the shape of a random array from `domain`, a list of tuples a list of such
    arrays; anything else is passed as it is. `prepare` maps the arrays to what the op needs, a
    positive definite matrix for example, and is differentiated along. Keyword arguments go to the
    call.

    >>> Sample((2, 3), axis=-1)
    Sample((2, 3), axis=-1)
    """

    def __init__(
        self,
        *arguments: Any,
        domain: tuple[float, float] | None = None,
        prepare: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        self.arguments = arguments
        self.domain = domain
        self.prepare = prepare
        self.options = options

    def __repr__(self) -> str:
        parts = [*map(repr, self.arguments), *(f"{k}={v!r}" for k, v in self.options.items())]
        return f"Sample({', '.join(parts)})"


@record
class Ufunc:
    """A ufunc that computes an op, for compiled code to call its inner loops.

    Attributes:
        module: where it is found; imported when it is needed.
        name: its name there.
        order: which of the op's arguments each of the ufunc's is; empty where they are the same.
        names: the names by the value of the op's one parameter; empty for an op that has none.
        raises: whether NumPy raises where a loop says by the flag of an invalid operation that it failed.
        is_finite: whether NumPy raises before where the argument is not finite.
    """

    module: str
    name: str
    order: tuple[int, ...] = ()
    names: tuple[tuple[Any, str], ...] = ()
    raises: bool = False
    is_finite: bool = False

    def chosen(self, params: Mapping[str, Any]) -> Ufunc | None:
        """Return the ufunc for an op's parameters, or None: it does not serve them."""
        if not params:
            return self
        if len(params) != 1:
            return None
        name = dict(self.names).get(*params.values())
        return name and replaced(self, name=name, names=())

    @property
    def function(self) -> Any:
        """The ufunc; None where the module has none of this name."""
        with forks_wait():
            return getattr(importlib.import_module(self.module), self.name, None)


READS_OUT = 1
READS_ALL = -1


def reads_argument(i: int) -> int:
    """Return the bit that says that a reverse rule reads the value of argument `i`; `READS_OUT` is the result's."""
    return 2 << i


@record(eq=False)
class Op:
    """One operation: everything the library knows about it.

    Attributes:
        name: its name in the table.
        kind: which kind declared it.
        numpy: computes it on plain values, parameters in canonical form.
        infer: the type of the result from the types of the arguments.
        vjp: `vjp(needs, g, out, args, params)`: one cotangent per needed argument, None for the
            others.
        jvp: `jvp(tangents, out, args, params)`: the tangent of the result; None stands for a zero
            tangent.
        reads: `reads(traced, types, params)`: which values `vjp` reads, as bits (`reads_argument`,
            `READS_OUT`), when the arguments of the bit mask `traced` are traced.
        reads_vary: whether `reads` depends on parameters and dtypes; it is remembered per mask where
            it does not.
        is_constant: the derivative is zero everywhere: results are plain values in eager mode.
        undefined: why there is no derivative; empty where there is one.
        accumulate: `accumulate(buffer, g, args, params)` adds the cotangent of the first argument
            into an array that the sweep owns.
        consume: `consume(needs, g, args, params)` is `vjp` for a cotangent `g` that the sweep owns:
            it may write to it and hand it on as the cotangent of the first argument.
        partials: the partial derivatives of an elementwise op.
        lower: `lower(e, *args)` computes one element with an emitter `e` that has no method of the op's own name.
        ufunc: computes what `numpy` does, where that is no ufunc itself; None where there is none.
        refuses: `refuses(out, *args, **params)` says in NumPy code for which numbers an error is raised, or the result
            is of another type, where code can say it; None where there are no such numbers.
        can_fail: whether an error is raised for some numbers: then it is also raised where nobody uses the result.
        acts: it decides or acts, so that its turn and how often it is done matter: it is never dropped, merged or
            computed ahead. Ops of the table only compute.
        body: NumPy code of other ops that computes what `numpy` does, for the compiler, where `numpy` is not such code
            itself; None where there is none, and it returns NotImplemented for types that it does not serve.
        left_to_numpy: why compiled steps call NumPy for it, for people; empty where that is said by its type.
        rejects: samples that must raise ShapeError.
    """

    name: str
    kind: Kind
    numpy: Callable[..., Any]
    infer: Callable[..., ArrayType | tuple[ArrayType, ...]]
    vjp: Callable[[Needs, Any, Any, Sequence[Any], Mapping[str, Any]], Sequence[Any]]
    jvp: Callable[[Sequence[Any], Any, Sequence[Any], Mapping[str, Any]], Any]
    reads: Callable[[int, Sequence[ArrayType], Mapping[str, Any]], int]
    reads_vary: bool = False
    is_constant: bool = False
    undefined: str = ""
    accumulate: Callable[[Any, Any, Sequence[Any], Mapping[str, Any]], None] | None = None
    consume: Callable[[Needs, Any, Sequence[Any], Mapping[str, Any]], Sequence[Any]] | None = None
    partials: tuple[Rule | None, ...] = ()
    lower: Callable[..., Any] | None = None
    ufunc: Ufunc | None = None
    refuses: Rule | None = None
    can_fail: CanFail = never
    acts: bool = False
    body: Callable[..., Any] | None = None
    left_to_numpy: str = ""
    notation: Notation = Notation("")
    samples: tuple[Sample, ...] = ()
    rejects: tuple[Sample, ...] = ()
    aliases: tuple[Any, ...] = ()
    known_reads: dict[Any, int] = fresh(default_factory=dict)

    @property
    def front(self) -> Callable[..., Value]:
        """What users' calls reach: it takes what NumPy's function takes and puts it into canonical form."""
        return FRONTS[self.name]

    def __repr__(self) -> str:
        return f"<op {self.name}>"


_TABLE: dict[str, Op] = {}
TABLE: Mapping[str, Op] = MappingProxyType(_TABLE)
"""Every op by name. The kinds enter ops here; nothing else does."""

FRONTS: dict[str, Callable[..., Value]] = {}
"""Every front by name: how core reaches an op without importing it."""

WEAK_FRONTS: dict[str, partial[Value]] = {}
"""Functions of Python numbers, whose results are Python numbers: `apply` with the twin of an op, by the op's name."""

IN_PLACE: dict[str, Callable[..., Value]] = {}
"""Fronts that reuse the memory of their first argument, for values that nobody else relies on."""

BY_NUMPY: dict[Any, Callable[..., Value]] = {}
"""NumPy function or ufunc, or (ufunc, method): the front that answers for it."""


def enter(op: Op, front: Callable[..., Value], numpy_names: Sequence[Any] = ()) -> None:
    """Enter an op in the table: under its name, and its front under the NumPy functions it answers for."""
    if op.name in _TABLE:
        message = f"op {op.name!r} is declared twice; an op has one entry in the table"
        raise ValueError(message)
    _TABLE[op.name] = op
    FRONTS[op.name] = front
    for function in numpy_names:
        BY_NUMPY[function] = front
