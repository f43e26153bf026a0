"""What would lose the derivative is refused at its line, with the rewrite; every refusal has its reason beside it."""

import ctypes
import math

import numpy as np

from chainrule.errors import (
    ArgumentError,
    DTypeError,
    EscapedValueError,
    NotDifferentiableError,
    ShapeError,
)

MATRIX = np.arange(36.0).reshape(6, 6)
MAKE = {"zeros": np.zeros}


def pythons_float(x):  # Python's float holds one number and nothing else
    return float(x[0]) * x


def pythons_int(x):
    return np.array([int(v) for v in x]) * x


def pythons_math(x):  # the math module asks for floats
    return np.array([math.sin(v) for v in x])


def formatted_and_read_again(x):
    return np.fromstring(np.array(x).tobytes()) * x


def method_of_a_plain_array(x):  # C code of a type that cannot be changed
    return MATRIX.dot(x)


def number_type(x):
    return np.float64(x[0]) * x


def count_of_a_loop(x):
    return sum(x[0] for _ in range(x[3]))


def index(x):
    return MATRIX[x[3]] @ x


def random_draw_around(x):
    return np.random.default_rng(0).normal(x)


def written_into_a_global(x):  # the caller's array must not be changed
    MATRIX[0] = x
    return MATRIX @ x


def written_into_an_array_made_elsewhere(x):  # rerouting does not look into dictionaries
    a = MAKE["zeros"](6)
    a[0] = x[0]
    return a * x


def out_of_a_global(x):
    return np.multiply(x, x, out=MATRIX[0])


def global_changed_in_place(x):
    a = MATRIX[0]
    a += x
    return a


def integer_array_written(x):  # NumPy would round
    a = np.zeros(6, dtype=int)
    a[:] = x
    return a * x


def bytes_of(x):
    return np.frombuffer(x.tobytes()) * x


def address_of(x):
    return x.ctypes.data_as(ctypes.POINTER(ctypes.c_double))[0] * x


def swallowed(x):  # raised at the end, whatever the program does with it on the way
    try:
        return math.exp(x[0]) * x
    except RuntimeError:
        return x


def ufunc_of_a_python_function(x):  # NumPy keeps the function to itself
    return np.frompyfunc(lambda v: v * v, 1, 1)(x)


def buffered_iteration(x):  # chunks of memory are real arrays
    return sum(np.sum(chunk) for chunk in np.nditer(x, flags=["external_loop"]))


def ufunc_of_a_list(x):  # NumPy does not look into lists
    return np.sqrt([x[0], x[1]])


def where_without_out(x):  # NumPy leaves the other elements undefined
    return np.log(x, where=x > 1)


def read_only_view(x):
    a = np.outer(x, x)
    np.diagonal(a)[0] = 1.0
    return a


def shapes_that_do_not_fit(x):
    return x + x[:4]


def matrix_that_is_not_square(x):
    return np.linalg.inv(x.reshape(2, 3))


PROGRAMS = (
    (pythons_float, EscapedValueError, "np.sin, not math.sin"),
    (pythons_int, EscapedValueError, r"int\(cr.stop_gradient"),
    (pythons_math, EscapedValueError, "np.sin, not math.sin"),
    (formatted_and_read_again, EscapedValueError, r"\.tobytes would turn"),
    (method_of_a_plain_array, EscapedValueError, r"np.dot\(A, x\) or A @ x"),
    (number_type, EscapedValueError, "lose its derivative"),
    (count_of_a_loop, EscapedValueError, "index or a count"),
    (index, EscapedValueError, "lose its derivative"),
    (random_draw_around, EscapedValueError, "lose its derivative"),
    (written_into_a_global, EscapedValueError, "made inside the function"),
    (written_into_an_array_made_elsewhere, EscapedValueError, "lose its derivative"),
    (out_of_a_global, EscapedValueError, "into a plain array"),
    (global_changed_in_place, EscapedValueError, "into a plain array"),
    (integer_array_written, DTypeError, "dtype=float"),
    (bytes_of, EscapedValueError, r"\.tobytes would turn"),
    (address_of, EscapedValueError, r"\.ctypes would turn"),
    (swallowed, EscapedValueError, "np.sin, not math.sin"),
    (ufunc_of_a_python_function, NotDifferentiableError, r"use np\.vectorize\(f\)"),
    (buffered_iteration, ArgumentError, r"loop over np\.ndindex"),
    (ufunc_of_a_list, EscapedValueError, r"np\.array\(\[x, y\]\) first"),
    (where_without_out, ArgumentError, r"use np\.where"),
    (read_only_view, ArgumentError, r"\.copy\(\)"),
    (shapes_that_do_not_fit, ShapeError, "print the shapes"),
    (matrix_that_is_not_square, ShapeError, "np.linalg.lstsq"),
)
