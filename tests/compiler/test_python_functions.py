"""Python's own functions of numbers, and its conversions, run natively and answer as Python does."""

import cmath
import importlib.util
import itertools
import math
import sys
import textwrap
import threading

import numpy as np
import pytest
from tests.compiler.answers import answer, assert_same

import chainrule as cr
from chainrule.errors import EscapedValueError
from chainrule.ops import python_functions

ULPS = 8
OF_SCIPY = {"gamma", "lgamma"}  # theirs are other approximations, each within some units
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, math.inf, -math.inf, math.nan)
EXTREME = (5e-324, -5e-324, 2.2e-308, 1e-300, 1e-10, 1e16, -1e16, 1e22, 1e300, -1.7e308)
NEAR = (709.7, 710.0, -745.0, 170.5, 171.7, -170.5, 26.5, math.pi / 2, 0.9999999, 1.0000001)
PAIRS = (*SPECIAL, 5e-324, 2.2e-308, 1e300, -1e16, 7.25)
COMPLEX = [complex(a, b) for a in (0.0, -0.0, 1.5, -2.0, 800.0) for b in (0.0, -0.0, 0.7, -1.0)]
ESCAPING = {"fsum", "sumprod", "fma"}

IN_PAIRS = list(itertools.product(PAIRS, repeat=2))
OF_PAIRS = ("atan2", "copysign", "fmod", "pow", "remainder", "nextafter", "isclose", "log")
CALLS = {
    **dict.fromkeys(OF_PAIRS, IN_PAIRS),
    "hypot": [*IN_PAIRS, *itertools.product(PAIRS[::2], repeat=3)],
    "ldexp": list(itertools.product(PAIRS, (0, 3, -5, 1030, -1080))),
}


def in_python(module, name):
    """Return a function of the user's that calls one of Python's."""
    names = {"__name__": "users", "module": module}
    exec(f"def called(*args): return module.{name}(*args)", names)  # noqa: S102  as a module of the user's
    return names["called"]


def assert_close(got, expected, args, ulps=ULPS):
    assert type(got) is type(expected), args
    if isinstance(expected, tuple):
        for g, e in zip(got, expected, strict=True):
            assert_close(g, e, args)
    elif isinstance(expected, complex):
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-300, err_msg=str(args))
    elif isinstance(expected, (bool, int)):
        assert got == expected, args
    elif isinstance(expected, float) and not math.isnan(expected):
        assert math.copysign(1, got) == math.copysign(1, expected), args
        assert got == expected or abs(got - expected) <= ulps * math.ulp(expected), args
    else:
        assert str(got) == str(expected), args


def raised_or_given(f, args):
    try:
        return f(*args)
    except (ArithmeticError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize(
    "python", [f for f in python_functions.FOLLOWED if f.__name__ not in ESCAPING], ids=repr
)
def test_functions_of_numbers_answer_as_pythons(python):
    name = python.__name__
    module = cmath if python is getattr(cmath, name, None) else math
    if name in {"dist", "prod"}:
        return  # of several numbers: below
    if module is cmath and name != "rect":
        calls = [(z,) for z in COMPLEX]
    else:
        calls = CALLS.get(name, [(x,) for x in (*SPECIAL, *EXTREME, *NEAR)])
    if name == "rect":
        calls = list(itertools.product((1.5, -2.0, 0.0), (0.7, -9.0, 0.0)))
    called = in_python(module, name)
    step = cr.compile(called)
    for args in calls:
        expected, got = raised_or_given(called, args), raised_or_given(step, args)
        if isinstance(expected, type):
            assert got is expected, args
        else:
            assert_close(got, expected, args, ulps=2 * ULPS if name in OF_SCIPY else ULPS)
    assert "eagerly" not in step.report()


def test_every_function_of_floats_is_followed_or_known_not_to_be():
    of_integers = {"comb", "factorial", "gcd", "isqrt", "lcm", "perm"}
    by_protocol = {"ceil", "floor", "trunc"}
    functions = {n for n, f in vars(math).items() if callable(f) and not n.startswith("_")}
    assert functions - of_integers - by_protocol == {
        f.__name__ for f in python_functions.FOLLOWED if f in vars(math).values()
    }


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc"])
def test_numbers_become_integers_as_python_makes_them(name):
    calls = [
        (kind(x),) for x in (*SPECIAL, 2.0**62, 2.0**63, -(2.0**63)) for kind in (float, np.float32)
    ]
    for f in (in_python(math, name), int, lambda x: int(x)):
        assert_same(f, calls)
    assert "eagerly" not in assert_same(lambda x: int(x), calls[:3])


def test_functions_of_several_numbers_take_what_pythons_take():
    x = np.array([3.0, -4.0, 0.5])
    for f in (
        lambda x: round(math.dist(x, [1.0, 2.0, 0.5]), 9),
        lambda x: round(math.dist([float(v) for v in x], (0.0, 0.0, 0.5)), 9),
        lambda x: math.prod(x.tolist()),
        lambda x: math.prod((float(v) for v in x), start=2),
        lambda x: (type(math.prod(x)) is np.float64, math.prod(x)),
        lambda x: round(math.hypot(*x), 9),
        lambda x: math.isclose(x[0], 3.0, abs_tol=0.1),
        lambda x: round(math.log(x[0], 3), 9),
        lambda x: math.ldexp(x[0], int(x[0])),
    ):
        report = assert_same(f, [(x,), (2 * x,)])
        assert "eagerly" not in report
    assert_same(lambda x: math.dist(x, [1.0]), [(x,), (x,)])
    assert_same(lambda x: math.isclose(x[0], 3.0, rel_tol=-1.0), [(x,), (x,)])
    assert_same(lambda x: math.sin(x), [(x,), (x,)])
    assert_same(lambda x: math.sin(x + 1j), [(2.0,), (2.0,)])


def test_sums_are_pythons_also_where_terms_cancel():
    def summed(x):
        floats = [float(v) for v in x]
        return sum(floats), sum([1, 2, *floats, 3]), sum(floats, 0.5), sum([*floats, x[0], 1.0])

    calls = [[1e16, 1.0, -1e16], [-0.0, -0.0, -0.0], [math.inf, 1.0, 2.0], [1e308, 1e308, -1e308]]
    calls = [(np.array(c),) for c in (*calls, [0.1, 0.2, 0.3], [1.0, math.nan, 1.0])]
    assert "eagerly" not in assert_same(summed, calls)


def test_a_compensated_sum_loses_nothing():
    for terms, total in (
        ([1e16, 1.0, -1e16], 1.25),
        ([0.1] * 10, 1.25),
        ([1, 1.5, True, 1e16, -1e16], 3.75),
    ):
        step = cr.compile(lambda x, terms=terms: python_functions.compensated_sum([*terms, x]))
        assert step(0.25) == total


def test_what_cannot_be_followed_exactly_is_named():
    report = assert_same(lambda x: math.fsum([x, 1e100, -1e100]), [(2.0,), (3.0,)])
    assert "math.fsum()" in report


CONVERSIONS = {
    "float": lambda x: float(x),
    "int": lambda x: int(x),
    "complex": lambda x: complex(x),
    "parts": lambda x: complex(x, 2),
    "several": lambda x: [float(v) for v in (x, 2 * x)],
    "mapped": lambda x: list(map(float, [x, x + 1])),
    "of text": lambda x: (float("inf"), int("12", 8), float(x)),
    "type": lambda x: (type(x) is float, type(float(x)) is float, type(int(x)) is int),
    "instance": lambda x: (isinstance(float(x), float), isinstance(int(x), int)),
    "keyword": lambda x: np.zeros(2, dtype=int) + int(x),
    "nested": lambda x: [(lambda y: int(y) + i)(x) for i in (1, 2)],  # noqa: PLC3002
    "weak": lambda x: float(x) * np.ones(2, np.float32),
}


@pytest.mark.parametrize("what", CONVERSIONS)
def test_conversions_are_followed(what):
    for kind in (float, np.float64, np.float32, np.int32, np.uint8):
        calls = [(kind(x),) for x in (3, 2, 100)]
        assert "eagerly" not in assert_same(CONVERSIONS[what], calls)
    assert_same(CONVERSIONS[what], [(2.5,), (math.nan,), (math.inf,), (2.0**70,), (-0.5,)])
    assert_same(CONVERSIONS[what], [(1 + 2j,), (np.True_,), ("3",)])


def test_an_integer_may_be_an_index_a_shape_and_a_count():
    x = np.array([2.5, 1.0, 3.0, 0.2])
    indexed = cr.compile(lambda x: x[int(x[0])] * 1.0)
    for first in (0.0, 1.5, 2.5, 3.0):
        x[0] = first
        assert indexed(x) == x[int(first)]
    assert "eagerly" not in indexed.report()
    assert indexed.report().count("specialization") == 1
    for f in (
        lambda x: np.ones(int(x[0])) * x[1],
        lambda x: sum(x[i] for i in range(int(x[0]))),
        lambda x: ["a", "b", "c", "d"][int(x[0])],
        lambda x: x[: int(x[0])] * 2,
    ):
        step = cr.compile(f)
        for first in (1.0, 3.5, 1.2, 2.0):
            x[0] = first
            assert answer(step, x) == answer(f, x)
        assert "eagerly" not in step.report()


def test_a_step_that_returns_its_loss_as_a_float_is_native():
    def step(w, x, y, best):
        def loss(w):
            return np.mean((x @ w - y) ** 2)

        value, gradient = cr.value_and_grad(loss)(w)
        size = math.sqrt(float(np.sum(gradient * gradient)))
        if size > 1.0:
            gradient = gradient / size
        best = min(best, float(value))
        return w - 0.1 * gradient, best, size

    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 3))
    y = x @ np.array([1.0, 2.0, -1.0])
    compiled = cr.compile(step)
    plain = native = (np.zeros(3), math.inf, 0.0)
    for _ in range(40):
        plain, native = step(plain[0], x, y, plain[1]), compiled(native[0], x, y, native[1])
        np.testing.assert_allclose(native[0], plain[0], rtol=1e-12)
        for g, e in zip(native[1:], plain[1:], strict=True):
            assert type(g) is type(e) is float
            assert abs(g - e) <= 1e-12 * abs(e)
    assert "eagerly" not in compiled.report()


def test_an_equation_of_motion_in_pythons_numbers_is_one_loop():
    def swing(angle, speed):
        for _ in range(500):
            speed -= 0.01 * (math.sin(angle) + 0.1 * speed * abs(speed))
            angle += 0.01 * speed
        return angle, math.degrees(angle), math.hypot(angle, speed)

    step = cr.compile(swing)
    for start in ((1.0, 0.0), (-2.0, 0.5)):
        for got, expected in zip(step(*start), swing(*start), strict=True):
            assert type(got) is float
            assert abs(got - expected) <= 1e-12 * abs(expected)
    assert "eagerly" not in step.report()
    with pytest.raises(ValueError, match="math domain"):
        step(math.inf, 0.0)


LOSING = {
    "float": lambda x: float(x) * x,
    "int": lambda x: int(x) * x,
    "complex": lambda x: complex(x).real * x,
    "math": lambda x: math.sin(x),
    "floor": lambda x: math.floor(x) * x,
    "hypot": lambda x: math.hypot(x, 2.0),
    "index": lambda x: x * [1.0, 2.0, 3.0][int(x)],
}


@pytest.mark.parametrize("what", LOSING)
def test_a_derivative_is_lost_nowhere(what):
    step = cr.compile(lambda x: cr.grad(LOSING[what])(x))
    for _ in range(2):
        with pytest.raises(EscapedValueError):
            step(1.5)
    mixed = cr.compile(lambda x: cr.grad(lambda y: LOSING[what](y) + math.sin(x))(x))
    with pytest.raises(EscapedValueError):
        mixed(1.5)


def test_a_gradient_may_use_numbers_without_derivative():
    def f(x, y):
        return cr.grad(lambda x: x * x * math.exp(y) * int(y))(x)

    assert "eagerly" not in assert_same(f, [(1.5, 2.0), (0.5, 3.0)])


STYLES = {
    "module": "import math\ndef f(x): return math.floor(math.sqrt(float(x))), math.pi",
    "alias": "import math as m\ndef f(x): return m.sqrt(x) + m.e",
    "names": "from math import sqrt, pi\ndef f(x): return sqrt(x) * pi",
    "star": "from math import *\ndef f(x): return sqrt(x) * pi",
    "renamed": "from math import sqrt as root\ndef f(x): return root(x)",
    "local": "import math\ndef f(x):\n    root = math.sqrt\n    return root(x)",
    "default": "import math\ndef f(x, root=math.sqrt): return root(x)",
    "closure": "import math\ndef make(root):\n    return lambda x: root(x)\nf = make(math.sqrt)",
    "class body": "import math\nclass A:\n    root = staticmethod(math.sqrt)\n"
    "    def __call__(self, x): return self.root(float(x))\nf = A()",
    "class inside": "import math\ndef f(x):\n    class A:\n        root = math.sqrt\n"
    "        def __init__(self): self.y = math.sqrt(x)\n    return A().y + A().root(x)",
    "dictionary": "import math\nways = {'root': math.sqrt}\ndef f(x): return ways['root'](x)",
    "compared": "import math\nfrom math import sqrt\ndef f(x, g=sqrt):\n"
    "    return x if g is math.sqrt and g is sqrt else -x",
    "classes compared": "def f(x):\n    y = float(x)\n    kinds = {float: 1.0, int: 2.0}\n"
    "    return y * kinds[type(y)] if type(y) is float else -y",
    "own float": "def float(x): return x * 2\ndef f(x): return float(x)",
    "bound inside": "def f(x):\n    global int\n    int = abs\n    y = int(x)\n    del int\n    return y",
    "parameter": "def f(x, float=abs): return float(x)",
    "generator": "import math\ndef f(x): return sum(float(math.exp(i * x)) for i in range(3))",
    "method": "class A:\n    def f(self, x): return float(x) + int(x)\nf = A().f",
    "raising": "import math\ndef f(x):\n    try:\n        y = math.sqrt(x - 3)\n        return y if y > 1 else -y\n"
    "    except ValueError:\n        return 7.0 * x",
    "wrapped": "import functools, math\ndef twice(g):\n    @functools.wraps(g)\n"
    "    def both(x): return g(float(x)) * 2\n    return both\n@twice\ndef f(x): return math.sqrt(x)",
}
EAGER = {"default", "closure", "class body", "dictionary", "class inside"}


@pytest.fixture
def module_of(tmp_path):
    """Return a function that imports a text as a module."""
    names = []

    def imported(text):
        name = f"styled_{len(names)}_{tmp_path.name}"
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(text))
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        names.append(name)
        spec.loader.exec_module(module)
        return module

    yield imported
    for name in names:
        del sys.modules[name]


@pytest.mark.parametrize("style", STYLES)
def test_modules_of_all_styles_answer_as_without_a_compiler(style, module_of):
    module = module_of(STYLES[style])
    before = dict(vars(module))
    report = assert_same(module.f, [(2.0,), (np.float64(9.0),), (0.0,), (5.0,)])
    assert vars(module) == before
    assert style in EAGER or "eagerly" not in report


def test_nothing_is_left_behind(module_of):
    module = module_of("""
        import math
        from math import sqrt

        def f(x):
            if seen:
                seen.append((math, sqrt, f.__code__))
            return later(math.sqrt(float(x)))

        def later(x):
            if x > 2:
                raise KeyError(x)
            return int(x)

        seen = []
        """)
    functions = [id(x) for x in vars(math).values()]
    codes = module.f.__code__, module.later.__code__
    names = dict(vars(module))
    step = cr.compile(module.f)
    for x in (1.0, 9.0, 1.0, -1.0):
        assert answer(step, x) == answer(module.f, x)
        assert (module.f.__code__, module.later.__code__) == codes
        assert module.f.__code__ is codes[0]
        assert vars(module) == names
    assert [id(x) for x in vars(math).values()] == functions


def test_functions_made_while_a_step_is_captured_work_later():
    made = []

    def step(x):
        if not made:
            made.append(lambda y: (float(y), int(y), type(y)))
        return float(x)

    compiled = cr.compile(step)
    compiled(2.0)
    assert made[0](2.5) == (2.5, 2, float)
    assert made[0]("7") == (7.0, 7, str)


def test_captures_of_several_threads_share_the_functions():
    def shared(x):
        return math.sqrt(float(x)) + int(x)

    gate = threading.Barrier(4)
    found = []

    def work(n):
        step = cr.compile(lambda x: shared(x) * n)
        gate.wait()
        found.extend(step(float(k)) == shared(float(k)) * n for k in range(1, 6))

    code = shared.__code__
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [True] * 20
    assert shared.__code__ is code
