"""What a traced value answers to: NumPy's methods and attributes, its protocols, and the operators.

All of them reach ops by name through `FRONTS`. The classes here hold no data; `cells.py` gives them
some.
"""

from __future__ import annotations

import inspect
import math
import operator
import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np

from chainrule.core.copies import has_gaps
from chainrule.core.dispatch import call_function, call_method, call_ufunc
from chainrule.core.flat import Flat
from chainrule.core.interchange import Interchange
from chainrule.core.lists import has_lists
from chainrule.core.op import BY_NUMPY, FRONTS, WEAK_FRONTS
from chainrule.core.operators import ArrayOperators, NumberOperators, Operators
from chainrule.core.rehearsal import is_bare
from chainrule.core.types import PYTHON_NUMBERS, ArrayType
from chainrule.errors import ArgumentError, EscapedValueError
from chainrule.position import is_user_file

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
    "argpartition",
    "choose",
)
_REAL = "biuf"
_LONG = "gG"
"""The dtypes whose numbers are none of Python's."""

_NO_FLOAT = (
    "use the NumPy function (np.sin, not math.sin) and leave float() out; print it by "
    'f"{x:.3f}", not "%.3f"; write into an array made inside the function, by np.zeros or np.copy'
)
NO_ARRAY = (
    "this conversion to a plain array",
    (
        "use the NumPy function instead of the array's method (np.dot(A, x) or A @ x for A.dot(x)); "
        "make an array of a list by np.array([x, y]) first; "
        "write into an array made inside the function, by np.zeros or np.copy"
    ),
)
"""What a conversion is called in an error, and what to do instead."""


class Methods(Operators, Interchange):
    """What traced scalars and arrays have in common."""

    __slots__ = ()
    __array_priority__ = 1000.0
    plain: Callable[[str, str], Any]
    handed_on: Callable[[str], Any]
    constant: Callable[[], Any]
    truth: Callable[[], bool]
    is_running: Callable[[], bool]
    count: Callable[[], int]

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any) -> Any:
        if not options and method == "__call__" and not has_lists(args):
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
        kind = self.__class__
        if name.startswith("_") or not hasattr(kind, name):
            raise AttributeError(_no_attribute(kind, name))
        if name not in {"flags", "strides", "base"}:
            return getattr(self.handed_on(f".{name}"), name)
        known = self.constant() if name == "strides" and self.is_running() else None
        if known is not None:
            return known.strides
        leaf = self.leaf()
        is_copy = isinstance(leaf, np.ndarray) and self.is_running()
        is_unknown = is_copy and (name == "base" or (name == "strides" and has_gaps(leaf)))
        if type(leaf) is ArrayType or is_unknown:
            raise EscapedValueError.from_unknown_memory(f".{name}")
        return getattr(leaf, name)

    # Python's conversions

    def __float__(self) -> float:
        return float(self.plain("float(), or a function of the math module,", _NO_FLOAT))

    def __int__(self) -> int:
        return int(self.plain("int()", "use int(cr.stop_gradient(x)) if a plain integer is wanted"))

    def __complex__(self) -> complex:
        return complex(self.plain("complex()", "write x + 0j"))

    def __index__(self) -> int:
        if self.is_followed() and self.dtype.kind in "iu":
            return self.count()
        hint = "use int(cr.stop_gradient(x)) if a plain integer is wanted"
        return int(self.plain("use as an index or a count", hint).__index__())

    def __bool__(self) -> bool:
        return self.truth()

    def __trunc__(self) -> Any:
        if not self.type.weak and self.dtype != np.float64:
            message = f"type {self.__class__.__name__} doesn't define __trunc__ method"
            raise TypeError(message)
        if self.is_followed() and self.dtype.kind in _REAL:
            return as_python(FRONTS["trunc"](self) if self.dtype.kind == "f" else self, int)
        return math.trunc(self.plain("math.trunc()", "use np.trunc"))

    def __floor__(self) -> Any:
        if self.is_followed() and self.dtype.kind in _REAL:
            return as_python(FRONTS["floor"](self) if self.dtype.kind == "f" else self, int)
        return math.floor(self.plain("math.floor()", "use np.floor"))

    def __ceil__(self) -> Any:
        if self.is_followed() and self.dtype.kind in _REAL:
            return as_python(FRONTS["ceil"](self) if self.dtype.kind == "f" else self, int)
        return math.ceil(self.plain("math.ceil()", "use np.ceil"))

    # printing, hashing, copying

    def __repr__(self) -> str:
        return f"traced({self.shown()!r})" if self.is_running() else repr(self.leaf())

    def __str__(self) -> str:
        return str(self.shown())

    def __format__(self, spec: str) -> str:
        return format(self.shown(), spec)

    def __copy__(self) -> Any:
        return self.copy("K")

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.copy("K")

    def __reduce__(self) -> Any:
        value = self.plain("pickling", "return the value from the function, and pickle it outside")
        return np.array if isinstance(value, np.ndarray) else type(value), (value,)

    # what NumPy's arrays and scalars both have

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @shape.setter
    def shape(self, value: Any) -> None:
        raise ArgumentError.from_assignment("shape")

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype

    @dtype.setter
    def dtype(self, value: Any) -> None:
        raise ArgumentError.from_assignment("dtype")

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

    def astype(  # NumPy's signature
        self,
        dtype: Any,
        order: str = "K",
        casting: str = "unsafe",
        subok: Any = True,
        copy: Any = True,
    ) -> Any:
        """Cast; to integers and booleans the derivative is zero, as for `np.trunc`."""
        out = FRONTS["astype"](self, dtype, order=order, casting=casting)
        return out.copy(order) if copy and out is self else out

    def conj(self) -> Any:
        """Return the complex conjugate; of a real array itself, as NumPy does."""
        return FRONTS["conjugate"](self) if self.dtype.kind == "c" else self

    def conjugate(self) -> Any:
        """Return the complex conjugate; of a real array itself, as NumPy does."""
        return self.conj()

    def compress(self, condition: Any, axis: Any = None) -> Any:
        return FRONTS["compress"](condition, self, axis=axis)

    def copy(self, order: str = "C") -> Any:
        """Copy, as NumPy's: later writes to either do not reach the other."""
        return FRONTS["copy"](self, order=order)

    def item(self, *index: Any) -> Any:
        """Return one element as a Python number, traced still."""
        if not index:
            if self.size != 1:
                message = "can only convert an array of size 1 to a Python scalar"
                raise ValueError(message)
            return as_python(FRONTS["reshape"](self, ())[()])
        if len(index) > 1 or isinstance(index[0], tuple):
            return as_python(self[index if len(index) > 1 else index[0]])  # type: ignore[index]
        return as_python(FRONTS["ravel"](self)[index[0]])

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        """Reshape; the new shape as one tuple or as numbers."""
        return FRONTS["reshape"](
            self, shape[0] if len(shape) == 1 else shape, order=order, copy=copy
        )

    def ravel(self, order: str = "C") -> Any:
        return FRONTS["ravel"](self, order=order)

    def flatten(self, order: str = "C") -> Any:
        return FRONTS["copy"](FRONTS["ravel"](self, order=order), order="C")

    def transpose(self, *axes: Any) -> Any:
        """Permute the axes, given as one tuple or as numbers; reverse them if none are given."""
        if not axes or axes == (None,):
            return FRONTS["transpose"](self)
        return FRONTS["transpose"](self, axes[0] if isinstance(axes[0], (tuple, list)) else axes)


class ScalarMethods(NumberOperators, Methods):
    """A traced number. It has no length and no iteration: NumPy would take it for a sequence."""

    __slots__ = ()
    __iter__ = None

    def __getitem__(self, index: Any) -> Any:
        """Return the number, or an array of it with new axes: `x[()]`, `x[None]`, `x[...]`."""
        number = FRONTS["astype"](self, self.dtype) if self.type.weak else self
        return FRONTS["getitem"](number, index)

    def copy(self, order: str = "C") -> Any:
        """Return itself: a number cannot be written to."""
        return self

    @property  # type: ignore[misc]  # Python allows what the stubs do not
    def __class__(self) -> Any:
        """What the number would be: `isinstance(x, float)` takes the same branch as without a trace."""
        leaf = self.leaf()
        if type(leaf) is not ArrayType:
            return type(leaf)
        return type(leaf.dtype.type(0).item()) if leaf.weak else leaf.dtype.type

    def __round__(self, digits: int | None = None) -> Any:
        if self.dtype.kind == "c" or (self.dtype.kind == "b" and not self.type.weak):
            message = f"type {self.__class__.__name__} doesn't define __round__ method"
            raise TypeError(message)
        if digits is None:
            return as_python(FRONTS["rint"](self) if self.dtype.kind == "f" else self, int)
        fronts = WEAK_FRONTS if self.type.weak else FRONTS
        return fronts["round"](self, decimals=operator.index(digits))

    def item(self, *index: Any) -> Any:
        """Return the number as Python's, traced still."""
        return super().item(*index) if index else as_python(self)

    def tolist(self) -> Any:
        """Return the number as Python's, traced still."""
        return as_python(self)

    def is_integer(self) -> Any:
        """Say whether it is a whole number."""
        leaf = self.leaf()
        if type(leaf) is not ArrayType:
            return bool(leaf.is_integer())
        is_whole = FRONTS["equal"](self, FRONTS["trunc"](self))
        return as_python(FRONTS["logical_and"](is_whole, FRONTS["isfinite"](self)))

    def conjugate(self) -> Any:
        """Return the complex conjugate; of a real number itself."""
        if not self.type.weak:
            return super().conjugate()
        return WEAK_FRONTS["conjugate"](self) if self.dtype.kind == "c" else self.real

    @property
    def real(self) -> Any:
        if not self.type.weak:
            return FRONTS["real"](self)
        if self.dtype.kind == "c":
            return WEAK_FRONTS["real"](self)
        return as_python(self, int) if self.dtype.kind == "b" else self

    @property
    def imag(self) -> Any:
        if not self.type.weak:
            return FRONTS["imag"](self)
        if self.dtype.kind == "c":
            return WEAK_FRONTS["imag"](self)
        return 0.0 if self.dtype.kind == "f" else 0

    def __hash__(self) -> int:
        """Hash as the number does: it is found in a set where the number would be.

        Raises:
            EscapedValueError: there is no number, as this part is captured on types.
        """
        leaf = self.leaf()
        if type(leaf) is ArrayType:
            raise EscapedValueError.from_unknown_numbers()
        return hash(leaf)


class ArrayMethods(ArrayOperators, Methods):
    """A traced array: what scalars have, and items, length, iteration, writes."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # an array is not hashable, as NumPy's
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

    def view(self, dtype: Any = None, type: Any = None) -> Any:  # noqa: A002  NumPy's name
        """Return another array of the same memory; numbers that are traced are not read as of another dtype."""
        if dtype is np.ndarray:
            dtype = None
        if type in {None, np.ndarray} and (dtype is None or np.dtype(dtype) == self.dtype):
            return FRONTS["getitem"](self, ...)
        options = {} if type is None else {"type": type}
        return self.handed_on(".view").view(self.dtype if dtype is None else dtype, **options)

    def __buffer__(self, flags: int, /) -> memoryview:
        """Hand out the memory of what is not traced; Python asks for it from version 3.12 on.

        Raises:
            BufferError: a trace is running: NumPy asks `__array__` then, whose arrays the trace looks at when it ends.
        """
        plain = self.handed_on("an export of its memory (a buffer)")
        if self.is_running():
            message = "a trace is running that would not see what is written to this memory"
            raise BufferError(message)
        return memoryview(plain)

    def resize(self, *shape: Any, refcheck: bool = True) -> None:
        """Refuse: other names for the array, and views of it, could not follow."""
        hint = "rebind the name: a = np.resize(a, shape), or np.pad(a, ...), which fills with zeros"
        raise ArgumentError.from_unsupported(".resize", "changing the size of an array", hint)

    def sort(
        self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None
    ) -> None:
        self.write(..., FRONTS["sort"](self, axis=axis))

    def tolist(self) -> Any:
        """Return nested lists of Python's numbers, traced still."""
        if not self.is_running():
            numbers: list[Any] = self.leaf().tolist()
            return numbers
        return [x.tolist() for x in self] if self.shape else self.item()

    @property
    def flat(self) -> Any:
        """The elements in C order; writes to it reach the array."""
        return Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        Flat(self)[:] = value

    @property
    def real(self) -> Any:
        return FRONTS["real"](self)

    @real.setter
    def real(self, value: Any) -> None:
        FRONTS["real"](self)[...] = value

    @property
    def imag(self) -> Any:
        return FRONTS["imag"](self)

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            message = "array does not have imaginary part to set"
            raise TypeError(message)
        FRONTS["imag"](self)[...] = value

    def partition(
        self, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None
    ) -> None:
        self.write(..., FRONTS["partition"](self, kth, axis=axis))

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        put: Any = np.put  # NumPy hands it to the table
        put(self, indices, values, mode=mode)

    @property
    def mT(self) -> Any:  # noqa: N802  NumPy's name
        return FRONTS["matrix_transpose"](self)


_PYTHON_KINDS: dict[str, type] = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


def as_python(x: Any, kind: type | None = None) -> Any:
    """Return a number as one of Python's: of another kind, or of the kind that it is of."""
    if not issubclass(type(x), Methods):
        number = x.item() if isinstance(x, np.generic) else x
        return number if kind is None else kind(number)
    if x.dtype.char in _LONG:
        return x
    if issubclass(type(x), ArrayMethods):
        x = x[()]
    dtype = np.dtype(kind or _PYTHON_KINDS[x.dtype.kind])
    if x.type.weak and x.dtype == dtype:
        return x
    return WEAK_FRONTS["astype" if dtype.kind in "fc" else "cast_to_integer"](x, dtype=dtype)


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        if options or len(args) > 1 or has_lists(args) or is_bare(self):
            return call_method(name, (self, *args), options)
        return FRONTS[name](self, *args)

    method.__name__ = name
    return method


def _no_attribute(kind: type, name: str) -> str:
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"'{module}{kind.__name__}' object has no attribute {name!r}"


def _of_some_numbers(name: str, given: Any) -> property:
    """Return an attribute that numbers have of which Python, or NumPy, gives it to theirs; ours take it of any."""
    is_numpys = hasattr(np.generic, name)

    def attribute(self: Any) -> Any:
        t = self.type
        if (t.weak or not is_numpys) and is_user_file(sys._getframe(1).f_code.co_filename):  # noqa: SLF001
            kind = _PYTHON_KINDS[t.dtype.kind] if t.weak else t.dtype.type
            if not hasattr(kind, name):
                raise AttributeError(_no_attribute(kind, name))
        return given.__get__(self)

    return property(attribute, given.fset if isinstance(given, property) else None)


def _limit_attributes() -> None:
    for name in dir(ScalarMethods):
        given = inspect.getattr_static(ScalarMethods, name)
        is_attribute = isinstance(given, (property, FunctionType)) and not name.startswith("_")
        if is_attribute and not all(hasattr(kind, name) for kind in (np.generic, *PYTHON_NUMBERS)):
            setattr(ScalarMethods, name, _of_some_numbers(name, given))


for _name in _METHODS:
    setattr(Methods, _name, _method(_name))
_limit_attributes()
