"""What an optimiser is: a pair of pure functions. `chain` puts several in a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule import tree
from chainrule.errors import ContainerError, ShapeError
from chainrule.optim.arithmetic import matched


class Transform(NamedTuple):
    """Turns gradients into something better to step by.

    Attributes:
        init: `init(params) -> state`.
        update: `update(gradients, state, params=None) -> (updates, state)`; changes none of them.
    """

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


class Empty(NamedTuple):
    """The state of a transform that remembers nothing."""


def stateless(update: Callable[[Any, Any], Any]) -> Transform:
    """Return a transform made of `update(gradients, params) -> updates`."""
    return Transform(
        init=lambda params: Empty(),
        update=lambda gradients, state, params=None: (update(gradients, params), state),
    )


def chain(*transforms: Transform) -> Transform:
    """Apply transforms in order; the state is the tuple of theirs.

    Examples:
        >>> from chainrule.optim import clip_by_global_norm, sgd
        >>> optimizer = chain(clip_by_global_norm(1.0), sgd(0.1))
        >>> updates, state = optimizer.update(np.array([3.0, 4.0]), optimizer.init(np.zeros(2)))
        >>> updates.round(3)
        array([-0.06, -0.08])
    """

    def init(params: Any) -> tuple[Any, ...]:
        return tuple(transform.init(params) for transform in transforms)

    def update(
        gradients: Any, state: tuple[Any, ...], params: Any = None
    ) -> tuple[Any, tuple[Any, ...]]:
        if len(state) != len(transforms):
            got, expected = f"a state of {len(state)} parts", f"one of {len(transforms)}"
            raise ContainerError.from_mismatch("chain", got, expected)
        states = []
        for transform, old in zip(transforms, state, strict=True):
            gradients, new = transform.update(gradients, old, params)
            states.append(new)
        return gradients, tuple(states)

    return Transform(init, update)


def apply_updates(params: Any, updates: Any) -> Any:
    """Return `params + updates`, every parameter in the dtype it had.

    Examples:
        >>> apply_updates({"w": np.array([1.0, 2.0])}, {"w": np.array([0.5, 0.0])})
        {'w': array([1.5, 2. ])}

    Raises:
        ShapeError: an update has another shape than its parameter.
    """
    for i, (p, u) in enumerate(zip(tree.leaves(params), tree.leaves(updates), strict=False)):
        if np.shape(p) != np.shape(u):
            path = tree.paths(params)[i]
            raise ShapeError.from_update("apply_updates", path, np.shape(u), np.shape(p))
    return tree.map(lambda p, u: p + matched(u, p), params, updates)
