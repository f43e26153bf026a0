"""What a step reads besides its arguments: closures, globals, attributes; and whether any of it has changed.

The code of the step and of the user's functions it names is read for names. Arrays are read anew at each call; numbers,
texts, functions and objects are compared.
"""

from __future__ import annotations

import builtins
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from threading import local
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from chainrule.compiler.capture.reading import Outside, is_copied
from chainrule.compiler.comparing import (
    NUMBERS,
    compared,
    compared_all,
    is_as_compared,
    laid_out,
    lookups_of,
    part_of,
)
from chainrule.compiler.contents import (
    HELD,
    Cleared,
    contents_of,
    is_container,
    is_of_numbers,
    memory_in,
    spread,
)
from chainrule.compiler.entry.signature import Hidden, StaticInput
from chainrule.compiler.generators import is_generator, state_of
from chainrule.compiler.hiding import Hiding, described_container
from chainrule.compiler.keys import keys_read
from chainrule.compiler.moving import may_move, set_apart
from chainrule.compiler.outside import (
    has_settings,
    is_outer,
    is_unseen,
    may_ask,
    may_ask_by_name,
    modules_imported,
    name_of,
    names_what_asks,
    not_seen_by_name,
    submodules,
)
from chainrule.compiler.places import (
    MISSING,
    Attribute,
    Cell,
    Context,
    Name,
    OfClass,
    Place,
    exchange,
    place_key,
)
from chainrule.compiler.users import (
    ANY,
    asked,
    class_of,
    functions_held_by,
    functions_of,
    functions_of_class,
    has_names,
    implied_functions,
    is_called,
    is_found_by_class,
    is_of_users_class,
    is_users_object,
    is_watched,
    names_in,
    names_of,
    names_of_class,
    names_read,
    namespaces,
    namespaces_outside,
    shadowed,
    slots_of,
    values_of,
    wrapped_by,
)
from chainrule.core.comparisons import compare_originals
from chainrule.core.loads import can_hand_through
from chainrule.errors import NotCompiledError
from chainrule.forks import forks_wait, imported

_NO_CODE = (*NUMBERS, np.ndarray)
_PARTIAL = (functools.partial, functools.partialmethod)
_HOLDING = (
    *(property, functools.cached_property, staticmethod, classmethod),
    *(functools.singledispatchmethod, np.vectorize),
)
_WRAPPERS = (MethodType, *_PARTIAL, *_HOLDING)
_WITHOUT_ARRAYS = (
    *(np.ufunc, np.dtype, type(np.sum), BuiltinFunctionType, WrapperDescriptorType),
    *(MethodDescriptorType, GetSetDescriptorType, MemberDescriptorType, CodeType, slice, range),
)
"""What is not looked into, and holds no arrays."""
_WRITTEN_TO = frozenset({"stdout", "stderr"})
_CACHED = type(functools.lru_cache(len))
"""What keeps the results of a function."""
_LIBRARIES = {"numpy", "scipy"}
_ENVIRONMENT = frozenset({"environ", "getenv"})
_ALONE = 2
"""Classes in the order of one that inherits from nothing but `object`; those of others may change."""
_UNSEEN = frozenset({"deepcopy", "asdict", "astuple", "eval", "exec"})
"""Functions of Python's by which arrays are read, those of an object for example, and no code of the step shows it."""
_AT_MOST = 4_096
"""Names that are followed; a program with more is watched only so far as these go."""


class Surroundings:
    """Everything that a function reads besides the arrays and numbers of its arguments, as far as its code tells.

    `objects` are arguments of other kinds, whose attributes it may read; `moving` are the places, by `place_key`, of
    numbers that may be others in each call.

    Attributes:
        objects: the same.
        arrays: the places of arrays.
        numbers: the places of those numbers, with their types.
        containers: the places of containers of arrays and numbers, with what they held.
        keys: for each container the keys under which it is read, None where that may be all.
        fixed: the places of everything else, with what was there.
        absent: places where nothing stands; the step would read what comes to stand there.
        empty: slots that nothing has been put into yet, and context variables.
        generators: random generators.
        iterators: iterators that are no objects of the user's.
        functions: the user's functions that the step can reach.
        caches: what keeps the results of functions.
        may_ask: whether the step may ask the world outside, see `outside.py`.
        unseen: what may tell something else in each call, where no call would be seen.
        signature: what must be equal for a capture to hold: numbers by value, objects by identity, arrays by type.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        objects: Sequence[Any] = (),
        moving: frozenset[Any] = frozenset(),
    ) -> None:
        self.objects = objects
        self.arrays: list[tuple[Place, Any]] = []
        self.numbers: list[tuple[Place, type]] = []
        self.containers: list[tuple[Place, Any]] = []
        self.keys: list[frozenset[str] | None] = []
        self.fixed: list[tuple[Place, Any]] = []
        self.generators: list[Any] = []
        self.iterators: list[Any] = []
        self.functions: list[FunctionType] = []
        self.may_ask = False
        self.unseen: list[str] = []
        self.caches: list[Any] = []
        self._held_in_c: list[Any] = []
        self._has_unknown = False
        self._seen: dict[int, frozenset[str]] = {}
        self._reached: list[Any] = []
        self._names = names_of(f)
        self._apart: list[tuple[Place, Any, Any]] = []
        self._moving = moving if can_hand_through() else frozenset()
        self.absent: list[Place] = []
        self.empty: list[Attribute | Context] = []
        self._pending: list[Any] = [f]
        for x in objects:
            self._hold(x)
        self._follow_all()
        if not _UNSEEN.isdisjoint(self._names):
            self.fixed += [(place, place.read()) for place, _ in self.numbers]
            self.numbers.clear()
        self._watched = lookups_of(self.fixed)
        self._read = laid_out([x for _, x in self.arrays], self.parts)
        self._arrays = {id(x): x for x in self._read if is_of_numbers(x)}
        self._state = compared_all(self._read)
        kinds = [kind for _, kind in self.numbers]
        self.signature = (*[compared(x) for _, x in self.fixed], *kinds, *self._state)

    def holds(self, x: Any) -> bool:
        """Say whether an array is read anew at each call."""
        return id(x) in self._arrays

    def has_met(self, x: Any) -> bool:
        """Say whether the step can reach an object."""
        return id(x) in self._seen

    def asks_for(self, name: str) -> bool:
        """Say whether the step may do without an attribute of this name."""
        return ANY in self._names or asked(name) in self._names

    @property
    def parts(self) -> list[Any]:
        """What is read of the containers, as they were when they were met."""
        return [part_of(x, keys) for (_, x), keys in zip(self.containers, self.keys, strict=True)]

    @property
    def every_array(self) -> tuple[Any, ...]:
        """The arrays that are read anew at each call."""
        return tuple(self._arrays.values())

    def outside(self) -> Outside:
        """Return the arrays, the containers, the numbers, and the arrays that C may read where nobody sees it."""
        containers = [x for _, x in self.containers]
        held = [*self._held_in_c, *[v for x in containers for v in _uncopied(x)]]
        if not _UNSEEN.isdisjoint(self._names):
            held += self._arrays.values()
        held = list(filter(is_of_numbers, held))
        return Outside(
            self._arrays.values(),
            containers,
            held,
            [(place, other) for place, _, other in self._apart],
            lambda: memory_in(containers),
            has_unknown=self._has_unknown,
        )

    def set_apart(self) -> NotCompiledError | None:
        """Have each of the numbers lie in its place alone; say why the step cannot be captured if that cannot be."""
        for place, kind in self.numbers:
            pair = set_apart(place, kind)
            if pair is None:
                return NotCompiledError.from_changed_surroundings()
            self._apart.append((place, *pair))
        return None

    def put_back(self) -> None:
        """Put the numbers back that were set apart: they may be compared by `is`."""
        for place, x, other in self._apart:
            exchange(place, other, x)
        self._apart.clear()

    def described(self, slots: Mapping[int, tuple[int, ...]], first: int) -> Hiding:
        """Describe all of it for the call entry: what must be as it was, and the arrays to read.

        Args:
            slots: of the arrays that the native step reads, by their identities.
            first: the number of leaves among the arguments, behind which these are counted.
        """
        conditions = [Hidden(place, StaticInput(x)) for place, x in self.fixed]
        conditions += [Hidden(place, StaticInput(MISSING)) for place in self.absent]
        hiding = Hiding(slots, first + len(conditions))
        arrays = [Hidden(place, hiding.leaf(x)) for place, x in self.arrays]
        containers = [
            described_container(place, x, keys, hiding.leaf)
            for (place, x), keys in zip(self.containers, self.keys, strict=True)
        ]
        hiding.inputs = (*conditions, *map(hiding.numbered, (*arrays, *containers)))
        return hiding

    def is_unchanged(self) -> bool:
        """Say whether everything but the numbers in arrays is as it was."""
        try:
            for get, holder, expected in self._watched:
                if not all(map(is_as_compared, get(holder), expected)):
                    return False
            if any(place.read() is not MISSING for place in (*self.absent, *self.empty)):
                return False
            if any(type(place.read()) is not kind for place, kind in self.numbers):
                return False
        except Exception:  # noqa: BLE001  a name is gone, or something does not compare
            return False
        return self._state == compared_all(self._read_now())

    def is_current(self) -> bool:
        """Say whether the arrays are still those that were met, and not others of the same types in their places."""
        now = self._read_now()
        return len(now) == len(self._read) and all(
            x is y for x, y in zip(now, self._read, strict=True) if is_of_numbers(y)
        )

    def _read_now(self) -> list[Any]:
        """Read the arrays and the containers anew, and lay them out."""
        places = zip(self.containers, self.keys, strict=True)
        parts = [part_of(place.read(), keys) for (place, _), keys in places]
        return laid_out([place.read() for place, _ in self.arrays], parts)

    def refusal(self) -> NotCompiledError | None:
        """Say why the step is not to be captured at all, if it may tell something new that nobody would see."""
        if self.iterators:
            return NotCompiledError.from_iterator()
        if self.may_ask or ANY in self._names:
            with forks_wait():
                from chainrule.compiler.handing import handed_on

            self.unseen += filter(None, [handed_on(self.functions, self._reached, self.objects)])
        if self.may_ask:  # an answer that was kept is not asked for again until it is forgotten
            asking = [f for f in self.caches if Surroundings(f.__wrapped__).may_ask]
            self.unseen += [f"the cache of {f.__qualname__}" for f in asking]
        unseen = [*self.unseen, *map(_described_empty, self.empty)]
        return NotCompiledError.from_unseen(unseen[0]) if unseen else None

    def drawn(self) -> tuple[Any, ...]:
        """Return something that changes when a random number is drawn."""
        return tuple(map(state_of, self.every_generator))

    @property
    def every_generator(self) -> list[Any]:
        """The generators that were met, and those that functions of modules draw from."""
        of_modules = []
        numpys, pythons = imported("numpy.random"), imported("random")
        if numpys is not None:
            of_modules.append(numpys.mtrand._rand)  # noqa: SLF001  it has no other name
        if pythons is not None:
            of_modules.append(pythons._inst)  # noqa: SLF001
        return [*self.generators, *of_modules]

    def _follow_all(self) -> None:
        """Look into everything that can be reached, and again as long as functions are found that name more.

        Which function is handed which object is not known: whatever any of them names may be read of any object.
        """
        while self._pending:
            names = self._names
            while self._pending and len(self._seen) < _AT_MOST:
                self._follow(self._pending.pop())
            self._pending = self._reached[:] if self._names != names else []

    def _follow(self, x: Any) -> None:
        """Look into something the step can reach, for the names for which that was not done yet."""
        kind = x if isinstance(x, type) else class_of(x)
        if kind is x or is_of_users_class(x):
            self._names |= names_of_class(kind, self._names)
        seen = self._seen.get(id(x))
        names = self._names if seen is None else self._names - seen
        self._seen[id(x)] = self._names
        if seen is None:
            self._reached.append(x)
            self._enter(x)
        asked = frozenset([name[1:] for name in names if name[0] == "?"])
        if isinstance(x, ModuleType):
            self._follow_module(x, names, asked)
            names |= {"__getattr__"}  # it tells what the module does not have
        for holder in namespaces(x):
            more = values_of(vars(holder)) if ANY in names and isinstance(x, type) else ()
            self._follow_names(holder, names.union(more))
            self.absent += _places(holder, asked - names_in(holder).keys())
        if isinstance(x, type):
            self.absent += shadowed(x, frozenset([n for n in names if n[:2] != "__"]))
        for values in namespaces_outside(x):
            self._follow_values(values, names)
        if not is_users_object(x) and not isinstance(x, SimpleNamespace):
            return
        if ANY in names and has_names(x):
            self._hold(vars(x))
        self._follow_slots(x, names)
        if has_names(x):
            missing = names - vars(x).keys() - asked
            self.absent += _places(vars(x), [n for n in missing if is_found_by_class(x, n)])

    def _follow_slots(self, x: Any, names: frozenset[str]) -> None:
        """Look into the attributes that an object keeps in slots."""
        for name in sorted(names & slots_of(class_of(x))):
            place = Attribute(x, name)
            if place.read() is MISSING:
                self.empty.append(place)
            self._meet(place)

    def _follow_module(
        self, module: ModuleType, names: frozenset[str], asked: frozenset[str]
    ) -> None:
        """Look into a module that is not the user's: what it tells by a name may be another tomorrow."""
        if has_settings(module):
            self._follow_values(vars(module), names)
            self.absent += _places(vars(module), asked - vars(module).keys())
        else:
            self.may_ask = self.may_ask or ANY in names or may_ask_by_name(module, names)
            self._pending += submodules(module, names)

    def _follow_values(self, holder: Mapping[str, Any], names: frozenset[str]) -> None:
        """Look into what lies under names that is no function or class."""
        for name in sorted(names & holder.keys()):
            x = holder[name]
            if isinstance(x, tuple) or name in _WRITTEN_TO:
                self.fixed.append((Name(holder, name), x))
            elif isinstance(x, ModuleType):
                self._pending += [x] if has_settings(x) else []
            elif not is_called(x) and x is not sys.modules:
                self._meet(Name(holder, name))

    def _enter(self, x: Any) -> None:
        """Look into what can be reached from something besides what it has under names."""
        self._note_asking(x)
        if is_container(x):
            inside = contents_of(x)
            self._pending += [
                v for v in inside if not isinstance(v, _NO_CODE) or is_of_users_class(v)
            ]
        if isinstance(x, type):
            self._enter_class(x)
        elif isinstance(x, FunctionType):
            self._follow_function(x)
        elif isinstance(x, _WRAPPERS):
            self._unwrap(x)
        elif isinstance(x, ContextVar):
            self._follow_context(x)
        elif isinstance(x, ModuleType) or self._is_drawn_from(x):
            pass
        elif is_of_users_class(x):
            self._pending.append(type(x))
        elif not is_container(x):
            self._has_unknown |= not isinstance(x, _WITHOUT_ARRAYS)
            self._pending += functions_held_by(x)

    def _note_asking(self, x: Any) -> None:
        """Note what may ask the world outside, and what keeps an answer."""
        if is_unseen(x):
            self.unseen.append(name_of(x))
        self.may_ask = self.may_ask or may_ask(x)
        if isinstance(x, _CACHED):
            self.caches.append(x)
            self._meet(Name(Cleared(x), HELD))

    def _is_drawn_from(self, x: Any) -> bool:
        """Note what gives something else each time it is asked, and nothing that is watched shows it.

        What else a method in C is bound to is watched.
        """
        holder = x.__self__ if isinstance(x, (BuiltinFunctionType, MethodWrapperType)) else x
        if is_generator(holder):
            self.generators.append(holder)
        elif hasattr(class_of(holder), "__next__") and not is_users_object(holder):
            self.iterators.append(holder)
        elif holder is not x and not isinstance(holder, ModuleType):
            self._hold(holder)
            self._held_in_c += spread(holder)
        else:
            return False
        return True

    def _enter_class(self, kind: Any) -> None:
        if is_watched(kind.__module__) and len(kind.__mro__) > _ALONE:
            self.fixed.append((Attribute(kind, "__mro__"), kind.__mro__))
        for place in implied_functions(kind):
            self._meet(place)
        self.functions += functions_of_class(kind)
        if is_watched(type(kind).__module__):
            self._pending.append(type(kind))

    def _unwrap(self, x: Any) -> None:
        """Look into what holds functions."""
        if isinstance(x, _PARTIAL):
            given = (*x.args, *x.keywords.values())
            for value in (x.func, *given, x.keywords):
                self._hold(value)
            if not isinstance(x.func, (FunctionType, MethodType)):
                self._held_in_c += [v for value in given for v in spread(value)]
        elif isinstance(x, MethodType):
            self._pending += (x.__func__, x.__self__)
        else:
            self._pending += functions_of(x)

    def _follow_function(self, f: FunctionType) -> None:
        code = f.__code__
        names = names_read(code)
        package = (f.__module__ or "").partition(".")[0]
        if package not in _LIBRARIES:
            self._names |= names
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            self._meet(Cell(cell), keys_read(code, name))
        if not is_watched(f.__globals__.get("__name__") or ""):
            for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
                self._hold(value)
        else:
            self.functions.append(f)
            compare_originals(f)
            for name in sorted(names & f.__globals__.keys()):
                self._meet(Name(f.__globals__, name), keys_read(code, name))
            self._follow_outside(f, names)
            self._meet(Attribute(f, "__code__"))
            if code.co_argcount:
                self._meet(Attribute(f, "__defaults__"))
            if code.co_kwonlyargcount:
                self._meet(Attribute(f, "__kwdefaults__"))
        if wrapped_by(f) is not None:
            self._pending.append(wrapped_by(f))

    def _follow_outside(self, f: FunctionType, names: frozenset[str]) -> None:
        """Look into what code reads that is neither there nor a value: the environment, variables that are missing."""
        self.may_ask = self.may_ask or names_what_asks(f.__code__, names)
        self.unseen += filter(None, [not_seen_by_name(f, names)])
        for name in modules_imported(f.__code__):
            self._follow_import(name)
        if not _ENVIRONMENT.isdisjoint(names):
            self._hold(os.environ)
        self._follow_values(vars(builtins), frozenset([n for n in names if n[:2] != "__"]))
        if "NameError" in names:
            known = f.__globals__.keys() | vars(builtins).keys()
            missing = set(f.__code__.co_names) - known
            holders = f.__globals__, vars(builtins)
            self.absent += [place for holder in holders for place in _places(holder, missing)]

    def _follow_context(self, variable: ContextVar[Any]) -> None:
        """Look into a context variable; one without a value cannot be put back to that after a vain capture."""
        place = Context(variable)
        if place.read() is not MISSING:
            self._meet(place)
        elif "set" in self._names:
            self.empty.append(place)
        else:
            self.absent.append(place)

    def _follow_import(self, name: str) -> None:
        """Look into a module that a function imports: it may be another one later, or is none yet."""
        is_changing = is_watched(name) or is_outer(name)
        module = sys.modules.get(name)
        if module is not None:
            self._pending.append(module)
            self.fixed += [(Name(sys.modules, name), module)] if is_changing else []
        elif is_changing:
            self.absent.append(Name(sys.modules, name))

    def _follow_names(self, holder: Any, names: frozenset[str]) -> None:
        for place in _places(holder, names & names_in(holder).keys()):
            self._meet(place)

    def _hold(self, x: Any) -> None:
        """Look into what cannot be replaced where it is held, but changed if it is a container or an array."""
        if is_container(x) or is_of_numbers(x):
            self._meet(Name({HELD: x}, HELD))
        else:
            self._pending.append(x)

    def _meet(self, place: Place, keys: frozenset[str] | None = None) -> None:
        """Note what is at a place, and look into it later; of a dictionary read by its keys, only what they name."""
        x = place.read()
        if x is MISSING or isinstance(x, ModuleType):
            pass
        elif is_of_numbers(x):
            self.arrays.append((place, x))
            return
        elif is_container(x):
            self.containers.append((place, x))
            self.keys.append(keys if type(x) is dict else None)
        elif place_key(place) in self._moving and may_move(place, x):
            self.numbers.append((place, type(x)))
        else:
            self.fixed.append((place, x))
        if not isinstance(x, NUMBERS) or is_of_users_class(x):
            self._pending.append(x)


def _described_empty(place: Attribute | Context) -> str:
    if isinstance(place, Context):
        return f"a context variable without a value, {place.variable.name}"
    return f"an empty slot, .{place.name}"


def _places(holder: Any, names: Iterable[str]) -> list[Place]:
    """Return the places of names in a dictionary, or in a class itself."""
    kind = OfClass if isinstance(holder, type) else Name
    return [kind(holder, name) for name in sorted(names)]


def _uncopied(x: Any) -> Iterator[Any]:
    """Yield what lies in such containers inside of one, itself included, as a step is shown no copy of.

    The fields of a dataclass of the user's are read by his code.
    """
    pending, seen = [x], set()
    while pending:
        v = pending.pop()
        if not is_container(v) or id(v) in seen:
            continue
        seen.add(id(v))
        inside = contents_of(v)
        if not (is_copied(v) or hasattr(type(v), "__dataclass_fields__") or isinstance(v, local)):
            yield from inside
        pending += inside
