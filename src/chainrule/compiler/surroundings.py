"""What a step reads besides its arguments: closures, globals, attributes; and whether any of it has changed.

The code of the step and of the user's functions it names is read for names. Arrays are read anew at each call; numbers,
texts, functions and objects are compared.
"""

from __future__ import annotations

import builtins
import functools
import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from operator import attrgetter, itemgetter
from threading import local
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.compiler.capture.reading import Outside, is_copied
from chainrule.compiler.contents import (
    HELD,
    Laid,
    contents_of,
    is_container,
    is_of_numbers,
    is_plain,
    spread,
)
from chainrule.compiler.describe import described
from chainrule.compiler.entry.signature import (
    MISSING,
    ArrayInput,
    Attribute,
    Cell,
    Container,
    Context,
    Hidden,
    Name,
    Place,
    SameInput,
    StaticInput,
)
from chainrule.compiler.entry.signature import Sequence as Items
from chainrule.compiler.generators import is_generator, state_of
from chainrule.compiler.keys import keys_read, looks_up_any, texts_looked_up
from chainrule.compiler.outside import (
    asks_in_c,
    has_settings,
    is_of_outside,
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
from chainrule.core.comparisons import compare_originals
from chainrule.core.reroute import is_users_module
from chainrule.errors import NotCompiledError
from chainrule.forks import forks_wait, imported
from chainrule.records import replaced

_NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.generic)
_NO_CODE = (*_NUMBERS, np.ndarray)
_PARTIAL = (functools.partial, functools.partialmethod)
_HOLDING = (
    *(property, functools.cached_property, staticmethod, classmethod),
    *(functools.singledispatchmethod, np.vectorize),
)
_WRAPPERS = (MethodType, *_PARTIAL, *_HOLDING)
_CALLED = (ModuleType, type, FunctionType, BuiltinFunctionType, MethodType)
"""What tells something by calls alone, which are seen."""
_WITHOUT_ARRAYS = (np.ufunc, np.dtype, type(np.sum), BuiltinFunctionType, slice, range)
"""What is not looked into, and holds no arrays."""
_WRITTEN_TO = frozenset({"stdout", "stderr"})
_CACHED = type(functools.lru_cache(len))
"""What keeps the results of a function."""
_LIBRARIES = {"numpy", "scipy"}
_OWN = __name__.partition(".")[0]
_CATCHING = frozenset({"AttributeError", "NameError", "Exception"})
"""What code catches that does without an attribute or a variable."""
_ENVIRONMENT = frozenset({"environ", "getenv"})
_ANY = "*"
"""Stands among names for those of all attributes."""
_ALONE = 2
"""Classes in the order of one that inherits from nothing but `object`; those of others may change."""
_UNSEEN = frozenset({"deepcopy", "asdict", "astuple", "eval", "exec"})
"""Functions of Python's by which arrays are read, those of an object for example, and no code of the step shows it."""
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
        empty: slots that nothing has been put into yet.
        generators: random generators.
        iterators: iterators that are no objects of the user's.
        functions: the user's functions that the step can reach.
        may_ask: whether the step may ask the world outside, see `outside.py`.
        unseen: what may tell something else in each call, where no call would be seen.
        signature: what must be equal for a capture to hold: numbers by value, objects by identity, arrays by type.
    """

    def __init__(self, f: Callable[..., Any], objects: Sequence[Any] = ()) -> None:
        self.objects = objects
        self.arrays: list[tuple[Place, Any]] = []
        self.containers: list[tuple[Place, Any]] = []
        self.keys: list[frozenset[str] | None] = []
        self.fixed: list[tuple[Place, Any]] = []
        self.generators: list[Any] = []
        self.iterators: list[Any] = []
        self.functions: list[FunctionType] = []
        self.may_ask = False
        self.unseen: list[str] = []
        self._caches: list[Any] = []
        self._held_in_c: list[Any] = []
        self._has_unknown = False
        self._seen: dict[int, frozenset[str]] = {}
        self._reached: list[Any] = []
        self._names = _names_of(f)
        self.absent: list[tuple[Any, str]] = []
        self.empty: list[Attribute] = []
        self._pending: list[Any] = [f]
        for x in objects:
            self._hold(x)
        self._follow_all()
        self._watched = _watched(self.fixed)
        self._read = _laid_out([x for _, x in self.arrays], self.parts)
        self._arrays = {id(x): x for x in self._read if is_of_numbers(x)}
        self._state = _compared_all(self._read)
        self.signature = (*[_compared(x) for _, x in self.fixed], *self._state)

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

    def outside(self) -> Outside:
        """Return the arrays, the containers, and the arrays that C may read where nobody sees it."""
        containers = [x for _, x in self.containers]
        held = [*self._held_in_c, *[v for x in containers for v in _uncopied(x)]]
        if not _UNSEEN.isdisjoint(self._names):
            held += self._arrays.values()
        held = list(filter(is_of_numbers, held))
        return Outside(self._arrays.values(), containers, held, has_unknown=self._has_unknown)

    def described(self, slots: Mapping[int, tuple[int, ...]], first: int) -> Hiding:
        """Describe all of it for the call entry: what must be as it was, and the arrays to read.

        Args:
            slots: of the arrays that the native step reads, by their identities.
            first: the number of leaves among the arguments, behind which these are counted.
        """
        conditions = [Hidden(place, StaticInput(x)) for place, x in self.fixed]
        conditions += [Hidden(Name(holder, n), StaticInput(MISSING)) for holder, n in self.absent]
        hiding = Hiding(slots, first + len(conditions))
        arrays = [Hidden(place, hiding.leaf(x)) for place, x in self.arrays]
        containers = [
            _container(place, x, keys, hiding.leaf)
            for (place, x), keys in zip(self.containers, self.keys, strict=True)
        ]
        hiding.inputs = (*conditions, *map(hiding.numbered, (*arrays, *containers)))
        return hiding

    def is_unchanged(self) -> bool:
        """Say whether everything but the numbers in arrays is as it was."""
        try:
            for get, holder, expected in self._watched:
                if get(holder) != expected:
                    return False
            if any(name in holder for holder, name in self.absent):
                return False
            if any(place.read() is not MISSING for place in self.empty):
                return False
        except Exception:  # noqa: BLE001  a name is gone, or something does not compare
            return False
        return self._state == _compared_all(self._read_now())

    def is_current(self) -> bool:
        """Say whether the arrays are still those that were met, and not others of the same types in their places."""
        now = self._read_now()
        return len(now) == len(self._read) and all(
            x is y for x, y in zip(now, self._read, strict=True) if is_of_numbers(y)
        )

    def _read_now(self) -> list[Any]:
        """Read the arrays and the containers anew, and lay them out."""
        places = zip(self.containers, self.keys, strict=True)
        parts = [_part(place.read(), keys) for (place, _), keys in places]
        return _laid_out([place.read() for place, _ in self.arrays], parts)

    def refusal(self) -> NotCompiledError | None:
        """Say why the step is not to be captured at all, if it may tell something new that nobody would see."""
        if self.iterators:
            return NotCompiledError.from_iterator()
        if self.may_ask or _ANY in self._names:
            with forks_wait():
                from chainrule.compiler.handing import handed_on

            self.unseen += filter(None, [handed_on(self.functions, self._reached, self.objects)])
        if self.may_ask:  # an answer that was kept is not asked for again until it is forgotten
            asking = [f for f in self._caches if Surroundings(f.__wrapped__).may_ask]
            self.unseen += [f"the cache of {f.__qualname__}" for f in asking]
        unseen = [*self.unseen, *[f"an empty slot, .{place.name}" for place in self.empty]]
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
        if _is_users_object(x):
            self._names |= _names_of_class(_class_of(x))
        seen = self._seen.get(id(x))
        names = self._names if seen is None else self._names - seen
        self._seen[id(x)] = self._names
        if seen is None:
            self._reached.append(x)
            self._enter(x)
        asked = frozenset([name[1:] for name in names if name[0] == "?"])
        if isinstance(x, ModuleType):
            self._follow_module(x, names, asked)
        for holder in _namespaces(x):
            more = _values_of(holder) if _ANY in names and isinstance(x, type) else ()
            self._follow_names(holder, names.union(more))
            self.absent += [(holder, name) for name in asked - holder.keys()]
        for values in _namespaces_outside(x):
            self._follow_values(values, names)
        if not _is_users_object(x) and not isinstance(x, SimpleNamespace):
            return
        if _ANY in names and _has_names(x):
            self._hold(vars(x))
        self._follow_slots(x, names)
        if _has_names(x):
            missing = names - vars(x).keys() - asked
            self.absent += [(vars(x), n) for n in missing if hasattr(type(x), n)]

    def _follow_slots(self, x: Any, names: frozenset[str]) -> None:
        """Look into the attributes that an object keeps in slots."""
        for name in sorted(names & _slots_of(_class_of(x))):
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
            self.absent += [(vars(module), name) for name in asked - vars(module).keys()]
        else:
            self.may_ask = self.may_ask or _ANY in names or may_ask_by_name(module, names)
            self._pending += submodules(module, names)

    def _follow_values(self, holder: Mapping[str, Any], names: frozenset[str]) -> None:
        """Look into what lies under names that is no function or class."""
        for name in sorted(names & holder.keys()):
            x = holder[name]
            if isinstance(x, tuple) or name in _WRITTEN_TO:
                self.fixed.append((Name(holder, name), x))
            elif isinstance(x, ModuleType):
                self._pending += [x] if has_settings(x) else []
            elif not _is_called(x) and x is not sys.modules:
                self._meet(Name(holder, name))

    def _enter(self, x: Any) -> None:
        """Look into what can be reached from something besides what it has under names."""
        self._note_asking(x)
        if is_container(x):
            self._pending += [v for v in contents_of(x) if not isinstance(v, _NO_CODE)]
        if isinstance(x, type):
            self._enter_class(x)
        elif isinstance(x, FunctionType):
            self._follow_function(x)
        elif isinstance(x, _WRAPPERS):
            self._unwrap(x)
        elif isinstance(x, ContextVar):
            self._meet(Context(x))
        elif isinstance(x, ModuleType) or self._is_drawn_from(x):
            pass
        elif _is_users_object(x):
            self._pending.append(type(x))
        elif not is_container(x):
            self._has_unknown |= not isinstance(x, _WITHOUT_ARRAYS)
            self._pending += _functions_held_by(x)

    def _note_asking(self, x: Any) -> None:
        """Note what may ask the world outside, and what keeps an answer."""
        if is_unseen(x):
            self.unseen.append(name_of(x))
        self.may_ask = self.may_ask or may_ask(x)
        if isinstance(x, _CACHED):
            self._caches.append(x)

    def _is_drawn_from(self, x: Any) -> bool:
        """Note what gives something else each time it is asked, and nothing that is watched shows it.

        What else a method in C is bound to is watched.
        """
        holder = x.__self__ if isinstance(x, (BuiltinFunctionType, MethodWrapperType)) else x
        if is_generator(holder):
            self.generators.append(holder)
        elif hasattr(_class_of(holder), "__next__") and not _is_users_object(holder):
            self.iterators.append(holder)
        elif holder is not x and not isinstance(holder, ModuleType):
            self._hold(holder)
            self._held_in_c += spread(holder)
        else:
            return False
        return True

    def _enter_class(self, kind: Any) -> None:
        if _is_watched(kind.__module__) and len(kind.__mro__) > _ALONE:
            self.fixed.append((Attribute(kind, "__mro__"), kind.__mro__))
        for place in _implied_functions(kind):
            self._meet(place)
        self.functions += _functions_of_class(kind)
        if _is_watched(type(kind).__module__):
            self._pending.append(type(kind))

    def _unwrap(self, x: Any) -> None:
        """Look into what holds functions."""
        if isinstance(x, _PARTIAL):
            given = (*x.args, *x.keywords.values())
            for value in (x.func, *given):
                self._hold(value)
            if not isinstance(x.func, (FunctionType, MethodType)):
                self._held_in_c += [v for value in given for v in spread(value)]
        elif isinstance(x, MethodType):
            self._pending += (x.__func__, x.__self__)
        else:
            self._pending += _functions_of(x)

    def _follow_function(self, f: FunctionType) -> None:
        code = f.__code__
        names = _names_of_code(code)
        package = (f.__module__ or "").partition(".")[0]
        if package not in _LIBRARIES:
            self._names |= names
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            self._meet(Cell(cell), keys_read(code, name))
        if not _is_watched(f.__globals__.get("__name__") or ""):
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
        if _wrapped_by(f) is not None:
            self._pending.append(_wrapped_by(f))

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
            self.absent += [(holder, name) for holder in holders for name in missing]

    def _follow_import(self, name: str) -> None:
        """Look into a module that a function imports: it may be another one later, or is none yet."""
        is_changing = _is_watched(name) or is_outer(name)
        module = sys.modules.get(name)
        if module is not None:
            self._pending.append(module)
            self.fixed += [(Name(sys.modules, name), module)] if is_changing else []
        elif is_changing:
            self.absent.append((sys.modules, name))

    def _follow_names(self, holder: Any, names: frozenset[str]) -> None:
        for name in sorted(names & holder.keys()):
            self._meet(Name(holder, name))

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
        else:
            self.fixed.append((place, x))
        if not isinstance(x, _NUMBERS):
            self._pending.append(x)


class Hiding:
    """The description of arrays that are read besides the arguments, and of what lies beside them.

    Attributes:
        inputs: what the call entry reads and checks.
        leaves: by the identities of arrays, which leaf among the inputs of the entry is one.
    """

    def __init__(self, slots: Mapping[int, tuple[int, ...]], count: int) -> None:
        self.inputs: tuple[Hidden, ...] = ()
        self.leaves: dict[int, int] = {}
        self._slots = slots
        self._count = count
        self._arrays: dict[int, tuple[Any, int]] = {}

    def leaf(self, x: Any) -> Any:
        """Describe an array, or what has to be as it is."""
        if not is_of_numbers(x):
            return StaticInput(x)
        described = ArrayInput.of(x, *self._slots.get(id(x), ()))
        self._arrays[id(described)] = described, id(x)
        return described

    def numbered(self, hidden: Hidden) -> Hidden:
        """Count the leaves in the order in which the entry meets them; an array that is met again is the same."""
        return Hidden(hidden.place, self._numbered(hidden.node))

    def _numbered(self, node: Any) -> Any:
        if isinstance(node, Container):
            return replaced(node, children=tuple(map(self._numbered, node.children)))
        number = self._count
        self._count += 1
        _, array = self._arrays.get(id(node), (None, None))
        if array is None:
            return node
        known = self.leaves.setdefault(array, number)
        return node if known == number else SameInput(known)


def _namespaces(x: Any) -> list[Any]:
    """Return the dictionaries in which names are looked up as attributes of something."""
    if isinstance(x, ModuleType):
        return [vars(x)] if _is_watched(x.__name__) else []
    if isinstance(x, type):
        return [vars(base) for base in x.__mro__ if _is_watched(base.__module__)]
    if isinstance(x, FunctionType):
        return [vars(x)] if _is_watched(x.__module__ or "") else []
    is_open = isinstance(x, SimpleNamespace) or (_is_users_object(x) and _has_names(x))
    return [vars(x)] if is_open else []


def _namespaces_outside(x: Any) -> list[Any]:
    """Return what names are looked up in as attributes of an object of the standard library's."""
    return [vars(holder) for holder in (x, *type(x).__mro__)] if is_of_outside(x) else []


def _is_called(x: Any) -> bool:
    """Say whether what stands in a module or a class tells something by calls alone, or is a part of its objects."""
    return isinstance(x, _CALLED) or hasattr(type(x), "__get__")


def _values_of(held: Mapping[str, Any]) -> list[str]:
    """Return the names under which a class keeps no functions."""
    return [n for n, x in held.items() if n[:2] != "__" and not hasattr(type(x), "__get__")]


def _is_watched(module: Any) -> bool:
    """Say whether what a module holds may change: the user's may, NumPy's and SciPy's own does not.

    What Cython makes has a descriptor for the name of its module.
    """
    return (
        isinstance(module, str)
        and is_users_module(module)
        and module.partition(".")[0] not in {"numpy", "scipy"}
    )


def _is_users_object(x: Any) -> bool:
    is_other = isinstance(x, (ModuleType, type, FunctionType, MethodType, functools.partial))
    if is_other or not _is_watched(type(x).__module__):
        return False
    return _has_names(x) or bool(_slots_of(_class_of(x)))


def _has_names(x: Any) -> bool:
    """Say whether something has a dictionary of attributes; what a user's own `__getattr__` says does not count."""
    return bool(_class_of(x).__dictoffset__)


def _wrapped_by(x: Any) -> Any:
    """Return what `functools.wraps` says is inside of something, or None."""
    return vars(x).get("__wrapped__") if _has_names(x) else None


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
    watched += [
        (attrgetter(place.name), place.holder, x)
        for place, x in fixed
        if isinstance(place, Attribute)
    ]
    watched += [(Context.read, place, x) for place, x in fixed if isinstance(place, Context)]
    if cells:
        watched.append((_contents, cells, [x for place, x in fixed if isinstance(place, Cell)]))
    return watched


def _contents(cells: list[CellType]) -> list[Any]:
    return [cell.cell_contents for cell in cells]


def _part(x: Any, keys: frozenset[str] | None) -> Any:
    """Return what lies under these keys of a dictionary; all of it, and of anything else, for None."""
    if keys is None or type(x) is not dict:
        return x
    return {key: x.get(key, MISSING) for key in sorted(keys)}


def _container(
    place: Place, x: Any, keys: frozenset[str] | None, leaf: Callable[[Any], Any]
) -> Hidden:
    """Describe a container; what lies in one that the entry does not know is spread out for it."""
    part = _part(x, keys)
    leaves, structure = tree.flatten(part) if is_plain(part) else ([], None)
    known = described(structure, [leaf(v) for v in leaves], StaticInput) if structure else None
    if known is None:
        children = tuple([leaf(v) for v in spread(x)])
        return Hidden(Name(Laid(place), HELD), Items(tuple, children))
    node = known[0] if keys is None else replaced(known[0], is_open=True)
    return Hidden(place, node)


def _compared(x: Any) -> Any:
    """Return what stands for a value in a signature."""
    if is_of_numbers(x):
        # A dtype alone is equal to a class of numbers.
        return (
            "array",
            x.dtype,
            x.shape,
            x.strides,
        )
    if isinstance(x, _NUMBERS):
        return (type(x), x if x == x else "nan")  # noqa: PLR0124  so NaN is found
    return id(x)


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


def _laid_out(arrays: Sequence[Any], containers: Sequence[Any]) -> list[Any]:
    """Return arrays, and what lies in containers, in a row."""
    return [*arrays, *[leaf for x in containers for leaf in spread(x)]]


def _compared_all(read: Sequence[Any]) -> tuple[Any, ...]:
    """Return what stands for all that is read in a signature: of each its own, and which of the arrays are one."""
    return (*map(_compared, read), repeats_among(filter(is_of_numbers, read)))


def repeats_among(arrays: Iterable[Any]) -> tuple[int, ...]:
    """Return which arrays are one: empty if none are."""
    names = list(map(id, arrays))
    return () if len(set(names)) == len(names) else tuple(map(names.index, names))


def _asked(name: str) -> str:
    """Mark the name of what code does without where there is none."""
    return f"?{name}"


@functools.cache
def _names_of_code(code: CodeType) -> frozenset[str]:
    """Return every name that a code object, or one inside it, looks up."""
    return frozenset(_every_name(code))


def _every_name(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    texts = texts_looked_up(code)
    yield from texts
    yield from map(_asked, texts)
    if looks_up_any(code):
        yield _ANY
    if not _CATCHING.isdisjoint(code.co_names):
        yield from map(_asked, code.co_names)
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


def _functions_held_by(x: Any) -> list[Any]:
    """Return the functions that an object of another's class holds, and may call: one made by `np.vectorize`, say."""
    names = vars(x) if _has_names(x) else {}
    held = [*gc.get_referents(x), *names.values()]
    return [v for v in held if isinstance(v, (FunctionType, MethodType, functools.partial))]


def _functions_of(x: Any) -> list[FunctionType]:
    """Return the functions of what stands in a class: a method, or what makes an attribute of one."""
    if isinstance(x, property):
        found = [x.fget, x.fset]
    elif isinstance(x, (functools.cached_property, functools.partialmethod)):
        found = [x.func]
    elif isinstance(x, functools.singledispatchmethod):
        found = [x.func, x.dispatcher]
    elif isinstance(x, np.vectorize):
        found = [x.pyfunc]
    else:
        found = [x.__func__ if isinstance(x, (staticmethod, classmethod)) else x]
    return [f for f in found if isinstance(f, FunctionType)]


def _implied_functions(kind: Any) -> list[Name]:
    """Return where a user's class has functions that are called without being named, if they read anything."""
    return [
        Name(vars(base), name)
        for base in kind.__mro__
        if _is_watched(base.__module__)
        for name, value in vars(base).items()
        if name.startswith("__")
        and name.endswith("__")
        and (asks_in_c(value) or any(map(_reads, _functions_of(value))))
    ]


def _functions_of_class(kind: Any) -> list[FunctionType]:
    """Return the functions of a user's class, also those that read nothing but their arguments."""
    bases = [base for base in kind.__mro__ if _is_watched(base.__module__)]
    return [f for base in bases for x in vars(base).values() for f in _functions_of(x)]


def _reads(f: FunctionType) -> bool:
    """Say whether a function reads anything besides its arguments."""
    names = _names_of_code(f.__code__)
    return bool(f.__code__.co_freevars) or not names.isdisjoint(f.__globals__)


@functools.cache
def _slots_of(kind: Any) -> frozenset[str]:
    """Return the names of the attributes that objects of a user's class keep in slots."""
    return frozenset(
        [
            name
            for base in kind.__mro__
            if _is_watched(base.__module__)
            for name, value in vars(base).items()
            if isinstance(value, MemberDescriptorType)
        ]
    )


def _class_of(x: Any) -> Any:
    return type(x)


@functools.cache
def _names_of_class(kind: Any) -> frozenset[str]:
    """Return every name that the methods of a user's class look up."""
    names: set[str] = set()
    for base in kind.__mro__:
        if _is_watched(base.__module__):
            for value in vars(base).values():
                for f in _functions_of(value):
                    names |= _names_of_code(f.__code__)
    return frozenset(names)
