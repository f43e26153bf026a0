"""What stands between SciPy and the trace: its own functions for plain values, ours for traced ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, cell, is_traced, settled, type_of
from chainrule.core.op import FRONTS
from chainrule.core.trace import is_following
from chainrule.errors import NotDifferentiableError
from chainrule.ops.canonical import array_like

StandIn = tuple[Any, str, Callable[..., Any]]


def holds_traced(*values: Any) -> bool:
    """Say whether something in `values`, or in nests of lists, tuples and dicts there, carries a derivative."""
    return any(_holds_traced(x) for x in values)


def _holds_traced(x: Any) -> bool:
    if type(x) in HANDLES:
        return is_traced(x)
    if isinstance(x, dict):
        return holds_traced(*x.values())
    if isinstance(x, (list, tuple)):
        return holds_traced(*x)
    return type(x) is np.ndarray and x.dtype == object and holds_traced(*x.flat)


def plain(x: Any) -> Any:
    """Return `x` with plain values in the place of traced ones, in nests too: for finding a value, not a derivative."""
    if type(x) in HANDLES:
        return x.leaf()
    if type(x) in {list, tuple}:
        return type(x)(map(plain, x))
    return {k: plain(v) for k, v in x.items()} if type(x) is dict else x


def on_plain_values(function: Callable[..., Any], args: Sequence[Any], options: Any) -> Any:
    """Call SciPy's `function`; arrays made inside the trace go in as plain ones, and then its results are cells."""
    if not any(_holds_handle(x) for x in (*args, *options.values())):
        return function(*args, **options)
    kept = {k: plain(v) for k, v in options.items() if not k.startswith("overwrite_")}
    return _as_cells(function(*map(plain, args), **kept))


def _holds_handle(x: Any) -> bool:
    if isinstance(x, dict):
        return any(map(_holds_handle, x.values()))
    return any(map(_holds_handle, x)) if isinstance(x, (list, tuple)) else type(x) in HANDLES


def _as_cells(x: Any) -> Any:
    if type(x) is tuple:
        return tuple(map(_as_cells, x))
    is_new = type(x) is np.ndarray and x.dtype.kind in "fc" and is_following()
    return cell(x) if is_new else x


def follows(original: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function the one to call where an argument is traced; for plain arguments `original` is called."""

    def decorated(ours: Callable[..., Any]) -> Callable[..., Any]:
        code = ours.__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

        @functools.wraps(original)
        def call(*args: Any, **options: Any) -> Any:
            if holds_traced(args, options):
                given = dict(zip(parameters, args, strict=False)) | options
                if "check_finite" in parameters and given.get("check_finite", True):
                    _require_finite(given.values())
                return ours(*args, **options)
            return on_plain_values(original, args, options)

        call.__doc__ = ours.__doc__ or original.__doc__
        return call

    return decorated


def _require_finite(values: Iterable[Any]) -> None:
    """See that the arrays among arguments are finite, as SciPy does.

    Raises:
        ValueError: one is not.
    """
    for x in values:
        if type(x) is tuple:
            _require_finite(x)
        elif _is_of_floats(array_like(x)):
            FRONTS["require_finite"](array_like(x))


def _is_of_floats(x: Any) -> bool:
    return (type(x) in HANDLES or type(x) is np.ndarray) and type_of(x).is_inexact


def stand_ins(package: Any, *functions: Callable[..., Any]) -> tuple[StandIn, ...]:
    """Return the rows that let `functions` stand in for those of the same names in a package of SciPy's."""
    return tuple((package, f.__name__, f) for f in functions)


def refuse(name: str, **options: tuple[Any, Any]) -> None:
    """Refuse options for which there is no rule: pairs of what was given and what would be accepted.

    Raises:
        NotDifferentiableError: one of them differs.
    """
    for option, (got, accepted) in options.items():
        if got is not accepted and (accepted is None or got != accepted):
            raise NotDifferentiableError.from_option(name, option, got)


def refuse_traced(name: str, **options: Any) -> None:
    """Refuse traced values in options that nothing is differentiated with respect to.

    Raises:
        NotDifferentiableError: one of them carries a derivative.
    """
    for option, got in options.items():
        if holds_traced(got):
            raise NotDifferentiableError.from_reason(
                name, f"the derivative with respect to {option} is not known"
            )


def level_of(x: Any) -> Any:
    """Return the innermost running level of a value, None if it is plain."""
    x = settled(x)
    return x.level if type(x) in HANDLES and x.level.alive else None
