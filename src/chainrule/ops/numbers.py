"""Functions of the numbers alone: their results do not move with the arguments, or are no numbers at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, is_traced, settled
from chainrule.core.op import Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType
from chainrule.errors import NotCompiledError, NotDifferentiableError, ShapeError
from chainrule.ops.kinds import Names, constant

_NESTS = (list, tuple)


class NeedsNumbers:
    """The type rule of an op whose result has a shape that only numbers tell: it refuses.

    Attributes:
        name: of the op.
        of_count: gives the type of the result from that of the argument and from how many of its elements are not zero,
            if that is all it takes.
    """

    reason = "the shape of the result depends on numbers"

    def __init__(self, name: str, of_count: Callable[[ArrayType, int], Any] | None = None) -> None:
        self.name = name
        self.of_count = of_count

    def __call__(self, *_: Any, **__: Any) -> ArrayType:
        raise ShapeError.from_unknown(self.name)


def numbers_of(name: str, x: Any) -> Any:
    """Return the plain value at the bottom of `x`, for decisions that have no derivative.

    Raises:
        ShapeError: there are no numbers, as this part is captured on types.
    """
    if type(x) in _NESTS:
        return type(x)(numbers_of(name, i) for i in x)
    return x.numbers(name) if type(x) in HANDLES else x


def _is_symbolic(x: Any) -> bool:
    """Say whether only the type of a value is known."""
    return type(x) in HANDLES and type(x.lowest().out) is ArrayType


def _is_operand(x: Any) -> bool:
    """Say whether an argument is an array or a list of numbers, or a number."""
    if isinstance(x, (np.ndarray, list)):
        return not carries(x) and np.asarray(x).dtype.kind in "biufc"
    return type(x) in HANDLES or isinstance(x, (bool, int, float, complex, np.number, np.bool_))


def carries(x: Any) -> bool:
    """Say whether `x`, or something in a nest of lists, carries a derivative."""
    return any(map(carries, x)) if type(x) in _NESTS else is_traced(x)


def is_differentiated(x: Any) -> bool:
    """Say whether `x`, or something in a nest of lists, carries a derivative, not only a place in a captured step."""
    if type(x) in _NESTS:
        return any(map(is_differentiated, x))
    return is_traced(x) and settled(x).level.takes_derivatives


def by_numbers(
    name: str,
    numpy: Callable[..., Any],
    *,
    samples: tuple[Sample, ...],
    names: Names | None = None,
    undefined: str = "",
    effect: str = "",
) -> None:
    """Declare a function that is called with the numbers of its arguments, whatever its signature is.

    Args:
        name: its name in the table.
        numpy: the function.
        samples: calls for the generated tests.
        names: the NumPy functions it answers for; by default `numpy`.
        undefined: why there is no derivative; an argument that is differentiated is then refused.
        effect: what the function does besides returning a result: a step with such a call runs eagerly.
    """

    def front(*args: Any, **options: Any) -> Any:
        given = (*args, *options.values())
        if undefined and any(map(is_differentiated, given)):
            raise NotDifferentiableError.from_reason(name, undefined)
        if effect and any(map(carries, given)):
            raise NotCompiledError.from_effect(name, effect)
        if (
            any(map(_is_symbolic, args))
            and all(map(_is_operand, args))
            and not any(map(_is_symbolic, options.values()))
        ):
            return apply(op, *args, **options)
        plain = {k: numbers_of(name, v) for k, v in options.items()}
        return numpy(*[numbers_of(name, x) for x in args], **plain)

    op = constant(
        name,
        numpy,
        infer=NeedsNumbers(name),
        front=front,
        names=(numpy,) if names is None else names,
        undefined=undefined,
        samples=samples,
    )
