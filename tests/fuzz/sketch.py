"""A NumPy program under construction: its lines, and what is known of its variables so that every line is valid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

Shape = tuple[int, ...]
T = TypeVar("T")

SHAPES: tuple[Shape, ...] = ((4,), (3,), (2, 3), (3, 3), (4, 2), (2, 2, 3), (1, 3), (5,))


@dataclass(frozen=True)
class Variable:
    """What is known of a name.

    Attributes:
        name: as it stands in the program.
        shape: of its array; `()` for a number.
        memory: equal for arrays that may share theirs.
        is_array: whether it can be indexed and written to.
    """

    name: str
    shape: Shape
    memory: int
    is_array: bool = True

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


class Sketch:
    """The lines written so far, the variables in sight, the features used, and where choices come from."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.lines: list[str] = []
        self.variables: list[Variable] = []
        self.loops: list[tuple[str, int]] = []
        self.features: set[str] = set()
        self.indent = 1
        self.names = 0

    # choices

    def pick(self, options: Sequence[T]) -> T:
        """Choose one of the options."""
        return options[self.random.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        """Say yes in so many percent of cases."""
        return self.random.randrange(100) >= 100 - percent

    def number(self) -> str:
        """Write a number of moderate size, of either sign and never zero."""
        return repr(self.pick((-1, 1)) * self.random.randrange(2, 20) / 10)

    # lines

    def emit(self, line: str) -> None:
        """Add a line to the block being written."""
        self.lines.append("    " * self.indent + line)

    def use(self, *features: str) -> None:
        """Note that the program has these features."""
        self.features.update(features)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write a block; what it defines is out of sight behind it."""
        self.emit(header)
        self.indent += 1
        variables, written = list(self.variables), len(self.lines)
        yield
        if len(self.lines) == written:
            self.emit("pass")
        self.indent -= 1
        self.variables = variables

    # variables

    def fresh(self) -> str:
        """Return a name that is not taken."""
        self.names += 1
        return f"v{self.names}"

    def define(self, code: str, shape: Shape, memory: int | None = None) -> Variable:
        """Assign to a fresh name; with the memory of another variable it is a view."""
        name = self.fresh()
        self.emit(f"{name} = {code}")
        return self.know(name, shape, memory)

    def know(self, name: str, shape: Shape, memory: int | None = None) -> Variable:
        """Take note of a variable that the program has assigned to; a number is no array."""
        memory = self.names + 100 if memory is None else memory
        variable = Variable(name, shape, memory, is_array=bool(shape))
        self.variables.append(variable)
        return variable

    def alias(self, variable: Variable) -> None:
        """Give a variable a second name."""
        name = self.fresh()
        self.emit(f"{name} = {variable.name}")
        self.variables.append(replace(variable, name=name))

    def any(self) -> Variable:
        """Choose a variable; the younger half more often."""
        late = self.variables[len(self.variables) // 2 :]
        return self.pick(late if self.chance(50) else self.variables)

    def array(self, least: int = 1) -> Variable:
        """Choose an array of at least so many axes; there is always one."""
        return self.pick([v for v in self.variables if v.is_array and len(v.shape) >= least])

    def shares(self, variable: Variable) -> bool:
        """Say whether another name in sight may share memory with a variable."""
        return any(v.memory == variable.memory and v.name != variable.name for v in self.variables)

    # indices

    def position(self, n: int) -> str:
        """Write an index of an axis of length `n`: a number from either end, or a loop's variable."""
        fitting = [name for name, turns in self.loops if turns <= n]
        if fitting and self.chance(60):
            return self.pick(fitting)
        return str(self.random.randrange(-n, n))

    def positions(self, n: int, count: int, *, distinct: bool = False) -> list[int]:
        """Choose positions on an axis of length `n`, twice the same among them unless they are distinct."""
        if distinct:
            return self.random.sample(range(n), count)
        return [self.random.randrange(-n, n) for _ in range(count)]
