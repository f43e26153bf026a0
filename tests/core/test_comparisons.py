"""Comparisons with NumPy's modules and functions, and Python's, take the same branch under a trace."""

import copy
import functools
import math
import operator
import pickle
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy import mean as average

import chainrule as cr
from chainrule.core.comparisons import comparing_originals


def _by_identity(x: Any, reduce: Any = np.mean) -> Any:
    return reduce(x) if reduce is np.mean else np.sum(x) * 100


def _by_membership(x: Any, reduce: Any = np.sum) -> Any:
    return reduce(x) if reduce in (np.mean, np.sum) else np.zeros(()) * x[0]


def _by_key(x: Any, reduce: Any = np.max) -> Any:
    factors = {np.max: 2.0, np.min: 3.0}
    return reduce(x) * factors.get(reduce, 7.0)


@pytest.mark.parametrize("f", [_by_identity, _by_membership, _by_key])
def test_functions_of_numpy_that_are_compared_are_its_own(f: Any) -> None:
    x = np.array([1.0, 2.0, 4.0])
    value, gradient = cr.value_and_grad(f)(x)
    assert value == f(x)
    slopes = [(f(x + 1e-6 * e) - f(x - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-9)


def test_a_function_that_is_compared_takes_lists_of_traced_numbers_all_the_same() -> None:
    assert cr.grad(lambda x: np.sum([x, x]) * (np.sum is CHOICES[0]))(1.0) == 2.0
    assert cr.grad(lambda x: np.cumprod([x, x])[-1])(3.0) == 6.0


FACTORS = {np.max: 2.0, np.min: 3.0}
CHOICES = (np.sum, np.prod)


class _Settings:
    reduce = staticmethod(np.mean)

    def is_usual(self, reduce: Any) -> bool:
        return reduce is self.reduce


def _by_alias(x: Any, reduce: Any = average) -> Any:
    return np.sum(x) if reduce is average else np.sum(x) * 100


def _by_variable(x: Any, reduce: Any = np.mean) -> Any:
    wanted = np.mean if len(x) > 1 else np.sum
    known = [wanted, np.min]
    return np.sum(x) * (1.0 if known[0] is reduce else 100.0)


def _by_a_variable_used_at_once(x: Any, reduce: Any = np.mean) -> Any:
    usual = np.mean
    return np.sum(x) * (1.0 if usual is reduce else 100.0)


def _by_key_of_a_table(x: Any) -> Any:
    return np.sum(x) * FACTORS.get(np.max, 100.0) * FACTORS[np.min]


def _by_place_in_a_table(x: Any) -> Any:
    return np.sum(x) * (CHOICES.index(np.prod) + 1) * operator.is_(np.prod, CHOICES[1])


def _by_attribute_of_a_class(x: Any) -> Any:
    return np.sum(x) * (1.0 if _Settings().is_usual(np.mean) else 100.0)


def _inside_a_function(x: Any, reduce: Any = np.mean) -> Any:
    def is_usual(other: Any) -> bool:
        return reduce is other

    return np.sum(x) * (1.0 if is_usual(np.mean) else 100.0)


def _in_a_comprehension(x: Any, reduce: Any = np.mean) -> Any:
    return np.sum(x) * sum([f is reduce for f in (np.mean, np.sum)])


def _after_a_branch(x: Any, reduce: Any = np.mean) -> Any:
    try:
        found = np.sum if x.ndim > 1 else np.mean
        x.no_such_attribute()
    except AttributeError:
        x = x * 1
    return np.sum(x) * (1.0 if found == reduce else 100.0)


@pytest.mark.parametrize(
    "f",
    [
        _by_alias,
        _by_variable,
        _by_a_variable_used_at_once,
        _by_key_of_a_table,
        _by_place_in_a_table,
        _by_attribute_of_a_class,
        _inside_a_function,
        _in_a_comprehension,
        _after_a_branch,
    ],
)
def test_a_comparison_is_found_however_its_operand_gets_there(f: Any) -> None:
    x = np.array([1.0, 2.0, 4.0])
    value, gradient = cr.value_and_grad(f)(x)
    assert value == f(x) == cr.compile(f)(x)
    np.testing.assert_allclose(gradient, np.full(3, f(np.ones(3)) / 3))


def test_a_function_that_another_module_compares_is_numpys_own_where_it_is_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, source in {
        "comparing": "import numpy as np\ndef is_mean(reduce): return reduce is np.mean",
        "handing_on": """
import numpy as np, comparing
usual = np.mean
def f(x): return np.sum(x) * (1.0 if comparing.is_mean(np.mean) else 100.0) * np.prod([x[0], x[1]])
def g(x): return np.sum(x) * (1.0 if np.mean is comparing.np.mean else 100.0)
""",
    }.items():
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(source, vars(module))  # noqa: S102
    assert cr.value_and_grad(sys.modules["handing_on"].f)(np.array([2.0, 3.0]))[0] == 30.0


def same(x: Any, y: Any) -> bool:
    return x is y


_HOLDERS = {
    "a global name": "HELD = {it}\ndef f(x): return {body}",
    "a default": "def f(x, HELD={it}): return {body}",
    "a default by name": "def f(x, *, HELD={it}): return {body}",
    "an outer variable": "def made(HELD):\n  def f(x): return {body}\n  return f\nf = made({it})",
    "an object": """
class Model:
  def __init__(self): self.held = {it}
  def __call__(self, x):
    HELD = self.held
    return {body}
f = Model()""",
    "a class": """
class Model:
  held = ({it},)
  def __call__(self, x):
    HELD, = self.held
    return {body}
f = Model()""",
    "a list": "THINGS = [{it}]\ndef f(x):\n  HELD = THINGS[0]\n  return {body}",
    "a key": "THINGS = {{{it}: 1.0}}\ndef f(x):\n  HELD = next(iter(THINGS))\n  return {body} * THINGS[{it}]",
    "an argument": "def g(x, HELD): return {body}\nf = functools.partial(g, HELD={it})",
    "an object, since it was traced": """
class Model:
  held, usual = None, ({it},)
  def __call__(self, x):
    self.held = {it}
    HELD, = self.usual
    return {body} * (1.0 if self.held is HELD else 100.0)
f = Model()""",
}
_THINGS = (
    *("np", "np.linalg", "np.zeros", "np.array", "np.mean", "np.sin", "np.vectorize", "np.r_"),
    *("np.polynomial.polynomial.polyval", "math", "math.sin"),
)
_COMPARISONS = {
    "HELD is {it}": 2,
    "not ({it} is not HELD)": 3,
    "HELD == {it}": 5,
    "HELD in (len, {it})": 7,
    "operator.is_(HELD, {it}) and not operator.is_not({it}, HELD)": 11,
    "{{{it}: True}}.get(HELD, False)": 13,
    "{{HELD: True}}.get({it}, False)": 17,
    "same(HELD, {it})": 19,
    "HELD is ({it} if len(x) else None)": 23,
}
"""Ways to ask whether two things are the same, and the factor of the result where they are told apart."""


@pytest.mark.parametrize("it", _THINGS)
@pytest.mark.parametrize("holder", _HOLDERS)
def test_what_holds_a_module_or_a_function_before_the_trace_compares_equal_to_its_name(
    holder: str, it: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("comparing_held")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    factors = [f"(1.0 if {how} else {p}.0)".format(it=it) for how, p in _COMPARISONS.items()]
    body = " * ".join(["np.sum(x)", *factors])
    source = "import functools, math, operator, numpy as np\nfrom tests.core.test_comparisons import same\n"
    exec(source + _HOLDERS[holder].format(it=it, body=body), vars(module))  # noqa: S102
    x = np.array([1.0, 2.0, 4.0])
    compiled = cr.compile(module.f)
    answers = (module.f, lambda x: cr.value_and_grad(module.f)(x)[0], compiled, module.f)
    for f in answers:
        factor = f(x) / 7
        assert [how for how, p in _COMPARISONS.items() if factor % p == 0] == []
        assert factor == 1
    assert holder == "an object, since it was traced" or "eagerly" not in compiled.report()


def test_a_function_that_is_met_while_its_module_runs_compares_originals_from_then_on() -> None:
    class Choice:
        def __init__(self, xp: Any) -> None:
            self.is_usual = lambda other: xp is other

    choice, choices = Choice(np), {"usual": Choice(np).is_usual}
    assert cr.grad(lambda x: x * (3.0 if choice.is_usual(np) else 100.0))(1.0) == 3.0
    assert cr.grad(lambda x: x * (3.0 if choices["usual"](np) else 100.0))(1.0) == 3.0


def test_patterns_and_names_tell_modules_and_functions_apart() -> None:
    def f(x: Any, make: Any = np.zeros, xp: Any = np) -> Any:
        match make:
            case np.ones:
                factor = 100.0
            case np.zeros:
                factor = 1.0
        return np.sum(x) * factor * (1.0 if xp.__name__ == np.__name__ == "numpy" else 100.0)

    x = np.array([1.0, 2.0, 4.0])
    assert cr.value_and_grad(f)(x)[0] == cr.compile(f)(x) == f(x) == 7.0


def test_what_differs_stays_different() -> None:
    def f(x: Any, xp: Any = np, make: Any = np.zeros, sin: Any = math.sin) -> Any:
        others = (np.linalg, math, np.ones, np.sin, math.cos)
        found = [thing is other for thing in (xp, make, sin) for other in others]
        equal = [thing == other for thing in (xp, make, sin) for other in others]
        return np.sum(x) * (1.0 + sum(found) + sum(equal) + (xp in others) + (x is xp))

    x = np.array([1.0, 2.0, 4.0])
    assert cr.value_and_grad(f)(x)[0] == cr.compile(f)(x) == f(x) == 7.0


def test_a_vectorized_function_is_one_under_a_trace() -> None:
    doubled = np.vectorize(lambda x: 2 * x)

    def f(x: Any) -> Any:
        is_one = isinstance(doubled, np.vectorize) and not isinstance(len, np.vectorize)
        return np.sum(x) * (1.0 if is_one and issubclass(np.vectorize, np.vectorize) else 100.0)

    assert cr.value_and_grad(f)(np.ones(3))[0] == 3.0


def test_what_is_kept_of_a_trace_is_numpys_own_behind_it() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.extend([np.zeros, np.mean, np])
        return np.sum(x)

    cr.grad(f)(np.ones(3))
    assert kept[0] is np.zeros
    assert kept[1] == np.mean
    assert kept[2] is np
    assert [pickle.loads(pickle.dumps(x)) for x in kept[:2]] == [np.zeros, np.mean]
    assert copy.deepcopy(kept[0]) == np.zeros
    assert repr(kept[0]) == repr(np.zeros)
    assert functools.wraps(kept[0])(lambda: 0).__name__ == "zeros"


def test_a_comparison_with_a_constant_and_a_function_without_one_keep_their_code() -> None:
    def f(x: Any, y: Any = None) -> Any:
        return [x is None, x is True, y == x, lambda: x if x is not None else y]

    assert comparing_originals(f.__code__) is f.__code__
    assert comparing_originals(same.__code__) is comparing_originals(
        comparing_originals(same.__code__)
    )


def _by_class(x: Any) -> Any:
    kinds = {np.ndarray: 1.0, float: 2.0, np.float64: 3.0}
    made = np.zeros(2)
    is_array = type(x) is np.ndarray and type(made) == type(x * 2)  # noqa: E721  it is asked in both ways
    parts = [type(part) is np.float64 for part in x] if is_array else [type(x) is float]
    return np.sum(x) * kinds[type(x)] * (10.0 if all(parts) else 100.0)


@pytest.mark.parametrize("x", [np.array([1.0, 2.0]), 1.5])
def test_a_traced_value_is_of_the_class_it_has_outside(x: Any) -> None:
    assert cr.value_and_grad(_by_class)(x)[0] == cr.compile(_by_class)(x) == _by_class(x)
    assert cr.jvp(_by_class, (x,), (x,))[0] == _by_class(x)
    assert np.shape(cr.hessian(_by_class)(x)) == np.shape(x) * 2


def test_faces_are_of_the_classes_and_identities_of_what_they_stand_for() -> None:
    def f(x: Any, xp: Any = np, make: Any = np.zeros) -> Any:
        is_module = type(xp) is type(np) is type(math) is ModuleType
        is_function = type(make) is type(np.zeros) and id(make) == id(np.zeros)
        return np.sum(x) * (1.0 if is_module and is_function and id(xp) == id(np) else 100.0)

    assert cr.value_and_grad(f)(np.ones(3))[0] == cr.compile(f)(np.ones(3)) == f(np.ones(3)) == 3.0


def test_a_class_that_a_traced_function_makes_is_of_its_module() -> None:
    def f(x: Any) -> Any:
        made.append(type("Made", (), {"factor": 2.0}))
        made.append(type("Other", (made[0],), {"__module__": "elsewhere"}))
        return x * made[1].factor

    made: list[Any] = []
    assert cr.grad(f)(1.0) == 2.0
    assert [kind.__module__ for kind in made] == [__name__, "elsewhere"]
    with pytest.raises(TypeError, match=r"type\.__new__\(\) argument 2 must be tuple, not int"):
        cr.grad(lambda x: type("Made", 1, {}))(1.0)  # type: ignore[call-overload]
