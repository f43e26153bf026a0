"""How a sample of an entry becomes a call: its numbers are drawn, NumPy's function is found."""

import functools
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from chainrule.autodiff.modes import jvp
from chainrule.core.cells import type_of
from chainrule.core.dispatch import taking_lists
from chainrule.core.lists import is_handle
from chainrule.core.op import BY_NUMPY, TABLE, Op, Sample
from chainrule.core.trace import ReverseLevel
from chainrule.errors import NotDifferentiableError
from chainrule.ops.writing import WRITERS

REAL = np.dtype(np.float64)
SINGLE = np.dtype(np.float32)
COMPLEX = np.dtype(np.complex128)

jvp(
    scipy.special.expit, (0.0,), (1.0,)
)  # SciPy's functions are entered when the first of them is met


def every_sample():
    """Return (op, sample index) for every sample of every entry."""
    return [(op, i) for op in TABLE.values() for i in range(len(op.samples))]


@dataclass(frozen=True)
class Call:
    """A sample with its numbers drawn.

    Attributes:
        function: the user's call as a function of the arrays that are differentiated.
        arrays: those arrays.
    """

    function: Callable[..., Any]
    arrays: tuple[Any, ...]

    @property
    def inexact(self):
        """The function that returns only the parts of the result that carry derivatives, as a tuple."""

        def f(*arrays):
            return tuple(p for p in parts(self.function(*arrays)) if type_of(p).is_inexact)

        return f


def targets(op: Op):
    """Return what users call: the NumPy functions and methods of ufuncs the entry answers for, else its front."""
    return _named(op.name) or [op.front]


@functools.cache
def _named(name: str):
    keys = [key for key, front in BY_NUMPY.items() if front is TABLE[name].front]
    return [
        key if callable(key) else getattr(*key)
        for key in sorted(keys, key=lambda k: not callable(k))
    ]


def has_numpy_name(op: Op):
    """Say whether plain NumPy code reaches the entry."""
    return targets(op) != [op.front]


def takes_out(op: Op):
    """Say whether the first of the functions that users call takes `out=`: ufuncs, their methods, and others."""
    function = targets(op)[0]
    if isinstance(function, np.ufunc) or isinstance(getattr(function, "__self__", None), np.ufunc):
        return True
    try:
        return has_numpy_name(op) and "out" in inspect.signature(function).parameters
    except ValueError:  # NumPy 2.1 tells no signatures of what it wrote in C
        return False


def takes_lists(op: Op):
    """Say whether users may pass lists for arrays: to ufuncs of several arguments, and NumPy's functions."""
    function = targets(op)[0]
    if isinstance(function, np.ufunc):
        return function.nin > 1
    return hasattr(function, "_implementation") and op.name not in WRITERS


def draw(op: Op, sample: Sample, dtype=REAL, *, weak=False, name=0, through=None):
    """Draw a sample's numbers.

    Args:
        op: the entry.
        sample: one of its samples.
        dtype: of the numbers.
        weak: whether single numbers are Python's own instead of 0-d arrays.
        name: which of the NumPy functions it answers for is called.
        through: what is called in its place.
    """
    rng = np.random.default_rng(7)
    low, high = sample.domain or (-2.0, 2.0)
    arrays: list[Any] = []

    def drawn(argument):
        if type(argument) is list:
            return [drawn(a) for a in argument]
        x = rng.uniform(low, high, argument)
        if dtype.kind == "c":
            x = x + 0.25j * rng.uniform(low, high, argument)
        x = np.asarray(x, dtype)
        arrays.append(x.item() if weak and argument == () else x)
        return _Drawn(len(arrays) - 1)

    planned = [drawn(a) if _is_drawn(a) else a for a in sample.arguments]
    if not arrays:  # an op of integers: the sample's own arrays are the arguments
        arrays = [a for a in planned if isinstance(a, np.ndarray)]
        numbers = iter(range(len(arrays)))
        planned = [_Drawn(next(numbers)) if isinstance(a, np.ndarray) else a for a in planned]
    function = _as_function(
        through or targets(op)[name], planned, sample.options, sample.prepare, op.name in WRITERS
    )
    return Call(function, tuple(arrays))


def _as_function(call, planned, options, prepare, is_writer):
    """Return a call as a function of its arrays that reads little besides: `compile` watches all that a step reads."""

    def function(*values, **more):
        if prepare is not None:
            values = prepare(*values)
            values = values if type(values) is tuple else (values,)
        arguments = [_filled(a, values) for a in planned]
        if not is_writer:
            return call(*arguments, **options, **more)
        target = arguments[0] = arguments[0].copy()
        assert call(*arguments, **options, **more) is None
        return target

    return function


def with_lists(op: Op, sample: Sample):
    """Return a sample's call with nested lists in the place of its arrays, where NumPy code may pass them."""
    function = targets(op)[0]
    is_ufunc = isinstance(function, np.ufunc)  # of lists alone it would see no traced value
    call = function if is_ufunc else taking_lists(function)
    most = len(draw(op, sample).arrays) - 1 if is_ufunc else None

    def listed(*values, **options):
        arrays = [i for i, x in enumerate(values) if isinstance(x, np.ndarray) and x.size]
        chosen = {i for i in arrays[::-1][:most] if values[i].shape}
        return call(*[x.tolist() if i in chosen else x for i, x in enumerate(values)], **options)

    return draw(op, sample, through=listed)


@dataclass(frozen=True)
class _Drawn:
    index: int


def _is_drawn(argument):
    if type(argument) is list:
        return bool(argument) and all(_is_drawn(a) for a in argument)
    return type(argument) is tuple and all(type(n) is int for n in argument)


def _filled(argument, values):
    if type(argument) is _Drawn:
        return values[argument.index]
    if type(argument) is list:
        return [_filled(a, values) for a in argument]
    return argument


def parts(result):
    """Return the arrays and numbers of a result, whatever tuples or lists they are in."""
    if is_handle(result) or not isinstance(result, (tuple, list)):
        return [result]
    return [part for r in result for part in parts(r)]


@functools.cache
def accepts(op: Op, sample: Sample, dtype):
    """Say whether NumPy accepts numbers of this dtype, and the entry does not refuse them with a reason."""
    call = draw(op, sample, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            call.function(*call.arrays)
        except (TypeError, ValueError, Warning):
            return False
        try:
            traced(call)
        except NotDifferentiableError:
            return bool(op.undefined)
    return True


OTHERS = {
    "arrays without axes": lambda x: np.array(_first(x)),
    "numbers": lambda x: np.float64(_first(x)),
    "Python's numbers": lambda x: float(_first(x)),
    "truth values": lambda x: np.array(_first(x) > 0),
    "arrays of truth values": lambda x: np.asarray(x) > 0,
    "arrays of integers": lambda x: np.asarray(3 * x, np.int64),
    "nothing": lambda x: np.zeros((0, *np.shape(x)[1:])) if np.ndim(x) else np.array(_first(x)),
}
"""What the arrays of a sample are replaced by: values without axes, without elements, or of other kinds."""


def _first(x):
    return np.ravel(x)[0] if np.size(x) else 0.75


def with_others(op: Op, sample: Sample, make):
    """Return a sample's call with other values, and NumPy's answer or its error; None where there is no such call."""
    call = draw(op, sample)
    if sample.prepare or any(x.dtype != REAL for x in call.arrays):
        return None
    if not any(x.size for x in call.arrays):  # of np.empty_like nothing but the type is known
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call = Call(call.function, tuple(map(make, call.arrays)))
        return call, answer(call.function, call.arrays)


def answer(function, arrays):
    """Return what a call gives, or its error."""
    try:
        return function(*[x.copy() if isinstance(x, np.ndarray) else x for x in arrays])
    except Exception as error:  # noqa: BLE001  whatever NumPy raises, or we do
        return error


def traced(call: Call):
    """Run a call under a reverse trace and return its result, still traced."""
    with ReverseLevel() as level:
        return call.function(*(level.input(x) for x in call.arrays))
