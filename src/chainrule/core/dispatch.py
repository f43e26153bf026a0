"""What happens when NumPy meets a traced value: `__array_ufunc__` and `__array_function__`.

Whatever cannot be followed raises; nothing is handed to NumPy as plain numbers unless its
derivative is zero.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.faces import FunctionFace
from chainrule.core.lists import has_lists, holds_traced, is_handle, joined, joined_arguments
from chainrule.core.op import BY_NUMPY, FRONTS
from chainrule.core.rehearsal import as_rehearsed, is_bare, rehearsed
from chainrule.core.types import ArrayType
from chainrule.errors import (
    ArgumentError,
    DTypeError,
    EscapedValueError,
    NotDifferentiableError,
    ShapeError,
)

_OUT_HINT = "leave out= away and use the returned array, or write a = a + x instead of a += x"
_SPREADS = frozenset({np.clip, np.fix, np.isneginf, np.isposinf, np.outer})
"""Functions whose result may be broadcast into a larger `out`, as a ufunc's may; others want its shape."""

_STRETCHES = frozenset({np.einsum, np.fft.fft})
"""Functions whose result may be broadcast into an `out` with as many axes."""

_OF_BLAS = frozenset({np.dot, np.linalg.multi_dot})
"""Functions that write into the memory of `out` themselves."""

_NOT_BESIDE_OUT: dict[Any, str] = {
    **dict.fromkeys((np.concatenate, np.stack, np.vstack, np.hstack), "dtype"),
    **dict.fromkeys((np.fft.fft2, np.fft.fftn, np.fft.ifftn, np.fft.rfft2, np.fft.rfftn), "s"),
}
"""Options that NumPy refuses beside `out`, or does not follow there."""

_FITTING = frozenset({"reduce", "accumulate", "reduceat"})
"""Methods of ufuncs that want an `out` of the result's shape."""

_LATE: list[Callable[[], None]] = []
"""Fills `BY_NUMPY` with functions of packages that need not be imported, once one of them is met."""


def register_late(fill: Callable[[], None]) -> None:
    """Have `fill` called when a function is met that has no entry yet."""
    _LATE.append(fill)


def _front_of(key: Any) -> Callable[..., Any] | None:
    front = BY_NUMPY.get(key)
    if front is None:
        for fill in list(_LATE):
            fill()  # it counts as done when it is: another thread does it too rather than go without
            with contextlib.suppress(ValueError):
                _LATE.remove(fill)
        front = BY_NUMPY.get(key)
    return front


def call_ufunc(ufunc: Any, method: str, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Answer a call of a ufunc, or of one of its methods, that involves a traced value."""
    front = _front_of(ufunc if method == "__call__" else (ufunc, method))
    if front is None:
        called = ufunc if method == "__call__" else getattr(ufunc, method)
        args = tuple(map(_constant, args))
        if all(types.strip("O->") == "" for types in ufunc.types) and any(map(holds_traced, args)):
            raise NotDifferentiableError.from_python_ufunc(_ufunc_name(ufunc, method))
        return _on_plain_values(_ufunc_name(ufunc, method), called, args, options)
    targets = options.pop("out", None) or (None,)
    args = _joined_operands(method, args)
    if method == "__call__":
        result = _call_with_options(front, ufunc, args, options, targets[0])
    else:
        result = front(*args, **{k: v for k, v in options.items() if v is not None or k == "axis"})
    name = _ufunc_name(ufunc, method)
    if targets[0] is not None and (method in _FITTING or "axes" in options):
        _check_fit(name, ufunc, result, targets[0])
    if len(targets) == 1:
        return result if targets[0] is None else store(targets[0], result, name)
    pairs = zip(targets, result, strict=True)
    return tuple([r if target is None else store(target, r, name) for target, r in pairs])


def _joined_operands(method: str, args: Sequence[Any]) -> Sequence[Any]:
    """Return the operands with arrays in the place of lists; a tuple that `at` gets as its index has one per axis."""
    if method == "at" and len(args) > 1 and type(args[1]) is tuple:
        index = tuple(map(joined, args[1]))
        return (joined(args[0]), index, *map(joined, args[2:]))
    return tuple(map(joined, args))


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
    if where is True:
        return front(*args, **axes)
    if target is None:
        raise ArgumentError.from_unsupported(
            name,
            "where= without out=, which leaves elements undefined,",
            "use np.where(mask, f(x), other)",
        )
    # Only the elements asked for are computed: a derivative at the others would be one of nothing.
    shape = np.shape(target)
    mask = FRONTS["broadcast_to"](where if hasattr(where, "dtype") else np.asarray(where), shape)
    chosen = [FRONTS["getitem"](FRONTS["broadcast_to"](a, shape), mask) for a in args]
    return FRONTS["setitem"](FRONTS["copy"](target), front(*chosen), mask)


def store(target: Any, result: Any, name: str) -> Any:
    """Write `result` into `out=target`: into a traced array, never silently into a plain one."""
    write_result = getattr(type(target), "write_result", None)
    if write_result is not None:
        write_result(target, name, result)
        return target
    if not holds_traced(result):
        np.copyto(target, _plain(result), casting="same_kind")
        return target
    raise EscapedValueError.from_conversion(
        f"{name}(..., out=) into a plain array, or an in-place operator on one,", _OUT_HINT
    )


def call_function(function: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Answer a call of a NumPy function that involves a traced value."""
    front = BY_NUMPY.get(function) or _front_of(function)
    if front is None:
        return _on_plain_values(_function_name(function), function, args, options)
    return _call_and_store(front, function, *joined_arguments(function, args, options))


class _TakingLists(FunctionFace):
    """A function of NumPy's that takes lists of traced values too, which NumPy does not look into."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        function = self.original
        if args and is_handle(args[0]):
            return call_function(function, args, options)
        has_list = has_lists(args) or has_lists(options.values())
        if has_list and (holds_traced(args) or holds_traced(tuple(options.values()))):
            return call_function(function, args, options)
        return function(*args, **options)


def taking_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of NumPy's that takes lists of traced values too."""
    return _TakingLists(function, function)


@functools.cache
def functions_of_arrays() -> tuple[Callable[..., Any], ...]:
    """Return NumPy's functions that have an entry; ufuncs must stay ufuncs."""
    return tuple(
        [f for f in BY_NUMPY if hasattr(f, "_implementation") and f.__module__.startswith("numpy")]
    )


def call_method(name: str, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Answer a call of a method, which has the arguments of NumPy's function of that name."""
    function = getattr(np, name, None)
    return _call_and_store(FRONTS[name], function, *joined_arguments(function, args, options))


def _call_and_store(
    front: Callable[..., Any], function: Any, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Call a front; where `out` is given, by name or by position, write the result there."""
    out = options.get("out")
    if "out" in options:
        options = {name: x for name, x in options.items() if name != "out"}
    if out is None and (place := _out_position(function)) is not None and place < len(args):
        out = args[place]
        args = (*args[:place], None, *args[place + 1 :])
    result = _as_numpy(front, function, args, options)
    if out is None or out is Ellipsis:
        return result
    target = out[0] if type(out) is tuple else out
    other = _NOT_BESIDE_OUT.get(function)
    if other is not None and options.get(other) is not None:
        raise ArgumentError.from_unsupported(
            _function_name(function), f"out= beside {other}=", _OUT_HINT
        )
    if function not in _SPREADS:
        _check_fit(_function_name(function), function, result, target)
    return store(target, result, _function_name(function))


def _as_numpy(
    front: Callable[..., Any], function: Any, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Call a front: of values without axes or without elements it gives NumPy's kinds of results.

    What NumPy refuses by the types of such values is refused, too, though our own error comes first.
    """
    if not (any(map(is_bare, args)) or any(map(is_bare, options.values()))):
        return front(*args, **options)
    known = rehearsed(function, args, options)
    refused = _refusal(function, args, options, known) if isinstance(known, Exception) else None
    result = front(*args, **options)
    if refused is not None:
        raise refused
    return result if isinstance(known, Exception) else as_rehearsed(result, known)


def _refusal(
    function: Any, args: Sequence[Any], options: Mapping[str, Any], error: Exception
) -> Exception | None:
    """Return the error that NumPy raises for values after it did for samples of them; None if it raises none.

    Where nobody knows the values, their level decides.
    """
    unknown = [x for x in map(_lowest, (*args, *options.values())) if x is not None]
    if unknown:
        unknown[0].level.doubt(_function_name(function), error)
        return None
    try:
        function(*map(_copied, args), **{k: _copied(v) for k, v in options.items()})
    except Exception as raised:  # noqa: BLE001  whatever NumPy raises
        return raised
    return None


def _copied(x: Any) -> Any:
    """Return the plain value; a write to it reaches nobody."""
    if type(x) in (list, tuple):
        return type(x)(map(_copied, x))
    value = x.leaf() if is_handle(x) else x
    return value.copy() if isinstance(value, np.ndarray) else value


def _lowest(x: Any) -> Any:
    """Return a handle at the bottom of a value of which only the type is known; None if there is none."""
    if type(x) in (list, tuple):
        return next((lowest for lowest in map(_lowest, x) if lowest is not None), None)
    if not is_handle(x):
        return None
    lowest = x.lowest()
    return lowest if type(lowest.out) is ArrayType else None


def _check_fit(name: str, function: Any, result: Any, target: Any) -> None:
    """Refuse an `out` of another shape or dtype: NumPy does, or computes with that dtype.

    Raises:
        ShapeError: it has another shape.
        DTypeError: it has another dtype.
        ArgumentError: BLAS cannot write to it.
    """
    shapes = np.shape(result), np.shape(target)
    is_stretched = function in _STRETCHES and len(shapes[0]) == len(shapes[1])
    if shapes[0] != shapes[1] and not is_stretched:
        raise ShapeError.from_numpy(name, shapes, "out= needs the shape of the result")
    dtype = getattr(result, "dtype", target.dtype)
    if dtype != target.dtype:
        raise DTypeError.from_out(name, dtype, target.dtype)
    if function in _OF_BLAS and not target.flags.c_contiguous:
        raise ArgumentError.from_unsupported(name, "an out= that is not in C order", _OUT_HINT)
    if function is np.linalg.multi_dot and len(shapes[0]) < 2:
        raise ArgumentError.from_unsupported(name, "out= with a vector", _OUT_HINT)


@functools.cache
def _out_position(function: Any) -> int | None:
    """Return which positional argument of a NumPy function is `out`."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    positional = [n for n, p in parameters.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    return positional.index("out") if "out" in positional else None


def _on_plain_values(name: str, function: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Call a function that has no entry, if nothing in its arguments carries a derivative.

    Raises:
        NotDifferentiableError: something does.
    """
    args = tuple(map(_constant, args))
    options = {k: _constant(v) for k, v in options.items()}
    if any(map(holds_traced, (*args, *options.values()))):
        raise NotDifferentiableError.from_unknown(name)
    return function(*map(_plain, args), **{k: _plain(v) for k, v in options.items()})


def _constant(x: Any) -> Any:
    """Return the plain value of what is followed for nothing; everything else as it is."""
    if type(x) in (list, tuple):
        return type(x)(map(_constant, x))
    known = x.constant() if is_handle(x) and x.is_running() else None
    return x if known is None else known


def _plain(x: Any) -> Any:
    """Return the plain value, an array as a view that cannot be written to: a write would bypass the cell."""
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    if not is_handle(x):
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
