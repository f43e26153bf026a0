"""What an op says of its result's type on types alone is what NumPy gives: every function, every dtype."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chainrule.core.graph import Graph, capture
from chainrule.core.op import BY_NUMPY
from chainrule.core.types import array_type

_DTYPES = "?bBhHiIlLefdFD"
_SHAPES = ((3,), (3, 3), ())
_OF_FRACTIONS = {"quantile", "nanquantile", "percentile", "nanpercentile"}
"""Whose second argument is no number of every dtype."""


def functions() -> list[Any]:
    """Return NumPy's functions that have an entry; ufuncs do not all say where they are from."""
    named = [f for f in BY_NUMPY if callable(f)]
    return [
        f
        for f in named
        if getattr(f, "__module__", "").startswith("numpy") or getattr(np, f.__name__, None) is f
    ]


def outcomes(arguments: list[list[Any]]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield a function's name and arguments, and the type that it gives and is said to give."""
    for f in functions():
        for given in arguments:
            if f.__name__ in _OF_FRACTIONS and any(
                np.asarray(x).dtype.kind != "f" for x in given[1:]
            ):
                continue
            try:
                expected = f(*given)
            except (TypeError, ValueError, LookupError, AttributeError, RuntimeError):
                continue
            if not isinstance(expected, (np.ndarray, np.generic)):
                continue
            with contextlib.suppress(Exception):  # refused on types alone: nothing is said
                graph = captured(f, given)
                yield row(f, given, expected, graph.outputs[0])


def captured(f: Any, given: list[Any]) -> Graph:
    """Capture a call on the types of its arrays; numbers stay what they are."""
    arrays = [x for x in given if isinstance(x, np.ndarray)]

    def call(*handles: Any) -> Any:
        rest = iter(handles)
        return f(*[next(rest) if isinstance(x, np.ndarray) else x for x in given])

    return capture(call, *[array_type(x.shape, x.dtype) for x in arrays])


def row(f: Any, given: list[Any], expected: Any, said: Any) -> tuple[str, Any, Any, Any]:
    t = getattr(said, "type", said)
    types = [f"{x.dtype}{x.shape}" if isinstance(x, np.ndarray) else repr(x) for x in given]
    return f.__name__, types, (expected.dtype, expected.shape), (t.dtype, t.shape)


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
def test_of_one_array(shape):
    check([[np.ones(shape, c)] for c in _DTYPES], at_least=1_500)


def test_of_two_arrays():
    pairs = itertools.product(_DTYPES, repeat=2)
    check([[np.ones((2, 2), c), np.ones((2, 2), d)] for c, d in pairs], at_least=10_000)


def test_of_an_array_and_a_number():
    numbers = [True, 1, 1.0, 1j, np.int8(1), np.float32(1), np.float64(1)]
    pairs = [[np.ones((2, 2), c), x] for c in _DTYPES for x in numbers]
    check([*pairs, *[pair[::-1] for pair in pairs]], at_least=10_000)


def check(arguments: list[list[Any]], at_least: int) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = list(outcomes(arguments))
    assert [row for row in found if row[2] != row[3]] == []
    assert len(found) >= at_least
