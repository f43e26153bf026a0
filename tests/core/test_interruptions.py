"""Whatever moment Ctrl-C comes at, NumPy and the tracing state are as they were before."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy import zeros

import chainrule as cr
from chainrule.autodiff.reverse import SWEPT
from chainrule.core.trace import CURRENT


def written(x: Any) -> Any:
    a = np.zeros(2)
    a[0] = x
    return np.sum(a * zeros(2) + a)


RUNS: list[Callable[[], object]] = [
    lambda: cr.grad(written)(2.0),
    lambda: cr.grad(cr.grad(written))(2.0),
    lambda: cr.jvp(written, (2.0,), (1.0,)),
]


def was_interrupted(run: Callable[[], object], moment: int) -> bool:
    """Run, and raise KeyboardInterrupt at this call; say whether it came to that.

    Python itself looks for signals where a function of its own begins and where one of C's has returned.
    """
    left = moment

    def interrupt(frame: object, event: str, argument: object) -> None:
        nonlocal left
        left -= event in {"call", "c_return"}
        if left == 0:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.parametrize("run", RUNS, ids=["gradient", "second", "forward"])
def test_an_interruption_at_any_moment_leaves_everything_as_it_was(run) -> None:
    run()
    before = (np, zeros, np.zeros)
    moment = 1
    while was_interrupted(run, moment):
        assert (np, zeros, np.zeros) == before, f"interrupted at moment {moment}"
        assert CURRENT.get() is None, f"interrupted at moment {moment}"
        assert SWEPT.get() is None, f"interrupted at moment {moment}"
        moment += 1
    assert moment > 200
    assert type(np.zeros(2)) is np.ndarray


@pytest.mark.usefixtures("interruptible")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_in_the_middle_of_a_trace_leaves_everything_as_it_was() -> None:
    before = (np, zeros, np.zeros)
    has_begun, is_over = threading.Event(), threading.Event()

    def endless(x: Any) -> Any:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            x = written(x)
            has_begun.set()
        return x

    def send() -> None:
        has_begun.wait()
        os.kill(os.getpid(), signal.SIGINT)
        # NumPy drops what is raised while it looks up some attributes, Python what is in a weak reference's callback.
        while not is_over.wait(2):
            os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        cr.grad(endless)(1.0)
    is_over.set()
    sender.join()
    assert (np, zeros, np.zeros) == before
    assert CURRENT.get() is None
