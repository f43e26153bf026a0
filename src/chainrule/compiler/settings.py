"""What the environment asks of the compiler."""

from __future__ import annotations

import os


def is_checking() -> bool:
    """Say whether every stage of the compiler is verified: `CHAINRULE_CHECK=1`."""
    return os.environ.get("CHAINRULE_CHECK", "") not in {"", "0"}


def has_tiers() -> bool:
    """Say whether code that is quick to make may run until better code is made: unless `CHAINRULE_TIERS=off`."""
    return os.environ.get("CHAINRULE_TIERS", "") not in {"off", "0"} and not is_checking()
