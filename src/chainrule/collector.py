"""Python's cycle collector, kept from walking again and again what is made to stay: a large graph, modules."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.forks import Runs


class _Off:
    """Who needs the collector to be off, and whether it was on before."""

    def __init__(self) -> None:
        self.running = Runs(self.leave)
        self.was_enabled = False

    def enter(self, run: object) -> None:
        """Switch it off for one more work."""
        with self.running.lock:
            if not self.running:
                self.was_enabled = gc.isenabled()
            self.running.begin(run)
            gc.disable()

    def leave(self, run: object) -> None:
        """Switch it on again when the last work has ended, if it was."""
        with self.running.lock:
            self.running.end(run)
            if not self.running and self.was_enabled:
                gc.enable()


_OFF = _Off()


@contextmanager
def without_collector() -> Iterator[None]:
    """Switch the collector off for work that makes many objects and drops few: it is half of the time there.

    >>> with without_collector():
    ...     gc.isenabled()
    False
    """
    run = object()
    try:
        _OFF.enter(run)
        yield
    finally:
        _OFF.leave(run)


def promote() -> None:
    """Have the collector look at what was made until now only when it looks at everything: what stays, as modules do.

    It would walk them once or twice before, all that was made while it was off at one time. What the user has frozen
    stays so.
    """
    if hasattr(gc, "freeze") and not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
