"""What every test shares: the hypothesis profiles and the seeded random generator."""

import gc
import os
import signal

# A thread of BLAS waits in a loop for the others: with one worker per core that takes more than it gives.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
os.environ.setdefault(
    "CHAINRULE_CACHE", "off"
)  # what a test compiles is of its own code, not of yesterday's
os.environ.setdefault(
    "CHAINRULE_TIERS", "off"
)  # tests are to meet the code that users meet in the end


def pytest_collection_finish():
    """Spare the collector what collecting the tests made: each of its full rounds went through a million objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def rng():
    """A random generator that starts alike in every test."""
    return np.random.default_rng(0)


@pytest.fixture
def interruptible():
    """Have SIGINT raise KeyboardInterrupt: in a process that a shell started in the background it is ignored.

    What is raised in a callback of the collector is lost, and Hypothesis has one.
    """
    outer, callbacks = signal.signal(signal.SIGINT, signal.default_int_handler), [*gc.callbacks]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = callbacks
    signal.signal(signal.SIGINT, outer)
