"""The array namespace: NumPy's names and the Array API standard's (2025.12), for those who prefer an explicit import.

>>> import chainrule as cr
>>> import chainrule.numpy as xp
>>> cr.grad(lambda x: xp.sum(xp.pow(x, 3)))(xp.asarray([1.0, 2.0]))
array([ 3., 12.])

The names are computed. A function that NumPy hands to the table when it meets a traced value is NumPy's own here, and
costs on plain arrays what it costs there. Creation and conversion, which NumPy does not hand over, follow the trace
wherever they are called from, in packages with native code too. Written out below is only what the standard asks for
beyond NumPy's signatures.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from chainrule.core.cells import HANDLES, TracedScalar, cell
from chainrule.core.creation import JOINS, REROUTED
from chainrule.core.dispatch import functions_of_arrays, taking_lists
from chainrule.core.interchange import ARRAY_API_VERSIONS, DEVICE
from chainrule.core.trace import is_following

__array_api_version__ = ARRAY_API_VERSIONS[-1]


def __array_namespace_info__() -> SimpleNamespace:  # noqa: N807  the standard's name
    """Return the functions that say what there is to compute with: capabilities, devices, dtypes. They are NumPy's.

    >>> __array_namespace_info__().devices()
    ('cpu',)
    """
    numpys = np.__array_namespace_info__()
    return SimpleNamespace(
        capabilities=numpys.capabilities,
        default_device=numpys.default_device,
        default_dtypes=numpys.default_dtypes,
        devices=lambda: tuple(numpys.devices()),  # a tuple since 2025.12
        dtypes=numpys.dtypes,
    )


def sort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: bool | None = None,
    descending: bool = False,
) -> Any:
    """Sort as `np.sort` does, or with `descending=True` from the largest down.

    >>> sort([2.0, 3.0, 1.0], descending=True)
    array([3., 2., 1.])
    """
    out = _instead_of(np.sort)(a, axis, kind, order, stable=stable)
    return np.flip(out, axis) if descending else out


def argsort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: bool | None = None,
    descending: bool = False,
) -> Any:
    """Return the indices that sort, as `np.argsort` does, or with `descending=True` from the largest down.

    Upwards, equal elements keep their order with `stable=True` only: NumPy's default is the faster way.

    >>> argsort([1.0, 3.0, 1.0], descending=True)
    array([1, 0, 2])
    """
    if not descending:
        return _instead_of(np.argsort)(a, axis, kind, order, stable=stable)
    if axis is None:
        a, axis = np.ravel(a), -1
    # turned round twice, so that equal elements keep their order
    upwards = np.argsort(np.flip(a, axis), axis, kind or "stable", order)
    return np.shape(a)[axis] - 1 - np.flip(upwards, axis)


def finfo(type: Any, /) -> Any:
    """Return the limits of a floating dtype, or of an array's."""
    return np.finfo(_dtype_of(type))


def iinfo(type: Any, /) -> Any:
    """Return the limits of an integer dtype, or of an array's."""
    return np.iinfo(_dtype_of(type))


def _dtype_of(x: Any) -> Any:
    return x.dtype if isinstance(x, (np.ndarray, np.generic)) else x


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """Take an array over from another library, without a copy where that is possible.

    >>> from_dlpack(np.arange(3))
    array([0, 1, 2])
    """
    if type(x) in HANDLES and type(x) is not TracedScalar:
        here = x.to_device(device or DEVICE)
        return here.copy() if copy else here[...]
    return _made(np.from_dlpack(x, device=device, copy=copy))


def _made(array: Any) -> Any:
    """Return a new array: while a trace runs a cell, so that traced values can be written to it."""
    return cell(array) if is_following() else array


def _frequencies(original: Callable[..., Any]) -> Any:
    """Return `np.fft.fftfreq` or `np.fft.rfftfreq` with the standard's `dtype`."""

    def frequencies(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
        out = original(n, d, device)
        return _made(out if dtype is None else out.astype(dtype))

    return _described(frequencies, original, f"fft.{original.__name__}")


def _following(original: Any, ours: Any) -> Any:
    """Return a function that is `ours` while a trace runs in this context, and else NumPy's."""
    if isinstance(ours, type):
        return ours

    def function(*args: Any, **options: Any) -> Any:
        return (ours if is_following() else original)(*args, **options)

    name = f"{original.__module__}.{original.__name__}".removeprefix("numpy.")
    return functools.update_wrapper(_described(function, original, name), original, ())


def _described(function: Any, original: Any, name: str) -> Any:
    """Give a function that stands for NumPy's the name it has here, so that it pickles, and a description."""
    function.__module__, function.__qualname__ = __name__, name
    function.__name__ = original.__name__
    summary = (inspect.getdoc(original) or "").partition("\n\nParameters\n")[0]
    function.__doc__ = f"{summary}\n\nNumPy's function, whose result here follows the trace."
    return function


_INSTEAD: dict[int, Any] = {
    id(original): _following(original, REROUTED.get(original) or taking_lists(original))
    for original in (*functions_of_arrays(), *REROUTED)
} | {id(original): ours for original, ours in JOINS.items()}
"""What stands here, by the identity of what it stands for."""


def _instead_of(x: Any) -> Any:
    """Return what stands here for an object of NumPy's; most stand for themselves."""
    return _INSTEAD.get(id(x), x)


def _names_of(module: ModuleType) -> dict[str, Any]:
    """Return what NumPy's `module` makes public, as it stands here; other modules and NumPy's own tests aside."""
    return {
        name: _instead_of(x)
        for name, x in vars(module).items()
        if name in module.__all__ and not isinstance(x, ModuleType) and name != "test"
    }


def _extension(module: ModuleType, **instead: Any) -> ModuleType:
    """Return the standard's `linalg` or `fft`."""
    name = module.__name__.rpartition(".")[2]
    extension = ModuleType(f"{__name__}.{name}", f"The functions of `np.{name}`.")
    names = _names_of(module) | instead
    vars(extension).update(
        names,
        __all__=sorted(names),
        __dir__=lambda: sorted(names),
        __getattr__=functools.partial(_refuse, extension.__name__, names),
    )
    return extension


def _refuse(namespace: str, known: Iterable[str], name: str) -> NoReturn:
    """Say that there is no such name, and which ones are close."""
    close = [] if name.startswith("__") else difflib.get_close_matches(name, known)
    hint = f" Close to it: {', '.join(close)}." if close else ""
    message = f"module {namespace!r} has no attribute {name!r}.{hint}"
    raise AttributeError(message)


def __getattr__(name: str) -> Any:
    """Return what NumPy has besides, such as the module `random`."""
    return getattr(np, name) if name in np.__all__ else _refuse(__name__, __all__, name)


def __dir__() -> list[str]:
    return __all__


linalg = _extension(np.linalg)
fft = _extension(
    np.fft, fftfreq=_frequencies(np.fft.fftfreq), rfftfreq=_frequencies(np.fft.rfftfreq)
)
__all__ = sorted({*_names_of(np), "linalg", "fft", "__array_api_version__"})  # noqa: PLE0605  computed

# What is written out above stands. From here on NumPy's `max`, `bool` and their kind hide Python's in this file.
globals().update({name: x for name, x in _names_of(np).items() if name not in globals()})
