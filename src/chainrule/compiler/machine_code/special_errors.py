"""Whether SciPy's special functions report errors, for compiled code to ask: it leaves that to SciPy's own calls."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from chainrule.forks import forks_wait

ASKED = "special_errors_are_ignored"
"""The outside name of `int special_errors_are_ignored(void)`, behind the prefix."""


@functools.cache
def _function() -> Any:
    with forks_wait():
        import scipy.special

    now = scipy.special.geterr
    ignored = dict.fromkeys(now(), "ignore")
    # Missing memory raises by default: no question of the arguments, and it reaches the caller all the same.
    usual = {**ignored, "memory": "raise"}, ignored
    return ctypes.CFUNCTYPE(ctypes.c_int)(lambda: now() in usual)


def address() -> int:
    """Return the address of the function, which takes the interpreter's lock itself."""
    found = ctypes.cast(_function(), ctypes.c_void_p).value
    assert found, "a function has an address"
    return found


def are_ignored() -> bool:
    """Ask from Python."""
    return bool(_function()())
