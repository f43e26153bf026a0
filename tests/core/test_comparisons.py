"""A module that compares functions of NumPy takes the same branch under a trace, and gives up lists there."""

import argparse
import asyncio
import dataclasses
import difflib
import operator
import sys
import tarfile
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from numpy import mean as average

import chainrule as cr
from chainrule.core.comparisons import meanings_in, uses_by
from chainrule.core.following import Uses, uses_of_names
from chainrule.errors import EscapedValueError


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


def test_a_function_that_is_compared_still_refuses_lists_of_traced_numbers() -> None:
    with pytest.raises(EscapedValueError, match=r"make an array of a list by np\.array"):
        cr.grad(lambda x: np.sum([x, x]))(1.0)
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


def test_what_is_only_called_is_not_compared() -> None:
    def f(x: Any, *more: Any, axis: Any = None) -> Any:
        if np.sum(x) == 3 or np.max(*more, axis=axis) == np.min(x if more else axis):
            return np.mean(x)
        return x.std() in {np.median(x), x.size}

    def g(x: Any, *more: Any) -> Any:
        return next(map(np.ptp, more)) > np.sum(x)

    def h(x: Any) -> Any:
        return np.ptp.__name__ == x.name

    meanings = meanings_in({"np": np}, {id(x): x.__name__ for x in _FUNCTIONS})
    assert uses_by(f, meanings) == uses_by(h, meanings) == Uses()
    assert uses_by(g, meanings) == Uses(frozenset(), frozenset({"ptp"}))


_FUNCTIONS = (np.sum, np.max, np.min, np.mean, np.std, np.median, np.ptp, np.size)


@pytest.mark.parametrize("module", [argparse, asyncio.base_events, dataclasses, difflib, tarfile])
def test_all_of_pythons_instructions_can_be_followed(module: Any) -> None:
    functions = [x for name in vars(module) for x in _functions_below(getattr(module, name))]
    assert len(functions) > 20
    for function in functions:
        uses_of_names(function.__code__, {}, {"name": frozenset({"name"})}, {})


def _functions_below(x: Any) -> list[FunctionType]:
    if isinstance(x, type):
        return [part for part in vars(x).values() if isinstance(part, FunctionType)]
    return [x] if isinstance(x, FunctionType) else []
