"""Whether NumPy is to raise or to warn in another way than usual: compiled code does neither."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.entry.signature import MISSING, Context, Hidden, StaticInput
from chainrule.core.trace import CURRENT


def _settings() -> Any:
    """Return the variable in which NumPy keeps its error settings; None where it keeps them elsewhere."""
    try:
        from numpy._core.umath import _extobj_contextvar
    except ImportError:
        return None
    return _extobj_contextvar


_SETTINGS = _settings()


def settings_now() -> Any:
    """Return NumPy's error settings in this context, to be compared by identity."""
    return Context(_SETTINGS).read() if _SETTINGS is not None else MISSING


_quiet: list[Any] = [settings_now()]


def contexts_now() -> tuple[Hidden, ...]:
    """Return what the entry has to find in its context: no trace runs, and NumPy's settings are those of now."""
    conditions = [Hidden(Context(CURRENT), StaticInput(None))]
    if _SETTINGS is not None:
        conditions.append(Hidden(Context(_SETTINGS), StaticInput(settings_now())))
    return tuple(conditions)


def warns_as_usual() -> bool:
    """Say whether floating-point errors are ignored or warned of.

    If one is to be raised, or a function is to be called, only NumPy does it.
    """
    now = settings_now()
    if now is _quiet[0] and _SETTINGS is not None:
        return True
    is_loud = any(what in {"raise", "call", "log"} for what in np.geterr().values())
    if not is_loud:
        _quiet[0] = now
    return not is_loud
