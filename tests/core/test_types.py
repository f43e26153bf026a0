"""Types: interning, promotion, weak Python numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.core.types import ArrayType, array_type, promoted, type_of_plain

DTYPES = [np.dtype(t) for t in ("f2", "f4", "f8", "c8", "c16")]
NUMBERS = [2.0, 3, 1j, np.float64(2.0), np.float32(2.0), np.arange(2), np.ones(2, np.float32)]


def test_equal_types_are_the_same_object() -> None:
    assert type_of_plain(np.ones((2, 3))) is array_type((2, 3), np.dtype(float))


@pytest.mark.parametrize("code", "?bhilqBHILQefdgFDG")
def test_a_number_of_numpys_has_its_own_dtype(code: str) -> None:
    number = np.dtype(code).type(1)
    assert type_of_plain(number) == array_type((), number.dtype)


def test_types_print_as_dtype_and_shape() -> None:
    assert str(array_type((2, 3), np.dtype(np.float32))) == "float32[2, 3]"
    assert str(type_of_plain(1.0)) == "float"


@given(st.lists(st.sampled_from([*DTYPES, float, int, complex]), min_size=1, max_size=3))
def test_promotion_is_numpys(kinds: list[object]) -> None:
    values = [k(1) if isinstance(k, type) else np.ones(2, k) for k in kinds]
    expected = np.result_type(*values)
    if any(isinstance(v, np.ndarray) for v in values):
        assert promoted(*map(type_of_plain, values)) == expected


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_operators_promote_as_numpys_under_a_trace(dtype: np.dtype, number: object) -> None:
    x = np.ones(2, dtype)
    out, pullback = cr.vjp(lambda x: x * number + number, x)
    assert out.dtype == (x * number + number).dtype
    assert pullback(np.ones(2))[0].dtype == dtype


def test_python_numbers_stay_weak_under_a_trace() -> None:
    w = np.ones(2, np.float32)
    out, (_, tangent) = cr.jvp(lambda s: (s * 2.0 + 1, w * (s * 2.0 + 1)), (3.0,), (1.0,))
    assert type(out[0]) is float
    assert out[1].dtype == np.float32
    assert tangent.dtype == np.float32


def test_a_python_division_by_zero_raises_as_python_does() -> None:
    with pytest.raises(ZeroDivisionError):
        cr.grad(lambda x: 1.0 / x)(0.0)


@pytest.mark.parametrize(
    ("given", "kind"),
    [(2.0, float), (np.float32(2.0), np.float32), (np.array(2.0), np.ndarray), (2.0 + 0j, complex)],
)
def test_a_gradient_has_the_form_of_its_argument(given: object, kind: type) -> None:
    assert type(cr.grad(lambda x: (x * x).real)(given)) is kind


def test_a_type_refuses_to_become_an_array() -> None:
    with pytest.raises(cr.errors.EscapedValueError):
        np.asarray(ArrayType((2,), np.dtype(float)))


@pytest.mark.parametrize(
    "x",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6.0).reshape(2, 3).astype(">f8"),
        np.arange(12.0).reshape(2, 6)[:, ::2],
        np.broadcast_to(np.arange(3.0), (2, 3)),
    ],
    ids=["fortran", "big endian", "strided", "read-only"],
)
def test_any_layout_of_input(x: np.ndarray) -> None:
    g = cr.grad(lambda x: np.sum(x * x))(x)
    np.testing.assert_array_equal(g, 2 * x)
    assert g.dtype == x.dtype


def test_a_memory_mapped_input(tmp_path) -> None:
    x = np.memmap(tmp_path / "x.bin", dtype=np.float64, mode="w+", shape=(3,))
    x[:] = [1.0, 2.0, 3.0]
    g = cr.grad(lambda x: np.sum(x * x))(x)
    assert type(g) is np.ndarray
    assert g.tolist() == [2.0, 4.0, 6.0]


def test_errstate_is_respected() -> None:
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        cr.grad(lambda x: np.log(x))(np.float64(0.0))
    with np.errstate(all="ignore"):
        assert cr.grad(lambda x: np.log(x))(np.float64(0.0)) == np.inf
