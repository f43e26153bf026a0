"""What a child of the process must not inherit: locks that other threads hold, and what they are in the middle of.

A child has the thread that forked, and no other. What the others hold nobody would give back, what they have put in
place for a time, such as the faces of `reroute.py`, nobody would take away, and what they have half done nobody would
finish. So a fork waits for what is short and cannot be undone; the rest ends in the child.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

_FOR_OTHERS_AT_MOST = 10.0
"""Seconds that a fork waits for what `forks_wait` goes with: it may be waiting itself for the thread that forks."""
_FROM_TIME_TO_TIME = 0.001

_HELD: list[Any] = []
_LOCKS: weakref.WeakSet[Any] = weakref.WeakSet()


class Locks:
    """Several locks that are taken together.

    Who has some of them never waits for another, which somebody may have that waits for the first.
    """

    def __init__(self, locks: Sequence[Any]) -> None:
        self._locks = locks

    def __enter__(self) -> None:
        first = 0
        while True:
            taken: list[Any] = []
            try:
                for lock in (*self._locks[first:], *self._locks[:first]):
                    if not lock.acquire(blocking=not taken):
                        break
                    taken.append(lock)
                else:
                    return
            except BaseException:
                _release(taken)
                raise
            _release(taken)
            first = (first + len(taken)) % len(self._locks)

    def __exit__(self, *_: object) -> None:
        _release(self._locks)


def _release(locks: Iterable[Any]) -> None:
    for lock in locks:
        lock.release()


class Runs:
    """What is under way, and which thread is at it.

    In a child, what other threads were at when it was born has ended.

    Attributes:
        lock: held where a run begins or ends, so that a child finds none half begun. A signal's handler may come in
            between: who has it can take it again.
    """

    def __init__(self, leave: Callable[[Any], None] | None = None) -> None:
        """State how a run ends, for which `leave` calls `end`."""
        self.lock = held_by_forks()
        self._leave = leave or self.end
        self._threads: dict[object, int] = {}
        _EVERY.append(self)

    def __len__(self) -> int:
        return len(self._threads)

    def begin(self, run: object) -> None:
        """Note that this thread begins a run."""
        self._threads[run] = threading.get_ident()

    def end(self, run: object) -> None:
        """Note that a run has ended, if it has not before."""
        self._threads.pop(run, None)

    def others(self) -> list[object]:
        """Return what other threads are at."""
        mine = threading.get_ident()
        return [run for run, thread in self._threads.items() if thread != mine]

    def end_others(self) -> None:
        """End what other threads are at."""
        for run in self.others():
            self._leave(run)


_EVERY: list[Runs] = []


def held_by_forks() -> Any:
    """Return a lock that who has it can take again; who forks takes it as well: a child finds nothing half done."""
    lock = threading.RLock()
    _HELD.append(lock)
    return lock


def lock_of_threads() -> Any:
    """Return a lock that who has it can take again; a child finds it free of what other threads held.

    It may be held for long, as by who runs the user's code: nobody waits for it to fork.
    """
    return freed_in_children(threading.RLock())


def freed_in_children(lock: Any) -> Any:
    """Have a child find a lock free of what other threads held, and return it."""
    _LOCKS.add(lock)
    return lock


_WAITED_FOR = Runs()


@contextmanager
def forks_wait() -> Iterator[None]:
    """Have other threads wait with forks until what is done inside is done: a module is imported, for example.

    Python leaves a module that another thread was importing to the child half imported, and locked.

    >>> with forks_wait():
    ...     import json
    """
    run = object()
    try:
        with _WAITED_FOR.lock:
            _WAITED_FOR.begin(run)
        yield
    finally:
        with _WAITED_FOR.lock:
            _WAITED_FOR.end(run)


def imported(name: str) -> Any:
    """Return a module if it has been imported; if another thread is at it, it waits until then.

    In a child that thread may not exist: there will be no such module.

    >>> imported("sys").__name__, imported("no.such.module")
    ('sys', None)
    """
    module = sys.modules.get(name)
    if not _is_partial(module):
        return module
    return None if name in _LOST else importlib.import_module(name)


def _is_partial(module: Any) -> bool:
    return getattr(getattr(module, "__spec__", None), "_initializing", False)


_LOST: set[str] = set()
"""Modules that were being imported when this process was born."""


class Pausing(Protocol):
    """What has a thread of its own."""

    def before_fork(self) -> None:
        """Have the thread end; no lock is held that forks hold."""

    def after_fork(self) -> None:
        """Go on."""

    def in_child(self) -> None:
        """Go on in a child."""


_PAUSING: list[Pausing] = []


def pauses(x: Pausing) -> None:
    """Have something pause while the process forks."""
    _PAUSING.append(x)


class _Fork:
    """What one fork has taken and has to give back, for there may be more of it by then.

    Who forks, holds these locks: so there is one at a time.
    """

    def __init__(self) -> None:
        self.paused: list[Pausing] = []
        self.locks = Locks([])

    def begin(self) -> None:
        until = time.monotonic() + _FOR_OTHERS_AT_MOST
        while True:
            for x in _PAUSING[len(self.paused) :]:
                self.paused.append(x)
                x.before_fork()
            held = _HELD[:]
            self.locks = Locks(held)
            self.locks.__enter__()
            is_all = len(held) == len(_HELD) and len(self.paused) == len(_PAUSING)
            if is_all and (not _WAITED_FOR.others() or time.monotonic() > until):
                return
            self.locks.__exit__()
            while _WAITED_FOR.others() and time.monotonic() <= until:
                time.sleep(_FROM_TIME_TO_TIME)

    def end(self) -> None:
        self.locks.__exit__()
        for x in reversed(self.paused):
            x.after_fork()

    def end_in_child(self) -> None:
        for lock in list(_LOCKS):
            if not lock._is_owned():  # noqa: SLF001  as the standard library does
                lock._at_fork_reinit()  # noqa: SLF001
        _LOST.update([name for name, x in list(sys.modules.items()) if _is_partial(x)])
        for runs in _EVERY:
            runs.end_others()
        self.locks.__exit__()
        for x in reversed(self.paused):
            x.in_child()


_forks: list[_Fork] = []


def _before_fork() -> None:
    fork = _Fork()
    fork.begin()
    _forks.append(fork)


def _after_fork() -> None:
    if _forks:
        _forks.pop().end()


def _in_child() -> None:
    if _forks:
        _forks.pop().end_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
