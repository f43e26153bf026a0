"""What a graph was translated to, in a form that the next process can take from the cache."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.records import record, replaced


@record
class Artifact:
    """Machine code, and what an entry has to know of it.

    Attributes:
        stages: object files whose function is `step0`, `step1` … by their place, and Python functions of the addresses
            of pointers and arena.
        slots: how many pointers each is given.
        constants: arrays that they read, with their slots.
        arena: the bytes of scratch memory that they need.
        is_long: whether they take so long that other Python threads should run in the meantime.
        nodes: how many the graph had after the passes.
        statements: how many the program has.
        hosts: the ops that Python computes, with the reason.
        sources: of baseline code LLVM's texts, of which better code can be made, packed if they come from the cache; of
            better code none.
    """

    stages: tuple[bytes | Callable[[int, int], None], ...]
    slots: int
    constants: tuple[tuple[int, Any], ...]
    arena: int
    is_long: bool
    nodes: int
    statements: int
    hosts: tuple[tuple[str, str], ...] = ()
    sources: tuple[str, ...] | bytes = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """LLVM's texts in the sources."""
        if isinstance(self.sources, tuple):
            return self.sources
        texts: tuple[str, ...] = marshal.loads(zlib.decompress(self.sources))  # noqa: S302  as `unpacked`
        return texts


def packed(artifact: Artifact) -> bytes | None:
    """Return an artifact as bytes; None if calls of Python are part of it."""
    if artifact.hosts:
        return None
    constants = [_packed_array(slot, np.asarray(array)) for slot, array in artifact.constants]
    texts = zlib.compress(marshal.dumps(artifact.texts), level=1) if artifact.sources else ()
    kept = replaced(artifact, constants=(), sources=texts)
    fields: Any = (*[vars(kept)[name] for name in Artifact.__match_args__], constants)
    return marshal.dumps(fields)


def _packed_array(slot: int, x: Any) -> tuple[Any, ...]:
    return slot, x.dtype.char, x.shape, x.tobytes()


def unpacked(data: bytes) -> Artifact:
    """Return the artifact that `packed` made bytes of. Like machine code, they must come from nobody else."""
    *fields, arrays = marshal.loads(data)  # noqa: S302  as trusted as the machine code in it
    constants = [
        (slot, np.frombuffer(content, dtype).reshape(shape).copy())
        for slot, dtype, shape, content in arrays
    ]
    return replaced(Artifact(*fields), constants=tuple(constants))
