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

    It ends with the main thread as well: a process that ends waits for at most one work. So does one that forks, and
    the thread begins anew behind that: a child must not inherit what is half done.
    """

    def __init__(self) -> None:
        self._works: deque[Work] = deque()
        self._thread: threading.Thread | None = None
        self._changing = threading.Lock()
        self._is_pausing = False

    def later(self, work: Work) -> None:
        """Have a work done; asking again while it waits or runs changes nothing.

        Where there are no threads, or none any more, it is done at once.
        """
        with self._changing:
            is_new = work not in self._works
            if is_new:
                self._works.append(work)
            if self._thread is not None or self._is_pausing or self._is_started() or not is_new:
                return
        self._do(work)

    def _is_started(self) -> bool:
        thread = threading.Thread(target=self._serve, name="chainrule-tiers")
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _serve(self) -> None:
        while True:
            with self._changing:
                is_over = self._is_pausing or not threading.main_thread().is_alive()
                if is_over or not self._works:
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
            work()
        finally:
            with self._changing:
                self._works.remove(work)

    def before_fork(self) -> None:
        """Have the thread end after the work it is at, and none begin."""
        self._is_pausing = True
        thread = self._thread
        if thread is not None:
            thread.join()
        self._changing.acquire()

    def after_fork(self) -> None:
        """Go on."""
        self._is_pausing = False
        if self._works and self._thread is None:
            self._is_started()
        self._changing.release()

    def in_child(self) -> None:
        """Forget what was still to do: the child asks for it again."""
        self._works.clear()
        self._thread = None
        self.after_fork()


BACKGROUND = Background()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=BACKGROUND.before_fork,
        after_in_parent=BACKGROUND.after_fork,
        after_in_child=BACKGROUND.in_child,
    )
