"""Places where something lies that a step reads besides its arguments: names, variables, attributes."""

from __future__ import annotations

import contextlib
from typing import Any

from chainrule.records import record


class _Missing:
    """The class of MISSING, which is one object after pickling too."""

    def __reduce__(self) -> str:
        return "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""What is read from a place that holds nothing."""


@record
class Name:
    """A place: a key of a dictionary, such as the globals of a module, or of another mapping."""

    holder: Any
    key: str

    def read(self) -> Any:
        """Return what is there now."""
        return self.holder.get(self.key, MISSING)

    def write(self, x: Any) -> None:
        """Put something there, if it can be written to."""
        if isinstance(self.holder, dict) and x is not MISSING:
            self.holder[self.key] = x

    def remove(self) -> None:
        """Leave nothing there, if it can be written to."""
        if isinstance(self.holder, dict):
            del self.holder[self.key]


@record
class Cell:
    """A place: a variable of a closure."""

    cell: Any

    def read(self) -> Any:
        """Return what is there now."""
        try:
            return self.cell.cell_contents
        except ValueError:
            return MISSING

    def write(self, x: Any) -> None:
        """Put something there."""
        self.cell.cell_contents = x

    def remove(self) -> None:
        """Leave nothing there."""
        del self.cell.cell_contents


@record
class Context:
    """A place: a context variable."""

    variable: Any

    def read(self) -> Any:
        """Return what is there now."""
        try:
            return self.variable.get()
        except LookupError:
            return MISSING

    def write(self, x: Any) -> None:
        """Put something there."""
        if x is not MISSING:
            self.variable.set(x)

    def remove(self) -> None:
        """Leave it as it is: nobody but who set it can take its value away."""


@record
class Attribute:
    """A place: an attribute that an object keeps beside its dictionary: in a slot, or a function its defaults."""

    holder: Any
    name: str

    def read(self) -> Any:
        """Return what is there now."""
        return getattr(self.holder, self.name, MISSING)

    def write(self, x: Any) -> None:
        """Put something there."""
        if x is not MISSING:
            setattr(self.holder, self.name, x)

    def remove(self) -> None:
        """Leave nothing there."""
        delattr(self.holder, self.name)


@record
class OfClass:
    """A place: a name in a class itself, whatever the classes it inherits from have under it."""

    kind: type
    name: str

    def read(self) -> Any:
        """Return what is there now."""
        return vars(self.kind).get(self.name, MISSING)

    def write(self, x: Any) -> None:
        """Put something there."""
        if x is not MISSING:
            setattr(self.kind, self.name, x)

    def remove(self) -> None:
        """Leave nothing there."""
        delattr(self.kind, self.name)


Place = Name | Cell | Context | Attribute | OfClass


def place_key(place: Place) -> tuple[int, str] | None:
    """Return what is equal for equal places of variables and attributes, as long as they exist; None for others."""
    if isinstance(place, Name):
        return id(place.holder), place.key
    return (id(place.cell), "") if isinstance(place, Cell) else None


def exchange(place: Place, x: Any, other: Any) -> bool:
    """Put something else where `x` lies, if it lies there still, and say whether it did.

    No other thread runs in between: Python looks after those neither there nor where C looks up and puts down.
    """
    if isinstance(place, Cell):
        cell = place.cell
        with contextlib.suppress(ValueError):  # it is empty
            if cell.cell_contents is x:
                cell.cell_contents = other
                return True
    elif isinstance(place, Name) and type(place.holder) is dict:
        holder, key = place.holder, place.key
        if key in holder and holder[key] is x:
            holder[key] = other
            return True
    return False
