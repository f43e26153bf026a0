"""The emitter that writes LLVM's text: a method for every op that it computes, by the op's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.inner_loops import write_elements
from chainrule.compiler.emission.maths import (
    complex_exponentials,
    complex_trigonometry,
    exponentials,
    hyperbolic,
    inverse_trigonometry,
    logarithms,
    normal,
    powers,
    trigonometry,
)
from chainrule.compiler.emission.rounding import Rounding
from chainrule.compiler.emission.values import Pair, Value
from chainrule.compiler.machine_code.special_errors import ASKED
from chainrule.compiler.machine_code.symbols import PREFIX
from chainrule.core.op import Ufunc

DOUBLE, COMPLEX = np.dtype(np.float64), np.dtype(np.complex128)


def of_floats(
    function: Callable[..., Any], of_complex: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """Return a function of floats as a method; every sum and product in it is rounded.

    Args:
        function: of floats.
        of_complex: the same of complex128 numbers; complex64 numbers are computed in those.
    """

    def method(self: Any, *args: Any) -> Any:
        values = self.matched(*args)
        if of_complex is not None and isinstance(values[0], Pair):
            return computed_wide(self, of_complex, values)
        if any(isinstance(v, Pair) or v.dtype.kind != "f" for v in values):
            raise self.unsupported(function.__name__, *values)
        with self.exactly():
            return function(self, *values)

    method.__name__, method.__doc__ = function.__name__, function.__doc__
    return method


def computed_wide(e: Any, function: Callable[..., Any], values: Sequence[Pair]) -> Any:
    """Return a function of complex128 numbers of complex numbers, in their dtype."""
    with e.exactly():
        return e.cast(function(e, *(e.cast(v, COMPLEX) for v in values)), values[0].dtype)


def widened(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of float64 numbers as one that computes float32 numbers in float64."""

    def wide(e: Any, *args: Any) -> Any:
        dtype = args[0].dtype
        return e.cast(function(e, *(e.cast(x, DOUBLE) for x in args)), dtype)

    wide.__name__, wide.__doc__ = function.__name__, function.__doc__
    return wide


class LlvmEmitter(Rounding):
    """Writes what an op computes into a function."""

    exp = of_floats(exponentials.exp, complex_exponentials.exp)
    exp2 = of_floats(exponentials.exp2, complex_exponentials.exp2)
    exp10 = of_floats(exponentials.exp10)
    expm1 = of_floats(exponentials.expm1, complex_exponentials.expm1)
    log = of_floats(logarithms.log, complex_exponentials.log)
    log1p = of_floats(logarithms.log1p, complex_exponentials.log1p)
    logaddexp = of_floats(logarithms.logaddexp)
    logaddexp2 = of_floats(logarithms.logaddexp2)
    log2 = of_floats(widened(logarithms.log2), complex_exponentials.log2)
    log10 = of_floats(widened(logarithms.log10), complex_exponentials.log10)
    sinh = of_floats(hyperbolic.sinh, complex_trigonometry.sinh)
    cosh = of_floats(hyperbolic.cosh, complex_trigonometry.cosh)
    tanh = of_floats(hyperbolic.tanh, complex_trigonometry.tanh)
    arcsinh = of_floats(hyperbolic.arcsinh, complex_trigonometry.arcsinh)
    arccosh = of_floats(hyperbolic.arccosh, complex_trigonometry.arccosh)
    arctanh = of_floats(hyperbolic.arctanh, complex_trigonometry.arctanh)
    expit = of_floats(hyperbolic.expit)
    sigmoid = expit
    sin = of_floats(trigonometry.sin, complex_trigonometry.sin)
    cos = of_floats(trigonometry.cos, complex_trigonometry.cos)
    tan = of_floats(trigonometry.tan, complex_trigonometry.tan)
    arcsin = of_floats(inverse_trigonometry.arcsin, complex_trigonometry.arcsin)
    arccos = of_floats(inverse_trigonometry.arccos, complex_trigonometry.arccos)
    arctan = of_floats(inverse_trigonometry.arctan, complex_trigonometry.arctan)
    arctan2 = of_floats(inverse_trigonometry.arctan2)
    hypot = of_floats(powers.hypot)
    cbrt = of_floats(widened(powers.cbrt))
    erf = of_floats(normal.erf)
    erfc = of_floats(widened(normal.erfc))
    ndtr = of_floats(widened(normal.ndtr))
    log_ndtr = of_floats(widened(normal.log_ndtr))
    _float_power = of_floats(powers.power, complex_exponentials.power)

    def sqrt(self, x: Any) -> Any:
        """Return the root, of complex numbers that in the right half plane."""
        if isinstance(x, Pair):
            return computed_wide(self, complex_exponentials.sqrt, [x])
        return super().sqrt(x)

    def power(self, x: Any, y: Any) -> Any:
        """Return `x ** y`; those of complex64 numbers overflow in the middle, where NumPy's loop does."""
        x, y = self.matched(x, y)
        if x.dtype.kind not in "fciu" or x.dtype.char == "F":
            raise self.unsupported("power", x, y)
        if x.dtype.kind in "fc":
            return self._float_power(x, y)
        return self.integer_power(x, y)

    float_power = power

    def call_ufunc(self, ufunc: Ufunc, result: int, copies: Sequence[Sequence[Any]]) -> Any:
        """Return a result of a ufunc for the arguments of each copy."""
        return write_elements(self, ufunc, result, [self.matched(*args) for args in copies])

    def special_errors_are_ignored(self) -> Value:
        """Ask whether SciPy's special functions are to keep errors to themselves."""
        name = PREFIX + ASKED
        self.declarations.external(name, "i32", ())
        text = self.function.set(f"call i32 @{name}()")
        return self.not_equal(Value(self, text, np.dtype(np.int32)), 0)  # type: ignore[no-any-return]

    def has_no_exception(self) -> Value:
        """Ask whether an exception waits in this thread, and drop it."""
        f, declarations = self.function, self.declarations
        declarations.external("PyGILState_Ensure", "i32", ())
        declarations.external("PyGILState_Release", "void", ("i32",))
        declarations.external("PyErr_Occurred", "ptr", ())
        declarations.external("PyErr_Clear", "void", ())
        lock = f.set("call i32 @PyGILState_Ensure()")
        error = f.set("call ptr @PyErr_Occurred()")
        f.write("call void @PyErr_Clear()")
        f.write(f"call void @PyGILState_Release(i32 {lock})")
        return Value(self, f.set(f"icmp eq ptr {error}, null"), np.dtype(np.bool_))

    def relu(self, x: Any) -> Any:
        """Return `max(x, 0)`, NaN of NaN, in two instructions."""
        return self.chosen(x <= 0, 0, x)

    def silu(self, x: Any) -> Any:
        """Return `x * sigmoid(x)`."""
        return x * self.expit(x)
