"""Random generators of NumPy and of Python: what is one, and where it stands in its row of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np

from chainrule.forks import Locks, freed_in_children, imported


class Drawing(Protocol):
    """What is told of draws."""

    def draw(self, generator: Any, name: str, args: tuple[Any, ...], options: Any) -> Any:
        """Draw by a method of a generator, and return what stands for it."""


DRAWING: ContextVar[Drawing | None] = ContextVar("drawing", default=None)
"""What is told of the draws by functions of modules in this context."""


def is_generator(x: Any) -> bool:
    """Say whether random numbers can be drawn from something.

    >>> import random
    >>> is_generator(np.random.default_rng()), is_generator(random.Random()), is_generator(random)
    (True, True, False)
    """
    kind = type(x)
    return hasattr(kind, "bit_generator") or issubclass(kind, _kinds())


def state_of(generator: Any) -> Any:
    """Return where a generator stands so that it can be compared later."""
    return _frozen(_state(generator))


def rewinding(generators: Iterable[Any]) -> Callable[[], None]:
    """Return what puts generators back to where they are now."""
    states = [(g, _state(g)) for g in generators]

    def rewind() -> None:
        for g, state in states:
            _set_state(g, state)

    return rewind


def held(generators: Iterable[Any]) -> AbstractContextManager[Any]:
    """Return a context in which no other thread draws from NumPy's generators among these.

    It takes the locks that NumPy takes for each draw; who holds them may draw. A child of the process finds them free.
    """
    locks = [freed_in_children(bits.lock) for bits in map(_bits_of, generators) if bits is not None]
    return locks[0] if len(locks) == 1 else Locks(locks)


def _bits_of(generator: Any) -> Any:
    """Return what NumPy draws a generator's bits from, which has a lock; None for Python's generators."""
    if hasattr(type(generator), "bit_generator"):
        return generator.bit_generator
    bits = getattr(generator, "_bit_generator", generator)
    return bits if hasattr(bits, "lock") else None


def _kinds() -> tuple[type, ...]:
    """Return the classes of generators that have been imported."""
    kinds: tuple[type, ...] = ()
    numpys, pythons = imported("numpy.random"), imported("random")
    if numpys is not None:
        kinds += (numpys.RandomState, numpys.BitGenerator)
    return kinds if pythons is None else (*kinds, pythons.Random)


def _state(generator: Any) -> Any:
    if hasattr(type(generator), "bit_generator"):
        return generator.bit_generator.state
    if hasattr(type(generator), "getstate"):
        try:
            return generator.getstate()
        except NotImplementedError:  # the system's own, which is nowhere twice
            return object()
    if hasattr(type(generator), "get_state"):
        return generator.get_state(legacy=False)
    return generator.state


def _set_state(generator: Any, state: Any) -> None:
    if hasattr(type(generator), "bit_generator"):
        generator.bit_generator.state = state
    elif hasattr(type(generator), "getstate"):
        if type(state) is tuple:
            generator.setstate(state)
    elif hasattr(type(generator), "get_state"):
        generator.set_state(state)
    else:
        generator.state = state


def _frozen(state: Any) -> Any:
    if isinstance(state, dict):
        return tuple([(k, _frozen(v)) for k, v in state.items()])
    return state.tobytes() if isinstance(state, np.ndarray) else state
