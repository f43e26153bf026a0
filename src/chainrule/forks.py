"""What a child of the process must not inherit: locks that other threads hold, and what they are in the middle of.

A child has the thread that forked, and no other. What the others hold nobody would give back, and what they have put in
place for a time, such as the faces of `reroute.py`, nobody would take away.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

_LOCKS: weakref.WeakSet[Any] = weakref.WeakSet()


class Runs:
    """What is under way, and which thread is at it.

    In a child, what other threads were at when it was born has ended.

    Attributes:
        lock: held where a run begins or ends, so that a child finds none half begun. A signal's handler may come in
            between: who has it can take it again.
    """

    def __init__(self, leave: Callable[[object], None]) -> None:
        """State how a run ends, for which `leave` calls `end`."""
        self.lock = threading.RLock()
        self._leave = leave
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

    def end_others(self) -> None:
        """End what other threads are at."""
        mine = threading.get_ident()
        for run in [run for run, thread in self._threads.items() if thread != mine]:
            self._leave(run)


_EVERY: list[Runs] = []


def lock_of_threads() -> Any:
    """Return a lock that who has it can take again; a child finds it free of what other threads held.

    It may be held for long, as by who runs the user's code: nobody waits for it to fork.
    """
    return freed_in_children(threading.RLock())


def freed_in_children(lock: Any) -> Any:
    """Have a child find a lock free of what other threads held, and return it."""
    _LOCKS.add(lock)
    return lock


def _before_fork() -> None:
    for runs in _EVERY:
        runs.lock.acquire()


def _after_fork() -> None:
    for runs in reversed(_EVERY):
        runs.lock.release()


def _in_child() -> None:
    for lock in list(_LOCKS):
        if not lock._is_owned():  # noqa: SLF001  as the standard library does
            lock._at_fork_reinit()  # noqa: SLF001
    for runs in _EVERY:
        runs.end_others()
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
