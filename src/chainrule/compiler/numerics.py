"""What an entry has to find in its context: nothing is traced, and NumPy's error settings are those it was made for."""

from __future__ import annotations

from chainrule.compiler.entry.signature import Context, Hidden, StaticInput
from chainrule.compiler.error_settings import SETTINGS
from chainrule.core.trace import CURRENT


def contexts_now() -> tuple[Hidden, ...]:
    """Return what the entry has to find in its context: no trace runs, and NumPy's settings are those of now."""
    conditions = [Hidden(Context(CURRENT), StaticInput(None))]
    if SETTINGS is not None:
        settings = Context(SETTINGS)
        conditions.append(Hidden(settings, StaticInput(settings.read())))
    return tuple(conditions)
