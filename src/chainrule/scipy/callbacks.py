"""The user's functions that SciPy's solvers take: with their further arguments, and in the form SciPy may call."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chainrule.scipy.levels import Plainly

Function = Callable[..., Any]


def with_arguments(f: Function, args: Any) -> Function:
    """Return `f` with its further arguments, which SciPy takes as a tuple or as one that is none."""
    rest = args if isinstance(args, tuple) else (args,)
    return (lambda x: f(x, *rest)) if rest else f


def plain_callbacks(args: Any, **callbacks: Any) -> dict[str, Any]:
    """Return the functions among SciPy's options as SciPy may call them, and the other options as they are."""
    rest = args if isinstance(args, tuple) else (args,)
    return {
        name: Plainly(functools.partial(_called, f, rest))
        if callable(f) and not isinstance(f, type)
        else f
        for name, f in callbacks.items()
    }


def _called(f: Function, rest: tuple[Any, ...], *given: Any) -> Any:
    return f(*given, *rest)


def without_derivative(f: Function, *, is_pair: bool) -> Function:
    """Return `f` without the derivative that it returns too with `jac=True`."""
    return (lambda x: f(x)[0]) if is_pair else f
