"""Calls in the many forms that NumPy's signatures allow: value, dtype and kind of result are NumPy's own."""

import numpy as np
import pytest

from chainrule.core.lists import is_handle
from chainrule.core.trace import ReverseLevel

_rng = np.random.default_rng(0)
_table = _rng.normal(size=(2, 3))
_vector = _rng.normal(size=5)
_cube = _rng.normal(size=(2, 3, 4))
_nan = np.array([[False, True, False], [False, False, False]])
MASK = np.array([True, False, True])
ARRAYS = {
    "table": _table,
    "vector": _vector,
    "cube": _cube,
    "slab": _cube[0],
    "row": np.ones((1, 3)),
    "with_one": _table[None],
    "by_columns": _table.T.copy().T,
    "permuted": _cube.transpose(1, 0, 2),
    "sorted_vector": np.sort(_vector),
    "complex_table": _table + 1j * _table[::-1],
    "half": _table.astype(np.float16),
    "single": _table.astype(np.float32),
    "single_vector": _vector.astype(np.float32),
    "with_nan": np.where(_nan, np.nan, _table),
    "single_with_nan": np.where(_nan, np.nan, _table).astype(np.float32),
    "running": np.array([1.0, 3, 2, np.nan, 5, 7]),
    "number": np.float64(2.5),
    "single_number": np.float32(2),
    "python_number": 2.5,
}
CALLS = [
    ("table", lambda x: x.sum()),
    ("table", lambda x: x.sum(0)),
    ("table", lambda x: x.sum(axis=(0, 1), keepdims=True)),
    ("table", lambda x: np.sum(x, 0, None, None, True)),
    ("table", lambda x: np.sum(x, dtype=np.float32)),
    ("table", lambda x: np.sum(x, dtype=int)),
    ("single", lambda x: np.sum(x, initial=1)),
    ("single", lambda x: np.sum(x, where=MASK, initial=np.float64(2))),
    ("number", lambda x: np.sum(x, axis=0)),
    ("number", lambda x: np.sum(x, axis=-1)),
    ("number", lambda x: np.sum(x, keepdims=True)),
    ("python_number", lambda x: np.sum(x)),
    ("half", lambda x: np.sum(x)),
    ("half", lambda x: x.mean()),
    ("half", lambda x: np.mean(x, axis=0)),
    ("half", lambda x: x.var()),
    ("single", lambda x: np.std(x, 0, None, None, 1)),
    ("single", lambda x: np.var(x, dtype=np.float64)),
    ("complex_table", lambda x: np.var(x)),
    ("complex_table", lambda x: np.std(x, axis=0)),
    ("single", lambda x: np.mean(x, where=MASK)),
    ("table", lambda x: x.prod()),
    ("single", lambda x: np.prod(x, axis=1, initial=3.0)),
    ("table", lambda x: x.max()),
    ("table", lambda x: x.min(0)),
    ("table", lambda x: np.max(x, axis=(0, 1))),
    ("table", lambda x: np.amax(x, 1, None, True)),
    ("single", lambda x: np.max(x, initial=0.5)),
    ("with_nan", lambda x: np.max(x)),
    ("complex_table", lambda x: np.max(x)),
    ("table", lambda x: x.argmax()),
    ("table", lambda x: np.argmin(x, axis=0, keepdims=True)),
    ("number", lambda x: np.argmax(x)),
    ("table", lambda x: x.all()),
    ("table", lambda x: np.any(x, axis=0, where=MASK)),
    ("table", lambda x: np.count_nonzero(x)),
    ("table", lambda x: np.count_nonzero(x, axis=0)),
    ("table", lambda x: x.cumsum()),
    ("single", lambda x: x.cumsum(0)),
    ("single", lambda x: np.cumsum(x, 1, np.float64)),
    ("number", lambda x: np.cumprod(x)),
    ("number", lambda x: np.cumsum(x, axis=0)),
    ("table", lambda x: np.ptp(x, axis=-1)),
    ("table", lambda x: np.percentile(x, 30)),
    ("table", lambda x: np.percentile(x, [30, 60], axis=(0, 1))),
    ("single", lambda x: np.percentile(x, np.array(30))),
    ("half", lambda x: np.percentile(x, 50)),
    ("table", lambda x: np.median(x)),
    ("with_nan", lambda x: np.median(x, axis=1, keepdims=True)),
    ("with_nan", lambda x: np.nanmedian(x, axis=1)),
    ("number", lambda x: np.median(x)),
    ("single", lambda x: np.median(x)),
    ("with_nan", lambda x: np.nanmax(x)),
    ("with_nan", lambda x: np.nanmin(x, axis=0)),
    ("with_nan", lambda x: np.nansum(x, axis=0, keepdims=True)),
    ("with_nan", lambda x: np.nanmean(x, axis=1)),
    ("single_with_nan", lambda x: np.nanstd(x, axis=1, ddof=1)),
    ("single", lambda x: np.std(x, ddof=np.int64(1))),
    ("single", lambda x: np.var(x, axis=0, ddof=np.float64(0.5))),
    ("with_nan", lambda x: np.nanvar(x)),
    ("with_nan", lambda x: np.nanargmax(x)),
    ("with_nan", lambda x: np.nanprod(x, 0)),
    ("with_nan", lambda x: np.nancumsum(x)),
    ("single", lambda x: np.nanmax(x, axis=1, keepdims=True)),
    ("table", lambda x: np.average(x, axis=(0, 1))),
    ("single", lambda x: np.average(x, weights=[1, 2, 3], axis=1, returned=True)),
    ("single", lambda x: np.average(x, returned=True)),
    ("table", lambda x: np.average(x, axis=(1, 0), weights=np.arange(6.0).reshape(3, 2) + 1)),
    ("table", lambda x: np.average(x, axis=0, keepdims=True, weights=[1, 2], returned=True)),
    ("vector", lambda x: np.sort(x)[::-1]),
    ("vector", lambda x: np.argsort(x)),
    ("vector", lambda x: np.partition(x, (1, 3))),
    ("complex_table", lambda x: np.sort(x, axis=None)),
    ("sorted_vector", lambda x: np.searchsorted(x, 0.1)),
    ("sorted_vector", lambda x: x.searchsorted([0.1, 0.2])),
    ("cube", lambda x: np.diff(x, 2, 0)),
    ("table", lambda x: np.diff(x, append=0)),
    ("table", lambda x: np.diff(x, prepend=x[:, :1])),
    ("table", lambda x: np.trapezoid(x, dx=2)),
    ("table", lambda x: np.trapezoid(x, [0, 1, 3])),
    ("single", lambda x: np.ediff1d(x)),
    ("slab", lambda x: np.cov(x)),
    ("slab", lambda x: np.cov(x, bias=True, fweights=[1, 2, 3, 4], aweights=[0.1, 0.2, 0.3, 0.4])),
    ("complex_table", lambda x: np.cov(x)),
    ("complex_table", lambda x: np.corrcoef(x)),
    ("vector", lambda x: np.corrcoef(x)),
    ("vector", lambda x: np.cov(x, x[::-1])),
    ("single", lambda x: np.cov(x)),
    ("slab", lambda x: np.corrcoef(x, rowvar=False)),
    ("table", lambda x: np.add.reduce(x)),
    ("table", lambda x: np.add.reduce(x, axis=None)),
    ("table", lambda x: np.add.reduce(x, axis=(0, 1), keepdims=True)),
    ("table", lambda x: np.multiply.reduce(x, 1)),
    ("table", lambda x: np.maximum.reduce(x)),
    ("table", lambda x: np.minimum.reduce(x, axis=1, initial=0.0)),
    ("cube", lambda x: np.subtract.reduce(x)),
    ("cube", lambda x: np.divide.reduce(x, axis=1)),
    ("table", lambda x: np.add.accumulate(x, axis=1)),
    ("running", lambda x: np.maximum.accumulate(x)),
    ("cube", lambda x: np.minimum.accumulate(x, axis=0)),
    ("table", lambda x: np.add.outer(x, ARRAYS["vector"])),
    ("table", lambda x: np.multiply.outer(ARRAYS["vector"], x)),
    ("table", lambda x: np.logical_and.reduce(x)),
    ("table", lambda x: np.logaddexp.reduce(x)),
    ("table", lambda x: np.logaddexp.reduce(x, axis=1)),
    ("table", lambda x: x.reshape(-1)),
    ("table", lambda x: x.reshape(3, -1)),
    ("table", lambda x: x.reshape((3, 2), order="F")),
    ("table", lambda x: np.reshape(x, 6)),
    ("by_columns", lambda x: np.reshape(x, (2, 3), "A")),
    ("number", lambda x: x.reshape(())),
    ("python_number", lambda x: np.reshape(x, 1)),
    ("permuted", lambda x: x.ravel("K")),
    ("cube", lambda x: x.transpose()),
    ("cube", lambda x: x.transpose(1, 0, 2)),
    ("number", lambda x: x.T),
    ("number", lambda x: np.transpose(x)),
    ("with_one", lambda x: x.squeeze()),
    ("number", lambda x: np.expand_dims(x, -1)),
    ("table", lambda x: np.concatenate([x, ARRAYS["single"]])),
    ("table", lambda x: np.concatenate([x, x], dtype=np.float32)),
    ("cube", lambda x: np.concatenate(x)),
    ("vector", lambda x: np.concatenate((x, [1, 2]))),
    ("single_number", lambda x: np.stack([x, 1.0])),
    ("cube", lambda x: np.stack(x)),
    ("python_number", lambda x: np.stack([x, 2, 3])),
    ("vector", lambda x: np.vstack([x, x])),
    ("number", lambda x: np.hstack([x, x])),
    ("number", lambda x: np.hstack([x, [1, 2]])),
    ("table", lambda x: np.block([[x, x], [x, x]])),
    ("number", lambda x: np.block([[x], [1.0]])),
    ("table", lambda x: np.block(x)),
    ("vector", lambda x: np.block([x, 1.0])),
    ("row", lambda x: np.block([[x[0], np.ones(2)], [ARRAYS["vector"]]])),
    ("table", lambda x: np.append(x, [1, 2])),
    ("vector", lambda x: np.insert(x, 1, 9.0)),
    ("vector", lambda x: np.insert(x, [0, -1], [1.0, 2.0])),
    ("vector", lambda x: np.insert(x, -1, [1.0, 2.0])),
    ("table", lambda x: np.insert(x, 1, x[:, 0], axis=1)),
    ("table", lambda x: np.insert(x, [1], [[1.0], [2.0]], axis=1)),
    ("vector", lambda x: np.insert(x, np.array([True, False, True, False, False]), [1.0, 2.0])),
    ("vector", lambda x: np.insert(x, [1, 2, 2], 7.0)),
    ("table", lambda x: np.insert(x, 1, [1, 2, 3], axis=0)),
    ("vector", lambda x: np.delete(x, [0, 2])),
    ("table", lambda x: np.delete(x, -1, axis=1)),
    ("vector", lambda x: np.delete(x, slice(1, 3))),
    ("table", lambda x: np.split(x, [1, 2], axis=1)),
    ("vector", lambda x: np.array_split(x, 4)),
    ("table", lambda x: np.unstack(x, axis=1)),
    ("cube", lambda x: np.dsplit(x, 2)),
    ("table", lambda x: np.roll(x, 1)),
    ("table", lambda x: np.roll(x, (1, 2))),
    ("cube", lambda x: np.roll(x, (1, 1), axis=(0, 0))),
    ("cube", lambda x: np.roll(x, 3, axis=-2)),
    ("number", lambda x: np.roll(x, 1)),
    ("table", lambda x: np.repeat(x, [1, 2], axis=0)),
    ("table", lambda x: x.repeat(2)),
    ("table", lambda x: np.repeat(x, [2])),
    ("vector", lambda x: np.tile(x, (2, 2))),
    ("table", lambda x: np.tile(x, ())),
    ("table", lambda x: np.resize(x, (3, 3))),
    ("table", lambda x: np.resize(x, 4)),
    ("table", lambda x: np.resize(x, ())),
    ("vector", lambda x: np.diag(x)),
    ("table", lambda x: np.diag(x, -1)),
    ("table", lambda x: x.diagonal()),
    ("table", lambda x: x.trace()),
    ("cube", lambda x: np.trace(x, axis1=0, axis2=2)),
    ("cube", lambda x: np.tril(x, -1)),
    ("vector", lambda x: np.triu(x)),
    ("table", lambda x: np.diagflat(x, 2)),
    ("vector", lambda x: np.meshgrid(x, x)),
    ("vector", lambda x: np.meshgrid(x, [1, 2], indexing="ij", sparse=True)),
    ("vector", lambda x: np.meshgrid(x, 3.0)),
    ("slab", lambda x: np.broadcast_arrays(x, ARRAYS["cube"])),
    ("vector", lambda x: np.atleast_2d(x, ARRAYS["cube"])),
    ("table", lambda x: np.rot90(x, 5)),
    ("number", lambda x: np.flip(x)),
    ("table", lambda x: np.pad(x, (1, 2), "reflect", reflect_type="odd")),
    ("table", lambda x: np.pad(x, 3, "mean", stat_length=((1, 2), (3, 1)))),
    ("table", lambda x: np.pad(x, 3, "constant", constant_values=(1, 2))),
    ("single", lambda x: np.pad(x, 2, "linear_ramp", end_values=((1, 2), (3, 4)))),
    ("vector", lambda x: np.pad(x, [(1, 2)])),
    ("vector", lambda x: np.cumulative_sum(x)),
    ("single", lambda x: np.cumulative_prod(x, axis=1, include_initial=True)),
    ("table", lambda x: np.size(x, 1)),
    ("table", lambda x: np.shape(x)),
    ("table", lambda x: np.ndim(x)),
]
LEVELS = {
    "0": 0,
    "1.0": 1.0,
    "0.5": 0.5,
    "float32": np.float32(0.3),
    "float64": np.float64(0.3),
    "integers": [0, 1],
    "table": np.array([[0.1, 0.2], [0.3, 0.4]]),
}
METHODS = [
    "linear",
    "lower",
    "higher",
    "midpoint",
    "nearest",
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "median_unbiased",
    "normal_unbiased",
]
MODES = [
    "constant",
    "edge",
    "reflect",
    "symmetric",
    "wrap",
    "linear_ramp",
    "mean",
    "maximum",
    "minimum",
    "median",
]
WIDTHS = [1, (2, 1), ((1, 2), (0, 3)), ((0, 0), (7, 8)), [[2], [1]]]


def plain(result):
    if isinstance(result, (tuple, list)):
        return type(result)(plain(r) for r in result)
    return result.leaf() if is_handle(result) else result


def assert_is_numpys(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, (tuple, list)):
        for one, other in zip(got, expected, strict=True):
            assert_is_numpys(one, other)
        return
    assert np.shape(got) == np.shape(expected)
    assert np.asarray(got).dtype == np.asarray(expected).dtype
    rough = np.asarray(expected).dtype == np.float16
    np.testing.assert_allclose(got, expected, rtol=2e-3 if rough else 1e-6)


def check(call, x):
    with ReverseLevel() as level:
        result = plain(call(level.input(x)))
    assert_is_numpys(result, call(x))


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_a_call_gives_what_numpy_gives(name, call):
    check(call, ARRAYS[name])


@pytest.mark.parametrize("x", ["vector", "single_vector"])
@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("quantile", [np.quantile, np.nanquantile])
def test_every_method_of_quantiles_is_numpys(quantile, method, level, x):
    for size in (1, 2, 5):
        check(lambda x: quantile(x, level, method=method), ARRAYS[x][:size])


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("quantile", [np.quantile, np.nanquantile])
def test_quantiles_along_an_axis_are_numpys(quantile, level):
    check(lambda x: quantile(x, level, axis=1, keepdims=True), ARRAYS["cube"])
    check(lambda x: quantile(x, level, axis=1), ARRAYS["with_nan"])


@pytest.mark.parametrize("x", ["table", "single"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_padding_is_numpys(mode, width, x):
    check(lambda x: np.pad(x, width, mode), ARRAYS[x])
