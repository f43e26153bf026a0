"""Two tiers of machine code: baseline code, which is quick to make, and better code, made while that already runs.

LLVM's better code generation takes three times as long. Whoever calls a step for the first time waits for baseline code
only; from its second call on a thread makes the better code, which then takes its place. Both compute the same bits:
what the emitter writes leaves nothing of the arithmetic to LLVM. `CHAINRULE_TIERS=off` asks for better code at once.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

Work = Callable[[], None]


class Background:
    """Works that a thread does, one after the other. The thread lives as long as there are any.

    It ends with the main thread as well: a process that ends waits for at most one work. Who forks waits for it too,
    for a child must not inherit what a thread has half done.
    """

    def __init__(self) -> None:
        self._works: deque[Work] = deque()
        self._thread: threading.Thread | None = None
        self._changing = threading.Lock()
        self._working = threading.Lock()

    def later(self, work: Work) -> None:
        """Have a work done; asking again while it waits or runs changes nothing.

        Where there are no threads, or none any more, it is done at once.
        """
        with self._changing:
            if work in self._works:
                return
            self._works.append(work)
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._serve, name="chainrule-tiers")
            try:
                self._thread.start()
            except RuntimeError:
                self._thread = None
            else:
                return
        self._do(work)

    def _serve(self) -> None:
        while True:
            with self._changing:
                if not self._works or not threading.main_thread().is_alive():
                    self._thread = None
                    return
                work = self._works[0]
            try:
                self._do(work)
            except BaseException:
                with self._changing:
                    self._thread = None  # what waits goes on with the next that is asked for
                raise

    def _do(self, work: Work) -> None:
        try:
            with self._working:
                work()
        finally:
            with self._changing:
                self._works.remove(work)

    def before_fork(self) -> None:
        """Wait until nothing is being done, and let nothing begin."""
        self._working.acquire()
        self._changing.acquire()

    def after_fork(self) -> None:
        """Go on."""
        self._changing.release()
        self._working.release()

    def in_child(self) -> None:
        """Forget the thread, which is not part of a child; what it had still to do, the child asks for again."""
        self._thread = None
        self._works.clear()
        self.after_fork()


BACKGROUND = Background()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=BACKGROUND.before_fork,
        after_in_parent=BACKGROUND.after_fork,
        after_in_child=BACKGROUND.in_child,
    )
