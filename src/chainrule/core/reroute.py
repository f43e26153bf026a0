"""How the user's code meets the functions of `creation.py`: while a trace runs, its modules see a face of NumPy.

A face is a module with NumPy's names, of which the rerouted ones follow the trace. The globals of user modules that
hold the `numpy` module, or a rerouted function itself (`from numpy import zeros`), name the face instead while at least
one trace runs, and are restored with the last one, whatever ends it. Modules of the standard library, of NumPy and of
every package with native code are left alone: their code needs real arrays. In another thread or context the face calls
NumPy.

Other packages' functions follow the trace by rows of `STAND_INS`: they are replaced in their own module in the same
way, since ours call them wherever nothing is traced. Methods are replaced for good: changing a class costs more than
a small gradient; outside a trace the package's own method is called.
"""

from __future__ import annotations

import functools
import importlib
import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from chainrule.core.comparers import Comparers
from chainrule.core.comparisons import COMPARING
from chainrule.core.creation import JOINS, REROUTED, Join
from chainrule.core.dispatch import functions_of_arrays, taking_lists
from chainrule.core.faces import Face, FunctionFace, face_of_module, note_face
from chainrule.core.modules import PYTHON_MODULES
from chainrule.core.nditer import nditer
from chainrule.core.trace import CURRENT, is_following
from chainrule.core.vectorize import Vectorize
from chainrule.forks import Runs, forks_wait, imported

_EXTENSIONS = (".so", ".pyd")
_LIBRARIES = ("numpy", "scipy")
_OWN = __name__.partition(".")[0]

_IS_ON: ContextVar[bool] = ContextVar("rerouting", default=True)

Site = tuple[dict[str, Any], str, Any, Any]
"""A name in a module's globals, and what stands there while a trace runs."""

STAND_INS: dict[str, str] = {"numpy": "chainrule.core.vectorize"}
"""A module of another package: ours, imported once that one is, whose `STAND_INS` are rows `(owner, name, ours)`.

The owner is a module or a class of that package. Its own function is called unless a trace runs in this context.
"""


class Rerouting:
    """Faces, where they go, and how many traces need them."""

    def __init__(
        self,
        make: Callable[[], dict[int, Any]],
        packages: Mapping[str, str] | None = None,
        modules_of_numpy: Mapping[str, Callable[[ModuleType, Any], dict[int, Any]]] | None = None,
    ) -> None:
        """State what is replaced.

        Args:
            make: makes the faces, by the identity of what they stand for, once they are needed.
            packages: as `STAND_INS`.
            modules_of_numpy: as `PYTHON_MODULES`, if NumPy is among what the faces stand for.
        """
        self.running = Runs(self.leave)
        self.make = make
        self.packages = packages or {}
        self.modules_of_numpy = modules_of_numpy or {}
        self.faces: dict[int, Any] = {}
        self.sites: dict[int, tuple[int, list[Site]]] = {}
        self.modules: list[dict[str, Any]] = []
        self.sizes: list[int] = []  # of the modules, when they were looked at
        self.everywhere: list[Site] | None = None  # all sites of all modules
        self.modules_seen = 0
        self.installed: list[tuple[dict[str, Any], str, Any, Any]] = []
        self.stood_in: set[str] = set()
        self.replaced: list[tuple[dict[str, Any], str, Any, Any]] = []

    @contextmanager
    def running_in(self, f: Any) -> Iterator[None]:
        """Have the faces in place while a function is traced inside."""
        run = object()
        try:
            try:
                self.enter(run, f)
                yield
            finally:
                self.leave(run)
        except BaseException:
            self.leave(run)
            raise

    def enter(self, run: object, f: Any) -> None:
        """Put the faces in place for one more trace, `run`, of a function."""
        function = _function_of(f)
        if function is not None and not is_users_module(function.__globals__.get("__name__", "")):
            function = None
        modules = [] if function is None else [function.__globals__]
        with self.running.lock:
            self.running.begin(run)  # first: `leave` undoes what was done when an interruption came
            if not self.faces:
                self.faces = self.make()
            if len(self.running) == 1:
                self._find_modules()
                self._replace()
                self._note_growth()
            _COMPARERS.look_at(f)
            if len(self.running) == 1:
                self._put(self._sites_everywhere())
            for names in modules:
                self._put(self._sites_of(names))

    def leave(self, run: object) -> None:
        """Take the faces away when the last trace has ended; a name the user bound anew is left alone.

        It may be called again for the same trace, when an interruption may have come before it was through.
        """
        with self.running.lock:
            self.running.end(run)
            if not self.running:
                for names, name, original, face in self.installed:
                    if names.get(name) is face:
                        names[name] = original
                self.installed.clear()

    def _load_stand_ins(self) -> None:
        """Make the replacements in packages, and the faces of modules, that have been imported since the last trace."""
        for name in self.modules_of_numpy:
            if imported(f"numpy.{name}") is not None:
                self.face_of_numpys(name)
        for module, ours in self.packages.items():
            if module in self.stood_in or imported(module) is None:
                continue
            with forks_wait():
                rows = importlib.import_module(ours).STAND_INS
            self.stood_in.add(module)
            for owner, name, function in rows:
                original = getattr(owner, name)
                if isinstance(owner, type):
                    setattr(owner, name, _guarded(original, function))
                else:
                    guarded = _GuardedFace(original, function)
                    self.replaced.append((vars(owner), name, original, guarded))
                    self.faces[id(original)] = guarded
            self._forget_sites()

    def face_of_numpys(self, name: str) -> Any:
        """Return what stands for a name of NumPy's that its face does not have: for its modules faces of them."""
        with forks_wait():
            original = getattr(np, name)  # NumPy may import it now, or another thread may be at it
        if name not in self.modules_of_numpy:
            return original
        with self.running.lock:
            if id(original) not in self.faces:
                face = self.faces[id(np)]
                self.faces |= self.modules_of_numpy[name](original, face)
                vars(face)[name] = self.faces[id(original)]
                self._forget_sites()
            return self.faces[id(original)]

    def _replace(self) -> None:
        """Put the stand-ins into the packages' modules; what the user has put there himself stays."""
        for row in self.replaced:
            names, name, original, ours = row
            if names.get(name) is original:
                self.installed.append(row)
                names[name] = ours

    def _note_growth(self) -> None:
        """Look at the user's modules again where one has grown."""
        sizes = list(map(len, self.modules))
        if sizes != self.sizes:
            self.sizes, self.everywhere = sizes, None

    def _put(self, sites: list[Site]) -> None:
        for names, name, made_for, face_then in sites:
            original = names.get(name)
            # a name that was bound anew since has a face of its own
            face = face_then if original is made_for else self.faces.get(id(original))
            if face is not None and original is not face_then:
                self.installed.append((names, name, original, face))
                names[name] = face

    def _sites_everywhere(self) -> list[Site]:
        if self.everywhere is None:
            self.everywhere = [site for names in self.modules for site in self._sites_of(names)]
        return self.everywhere

    def _sites_of(self, names: dict[str, Any]) -> list[Site]:
        """Return the names of a module that need a face; looked up again when the module has grown."""
        known = self.sites.get(id(names))
        if known is None or known[0] != len(names):
            found = [
                (names, name, x, self.faces[id(x)])
                for name, x in names.items()
                if id(x) in self.faces
            ]
            if found and _MODULES.looked_into.get(id(names)) != len(names):
                _COMPARERS.look_into(names)
            known = (len(names), found)
            if _is_modules(names):
                self.sites[id(names)] = known
                if found:
                    _MODULES.looked_into[id(names)] = len(names)
        return known[1]

    def _find_modules(self) -> None:
        """Collect the user's modules, where there are new ones."""
        is_same = self.modules is _MODULES.found and _MODULES.are_found()
        if is_same and len(sys.modules) == self.modules_seen:
            return
        self._load_stand_ins()
        self.modules_seen = len(sys.modules)
        modules = _MODULES.now()
        if modules is not self.modules:
            self.modules = modules
            self._forget_sites()

    def _forget_sites(self) -> None:
        self.sites.clear()
        self.sizes.clear()


class _Modules:
    """The user's modules: not ours, not the standard library's, of no package with native code.

    Attributes:
        found: the names of each, and of those that others have replaced: their functions may be called all the same.
        looked_into: how many names those had, by identity, whose functions compare what faces stand for.
    """

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self.looked_into: dict[int, int] = {}
        self._seen: list[str] = []
        self._modules: dict[str, ModuleType] = {}
        self._replaced: list[dict[str, Any]] = []

    def are_found(self) -> bool:
        """Say whether those that were found still stand under their names."""
        now = map(sys.modules.get, self._modules)
        return all(map(operator.is_, now, self._modules.values()))

    def now(self) -> list[dict[str, Any]]:
        """Return `found`, looked for again when another module that may be the user's stands somewhere."""
        names = list(sys.modules)
        seen = len(self._seen)
        is_other = names[:seen] != self._seen or any(map(is_users_module, names[seen:]))
        if is_other or not self.are_found():
            modules = _users_modules()
            before = self._modules.items()
            self._replaced += [m.__dict__ for n, m in before if modules.get(n, m) is not m]
            self._modules = modules
            self.found = [*[m.__dict__ for m in modules.values()], *self._replaced]
            self.looked_into.clear()
        self._seen = names
        return self.found


_MODULES = _Modules()


def _users_modules() -> dict[str, ModuleType]:
    modules = {
        n: m
        for n, m in list(sys.modules.items())
        if is_users_module(n) and isinstance(m, ModuleType)
    }
    compiled = {
        n for n, m in modules.items() if (getattr(m, "__file__", None) or "").endswith(_EXTENSIONS)
    }
    native = {n.partition(".")[0] for n in compiled if "." in n}
    return {
        n: m for n, m in modules.items() if n not in compiled and n.partition(".")[0] not in native
    }


def is_users_module(module: str) -> bool:
    """Say whether a module may be the user's: neither ours nor of the standard library."""
    package = module.partition(".")[0]
    return package == "__main__" or (package != _OWN and package not in sys.stdlib_module_names)


def _is_modules(names: dict[str, Any]) -> bool:
    """Say whether names are those of a module; others may live shortly, and then be others in the same place."""
    module = sys.modules.get(names.get("__name__", ""))
    return getattr(module, "__dict__", None) is names


_COMPARERS = Comparers(lambda module: is_users_module(module) and not module.startswith(_LIBRARIES))


class _GuardedFace(FunctionFace):
    """The face of a function that is followed while a trace runs in this context."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        if is_following() and _IS_ON.get():
            return self.ours(*args, **options)
        return self.original(*args, **options)


class _JoinFace(Face, Join):
    """The face of `np.r_` or `np.c_`."""

    def __init__(self, original: Any, join: Callable[[Sequence[Any]], Any]) -> None:
        super().__init__(original, join)
        note_face(self, original)


def _make_faces() -> dict[int, Any]:
    """Return the faces of NumPy."""
    faces: dict[int, Any] = {
        id(original): taking_lists(original) for original in functions_of_arrays()
    }
    faces |= {id(original): _GuardedFace(original, ours) for original, ours in REROUTED.items()}
    for module in (np.linalg, np.fft):
        faces[id(module)] = face_of_module(module, faces)
    note_face(Vectorize, np.vectorize)
    faces[id(np.vectorize)] = Vectorize
    faces[id(np.nditer)] = _GuardedFace(np.nditer, nditer)
    faces |= {id(original): _JoinFace(original, ours.join) for original, ours in JOINS.items()}
    faces |= {id(original): FunctionFace(original, ours) for original, ours in COMPARING.items()}
    faces[id(operator)] = face_of_module(operator, faces)
    faces[id(np)] = face = face_of_module(np, faces)
    for name in PYTHON_MODULES:
        vars(face).pop(name, None)
    vars(face)["__getattr__"] = _REROUTING.face_of_numpys
    return faces


def _guarded(original: Any, ours: Any) -> Any:
    """Return a function that is `ours` while a trace runs in this context, and else `original`."""

    @functools.wraps(original, updated=())
    def rerouted(*args: Any, **options: Any) -> Any:
        return (
            ours(*args, **options)
            if is_following() and _IS_ON.get()
            else original(*args, **options)
        )

    return rerouted


_REROUTING = Rerouting(_make_faces, STAND_INS, PYTHON_MODULES)


@contextmanager
def following(f: Any) -> Iterator[None]:
    """Have `f`, and what it calls, make arrays that follow the trace which is about to run inside.

    A level that an interruption kept from ending is ended here.
    """
    run, outer = object(), CURRENT.get()
    try:  # as `running_in`, which a small gradient would notice
        try:
            if _IS_ON.get():
                _REROUTING.enter(run, f)
            yield
        finally:
            _REROUTING.leave(run)
    except BaseException:
        _REROUTING.leave(run)
        stuck = CURRENT.get()
        if stuck is not None and stuck is not outer:
            stuck.alive = False
            CURRENT.set(outer)
        raise


def _function_of(f: Any) -> FunctionType | None:
    """Return the user's function inside partial objects, wrappers, methods and callable objects."""
    while True:
        inner = (
            getattr(f, "func", None)
            or getattr(f, "__wrapped__", None)
            or getattr(f, "__func__", None)
        )
        if inner is None:
            break
        f = inner
    if not isinstance(f, FunctionType):
        f = vars(type(f)).get("__call__")
    return f if isinstance(f, FunctionType) else None


@contextmanager
def plain_creation() -> Iterator[None]:
    """Switch rerouting off: inside, `np.zeros` and its kind make plain arrays in traced functions too.

    Writing a traced value into such an array raises `EscapedValueError`.

    Examples:
        >>> import numpy as np
        >>> with plain_creation():
        ...     pass
    """
    token = _IS_ON.set(False)
    try:
        yield
    finally:
        _IS_ON.reset(token)
