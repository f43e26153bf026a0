"""What is saved when the compiler made a mistake: the graph as text, and the numbers it went wrong on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.core.graph import Graph


def save_reproducer(name: str, graph: Graph, inputs: Sequence[Any]) -> Path:
    """Write `NAME-….npz` with `graph`, a text, and one array per input; return its path."""
    folder = reproducer_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".npz", dir=folder)
    arrays = {f"x{i}": np.asarray(x) for i, x in enumerate(inputs)}
    with os.fdopen(handle, "wb") as file:
        np.savez(file, allow_pickle=False, graph=np.array(str(graph)), **arrays)
    return Path(path)


def reproducer_folder() -> Path:
    """Return the folder for them: in the cache `CHAINRULE_CACHE`, else in the user's own."""
    cache = os.environ.get("CHAINRULE_CACHE", "")
    if cache and cache != "off":
        return Path(cache) / "failures"
    home = os.environ.get("XDG_CACHE_HOME", "") or str(Path.home() / ".cache")
    return Path(home) / "chainrule" / "failures"
