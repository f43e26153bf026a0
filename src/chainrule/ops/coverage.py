"""Which functions NumPy and SciPy hand to an array type, and which entry of the table answers for each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.core.op import BY_NUMPY, TABLE, Op
from chainrule.ops.special import answer_for_scipy

METHODS = ("reduce", "accumulate", "outer", "at", "reduceat")
"""The methods of ufuncs. Only ufuncs of one or two arguments and one result have them."""

OF_UFUNCS = ("out", "where", "dtype", "casting", "order", "subok")
"""Keywords of every ufunc, which dispatch treats: entries do not see them."""


def dispatched() -> dict[str, Any]:
    """Return the functions of `numpy`, `numpy.linalg`, `numpy.fft`, `numpy.emath` that can be intercepted, by name."""
    modules = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.emath": np.emath}
    found: dict[Any, str] = {sliding_window_view: "np.lib.stride_tricks.sliding_window_view"}
    for prefix, module in modules.items():
        for name in module.__all__:
            function: Any = getattr(module, name, None)
            # Of several names the function's own counts: np.abs is np.absolute.
            if is_intercepted(function) and (function not in found or name == function.__name__):
                found[function] = f"{prefix}.{name}"
    return {name: function for function, name in sorted(found.items(), key=lambda pair: pair[1])}


def special_ufuncs() -> dict[str, Any]:
    """Return the ufuncs of `scipy.special`, by name; importing it."""
    import scipy.special

    return {
        f"scipy.special.{name}": function
        for name, function in sorted(vars(scipy.special).items())
        if isinstance(function, np.ufunc) and not name.startswith("_")
    }


def ufunc_methods() -> dict[str, Any]:
    """Return the methods of NumPy's ufuncs that work on numbers, by name, as (ufunc, method)."""
    return {
        f"{name}.{method}": (function, method)
        for name, function in dispatched().items()
        if isinstance(function, np.ufunc) and function.signature is None
        for method in METHODS
        if _has_method(function, method)
    }


def is_intercepted(function: Any) -> bool:
    """Say whether NumPy hands calls of a function on to foreign arrays."""
    return isinstance(function, np.ufunc) or hasattr(function, "_implementation")


def entry_of(key: Any) -> Op | None:
    """Return the entry that answers for a function, a ufunc, or a pair of a ufunc and a method."""
    answer_for_scipy()
    front = BY_NUMPY.get(key)
    if front is None:
        return None
    named = TABLE.get(getattr(front, "__name__", ""))
    entries = (op for op in TABLE.values() if op.front is front)
    return next(entries, named)


def keywords_of(function: Any) -> tuple[str, ...]:
    """Return the parameters of a function that may be passed by name and that its entry accepts."""
    if isinstance(function, np.ufunc):
        own = () if function.signature is None else tuple(_own_keywords(BY_NUMPY[function]))
        return (*own, *OF_UFUNCS)
    try:
        wanted = inspect.signature(function).parameters
    except ValueError:  # NumPy's C functions carry none before version 2.4
        return ()
    missing = set(missing_keywords(function))
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(n for n, p in wanted.items() if p.kind in kinds and n not in missing)


def missing_keywords(function: Any) -> Iterator[str]:
    """Yield the parameters of a function that its entry does not have; `out` is the business of dispatch."""
    front = inspect.signature(BY_NUMPY[function]).parameters
    if any(p.kind is p.VAR_KEYWORD for p in front.values()):
        return
    for name, p in inspect.signature(function).parameters.items():
        if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD} and name not in front and name != "out":
            yield name


def _own_keywords(front: Any) -> Iterator[str]:
    for name, p in inspect.signature(front).parameters.items():
        if p.kind is p.KEYWORD_ONLY:
            yield name


def _has_method(ufunc: np.ufunc, method: str) -> bool:
    """Say whether a method of a ufunc works on numbers: comparisons have `outer` alone."""
    types = {*ufunc.types}
    numbers = not types.isdisjoint({"dd->d", "ll->l", "qq->q"})
    if ufunc.nin == 2 and ufunc.nout == 1:
        return numbers or (method == "outer" and "dd->?" in types)
    return ufunc.nin == 1 and method == "at" and "d->d" in types
