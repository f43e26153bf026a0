"""What a traced value answers to: Python's operators, NumPy's methods and attributes, and its protocols.

All of them reach ops by name through `FRONTS`. The classes here hold no data; `cells.py` gives them
some.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.core.dispatch import call_function, call_ufunc
from chainrule.core.op import BY_NUMPY, FRONTS, WEAK_FRONTS
from chainrule.core.types import PYTHON_NUMBERS, ArrayType

_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
_COMPARE = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
_UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}
_METHODS = (
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "argmax",
    "argmin",
    "argsort",
    "cumsum",
    "cumprod",
    "all",
    "any",
    "clip",
    "conj",
    "conjugate",
    "dot",
    "repeat",
    "round",
    "take",
    "trace",
    "diagonal",
    "swapaxes",
    "squeeze",
    "nonzero",
    "searchsorted",
    "compress",
    "choose",
    "ptp",
)
_NO_FLOAT = "use the NumPy function (np.sin, not math.sin) and leave float() out"
NO_ARRAY = (
    "this conversion to a plain array",
    (
        "use the NumPy function instead of the array's method (np.dot(A, x) or A @ x for A.dot(x)); "
        "write into an array made inside the function, by np.zeros or np.copy"
    ),
)
"""What a conversion is called in an error, and what to do instead."""


class Methods:
    """What traced scalars and arrays have in common."""

    __slots__ = ()
    __array_priority__ = 1000.0
    type: ArrayType
    leaf: Callable[[], Any]
    plain: Callable[[str, str], Any]
    is_running: Callable[[], bool]

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any) -> Any:
        if not options and method == "__call__":
            front = BY_NUMPY.get(ufunc)
            if front is not None:
                return front(*args)
        return call_ufunc(ufunc, method, args, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return call_function(function, args, options)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.plain(*NO_ARRAY), dtype=dtype)

    def __getattr__(self, name: str) -> Any:
        """Hand on what only plain values have, such as `tobytes`, where nothing is lost by it."""
        if name.startswith("_"):
            message = f"a traced value has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(self.plain(f".{name}", "use a NumPy function, or cr.stop_gradient(x)"), name)

    # Python's conversions

    def __float__(self) -> float:
        return float(self.plain("float(), or a function of the math module,", _NO_FLOAT))

    def __int__(self) -> int:
        return int(self.plain("int()", "use int(cr.stop_gradient(x)) if a plain integer is wanted"))

    def __complex__(self) -> complex:
        return complex(self.plain("complex()", "write x + 0j"))

    def __index__(self) -> int:
        hint = "use int(cr.stop_gradient(x)) if a plain integer is wanted"
        return int(self.plain("use as an index or a count", hint).__index__())

    def __bool__(self) -> bool:
        return bool(self.leaf())

    def __round__(self, digits: int | None = None) -> Any:
        return FRONTS["round"](self, digits or 0)

    def __trunc__(self) -> int:
        value: int = math.trunc(self.plain("math.trunc()", "use np.trunc"))
        return value

    def __floor__(self) -> int:
        value: int = math.floor(self.plain("math.floor()", "use np.floor"))
        return value

    def __ceil__(self) -> int:
        value: int = math.ceil(self.plain("math.ceil()", "use np.ceil"))
        return value

    # printing, hashing, copying

    def __repr__(self) -> str:
        return f"traced({self.leaf()!r})" if self.is_running() else repr(self.leaf())

    def __str__(self) -> str:
        return str(self.leaf())

    def __format__(self, spec: str) -> str:
        return format(self.leaf(), spec)

    def __hash__(self) -> int:
        return id(self)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.copy()

    def __reduce__(self) -> Any:
        value = self.plain("pickling", "return the value from the function, and pickle it outside")
        return np.array if isinstance(value, np.ndarray) else type(value), (value,)

    # what NumPy's arrays and scalars both have

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        return FRONTS["transpose"](self)

    @property
    def real(self) -> Any:
        return FRONTS["real"](self)

    @property
    def imag(self) -> Any:
        return FRONTS["imag"](self)

    def astype(
        self, dtype: Any, order: str = "K", casting: str = "unsafe", *_: Any, **__: Any
    ) -> Any:
        """Cast; to integers and booleans the derivative is zero, as for `np.trunc`."""
        return FRONTS["astype"](self, dtype, order=order, casting=casting)

    def copy(self, order: str = "C") -> Any:
        """Copy, as NumPy's: later writes to either do not reach the other."""
        return FRONTS["copy"](self)

    def item(self, *index: Any) -> Any:
        """Return one element as a traced number."""
        flat = FRONTS["ravel"](self)
        return flat[index[0] if index else 0] if len(index) < 2 else self[index]  # type: ignore[index]

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        """Reshape; the new shape as one tuple or as numbers."""
        return FRONTS["reshape"](
            self, shape[0] if len(shape) == 1 else shape, order=order, copy=copy
        )

    def ravel(self, order: str = "C") -> Any:
        return FRONTS["ravel"](self, order=order)

    def flatten(self, order: str = "C") -> Any:
        return FRONTS["copy"](FRONTS["ravel"](self, order=order))

    def transpose(self, *axes: Any) -> Any:
        """Permute the axes, given as one tuple or as numbers; reverse them if none are given."""
        if not axes or axes == (None,):
            return FRONTS["transpose"](self)
        return FRONTS["transpose"](self, axes[0] if isinstance(axes[0], (tuple, list)) else axes)

    def is_integer(self) -> bool:
        return bool(self.leaf().is_integer())


class ScalarMethods(Methods):
    """A traced number. It does not look like a sequence: NumPy would treat it as one where it must fail."""

    __slots__ = ()

    @property  # type: ignore[misc]  # Python allows what the stubs do not
    def __class__(self) -> Any:
        """What the number would be: `isinstance(x, float)` takes the same branch as without a trace."""
        leaf = self.leaf()
        return self.dtype.type if type(leaf) is ArrayType else type(leaf)

    def tolist(self) -> Any:
        """Return itself: the Python number, still traced."""
        return self


class ArrayMethods(Methods):
    """A traced array: what scalars have, and items, length, iteration, writes."""

    __slots__ = ()
    write: Callable[[Any, Any], None]

    @property  # type: ignore[misc]  # Python allows what the stubs do not
    def __class__(self) -> Any:
        """`isinstance(x, np.ndarray)` takes the same branch as without a trace."""
        return np.ndarray

    def __len__(self) -> int:
        if not self.shape:
            message = "len() of unsized object"
            raise TypeError(message)
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            message = "iteration over a 0-d array"
            raise TypeError(message)
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, x: Any) -> bool:
        return bool((self == x).any())

    def __getitem__(self, index: Any) -> Any:
        return FRONTS["getitem"](self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.write(index, value)

    def fill(self, value: Any) -> None:
        self.write(..., value)

    def sort(
        self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None
    ) -> None:
        self.write(..., FRONTS["sort"](self, axis=axis))

    def tolist(self) -> list[Any]:
        """Return nested lists of traced numbers; of Python's where nothing is traced."""
        if not self.is_running():
            return list(self.leaf().tolist())
        return [x.tolist() for x in self]

    @property
    def flat(self) -> Iterator[Any]:
        return iter(FRONTS["ravel"](self))

    @property
    def mT(self) -> Any:  # noqa: N802  NumPy's name
        return FRONTS["matrix_transpose"](self)


def _binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def operator(self: Any, other: Any) -> Any:
        return FRONTS[name](self, other)

    def swapped(self: Any, other: Any) -> Any:
        return FRONTS[name](other, self)

    return operator, swapped


def _weak_binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Operators of a traced number: with Python numbers on both sides the result is one again."""

    def operator(self: Any, other: Any) -> Any:
        fronts = WEAK_FRONTS if self.type.weak and _is_weak(other) else FRONTS
        return fronts[name](self, other)

    def swapped(self: Any, other: Any) -> Any:
        fronts = WEAK_FRONTS if self.type.weak and _is_weak(other) else FRONTS
        return fronts[name](other, self)

    return operator, swapped


def _is_weak(x: Any) -> bool:
    return type(x) in PYTHON_NUMBERS or (issubclass(type(x), Methods) and x.type.weak)


def _weak_unary(name: str) -> Callable[[Any], Any]:
    def operator(self: Any) -> Any:
        return (WEAK_FRONTS if self.type.weak else FRONTS)[name](self)

    return operator


def _unary(name: str) -> Callable[[Any], Any]:
    def operator(self: Any) -> Any:
        return FRONTS[name](self)

    return operator


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    def operator(self: Any, other: Any) -> Any:
        self.write_result(name, FRONTS[name](self, other))
        return self

    return operator


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return FRONTS[name](self, *args, **options)

    method.__name__ = name
    return method


def _add_operators() -> None:
    for python, name in (*_BINARY.items(), ("matmul", "matmul"), ("divmod", "divmod")):
        for cls in (ArrayMethods, ScalarMethods):
            is_weak = cls is ScalarMethods and name in _BINARY.values()
            operator, swapped = (_weak_binary if is_weak else _binary)(name)
            setattr(cls, f"__{python}__", operator)
            setattr(cls, f"__r{python}__", swapped)
        setattr(ArrayMethods, f"__i{python}__", _in_place(name))
    for python, name in _COMPARE.items():
        setattr(Methods, f"__{python}__", _binary(name)[0])
    for python, name in _UNARY.items():
        setattr(ArrayMethods, f"__{python}__", _unary(name))
        setattr(ScalarMethods, f"__{python}__", _weak_unary(name))
    for name in _METHODS:
        setattr(Methods, name, _method(name))


_add_operators()
