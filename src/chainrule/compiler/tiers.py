"""Two tiers of machine code: baseline code, which is quick to make, and better code, made while that already runs.

LLVM's better code generation takes three times as long. Whoever calls a step for the first time waits for baseline code
only; from its second call on a thread makes the better code, which then takes its place. Both compute the same bits:
what the emitter writes leaves nothing of the arithmetic to LLVM. `CHAINRULE_TIERS=off` asks for better code at once.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable

from chainrule.forks import lock_of_threads, pauses

Work = Callable[[], None]


class Background:
    """Works that a thread does, one after the other. The thread lives as long as there are any.

    It ends as well when the process waits for it alone: a process that ends waits for at most one work. So does one
    that forks, and the thread begins anew behind that: a child must not inherit what is half done.

    Whoever asks for a work may be interrupted by a signal's handler or a finalizer that asks for another: the locks can
    be taken again by who has them.
    """

    def __init__(self) -> None:
        self._works: deque[Work] = deque()
        self._thread: threading.Thread | None = None
        self._changing = lock_of_threads()
        self._forking = threading.RLock()
        self._is_pausing = False

    def later(self, work: Work) -> None:
        """Have a work done; asking again while it waits or runs changes nothing.

        Where there are no threads, or none any more, it is done at once; what goes wrong then is said as a thread says
        it.
        """
        with self._changing:
            is_new = work not in self._works
            if is_new:
                self._works.append(work)
            if self._thread is not None or self._is_pausing or self._is_started() or not is_new:
                return
        try:
            self._do(work)
        except Exception:  # noqa: BLE001  who asks has a result by now, which must not be lost
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), None)))

    def _is_started(self) -> bool:
        self._thread = threading.Thread(target=self._serve, name="chainrule-tiers")
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None
        return self._thread is not None

    def _serve(self) -> None:
        while True:
            is_last = _is_last_thread()  # asked first: who waits for us may hold what that takes
            with self._changing:
                if self._is_pausing or is_last or not self._works:
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
        """Have the thread end after the work it is at, and none begin; other threads that fork wait."""
        self._forking.acquire()
        self._is_pausing = True
        with self._changing:
            thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join()

    def after_fork(self) -> None:
        """Go on."""
        with self._changing:
            self._is_pausing = False
            if self._works and self._thread is None:
                self._is_started()
        self._forking.release()

    def in_child(self) -> None:
        """Forget what was still to do: the child asks for it again."""
        self._works.clear()
        self._thread = None
        self.after_fork()


def _is_last_thread() -> bool:
    """Say whether the process ends with the thread that asks: the main thread is over, and no other keeps it alive."""
    me = threading.current_thread()
    return not any(t.is_alive() and not t.daemon for t in threading.enumerate() if t is not me)


BACKGROUND = Background()
pauses(BACKGROUND)
