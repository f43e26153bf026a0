"""Calls of builtins, `float(x)` for one, in the user's functions: stand-ins are called instead.

What is replaced is a call, never the name: `isinstance(x, float)`, `dtype=float` and `kind is float` see Python's own
class. For that the functions get other code, while a step is captured or for good, in which a name that is loaded to be
called is a constant instead. Nothing else differs, not even the places of the instructions, so that errors and
positions name the same lines. Functions that are made meanwhile keep such code, and their stand-ins call the builtin.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dis import EXTENDED_ARG, opmap
from types import CodeType, FunctionType
from typing import Any

from chainrule.core.bytecode import instructions, with_inner_codes
from chainrule.core.loads import Hands, handing_through
from chainrule.forks import Runs

_NOP, _LOAD_CONST = opmap["NOP"], opmap["LOAD_CONST"]
_LOAD_GLOBAL, _PUSH_NULL = opmap["LOAD_GLOBAL"], opmap["PUSH_NULL"]
_BINDING = frozenset({opmap["STORE_GLOBAL"], opmap["DELETE_GLOBAL"]})

StandIns = Mapping[str, Callable[..., Any]]
"""The names of builtins, and what is called instead."""


class _Replaced:
    """The functions that have other code, and how many captures need it."""

    def __init__(self) -> None:
        self.running = Runs(self.leave)
        self.codes: dict[FunctionType, tuple[CodeType, CodeType]] = {}

    def enter(
        self,
        run: object,
        functions: Iterable[FunctionType],
        stand_ins: StandIns,
        hands: Hands | None,
    ) -> None:
        """Give functions other code for one more capture; what another one needs of it stays."""
        with self.running.lock:
            self.running.begin(run)
            for f in functions:
                known = self.codes.get(f)
                now = f.__code__
                original = now if known is None or now is not known[1] else known[0]
                code = with_stand_ins(now, builtins_of(f, stand_ins))
                if hands is not None:
                    code = handing_through(code, hands)
                if code is not now:
                    self.codes[f] = original, code
                    f.__code__ = code

    def leave(self, run: object) -> None:
        """Give them their own again when the last capture has ended; code that the user set meanwhile stays."""
        with self.running.lock:
            self.running.end(run)
            if not self.running:
                for f, (original, code) in self.codes.items():
                    if f.__code__ is code:
                        f.__code__ = original
                self.codes.clear()


_REPLACED = _Replaced()


@contextmanager
def standing_in(
    functions: Iterable[FunctionType], stand_ins: StandIns, hands: Hands | None = None
) -> Iterator[None]:
    """Have stand-ins be called in these functions, and in those that are made inside of them.

    What they read and keep goes through `hands`, if they are given.
    """
    run = object()
    try:
        _REPLACED.enter(run, functions, stand_ins, hands)
        yield
    finally:
        _REPLACED.leave(run)


def builtins_of(f: FunctionType, stand_ins: StandIns) -> StandIns:
    """Return the stand-ins for those names that are Python's builtins to a function."""
    known: Mapping[str, Any] = f.__builtins__
    return {
        name: ours
        for name, ours in stand_ins.items()
        if name not in f.__globals__ and known.get(name) is getattr(builtins, name)
    }


def with_stand_ins(code: CodeType, stand_ins: StandIns) -> CodeType:
    """Return code that calls stand-ins, itself and inside of it; the same where there is nothing to replace."""
    names = frozenset(stand_ins)
    naming = [c for c in with_inner_codes(code) if not names.isdisjoint(c.co_names)]  # most do not
    found = names.intersection([name for c in naming for name in _names_called(c)])
    if not found or _names_bound(code) & names:
        return code
    return _replaced(code, code.co_filename, tuple(sorted((n, stand_ins[n]) for n in found)))


@functools.lru_cache(maxsize=4096)
def _names_called(code: CodeType) -> frozenset[str]:
    """Return the global names that code loads to call them at once."""
    return frozenset([name for _, _, name in _loads(code)])


@functools.lru_cache(maxsize=4096)
def _names_bound(code: CodeType) -> frozenset[str]:
    """Return the global names that code, or code inside it, binds or deletes."""
    return frozenset(
        [
            c.co_names[number]
            for c in with_inner_codes(code)
            if any(what in c.co_code[::2] for what in _BINDING)
            for _, _, what, number in instructions(c)
            if what in _BINDING
        ]
    )


@functools.lru_cache(maxsize=1024)  # equal codes may be of two files
def _replaced(
    code: CodeType, _: str, stand_ins: tuple[tuple[str, Callable[..., Any]], ...]
) -> CodeType:
    ours = dict(stand_ins)
    constants = [with_stand_ins(c, ours) if isinstance(c, CodeType) else c for c in code.co_consts]
    raw = bytearray(code.co_code)
    for start, end, name in _loads(code):
        if name in ours:
            loading = _loading(len(constants), (end - start) // 2)
            if loading is not None:
                raw[start:end] = loading
                constants.append(ours[name])
    return code.replace(co_code=bytes(raw), co_consts=tuple(constants))


def _loading(number: int, room: int) -> bytes | None:
    """Return instructions that load a constant to call it, as many as there is room for; None if that is too little."""
    numbers = number.to_bytes(4, "big").lstrip(b"\0") or b"\0"
    units: list[tuple[int, int]] = []
    for what in _HOW_TO_CALL:
        if what == _LOAD_CONST:
            units += [(EXTENDED_ARG, part) for part in numbers[:-1]]
        units.append((what, numbers[-1] if what == _LOAD_CONST else 0))
    if not _HOW_TO_CALL or len(units) > room:
        return None
    units += [(_NOP, 0)] * (room - len(units))
    return bytes([byte for unit in units for byte in unit])


def _loads(code: CodeType) -> Iterator[tuple[int, int, str]]:
    """Yield where names are loaded to be called: the lowest bit of the instruction's number says so."""
    for start, end, what, number in instructions(code):
        if what == _LOAD_GLOBAL and number & 1:
            yield start, end, code.co_names[number >> 1]


def _how_to_call() -> tuple[int, ...]:
    """Return how this Python loads a constant to call it, empty if in no way that is known here."""

    def calling(x: Any) -> Any:
        return (lambda y: y)(x)  # noqa: PLC3002  a function is a constant and what makes one of it

    made = [what for _, _, what, _ in instructions(calling.__code__)]
    loading = made[: made.index(opmap["MAKE_FUNCTION"]) + 2]
    return tuple([what for what in loading if what in {_LOAD_CONST, _PUSH_NULL}])


_HOW_TO_CALL = _how_to_call()
