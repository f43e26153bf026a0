"""What the environment asks of the compiler."""

from __future__ import annotations

import os


def is_checking() -> bool:
    """Say whether every stage of the compiler is verified: `CHAINRULE_CHECK=1`."""
    return os.environ.get("CHAINRULE_CHECK", "") not in {"", "0"}
