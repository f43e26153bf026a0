"""A step that asks the world outside while it is captured is left to Python: the answer is of that call alone.

Python tells of every call of a function, its own or one in C. What a function of ours does, or what runs when Python
comes to it, is no question of the step's; what NumPy does for it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from os import getenv
from threading import RLock
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from chainrule.compiler.contents import is_container
from chainrule.compiler.outside import (
    APART,
    LIBRARY,
    OF_LIBRARIES,
    OUTSIDE,
    USERS,
    VALUES,
    kind_of_module,
    module_of_builtin,
    public_module,
)
from chainrule.errors import NotCompiledError
from chainrule.position import Position, is_user_file

_OF_BUILTINS = frozenset({"input", "breakpoint"})
_FILTERING = "_filters_mutated"
"""What `warnings` calls in C where it does not warn: so the name begins."""
_GOING = "__del__"
"""The name of code that runs when Python comes to it."""
_TEXTS = frozenset({"__str__", "__repr__", "__format__"})
"""Names of functions that make texts: ours ask NumPy for those of numbers."""
_LEAVING = "__exit__"
"""What is called behind what was entered, by C it may be, and nobody was told of it: a lock has to be free again."""
_HARMLESS = frozenset([f.__code__ for f in (getenv, RLock) if isinstance(f, FunctionType)])
"""Functions that read what is watched, see `surroundings.py`, or make what is always alike: generators have a lock."""


def refusing_to_ask(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does what `f` does, and raises where it asks the world outside."""

    def refusing(*args: Any, **options: Any) -> Any:
        if sys.getprofile() is not None:
            raise NotCompiledError.from_profiler()
        sys.setprofile(_look)
        try:
            return _called(f, args, options)
        finally:
            sys.setprofile(None)

    refusing.__wrapped__ = f  # type: ignore[attr-defined]
    return refusing


def _called(f: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return f(*args, **options)


_BASE: CodeType = _called.__code__


def _look(frame: FrameType, event: str, x: Any) -> None:
    """Look at a call; Python raises what is raised here where the call stands.

    Raises:
        NotCompiledError: it asks, and for the step.
    """
    if event == "call":
        name = frame.f_globals.get("__name__")
        if kind_of_module(name) != OUTSIDE or frame.f_code in _HARMLESS or _is_of_container(frame):
            return
        _refuse_to(frame.f_back, name, frame.f_code.co_qualname)
    elif event == "c_call" and x is print:
        sys.setprofile(_look_away)
    elif event == "c_call":
        name = module_of_builtin(x)
        if x.__name__ != _LEAVING and _asks(kind_of_module(name), x, frame):
            _refuse_to(frame, name, x.__qualname__)


def _look_away(_: FrameType, event: str, x: Any) -> None:
    """Wait until something is printed: who shows it, and how, is no question of the step's."""
    if x is print and event != "c_call":
        sys.setprofile(_look)


def _asks(kind: int, f: Any, caller: FrameType) -> bool:
    """Say whether a function in C asks."""
    if isinstance(f.__self__, ContextVar):  # one that the user's code names is watched
        is_users = kind_of_module(caller.f_globals.get("__name__")) == USERS
        return f.__name__ == "get" and not is_users
    if kind in {OUTSIDE, USERS}:
        return not f.__name__.startswith(_FILTERING)
    if kind == LIBRARY:
        return f.__name__ in OF_LIBRARIES
    return f.__name__ in _OF_BUILTINS and isinstance(f.__self__, ModuleType)


def _is_of_container(frame: FrameType) -> bool:
    """Say whether a method of a container was called, the contents of which are watched: of `os.environ`."""
    code = frame.f_code
    x = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    return is_container(x) and any(
        getattr(vars(base).get(code.co_name), "__code__", None) is code for base in _bases(x)
    )


def _bases(x: Any) -> tuple[type, ...]:
    return type(x).__mro__


def _refuse_to(frame: FrameType | None, module: Any, name: str) -> None:
    """Raise an error if a call in a frame is made for the step: by the user's code, or by what this calls.

    Raises:
        NotCompiledError: it is.
    """
    if not _is_made_for_step(frame):
        return
    if module == "random":
        raise NotCompiledError.from_random()
    called = name if module == "builtins" else f"{public_module(module)}.{name}"
    raise NotCompiledError.from_outside(called, _position(frame))


def _is_made_for_step(frame: FrameType | None) -> bool:
    """Say whether a call in a frame is made by the user's code, or by what this calls, and not when Python comes to it.

    What a function of the outside calls was looked at when that was called.
    """
    is_users, handlers = False, _codes_of_handlers()
    while frame is not None and frame.f_code is not _BASE:
        kind = kind_of_module(frame.f_globals.get("__name__"))
        if kind == APART or frame.f_code.co_name == _GOING or frame.f_code in handlers:
            return False
        is_passed = kind in {LIBRARY, VALUES} or frame.f_code.co_name in _TEXTS
        if not is_users and kind != USERS and not is_passed:
            return False
        is_users = is_users or kind == USERS
        frame = frame.f_back
    return True


def _codes_of_handlers() -> set[CodeType]:
    """Return the code that runs when a signal comes."""
    signal: Any = sys.modules.get("signal")
    if not hasattr(signal, "valid_signals"):  # who has handlers has imported it, and to its end
        return set()
    found = [signal.getsignal(number) for number in signal.valid_signals()]
    called = [f if isinstance(f, FunctionType) else _called_by(f) for f in found if callable(f)]
    return {f.__code__ for f in called if isinstance(f, FunctionType)}


def _called_by(x: Any) -> Any:
    """Return the function of a method, or of the class of something that is called."""
    return getattr(x, "__func__", None) or getattr(type(x), "__call__", None)  # noqa: B004


def _position(frame: FrameType | None) -> Position | None:
    """Return where in the user's code a frame is, or what called it."""
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else Position(frame.f_code, frame.f_lasti)
