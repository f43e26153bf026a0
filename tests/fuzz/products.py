"""Random products of matrices, vectors and batches, of sizes around the edges of blocks."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from tests.fuzz.contraction import Contraction, Sum, looked_at

_EDGES = (*range(1, 34), *range(60, 71), *range(127, 131), *range(255, 259))


def numbered_product(seed: object, number: int) -> Contraction:
    """Return the product of a number: always the same."""
    random = Random(f"product/{seed}/{number}")  # noqa: S311  nothing secret
    return looked_at(random, random.choice(_KINDS)(random))


def _sizes(random: Random) -> tuple[int, int, int]:
    """Return rows, depth and columns: small, about as many as blocks begin to pay for, or by an edge of blocks."""
    kind = random.choice(("small", "worth blocks", "by an edge", "deep"))
    if kind == "small":
        return random.randrange(1, 13), random.randrange(1, 13), random.randrange(1, 13)
    if kind == "worth blocks":
        return random.choice(
            ((8, 8, 8), (7, 8, 9), (2, 16, 16), (1, 64, 8), (64, 8, 1), (3, 19, 9))
        )
    m, k, n = (random.choice(_EDGES) for _ in range(3))
    return m, random.choice((511, 512, 513, 1030)) if kind == "deep" else k, n


def _matrices(random: Random) -> Sum:
    m, k, n = _sizes(random)
    name = random.choice(tuple(_FORMS))
    turn_a, turn_b, f = _FORMS[name]
    shapes = ((k, m) if turn_a else (m, k), (n, k) if turn_b else (k, n))
    return Sum(f"{name} {m, k, n}", f, shapes)


def _accumulated(x: Any, y: Any) -> Any:
    out = np.zeros((x.shape[0], y.shape[1]), x.dtype)
    for _ in range(2):
        out += x @ y
    out[1:] -= x[1:] @ y
    return out


def _written_into(x: Any, y: Any) -> Any:
    out = np.ones((2 * x.shape[0], y.shape[1] + 3), x.dtype)
    out[::2, 3:] = x @ y
    out[1::2, :-3] += x @ y
    return out


_FORMS: dict[str, tuple[bool, bool, Callable[[Any, Any], Any]]] = {
    "x @ y": (False, False, lambda x, y: x @ y),
    "x.T @ y": (True, False, lambda x, y: x.T @ y),
    "x @ y.T": (False, True, lambda x, y: x @ y.T),
    "x.T @ y.T": (True, True, lambda x, y: x.T @ y.T),
    "(x @ y).T": (False, False, lambda x, y: (x @ y).T * x.dtype.type(2)),
    "x @ y[:, 0]": (False, False, lambda x, y: x @ y[:, 0]),
    "x[0] @ y": (False, False, lambda x, y: x[0] @ y),
    "x[0] @ y[:, 0]": (False, False, lambda x, y: (x[0] @ y[:, 0]) * x),
    "x[1:] @ y[:, 1:]": (False, False, lambda x, y: x[1:] @ y[:, 1:]),
    "x[:, ::2] @ y[::2]": (False, False, lambda x, y: x[:, ::2] @ y[::2]),
    "x[::-1] @ y[:, ::-1]": (False, False, lambda x, y: x[::-1] @ y[:, ::-1]),
    "x[:, :1] @ y[:1]": (False, False, lambda x, y: x[:, :1] @ y[:1]),
    "x[:, :0] @ y[:0]": (False, False, lambda x, y: x[:, :0] @ y[:0] + x[:, :1]),
    "einsum": (False, True, lambda x, y: np.einsum("ij,kj->ki", x, y)),
    "inner": (False, True, np.inner),
    "dot": (False, False, np.dot),
    "tensordot": (True, True, lambda x, y: np.tensordot(x, y, axes=(0, 1))),
    "relu": (False, False, lambda x, y: np.maximum((x @ y + y[0]).real, 0)),
    "accumulated": (False, False, _accumulated),
    "written into": (False, False, _written_into),
    "x @ x.T @ x": (False, False, lambda x, y: (x @ x.T)[:2] @ x @ y),
}


def _batches(random: Random) -> Sum:
    m, k, n = (random.choice((1, 2, 3, 7, 8, 9, 16, 17, 33)) for _ in range(3))
    left, right = random.choice(
        (((3,), (3,)), ((3,), (1,)), ((1,), (3,)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)))
    )
    name, f = random.choice(
        (
            ("x @ y", lambda x, y: x @ y),
            ("x turned twice", lambda x, y: np.swapaxes(np.swapaxes(y, -1, -2) @ _turn(x), -1, -2)),
            ("einsum", lambda x, y: np.einsum("...ij,...jk->...ik", x, y)),
            ("a sum", lambda x, y: np.sum(x @ y, axis=0)),
            ("matvec", lambda x, y: x @ y[..., :1]),
        )
    )
    return Sum(f"batches of {name}", f, ((*left, m, k), (*right, k, n)))


def _turn(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


_KINDS = (_matrices, _matrices, _matrices, _batches)
