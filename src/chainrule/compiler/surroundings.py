"""What a step reads besides its arguments: closures, globals, attributes; and whether any of it has changed.

The code of the step and of the user's functions it names is read for names. Arrays are read anew at each call; numbers,
texts, functions and objects are compared.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.compiler.describe import described
from chainrule.compiler.entry.signature import (
    MISSING,
    ArrayInput,
    Cell,
    Hidden,
    Name,
    Place,
    StaticInput,
)
from chainrule.compiler.keys import keys_read
from chainrule.compiler.records import replaced
from chainrule.core.reroute import is_users_module

_NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.generic)
_OWN = __name__.partition(".")[0]
_AT_MOST = 4_096
"""Names that are followed; a program with more is watched only so far as these go."""


class Surroundings:
    """Everything that a function reads besides the arrays and numbers of its arguments, as far as its code tells.

    `objects` are arguments of other kinds, whose attributes it may read.

    Attributes:
        objects: the same.
        arrays: the places of arrays.
        containers: the places of containers of arrays and numbers, with what they held.
        keys: for each container the keys under which it is read, None where that may be all.
        fixed: the places of everything else, with what was there.
        absent: dictionaries and the names that are not among their keys, where the step would find something else.
        generators: random generators.
        signature: what must be equal for a capture to hold: numbers by value, objects by identity, arrays by type.
    """

    def __init__(self, f: Callable[..., Any], objects: Sequence[Any] = ()) -> None:
        self.objects = objects
        self.arrays: list[tuple[Place, Any]] = []
        self.containers: list[tuple[Place, Any]] = []
        self.keys: list[frozenset[str] | None] = []
        self.fixed: list[tuple[Place, Any]] = []
        self.generators: list[Any] = []
        self._seen: set[int] = set()
        self.absent: list[tuple[Any, str]] = []
        names = _names_of(f)
        self._pending: list[tuple[Any, frozenset[str]]] = [(f, names)]
        self._pending += [(x, names) for x in objects]
        while self._pending and len(self._seen) < _AT_MOST:
            self._follow(*self._pending.pop())
        self._watched = _watched(self.fixed)
        held = self.parts
        leaves = [leaf for x in held for leaf in _leaves(x)]
        self._arrays = {id(x): x for x in [*[x for _, x in self.arrays], *leaves] if _is_array(x)}
        self._held = [_compared_container(x) for x in held]
        self._leaves = leaves
        self.signature = (
            *[_compared(x) for _, x in self.fixed],
            *[_compared(x) for _, x in self.arrays],
            *self._held,
        )

    def holds(self, x: Any) -> bool:
        """Say whether an array is read anew at each call."""
        return id(x) in self._arrays

    @property
    def parts(self) -> list[Any]:
        """What is read of the containers, as they were when they were met."""
        return [_part(x, keys) for (_, x), keys in zip(self.containers, self.keys, strict=True)]

    @property
    def every_array(self) -> tuple[Any, ...]:
        """The arrays that are read anew at each call."""
        return tuple(self._arrays.values())

    def described(self, slots: Mapping[int, tuple[int, ...]]) -> tuple[Hidden, ...]:
        """Describe all of it for the call entry: what must be as it was, and the arrays to read.

        Args:
            slots: of the arrays that the native step reads, by their identities.
        """
        conditions = [Hidden(place, StaticInput(x)) for place, x in self.fixed]
        conditions += [Hidden(Name(holder, n), StaticInput(MISSING)) for holder, n in self.absent]
        seen: set[int] = set()

        def leaf(x: Any) -> Any:
            if not isinstance(x, np.ndarray):
                return StaticInput(x)
            mine = slots.get(id(x), ()) if id(x) not in seen else ()
            seen.add(id(x))
            return ArrayInput.of(x, *mine)

        arrays = [Hidden(place, leaf(x)) for place, x in self.arrays]
        containers = [
            Hidden(place, _container(x, keys, leaf))
            for (place, x), keys in zip(self.containers, self.keys, strict=True)
        ]
        return (*conditions, *arrays, *containers)

    def is_unchanged(self) -> bool:
        """Say whether everything but the numbers in arrays is as it was."""
        try:
            for get, holder, expected in self._watched:
                if get(holder) != expected:
                    return False
            if any(name in holder for holder, name in self.absent):
                return False
        except Exception:  # noqa: BLE001  a name is gone, or something does not compare
            return False
        return not self.containers or self._held == [
            _compared_container(_part(place.read(), keys))
            for (place, _), keys in zip(self.containers, self.keys, strict=True)
        ]

    def is_current(self) -> bool:
        """Say whether the arrays are still those that were met, and not others of the same types in their places."""
        parts = [
            _part(place.read(), keys)
            for (place, _), keys in zip(self.containers, self.keys, strict=True)
        ]
        leaves = [leaf for x in parts for leaf in _leaves(x)]
        return (
            all(place.read() is x for place, x in self.arrays)
            and len(leaves) == len(self._leaves)
            and all(x is y for x, y in zip(leaves, self._leaves, strict=True) if _is_array(y))
        )

    def drawn(self) -> tuple[Any, ...]:
        """Return something that changes when a random number is drawn."""
        states: list[Any] = [_frozen(g.bit_generator.state) for g in self.generators]
        if "numpy.random" in sys.modules:
            states.append(_frozen(np.random.get_state(legacy=False)))  # noqa: NPY002  what the step may draw from
        if "random" in sys.modules:
            states.append(hash(sys.modules["random"].getstate()))
        return tuple(states)

    def _follow(self, x: Any, names: frozenset[str]) -> None:
        """Look into something the step can reach."""
        if id(x) in self._seen:
            return
        self._seen.add(id(x))
        if isinstance(x, (functools.partial, MethodType, FunctionType)):
            self._follow_callable(x, names)
        elif isinstance(x, ModuleType):
            if is_users_module(x.__name__):
                self._follow_names(vars(x), names)
        elif isinstance(x, type):
            if is_users_module(x.__module__):
                self._follow_names(vars(x), names)
        elif hasattr(x, "bit_generator"):
            self.generators.append(x)
        elif is_users_module(type(x).__module__) and hasattr(x, "__dict__"):
            wider = names | _names_of_class(_class_of(x))
            self._follow_names(vars(x), wider)
            self.absent += [(vars(x), n) for n in wider - vars(x).keys() if hasattr(type(x), n)]
            self._pending.append((type(x), wider))
        elif hasattr(x, "__wrapped__"):
            self._pending.append((x.__wrapped__, names))

    def _follow_callable(self, x: Any, names: frozenset[str]) -> None:
        if isinstance(x, functools.partial):
            self._pending += [(v, names) for v in (x.func, *x.args, *x.keywords.values())]
        elif isinstance(x, MethodType):
            wider = names | _names_of_class(_class_of(x.__self__))
            self._pending += [(x.__func__, names), (x.__self__, wider)]
        else:
            self._follow_function(x)

    def _follow_function(self, f: FunctionType) -> None:
        code = f.__code__
        names = _names_of_code(code)
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            self._meet(Cell(cell), names, keys_read(code, name))
        if is_users_module(f.__module__ or ""):
            for name in sorted(names & f.__globals__.keys()):
                self._meet(Name(f.__globals__, name), names, keys_read(code, name))
        for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self._pending.append((value, names))
        if hasattr(f, "__wrapped__"):
            self._pending.append((f.__wrapped__, names))

    def _follow_names(self, holder: Any, names: frozenset[str]) -> None:
        for name in sorted(names & holder.keys()):
            self._meet(Name(holder, name), names)

    def _meet(
        self, place: Place, names: frozenset[str], keys: frozenset[str] | None = None
    ) -> None:
        """Note what is at a place, and look into it later; of a dictionary read by its keys, only what they name."""
        x = place.read()
        if x is MISSING:
            return
        if isinstance(x, np.ndarray):
            self.arrays.append((place, x))
        elif isinstance(x, (list, tuple, dict)) or hasattr(type(x), "__dataclass_fields__"):
            self.containers.append((place, x))
            self.keys.append(keys if type(x) is dict else None)
            self._pending.append((x, names))
        else:
            if not isinstance(x, ModuleType):
                self.fixed.append((place, x))
            self._pending.append((x, names))


def _watched(fixed: list[tuple[Place, Any]]) -> list[tuple[Callable[[Any], Any], Any, Any]]:
    """Return how to look at many places at once: a function, what it is applied to, and what it has to give."""
    cells = [place.cell for place, _ in fixed if isinstance(place, Cell)]
    by_holder: dict[int, tuple[Any, list[str], list[Any]]] = {}
    for place, x in fixed:
        if isinstance(place, Name):
            _, keys, values = by_holder.setdefault(id(place.holder), (place.holder, [], []))
            keys.append(place.key)
            values.append(x)
    watched: list[tuple[Callable[[Any], Any], Any, Any]] = [
        (itemgetter(*keys, keys[0]), holder, (*values, values[0]))
        for holder, keys, values in by_holder.values()
    ]
    if cells:
        watched.append((_contents, cells, [x for place, x in fixed if isinstance(place, Cell)]))
    return watched


def _contents(cells: list[CellType]) -> list[Any]:
    return [cell.cell_contents for cell in cells]


def _frozen(state: Any) -> Any:
    """Return the state of a generator so that it can be compared later."""
    if isinstance(state, dict):
        return tuple([(k, _frozen(v)) for k, v in state.items()])
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _leaves(x: Any) -> list[Any]:
    return _flattened(x)[0]


def _part(x: Any, keys: frozenset[str] | None) -> Any:
    """Return what lies under these keys of a dictionary; all of it, and of anything else, for None."""
    if keys is None or type(x) is not dict:
        return x
    return {key: x.get(key, MISSING) for key in sorted(keys)}


def _container(x: Any, keys: frozenset[str] | None, leaf: Callable[[Any], Any]) -> Any:
    """Describe a container; one that the entry does not know has to be the same object."""
    leaves, structure = _flattened(_part(x, keys))
    known = described(structure, [leaf(v) for v in leaves], StaticInput) if structure else None
    if known is None:
        return StaticInput(x)
    return known[0] if keys is None else replaced(known[0], is_open=True)


def _flattened(x: Any) -> tuple[list[Any], Any]:
    try:
        return tree.flatten(x)
    except Exception:  # noqa: BLE001  a container of something that has no order
        return [], None


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def _compared(x: Any) -> Any:
    """Return what stands for a value in a signature."""
    if isinstance(x, np.ndarray):
        return (x.dtype, x.shape, x.strides)
    if isinstance(x, _NUMBERS):
        return (type(x), x if x == x else "nan")  # noqa: PLR0124  so NaN is found
    return id(x)


def _compared_container(x: Any) -> Any:
    try:
        leaves, structure = tree.flatten(x)
    except Exception:  # noqa: BLE001  a container of something else is compared as an object
        return id(x)
    return (structure, *map(_compared, leaves))


@functools.cache
def _names_of_code(code: CodeType) -> frozenset[str]:
    """Return every name that a code object, or one inside it, looks up."""
    return frozenset(_every_name(code))


def _every_name(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _every_name(constant)


def _names_of(f: Any) -> frozenset[str]:
    """Return every name that a function looks up, whatever is wrapped around it."""
    while not isinstance(f, FunctionType):
        inner = getattr(f, "func", None) or getattr(f, "__func__", None)
        inner = inner or getattr(f, "__wrapped__", None)
        if inner is None:
            return frozenset()
        f = inner
    return _names_of_code(f.__code__)


def _class_of(x: Any) -> Any:
    return type(x)


@functools.cache
def _names_of_class(kind: Any) -> frozenset[str]:
    """Return every name that the methods of a user's class look up."""
    names: set[str] = set()
    for base in kind.__mro__:
        if is_users_module(base.__module__):
            for value in vars(base).values():
                if isinstance(value, FunctionType):
                    names |= _names_of_code(value.__code__)
    return frozenset(names)
