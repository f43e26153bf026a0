"""Random steps whose arrays and numbers lie outside of them, in attributes, lists and dictionaries, and change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tests.fuzz.step_arguments import Argument
from tests.fuzz.steps import StepProgram


class Holder:
    """What a step reads besides its arguments."""

    def __init__(self) -> None:
        self.named: Any = None
        self.number: Any = None
        self.other: Any = None
        self.row: list[Any] = []
        self.table: dict[str, Any] = {}


class Held(NamedTuple):
    """A step that reads some arguments elsewhere.

    Attributes:
        step: takes the others.
        given: makes its arguments of those of the step it was made of, and has what lies outside change to the rest.
        outside: what lies there now.
    """

    step: Callable[..., Any]
    given: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    outside: Callable[[], list[Any]]


def taking_all(step: Callable[..., Any]) -> Held:
    """Return a step as it is: nothing lies outside."""
    return Held(step, lambda arguments: arguments, list)


def is_held(a: Argument) -> bool:
    """Say whether an argument is to lie outside: what holds arrays does, but for those that share memory."""
    return a.kind in {"array", "dict", "list", "tuple"} and a.layout != "broadcast"


def is_number(a: Argument) -> bool:
    """Say whether an argument is a number that may lie outside, in an attribute, and change there."""
    return a.kind in {"float", "complex", "scalar", "int"}


def held(program: StepProgram, step: Callable[..., Any]) -> Held:
    """Return a step with its arrays outside."""
    places = [i for i, a in enumerate(program.given) if is_held(a)]
    numbers = _numbers(program)
    holder = Holder()

    def reading() -> list[Any]:
        first = [holder.named] if places else []
        return [*first, *holder.row, *[holder.table[f"{i}"] for i in range(len(holder.table))]]

    def called(*rest: Any) -> Any:
        remaining, found = list(rest), reading()
        arguments = []  # statement by statement: so it has parts where it does not run as a whole
        for i in range(len(program.given)):
            if numbers[:1] == [i]:
                arguments += [holder.number]
            elif numbers[1:] == [i]:
                arguments += [holder.other]
            else:
                arguments += [found[places.index(i)] if i in places else remaining.pop(0)]
        return step(*arguments)

    def given(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        moved = [arguments[i] for i in places]
        if not all(map(_has_moved_into, reading(), moved)) or len(reading()) != len(moved):
            holder.named = moved[0] if moved else None
            holder.row[:] = moved[1:2]
            holder.table.clear()
            holder.table.update({f"{i}": x for i, x in enumerate(moved[2:])})
        holder.number, holder.other = [*[arguments[i] for i in numbers], None, None][:2]
        return tuple([x for i, x in enumerate(arguments) if i not in (*places, *numbers)])

    return Held(called, given, reading)


def _numbers(program: StepProgram) -> list[int]:
    """Return which arguments are numbers that lie outside: two at most, and none that is compiled for."""
    static = dict(program.options).get("static", ())
    return [i for i, a in enumerate(program.given) if is_number(a) and i not in static][:2]


def without_held(program: StepProgram) -> StepProgram:
    """Return the program with the options of what is left of its arguments: none are donated."""
    numbers = _numbers(program)
    places = [i for i, a in enumerate(program.given) if not is_held(a) and i not in numbers]
    static = dict(program.options).get("static", ())
    kept = tuple([places.index(i) for i in static])
    return dataclasses.replace(program, options=(("static", kept),) if kept else ())


def _has_moved_into(x: Any, other: Any) -> bool:
    """Give an array, or those in a container, the numbers of another; say whether it could have them."""
    if isinstance(other, np.ndarray):
        alike = isinstance(x, np.ndarray) and (x.shape, x.dtype, x.strides) == (
            other.shape,
            other.dtype,
            other.strides,
        )
        if alike:
            x[...] = other
        return alike
    if type(x) is not type(other) or not isinstance(x, (dict, list, tuple)):
        return False
    inside = list(x.values() if isinstance(x, dict) else x)
    others = list(other.values() if isinstance(other, dict) else other)
    return len(inside) == len(others) and all(map(_has_moved_into, inside, others))
