"""Results of compiled steps are of the types that Python gives: its own numbers where eager code has its own."""

import itertools
import math
import operator

import numpy as np
import pytest
from tests.compiler.answers import assert_same
from tests.compiler.together import compiled_together

import chainrule as cr
from chainrule.core.op import BY_NUMPY

FLOATS = (0.0, -0.0, 0.5, -1.5, 2.5, 0.125, 1e300, 5e-324, math.inf, -math.inf, math.nan)
NUMBERS = {
    "float": FLOATS,
    "complex": (1.5 - 2j, complex(-0.0, 3.0), complex(math.nan, math.inf)),
    "int": (3, -2, 0, 2**62),
    "float64": tuple(map(np.float64, FLOATS)),
    "float32": tuple(map(np.float32, (0.1, -1.5, 2.5, math.inf, math.nan))),
    "complex64": (np.complex64(1.5 - 2j),),
    "int8": (np.int8(-3),),
    "uint64": (np.uint64(3), np.uint64(2**64 - 1)),
    "bool": (np.True_, np.False_),
}
OF_ALL = {
    "real": lambda x: x.real,
    "imag": lambda x: x.imag,
    "conjugate": lambda x: x.conjugate(),
    "round": round,
    "round to tenths": lambda x: round(x, 1),
    "round to tens": lambda x: round(x, -1),
    "round to integers": lambda x: round(x, 0),
    "equal": lambda x: x == 0.5,
    "flip": np.flip,
}
OF_NUMPYS = {"item": lambda x: x.item(), "tolist": lambda x: x.tolist()}


@pytest.mark.parametrize(("what", "kind"), list(itertools.product(OF_ALL, NUMBERS)))
def test_numbers_answer_with_numbers_of_the_same_type(what, kind):
    assert_same(OF_ALL[what], [(x,) for x in NUMBERS[kind]])


@pytest.mark.parametrize("what", OF_NUMPYS)
@pytest.mark.parametrize("kind", [k for k in NUMBERS if k not in {"float", "complex", "int"}])
def test_numbers_of_numpys_become_pythons(what, kind):
    report = assert_same(OF_NUMPYS[what], [(x,) for x in NUMBERS[kind]])
    assert "eagerly" not in report


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "u8", "?", "c16"])
def test_elements_and_lists_of_arrays_are_pythons_numbers(dtype):
    x = np.array([[1, 0, 3]]).astype(dtype)
    takers = [
        lambda x: x.tolist(),
        lambda x: x[:, :1].item(),
        lambda x: x.item(2),
        lambda x: x.item(-1),
        lambda x: x.item(0, 1),
        lambda x: x.item((0, 2)),
        lambda x: (x[0, 0].item() * x, x[0, 0] * x),
        lambda x: x[0, 0].tolist(),
        lambda x: x.sum().item() / 2,
    ]
    for f in takers:
        assert "eagerly" not in assert_same(f, [(x,), (x[:, ::-1].copy(),)])
    for f in (lambda x: x.item(), lambda x: x.item(3), lambda x: x.item(0, 3)):
        assert_same(f, [(x,), (x,)])


def test_a_python_number_yields_to_the_dtype_of_an_array():
    single, double = np.ones(2, np.float32), np.array([0.1, 0.2])
    assert_same(lambda x, y: (y[0].item() * x, y[0] * x), [(single, double)])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "eq", "ne"])
def test_complex_numbers_of_pythons_take_double_precision_on_their_right_for_floats(name):
    f = getattr(operator, name)
    z, numbers = 3 - 4j, tuple(map(np.float64, (2.0, -0.5, 0.0)))
    assert_same(lambda z, x: (f(z, x), f(x, z)), [(z, x) for x in numbers])
    if name not in {"eq", "ne"}:  # Python asks a traced number the same for both orders
        assert_same(lambda x: (f(z, x), f(x, z)), [(x,) for x in numbers])
    assert_same(lambda z: (f(z, numbers[0]), f(numbers[0], z)), [(z,)])
    assert_same(lambda z, x, single: f(z, x) * single, [(z, numbers[0], np.ones(2, np.float32))])


OF_NUMPY = [
    function
    for function in dict.fromkeys(key if callable(key) else getattr(*key) for key in BY_NUMPY)
    if not str(getattr(function, "__module__", "")).startswith("scipy")
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", OF_NUMPY, ids=lambda f: getattr(f, "__qualname__", str(f)))
def test_functions_of_one_number_answer_with_numpys_types(function):
    """Python's numbers become NumPy's in nearly all of them, and stay Python's in a few."""
    numbers = (0.5, 1.5 - 2j, True, np.float32(0.5), np.int8(2), np.asarray(0.5), 3)
    numbers = [x for x in numbers if _is_taken(function, x)]
    results = compiled_together([function] * len(numbers), [(x,) for x in numbers])
    for number, result in zip(numbers, results, strict=True):
        expected = function(number)
        assert _types(result) in (_types(expected), _types(_as_numbers(expected))), number
    step = cr.compile(lambda x: function(x))
    for number in (3, 4, 5):  # constants of a step until they vary
        if _is_taken(function, number):
            expected = function(number)
            assert _types(step(number)) in (_types(expected), _types(_as_numbers(expected)))


def _is_taken(function, number):
    try:
        function(number)
    except Exception:  # noqa: BLE001  what is no function of one number
        return False
    return True


def _types(x):
    if isinstance(x, (tuple, list)):
        return [type(x), *map(_types, x)]
    return type(x), getattr(x, "dtype", None), np.shape(x)


def _as_numbers(x):
    """Return arrays without axes as compiled steps do: as numbers."""
    if isinstance(x, (tuple, list)):
        return type(x)(map(_as_numbers, x)) if type(x) in {tuple, list} else x
    return x[()] if isinstance(x, np.ndarray) else x


def test_numbers_are_rounded_as_decimals():
    """2.675 lies below its decimal: what NumPy's way makes 2.68 is 2.67."""
    calls = [
        (x,) for x in (2.675, 2.665, 1.005, 0.5, 1e22, 123456.785, -2.675, 1e-9, 2.0**52 + 0.5)
    ]
    for digits in (2, 0, -2, 22, 30, -25):
        assert_same(lambda x, digits=digits: round(x, digits), calls)
    rng = np.random.default_rng(3)
    for digits in (1, 3, 8, -1):
        calls = [(x.item(),) for x in rng.normal(size=200) * 10.0 ** rng.integers(-3, 9, 200)]
        report = assert_same(lambda x, digits=digits: round(x, digits), calls)
        assert "eagerly" not in report


def test_whole_numbers_are_told_as_python_tells_them():
    for kind in (float, np.float64, np.float32):
        calls = [(kind(x),) for x in (1.0, 1.5, -0.0, math.inf, math.nan, 1e30)]
        assert "eagerly" not in assert_same(lambda x: x.is_integer(), calls)


def test_truth_values_of_numbers_are_pythons():
    calls = list(itertools.product([1.0, -2.0], [0.5, np.float64(0.5)]))
    assert "eagerly" not in assert_same(lambda x, y: (x < y, x < 1, y < x), calls)


@pytest.mark.parametrize("name", ["eq", "ne", "add", "sub", "lt"])
@pytest.mark.parametrize("values", [[1.0, 2.5], (1.0, 2.5)])
def test_lists_are_no_arrays_to_pythons_numbers(name, values):
    calls = [(x,) for x in (2.5, 1.5, 2.0 + 1j, np.float64(2.5))]
    for f in (lambda x: OPERATORS[name](values, x), lambda x: OPERATORS[name](x, values)):
        assert_same(_or_error(f), calls)


OPERATORS = vars(operator)


def _or_error(f):
    def tried(x):
        try:
            return f(x)
        except TypeError as error:
            return str(error)

    return tried
