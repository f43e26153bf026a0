"""What happens when NumPy meets a traced value: `__array_ufunc__` and `__array_function__`.

Whatever cannot be followed raises; nothing is handed to NumPy as plain numbers unless its
derivative is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.op import BY_NUMPY, FRONTS
from chainrule.errors import ArgumentError, EscapedValueError, NotDifferentiableError

_OUT_HINT = "leave out= away and use the returned array, or write a = a + x instead of a += x"
_LATE: list[Callable[[], None]] = []
"""Fills `BY_NUMPY` with functions of packages that need not be imported, once one of them is met."""


def register_late(fill: Callable[[], None]) -> None:
    """Have `fill` called when a function is met that has no entry yet."""
    _LATE.append(fill)


def _front_of(key: Any) -> Callable[..., Any] | None:
    front = BY_NUMPY.get(key)
    if front is None and _LATE:
        while _LATE:
            _LATE.pop()()
        front = BY_NUMPY.get(key)
    return front


def call_ufunc(ufunc: Any, method: str, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Answer a call of a ufunc, or of one of its methods, that involves a traced value."""
    front = _front_of(ufunc if method == "__call__" else (ufunc, method))
    if front is None:
        called = ufunc if method == "__call__" else getattr(ufunc, method)
        return _on_plain_values(_ufunc_name(ufunc, method), called, args, options)
    out = options.pop("out", None)
    target = None if out is None else out[0]
    if method == "__call__":
        result = _call_with_options(front, ufunc, args, options, target)
    else:
        result = front(*args, **{k: v for k, v in options.items() if v is not None or k == "axis"})
    return result if target is None else store(target, result, _ufunc_name(ufunc, method))


def _call_with_options(
    front: Callable[..., Any],
    ufunc: Any,
    args: Sequence[Any],
    options: Mapping[str, Any],
    target: Any,
) -> Any:
    """Treat the keywords that every ufunc takes: `where`, `dtype`, `casting`, `order`, `subok`."""
    name = _ufunc_name(ufunc, "__call__")
    where = options.get("where", True)
    dtype = options.get("dtype")
    axes = {
        k: v for k, v in options.items() if k not in {"where", "dtype", "casting", "order", "subok"}
    }
    if dtype is not None:
        args = [FRONTS["astype"](a, dtype) if hasattr(a, "dtype") else a for a in args]
    result = front(*args, **axes)
    if where is True:
        return result
    if target is None:
        raise ArgumentError.from_unsupported(
            name,
            "where= without out=, which leaves elements undefined,",
            "use np.where(mask, f(x), other)",
        )
    return FRONTS["where"](where, result, target)


def store(target: Any, result: Any, name: str) -> Any:
    """Write `result` into `out=target`: into a traced array, never silently into a plain one."""
    write_result = getattr(type(target), "write_result", None)
    if write_result is not None:
        write_result(target, name, result)
        return target
    raise EscapedValueError.from_conversion(
        f"{name}(..., out=) into a plain array, or an in-place operator on one,", _OUT_HINT
    )


def call_function(function: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Answer a call of a NumPy function that involves a traced value."""
    front = BY_NUMPY.get(function) or _front_of(function)
    if front is None:
        return _on_plain_values(_function_name(function), function, args, options)
    out = options.pop("out", None) if "out" in options else None
    if out is None:
        return front(*args, **options)
    name = _function_name(function)
    return store(out[0] if type(out) is tuple else out, front(*args, **options), name)


def _on_plain_values(name: str, function: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Call a function that has no entry, if nothing in its arguments carries a derivative.

    Raises:
        NotDifferentiableError: something does.
    """
    if any(map(_carries, (*args, *options.values()))):
        raise NotDifferentiableError.from_unknown(name)
    return function(*map(_plain, args), **{k: _plain(v) for k, v in options.items()})


def _is_handle(x: Any) -> bool:
    return hasattr(type(x), "leaf")


def _carries(x: Any) -> bool:
    if type(x) in (list, tuple):
        return any(map(_carries, x))
    while _is_handle(x):
        if x.level.alive:
            return True
        x = x.out
    return False


def _plain(x: Any) -> Any:
    """Return the plain value, an array as a view that cannot be written to: a write would bypass the cell."""
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    if not _is_handle(x):
        return x
    value = x.leaf()
    if type(value) is np.ndarray:
        value = value.view()
        value.flags.writeable = False
    return value


def _ufunc_name(ufunc: Any, method: str) -> str:
    name = str(ufunc.__name__)
    base = f"np.{name}" if getattr(np, name, None) is ufunc else name
    return base if method == "__call__" else f"{base}.{method}"


def _function_name(function: Any) -> str:
    module = getattr(function, "__module__", "numpy") or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"
