"""Records that are quick to declare: a dataclass costs half a millisecond, and a start has not many.

`dataclasses` writes and compiles six methods for each class, whether it is used or not. A record's are shared, but for
the one that makes it, which is written when some have been made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar, dataclass_transform, overload

T = TypeVar("T")

_ABSENT: Any = object()
_WORTH_WRITING = 300
"""What is spent on making records, in microseconds or so, before the method that makes them is written for good."""
_MORE = 10
"""What a record costs that is not given all its values in their order."""


class computed_once(Generic[T]):  # noqa: N801  it stands where `property` would
    """An attribute that is computed where it is first asked for, as `functools.cached_property`, but without a lock.

    Python 3.11 has one for all objects of the class, and leaves it locked to a child that is born meanwhile.

    >>> class Square:
    ...     side = 3
    ...
    ...     @computed_once
    ...     def area(self):
    ...         return self.side**2
    >>> square = Square()
    >>> square.area, vars(square)
    (9, {'area': 9})
    """

    def __init__(self, f: Callable[[Any], T]) -> None:
        self._compute = f
        self.__doc__ = f.__doc__

    def __get__(self, x: Any, _: type | None = None) -> T:
        value = x.__dict__[self._compute.__name__] = self._compute(x)
        return value


class _Fresh:
    """The default of a name whose value is made for each record."""

    def __init__(self, factory: Callable[[], Any]) -> None:
        self.factory = factory


def fresh(*, default_factory: Callable[[], T]) -> T:
    """Declare the default of a name in a `mutable_record`: what the factory makes, for each record anew."""
    return _Fresh(default_factory)  # type: ignore[return-value]  # dataclasses' field pretends as well


@dataclass_transform(eq_default=False, field_specifiers=(fresh,))
def mutable_record(kind: type[T]) -> type[T]:
    """Give a class of annotated names what a dataclass has that is compared by identity.

    >>> @mutable_record
    ... class Basket:
    ...     owner: str
    ...     fruit: list[str] = fresh(default_factory=list)
    >>> basket = Basket("Ann")
    >>> basket.fruit.append("pear")
    >>> basket, Basket("Bob").fruit
    (Basket(owner='Ann', fruit=['pear']), [])
    """
    names = tuple(kind.__annotations__)
    _add_making(kind, names)
    kind.__match_args__ = names  # type: ignore[misc, attr-defined]
    return kind


@overload
def record(kind: type[T], /) -> type[T]: ...
@overload
def record(*, eq: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(fresh,))
def record(kind: type[Any] | None = None, /, *, eq: bool = True) -> Any:
    """Give a class of annotated names what a frozen dataclass has; without `eq` it is compared by identity.

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
    if kind is None:
        return functools.partial(_fixed, eq=eq)
    return _fixed(kind, eq=eq)


def _fixed(kind: type[T], *, eq: bool) -> type[T]:
    """Make a class of annotated names one of records whose values cannot be set."""
    names = tuple(kind.__annotations__)
    _add_making(kind, names)
    methods: dict[str, Any] = {
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__match_args__": names,
    }
    if eq:
        methods |= _comparing(names)
    for name, method in methods.items():
        setattr(kind, name, method)
    return kind


def _comparing(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the methods of records that are equal where their values are."""

    def values_of(self: Any) -> tuple[Any, ...]:
        return tuple([self.__dict__[name] for name in names])

    def equals(self: Any, other: object) -> Any:
        if type(other) is not type(self):
            return NotImplemented
        return values_of(self) == values_of(other)

    return {"__eq__": equals, "__hash__": lambda self: hash(values_of(self))}


def _add_making(kind: type, names: tuple[str, ...]) -> None:
    """Add the method that makes a record, which is written when some have been made, and the one that shows it."""
    left = [_WORTH_WRITING]

    def initialize(self: Any, /, *args: Any, **options: Any) -> None:
        left[0] -= 1
        if left[0] > 0 and len(args) == len(names) and not options:
            self.__dict__.update(zip(names, args, strict=True))
            return
        left[0] -= _MORE
        given = dict(zip(names, args, strict=False)) | options
        if left[0] > 0 and len(given) == len(args) + len(options):
            values = _defaults_beside(given, kind, names) | given
            if len(values) == len(names) and values.keys() == set(names):
                self.__dict__.update(values)
                return
        made = _initializer(kind, names)  # it says what is wrong as well
        setattr(kind, "__init__", made)  # noqa: B010  a method of this class alone
        made(self, *args, **options)

    def text(self: Any) -> str:
        parts = [f"{n}={self.__dict__[n]!r}" for n in names]
        return f"{kind.__qualname__}({', '.join(parts)})"

    kind.__init__ = initialize  # type: ignore[misc]
    if "__repr__" not in vars(kind):
        kind.__repr__ = text  # type: ignore[method-assign, assignment]


def replaced(x: T, /, **changes: Any) -> T:
    """Return a record with other values for some of its names."""
    values = vars(x)
    known = {name: values[name] for name in type(x).__match_args__}  # type: ignore[attr-defined]  # of a record
    return type(x)(**known | changes)


def _defaults_beside(given: dict[str, Any], kind: type, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of the names that are not given, where they have one."""
    own = vars(kind)
    rest = {name: own[name] for name in names if name in own and name not in given}
    return {k: x.factory() if type(x) is _Fresh else x for k, x in rest.items()}


def _initializer(kind: type, names: tuple[str, ...]) -> Any:
    """Write the method that takes the values of the names."""
    defaults = {f"_{name}": vars(kind)[name] for name in names if name in vars(kind)}
    made_anew = {k: x.factory for k, x in defaults.items() if isinstance(x, _Fresh)}
    defaults |= dict.fromkeys(made_anew, _ABSENT)
    defaults |= {f"_make{k}": factory for k, factory in made_anew.items()}
    parameters = [f"{name}=_{name}" if f"_{name}" in defaults else name for name in names]
    values = ", ".join(
        f"{n!r}: _make_{n}() if {n} is _{n} else {n}" if f"_{n}" in made_anew else f"{n!r}: {n}"
        for n in names
    )
    text = (
        f"def __init__({', '.join(['_self', *parameters])}):\n _self.__dict__.update({{{values}}})"
    )
    made: dict[str, Any] = {}
    exec(text, defaults, made)  # noqa: S102  names of our own classes
    made["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    return made["__init__"]


def _refuse(self: Any, name: str, *_: Any) -> None:
    message = f"{type(self).__name__}.{name} is fixed"
    raise AttributeError(message)
