"""`chainrule.numpy` has the names of NumPy and of the Array API standard, and means the same by them."""

import pickle
import subprocess
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.array_api import make_strategies_namespace

import chainrule as cr
import chainrule.numpy as xp
from chainrule.core.creation import JOINS, REROUTED
from chainrule.core.dispatch import functions_of_arrays
from chainrule.core.op import BY_NUMPY
from chainrule.core.reroute import plain_creation
from chainrule.errors import ArgumentError, EscapedValueError

# The names of https://data-apis.org/array-api/2025.12/API_specification/, in its order.
STANDARD = """
    __array_api_version__ __array_namespace_info__
    e inf nan newaxis pi
    arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like tril triu zeros
    zeros_like
    astype can_cast finfo iinfo isdtype result_type
    bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128
    abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
    bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide greater
    greater_equal hypot imag isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and logical_not
    logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow real reciprocal remainder
    round sign signbit sin sinh square sqrt subtract tan tanh trunc
    take take_along_axis
    matmul matrix_transpose tensordot vecdot
    broadcast_arrays broadcast_shapes broadcast_to concat expand_dims flip moveaxis permute_dims repeat reshape roll
    squeeze stack tile unstack
    argmax argmin count_nonzero nonzero searchsorted where
    isin unique_all unique_counts unique_inverse unique_values
    argsort sort
    cumulative_prod cumulative_sum max mean min prod std sum var
    all any diff
"""
LINALG = """
    cholesky cross det diagonal eig eigh eigvals eigvalsh inv matmul matrix_norm matrix_power matrix_rank
    matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm
"""
FFT = """
    fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift ifftshift
"""

SPELT_OUT = {"sort", "argsort", "finfo", "iinfo", "from_dlpack", "__array_namespace_info__"}
X = np.array([0.7, 0.2, 0.5])
A = np.array([[2.0, 0.3, 0.1], [0.3, 3.0, 0.2], [0.1, 0.2, 4.0]])
STRATEGIES = make_strategies_namespace(xp, api_version="2024.12")


def same(got, wanted):
    """Equal in structure, type, dtype and values."""
    if isinstance(wanted, (tuple, list)):
        assert len(got) == len(wanted)
        for g, w in zip(got, wanted, strict=True):
            same(g, w)
    else:
        assert type(got) is type(wanted)
        np.testing.assert_array_equal(got, wanted, strict=isinstance(wanted, np.ndarray))


# names


@pytest.mark.parametrize(
    ("namespace", "names"),
    [(xp, STANDARD), (xp.linalg, LINALG), (xp.fft, FFT)],
    ids=["main", "linalg", "fft"],
)
def test_every_name_of_the_standard_is_there(namespace, names):
    assert [name for name in names.split() if not hasattr(namespace, name)] == []
    assert set(names.split()) <= set(dir(namespace)) == set(namespace.__all__)


@pytest.mark.parametrize(
    ("namespace", "numpys"),
    [(xp, np), (xp.linalg, np.linalg), (xp.fft, np.fft)],
    ids=["main", "linalg", "fft"],
)
def test_every_public_name_of_numpy_is_there(namespace, numpys):
    assert [name for name in numpys.__all__ if not hasattr(namespace, name)] == []


def test_every_function_of_the_table_is_there_as_numpys_own_or_follows_the_trace():
    ours = [x for space in (xp, xp.linalg, xp.fft) for x in vars(space).values()]
    here = {id(getattr(x, "__wrapped__", x)) for x in ours}
    replaced = {id(f) for f in (*REROUTED, np.sort, np.argsort)}
    numpys = {id(x) for space in (np, np.linalg, np.fft) for x in vars(space).values()}
    answered = [f for f in BY_NUMPY if id(f) in numpys - replaced]
    assert len(answered) > 250
    assert [f for f in answered if id(f) not in here] == []


def test_only_creation_functions_of_arrays_and_what_the_standard_extends_are_not_numpys_own():
    """What a call on plain arrays costs is pinned by this: nothing stands between the user and any other function."""
    differing = {name for name in dir(xp) if getattr(xp, name) is not getattr(np, name)}
    originals = {id(x) for x in (*REROUTED, *functions_of_arrays(), *JOINS)}
    rerouted = {name for name in dir(xp) if id(getattr(np, name, None)) in originals}
    assert differing == rerouted | SPELT_OUT | {"linalg", "fft", "__array_api_version__"}
    for ours, numpys in ((xp.linalg, np.linalg), (xp.fft, np.fft)):
        own = {n for n in dir(ours) if getattr(ours, n) is getattr(numpys, n)}
        rerouted = {n for n in dir(ours) if id(getattr(numpys, n)) in originals}
        assert {*dir(ours)} - own == rerouted | ({*dir(ours)} & {"fftfreq", "rfftfreq"})


def python_calls(f):
    """Return the names of chainrule's Python functions that run while `f` does."""
    names = []

    def note(frame, event, argument):
        if event == "call" and "chainrule" in frame.f_code.co_filename:
            names.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        f()
    finally:
        sys.setprofile(before)
    return [name for name in names if name not in {"<lambda>", "python_calls"}]


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        (lambda: xp.add(X, X), []),
        (lambda: xp.where(True, X, X), ["function", "is_following"]),
        (lambda: xp.linalg.solve(A, X), ["function", "is_following"]),
        (lambda: xp.zeros(3), ["function", "is_following"]),
        (lambda: xp.asarray(X), ["function", "is_following"]),
        (lambda: xp.concat([X, X]), ["function", "is_following"]),
        (lambda: xp.sort(X), ["sort", "_instead_of", "function", "is_following"]),
    ],
    ids=["add", "where", "solve", "zeros", "asarray", "concat", "sort"],
)
def test_a_call_on_plain_arrays_runs_next_to_no_code_of_ours(call, calls):
    assert python_calls(call) == calls


def test_an_unknown_name_is_refused_with_those_close_to_it():
    with pytest.raises(AttributeError, match=r"'chainrule\.numpy'.*'arctg'.*: arctan"):
        xp.arctg
    with pytest.raises(AttributeError, match=r"'chainrule\.numpy\.linalg'.*'solv'.*: solve\.$"):
        xp.linalg.solv
    with pytest.raises(AttributeError, match=r"has no attribute '__wrapped__'\.$"):
        xp.__wrapped__


def test_a_star_import_brings_every_name():
    names = {}
    exec("from chainrule.numpy import *", names)  # noqa: S102
    assert set(xp.__all__) <= set(names)
    assert names["max"] is xp.max


def test_numpys_other_modules_are_handed_on_and_not_loaded_before():
    assert xp.random is np.random
    code = "import sys, chainrule.numpy; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"numpy.f2py", "numpy.testing", "numpy.random"} & set(loaded.stdout.split())


@pytest.mark.parametrize("function", [xp.zeros, xp.sort, xp.add, xp.fft.fftfreq, xp.linalg.solve])
def test_functions_pickle(function):
    assert pickle.loads(pickle.dumps(function)) is function


def test_a_function_that_follows_the_trace_shows_numpys_signature_and_summary():
    assert xp.full.__module__ == "chainrule.numpy"
    assert xp.full.__doc__.startswith("Return a new array of given shape and type")
    assert xp.full.__doc__.endswith("follows the trace.")


# values

CALLS = {
    "acos": lambda m: m.acos(X),
    "atan2": lambda m: m.atan2(X, 2.0),
    "pow": lambda m: m.pow(X, 3),
    "concat": lambda m: m.concat([A, A], axis=1),
    "permute_dims": lambda m: m.permute_dims(A[None], (-1, 0, 1)),
    "bitwise_left_shift": lambda m: m.bitwise_left_shift(m.asarray([1, 2]), 3),
    "bitwise_invert": lambda m: m.bitwise_invert(m.asarray([True, False])),
    "clip": lambda m: m.clip(X, None, 0.4),
    "clip nothing": lambda m: m.clip(X),
    "cumulative_sum": lambda m: m.cumulative_sum(X, include_initial=True),
    "cumulative_prod": lambda m: m.cumulative_prod(A, axis=0),
    "vecdot": lambda m: m.vecdot(A, X),
    "take_along_axis": lambda m: m.take_along_axis(A, np.array([[0], [1], [2]]), axis=1),
    "unstack": lambda m: m.unstack(A, axis=1),
    "expand_dims": lambda m: m.expand_dims(X, axis=(0, 2)),
    "searchsorted": lambda m: m.searchsorted(m.asarray([0.1, 0.4]), 0.3, side="right"),
    "isin": lambda m: m.isin(X, m.asarray([0.2])),
    "unique_all": lambda m: m.unique_all(m.asarray([2, 1, 2])),
    "unique_counts": lambda m: m.unique_counts(m.asarray([2, 1, 2])),
    "unique_inverse": lambda m: m.unique_inverse(m.asarray([2, 1, 2])),
    "unique_values": lambda m: m.unique_values(m.asarray([2, 1, 2])),
    "isdtype": lambda m: m.isdtype(m.float32, ("real floating", "bool")),
    "can_cast": lambda m: m.can_cast(m.float64, m.float32),
    "broadcast_shapes": lambda m: m.broadcast_shapes((3, 1), (4,)),
    "count_nonzero": lambda m: m.count_nonzero(A > 1, axis=0),
    "diff": lambda m: m.diff(X, prepend=m.zeros(1)),
    "nextafter": lambda m: m.nextafter(X, 1.0),
    "copysign": lambda m: m.copysign(X, -1.0),
    "hypot": lambda m: m.hypot(X, 1.0),
    "signbit": lambda m: m.signbit(-X),
    "reciprocal": lambda m: m.reciprocal(X),
    "repeat": lambda m: m.repeat(X, np.array([1, 0, 2])),
    "tile": lambda m: m.tile(X, (2, 2)),
    "meshgrid": lambda m: m.meshgrid(X, X[:2], indexing="ij"),
    "tril": lambda m: m.tril(A, k=-1),
    "astype": lambda m: m.astype(X, m.float32, copy=False),
    "var": lambda m: m.var(A, axis=(0, 1), correction=1),
    "sort": lambda m: m.sort(A, axis=0),
    "argsort": lambda m: m.argsort(A, axis=None),
    "finfo": lambda m: m.finfo(m.float32).eps,
    "iinfo": lambda m: m.iinfo(m.int16).max,
    "matrix_norm": lambda m: m.linalg.matrix_norm(A, ord="nuc"),
    "slogdet": lambda m: m.linalg.slogdet(A),
    "rfft": lambda m: m.fft.rfft(X, norm="ortho"),
    "fftfreq": lambda m: m.fft.fftfreq(5, d=0.1, device="cpu"),
    "zeros": lambda m: m.zeros((2, 3), dtype=m.float32, device="cpu"),
    "empty": lambda m: m.empty((0, 3)),
    "eye": lambda m: m.eye(2, 3, k=1),
    "full": lambda m: m.full(3, 2, dtype=m.complex64),
    "arange": lambda m: m.arange(1, 4, 2),
    "linspace": lambda m: m.linspace(0.0, 1.0, 5, endpoint=False),
    "ones_like": lambda m: m.ones_like(A, dtype=m.int8),
    "full_like": lambda m: m.full_like(A, 2.5),
    "asarray": lambda m: m.asarray([[1, 2], [3, 4]], dtype=m.float64, copy=True),
    "from_dlpack": lambda m: m.from_dlpack(X),
    "r_": lambda m: m.r_[X, 1.0],
    "vectorize": lambda m: m.vectorize(lambda x: 2 * x)(X),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_on_plain_arrays_the_result_is_numpys(call):
    same(call(xp), call(np))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_inside_a_trace_plain_arrays_give_the_same(call):
    """What is made there may be a cell; as a plain array it is NumPy's."""
    results = []

    def f(x):
        results.append(call(xp))
        return x

    cr.grad(f)(1.0)
    wanted = call(np)
    if isinstance(wanted, (np.ndarray, np.generic)):
        assert results[0].dtype == wanted.dtype
        np.testing.assert_array_equal(results[0], wanted)
    else:
        assert len(results[0]) == len(wanted) if isinstance(wanted, tuple) else results[0] == wanted


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_descending_order(axis):
    a = np.array([[2.0, 1.0, 2.0], [3.0, 2.0, 3.0]])
    indices = xp.argsort(a, axis=axis, descending=True)
    flat = np.ravel(a) if axis is None else a
    along = 0 if axis is None else axis
    down = np.argsort(-flat, axis=along, stable=True)
    np.testing.assert_array_equal(indices, down)
    np.testing.assert_array_equal(
        xp.sort(a, axis=axis, descending=True), np.take_along_axis(flat, down, along)
    )


def test_limits_of_an_array_are_those_of_its_dtype():
    assert xp.finfo(np.float32(1.0)).bits == 32
    assert xp.finfo(np.ones(2, np.complex128)).bits == 64
    assert xp.iinfo(np.ones(2, np.uint8)).max == 255
    bits = []
    cr.grad(lambda x: bits.append(xp.finfo(x).bits) or np.sum(x))(np.ones(2, np.float32))
    assert bits == [32]


def test_frequencies_in_another_dtype():
    got = xp.fft.fftfreq(4, dtype=xp.float32)
    np.testing.assert_array_equal(got, np.fft.fftfreq(4).astype(np.float32), strict=True)
    assert xp.fft.rfftfreq(4, dtype=xp.float32).dtype == np.float32


def test_what_there_is_to_compute_with():
    info = xp.__array_namespace_info__()
    assert xp.__array_api_version__ == "2025.12"
    assert info.devices() == ("cpu",)
    assert info.default_device() == "cpu"
    assert info.capabilities() == np.__array_namespace_info__().capabilities()
    assert info.default_dtypes()["real floating"] == xp.zeros(1).dtype == np.float64
    assert set(info.dtypes(kind="real floating")) == {"float32", "float64"}
    assert all(xp.zeros(1, dtype=d).dtype == d for d in info.dtypes().values())


@given(STRATEGIES.arrays(STRATEGIES.scalar_dtypes(), STRATEGIES.array_shapes()))
def test_a_consumer_of_the_standard_works_with_it(a):
    assert type(a) is np.ndarray
    assert xp.reshape(a, (-1,)).shape == (a.size,)


# gradients

DIFFERENTIABLE = {
    "acos": lambda m, x: m.sum(m.acos(x)),
    "atan2": lambda m, x: m.sum(m.atan2(x, 2.0)),
    "pow": lambda m, x: m.sum(m.pow(x, 3)),
    "concat": lambda m, x: m.prod(m.concat([x, 2 * x])),
    "permute_dims": lambda m, x: m.permute_dims(x[None, :], (1, 0))[1, 0] ** 2,
    "matrix_transpose": lambda m, x: m.sum(m.matrix_transpose(x[None, :])[0] ** 2),
    "cumulative_prod": lambda m, x: m.sum(m.cumulative_prod(x, include_initial=True)),
    "vecdot": lambda m, x: m.vecdot(x, m.sin(x)),
    "take_along_axis": lambda m, x: m.sum(m.take_along_axis(x, m.asarray([0, 0, 1]), axis=0) ** 2),
    "unstack": lambda m, x: m.prod(m.stack(m.unstack(x)[:2])),
    "sort": lambda m, x: m.vecdot(m.sort(x), m.arange(3.0)),
    "linalg.vector_norm": lambda m, x: m.linalg.vector_norm(x, ord=3),
    "linalg.solve": lambda m, x: m.sum(m.linalg.solve(m.asarray(A), x) ** 2),
    "fft.rfft": lambda m, x: m.sum(m.abs(m.fft.rfft(x)) ** 2),
    "clip": lambda m, x: m.sum(m.clip(x, min=0.3) ** 2),
    "reciprocal": lambda m, x: m.sum(m.reciprocal(x) * m.hypot(x, 1.0)),
    "full": lambda m, x: m.sum(m.full((2, 2), x[0]) * x[1]),
    "array": lambda m, x: m.prod(m.asarray([x[0], x[1] * x[2]])),
    "r_": lambda m, x: m.prod(m.r_[x, x[0]]),
    "vectorize": lambda m, x: m.sum(m.vectorize(lambda t: t * t)(x)),
}


@pytest.mark.parametrize("f", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_gradients_go_through_the_names_of_the_standard(f):
    np.testing.assert_array_equal(f(xp, X), f(np, X))
    report = cr.check_gradients(lambda x: f(xp, x), X)
    assert report.ok, str(report)


def test_a_gradient_goes_through_a_descending_sort():
    gradient = cr.grad(lambda x: xp.vecdot(xp.sort(x, descending=True), xp.arange(3.0)))(X)
    np.testing.assert_array_equal(gradient, [0.0, 2.0, 1.0])


def test_no_derivative_is_refused_and_not_lost():
    with pytest.raises(TypeError, match="nextafter"):
        cr.grad(lambda x: xp.sum(xp.nextafter(x, 1.0)))(X)


def test_lists_of_traced_values_are_followed():
    gradient = cr.grad(lambda x: xp.vecdot(xp.sort([x[1], x[0] * 2, x[2]]), xp.arange(3.0)))(X)
    np.testing.assert_array_equal(gradient, [4.0, 0.0, 1.0])


# creation


def fill(make, x):
    a = make()
    a[0] = x
    a[1] = a[0] * x
    return np.sum(a)


MAKERS = {
    "zeros": lambda: xp.zeros(3),
    "ones": lambda: xp.ones(3),
    "empty_like": lambda: xp.zeros_like(np.empty(3)),
    "arange": lambda: xp.arange(3.0),
    "linspace": lambda: xp.linspace(0.0, 1.0, 3),
    "asarray": lambda: xp.asarray([1.0, 2.0, 3.0]),
    "from_dlpack": lambda: xp.from_dlpack(np.ones(3)),
    "fftfreq": lambda: xp.fft.fftfreq(3),
    "r_": lambda: xp.r_[0.0, 1.0, 2.0],
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_traced_values_can_be_written_into_what_is_made(make):
    assert cr.grad(lambda x: fill(make, x))(3.0) == 1.0 + 2 * 3.0


def test_creation_follows_the_trace_where_rerouting_does_not_reach():
    """In a module of a package with native code, which is left alone, and with rerouting switched off."""
    module = types.ModuleType("numpy.pretended")
    module.xp = xp
    exec("def f(x):\n    a = xp.zeros(3)\n    a[0] = x * x\n    return a[0]", vars(module))  # noqa: S102
    assert cr.grad(module.f)(3.0) == 6.0
    with plain_creation():
        assert cr.grad(module.f)(3.0) == 6.0


def test_outside_of_a_trace_plain_arrays_are_made():
    cr.grad(lambda x: xp.zeros(3)[0] + x)(1.0)
    assert type(xp.zeros(3)) is type(xp.from_dlpack(X)) is np.ndarray
    assert np.shares_memory(xp.from_dlpack(X), X)


# arrays


def test_arrays_name_their_namespace_and_device():
    seen = []

    def f(x):
        for a in (x, x[0], x * 2, np.zeros(3)):
            seen.append((a.__array_namespace__(api_version="2025.12"), a.device))
            assert a.to_device("cpu") is a
        return x[0]

    cr.grad(f)(X)
    assert seen == [(xp, "cpu")] * 4


def test_another_version_or_device_is_refused():
    with pytest.raises(
        ArgumentError, match=r"__array_namespace__: api_version='1999\.12'.*'2025\.12'"
    ):
        cr.grad(lambda x: x.__array_namespace__(api_version="1999.12").sum(x))(X)
    with pytest.raises(ArgumentError, match=r"to_device: device='gpu'\. Expected one of 'cpu'"):
        cr.grad(lambda x: np.sum(x.to_device("gpu")))(X)
    with pytest.raises(ArgumentError, match="to_device: device='gpu'"):
        cr.grad(lambda x: np.sum(xp.from_dlpack(x, device="gpu")))(X)


def test_shifts_of_integers_made_inside_a_trace():
    seen = []
    cr.grad(lambda x: seen.extend([xp.arange(3) << 2, 8 >> xp.arange(3)]) or x)(1.0)
    np.testing.assert_array_equal(seen, [[0, 4, 8], [8, 4, 2]])


# DLPack


def test_a_value_whose_trace_has_ended_is_exported():
    kept = []
    cr.grad(lambda x: kept.extend([x * 2, np.sum(x)]) or kept[1])(X)
    np.testing.assert_array_equal(np.from_dlpack(kept[0]), X * 2, strict=True)
    np.testing.assert_array_equal(np.from_dlpack(kept[1]), np.sum(X))
    assert kept[0].__dlpack_device__() == X.__dlpack_device__()
    back = xp.from_dlpack(np.from_dlpack(kept[0], copy=True))
    np.testing.assert_array_equal(back, X * 2, strict=True)


def test_an_array_made_inside_a_trace_shares_its_memory():
    def f(x):
        a = np.zeros(3)
        exported = np.from_dlpack(a)
        exported[0] = 5.0
        a[1] = 7.0
        np.testing.assert_array_equal(exported, [5.0, 7.0, 0.0])
        del exported
        a[2] = x
        return np.prod(a)

    assert cr.grad(f)(1.0) == 35.0


def test_the_export_of_a_running_value_is_refused_and_remembered():
    with pytest.raises(
        EscapedValueError, match=r"an export of its memory \(DLPack\) would"
    ) as caught:
        cr.grad(lambda x: np.sum(np.from_dlpack(x)))(X)
    assert "stop_gradient" in str(caught.value)

    def swallow(x):
        try:
            return np.sum(np.from_dlpack(x))
        except EscapedValueError:
            return np.sum(x)

    with pytest.raises(EscapedValueError, match="DLPack"):
        cr.grad(swallow)(X)


def test_an_import_of_our_own_array_is_a_view_or_a_copy_of_it():
    def f(x, *, copy):
        a = xp.zeros(3)
        b = xp.from_dlpack(a, copy=copy)
        b[0] = x
        return a[0] * x

    assert cr.grad(f)(3.0, copy=None) == 6.0
    assert cr.grad(f)(3.0, copy=True) == 0.0
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(xp.from_dlpack(x) ** 2))(X), 2 * X)
