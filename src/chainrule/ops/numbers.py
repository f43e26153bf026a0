"""Functions of the numbers alone: their results do not move with the arguments, or are no numbers at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.core.cells import HANDLES, is_traced
from chainrule.core.op import Sample
from chainrule.core.types import ArrayType
from chainrule.errors import NotDifferentiableError, ShapeError
from chainrule.ops.kinds import Names, constant

_NESTS = (list, tuple)


def needs_numbers(name: str) -> Callable[..., ArrayType]:
    """Return the type rule of an op whose result has a shape that only numbers tell: it refuses."""

    def infer(*_: Any, **__: Any) -> ArrayType:
        raise ShapeError.from_unknown(name)

    return infer


def numbers_of(name: str, x: Any) -> Any:
    """Return the plain value at the bottom of `x`, for decisions that have no derivative.

    Raises:
        ShapeError: there are no numbers, as this part is captured on types.
    """
    if type(x) in _NESTS:
        return type(x)(numbers_of(name, i) for i in x)
    leaf = x.leaf() if type(x) in HANDLES else x
    if type(leaf) is ArrayType:
        raise ShapeError.from_unknown(name)
    return leaf


def carries(x: Any) -> bool:
    """Say whether `x`, or something in a nest of lists, carries a derivative."""
    return any(map(carries, x)) if type(x) in _NESTS else is_traced(x)


def by_numbers(
    name: str,
    numpy: Callable[..., Any],
    *,
    samples: tuple[Sample, ...],
    names: Names | None = None,
    undefined: str = "",
) -> None:
    """Declare a function that is called with the numbers of its arguments, whatever its signature is.

    Args:
        name: its name in the table.
        numpy: the function.
        samples: calls for the generated tests.
        names: the NumPy functions it answers for; by default `numpy`.
        undefined: why there is no derivative; a traced argument is then refused.
    """

    def front(*args: Any, **options: Any) -> Any:
        if undefined and (any(map(carries, args)) or any(map(carries, options.values()))):
            raise NotDifferentiableError.from_reason(name, undefined)
        plain = {k: numbers_of(name, v) for k, v in options.items()}
        return numpy(*[numbers_of(name, x) for x in args], **plain)

    constant(
        name,
        numpy,
        infer=needs_numbers(name),
        front=front,
        names=(numpy,) if names is None else names,
        undefined=undefined,
        samples=samples,
    )
