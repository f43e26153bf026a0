"""Samples are computed without a trace for whoever runs beside them."""

import threading
import time
import warnings

import numpy as np

from chainrule.core import rehearsal


def test_threads_that_compute_samples_at_once_leave_the_filters_of_warnings_as_they_were():
    before = [*warnings.filters]
    has_begun = threading.Event()

    def first(_):
        has_begun.set()
        time.sleep(0.1)
        return np.float64(0)

    def second(_):
        time.sleep(0.2)
        warnings.warn("nobody sees this", stacklevel=1)
        return np.float64(0)

    thread = threading.Thread(target=rehearsal._asked, args=(first, (1.0,), {}))
    thread.start()
    has_begun.wait()
    rehearsal._asked(second, (1.0,), {})
    thread.join()
    assert [*warnings.filters] == before
