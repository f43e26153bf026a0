"""Every function that NumPy and SciPy hand to an array type has an entry, and takes all of NumPy's keywords."""

import inspect

import numpy as np
import pytest

from chainrule.core.op import BY_NUMPY
from chainrule.ops.coverage import (
    dispatched,
    entry_of,
    missing_keywords,
    special_ufuncs,
    ufunc_methods,
)

FUNCTIONS = {name: f for name, f in dispatched().items() if not isinstance(f, np.ufunc)}


def test_every_function_of_numpy_has_an_entry():
    assert [name for name, function in dispatched().items() if entry_of(function) is None] == []
    assert len(dispatched()) > 350


def test_every_method_of_a_ufunc_has_an_entry():
    assert [name for name, key in ufunc_methods().items() if entry_of(key) is None] == []


def test_every_ufunc_of_scipy_special_has_an_entry():
    assert [name for name, f in special_ufuncs().items() if entry_of(f) is None] == []


def test_functions_are_listed_under_their_own_name():
    assert "np.absolute" in dispatched()
    assert "np.abs" not in dispatched()


def test_what_has_no_derivative_says_why():
    assert entry_of(np.nextafter).undefined.startswith("it steps to the neighbouring float")
    assert entry_of(np.sin).undefined == ""


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_keyword_of_numpys_signature_is_taken(function):
    assert list(missing_keywords(function)) == []


def test_a_keyword_that_an_entry_lacks_is_found(monkeypatch):
    monkeypatch.setitem(BY_NUMPY, np.sum, lambda a, axis=None: a)
    assert list(missing_keywords(np.sum)) == ["dtype", "keepdims", "initial", "where"]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_is_left_out_means_what_it_means_to_numpy(function):
    ours = inspect.signature(BY_NUMPY[function]).parameters
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ours and isinstance(parameter.default, (bool, int, str)):
            assert ours[name].default in {parameter.default, None}, name
