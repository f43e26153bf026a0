"""Frozen records that are quick to declare: a dataclass costs half a millisecond, and a warm start has not many.

`dataclasses` writes and compiles Python for each class. What is made a few times per step does without that; what is
made by the thousand, such as the statements of a program, is a dataclass.
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(kind: type[T]) -> type[T]:
    """Give a class of annotated names what a frozen dataclass has.

    >>> @record
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1)
    Point(x=1, y=0)
    >>> Point(1) == Point(x=1, y=0)
    True
    >>> replaced(Point(1), y=2)
    Point(x=1, y=2)
    """
    names = tuple(kind.__annotations__)
    known = set(names)
    defaults = {name: vars(kind)[name] for name in names if name in vars(kind)}

    def initialize(self: Any, /, *args: Any, **options: Any) -> None:
        given = dict(zip(names, args, strict=False))
        values = {**defaults, **given, **options}
        if len(given) != len(args) or given.keys() & options.keys() or values.keys() != known:
            message = f"{kind.__name__} takes {', '.join(names)}"
            raise TypeError(message)
        self.__dict__.update(values)

    def values_of(self: Any) -> tuple[Any, ...]:
        return tuple([self.__dict__[name] for name in names])

    def equals(self: Any, other: object) -> Any:
        if type(other) is not type(self):
            return NotImplemented
        return values_of(self) == values_of(other)

    def text(self: Any) -> str:
        parts = [f"{n}={v!r}" for n, v in zip(names, values_of(self), strict=True)]
        return f"{kind.__qualname__}({', '.join(parts)})"

    methods = {
        "__init__": initialize,
        "__eq__": equals,
        "__hash__": lambda self: hash(values_of(self)),
        "__repr__": text,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__match_args__": names,
    }
    for name, method in methods.items():
        setattr(kind, name, method)
    return kind


def replaced(x: T, **changes: Any) -> T:
    """Return a record with other values for some of its names."""
    return type(x)(**{**vars(x), **changes})


def _refuse(self: Any, name: str, *_: Any) -> None:
    message = f"{type(self).__name__}.{name} is fixed"
    raise AttributeError(message)
