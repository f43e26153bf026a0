"""Whether NumPy is to raise or to warn in another way than usual, `np.errstate` for one: compiled code does neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.errors import NotCompiledError


def _variable() -> Any:
    """Return the variable in which NumPy keeps its error settings; None where it keeps them elsewhere."""
    try:
        from numpy._core.umath import _extobj_contextvar
    except ImportError:
        return None
    return _extobj_contextvar


SETTINGS = _variable()


def settings_now() -> Any:
    """Return NumPy's error settings in this context, to be compared by identity."""
    return None if SETTINGS is None else SETTINGS.get(None)


_quiet: list[Any] = [settings_now()]


def warns_as_usual() -> bool:
    """Say whether floating-point errors are ignored or warned of.

    If one is to be raised, or a function is to be called, only NumPy does it.
    """
    now = settings_now()
    if now is _quiet[0] and SETTINGS is not None:
        return True
    is_loud = any(what in {"raise", "call", "log"} for what in np.geterr().values())
    if not is_loud:
        _quiet[0] = now
    return not is_loud


@contextmanager
def keeping_settings() -> Iterator[None]:
    """Put NumPy's error settings back in the end.

    Raises:
        NotCompiledError: they were left otherwise, as each call has to leave them.
    """
    before, now = np.geterr(), settings_now()
    try:
        yield
        if settings_now() is not now and np.geterr() != before:
            raise NotCompiledError.from_error_settings()
    finally:
        if np.geterr() != before:
            np.seterr(**before)
