"""Numbers at which formulas differ that agree elsewhere, and the comparison that sees it."""

import numpy as np

REALS = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1e300, -1e300, 1.0, -1.0, 2.5, -2.5)


def reals(dtype):
    """Return special values as an array of one axis; what does not fit becomes 0 or infinite."""
    with np.errstate(all="ignore"):
        return np.array(REALS).astype(dtype)


def complexes(dtype):
    """Return every pair of special values as complex numbers."""
    parts = reals(np.empty(0, dtype).real.dtype)
    x = np.empty((len(parts), len(parts)), dtype)
    x.real, x.imag = parts[:, None], parts
    return x.ravel()


def assert_same(got, wanted):
    """Compare type, dtype, shape, values, signs of zeros and where NaN stands."""
    assert type(got) is type(wanted)
    assert np.asarray(got).dtype == np.asarray(wanted).dtype
    np.testing.assert_array_equal(_signs(got), _signs(wanted))
    np.testing.assert_array_equal(got, wanted)


def assert_same_within_rounding(got, wanted):
    """Compare type, dtype, shape, values within rounding, signs of zeros and where NaN stands."""
    assert type(got) is type(wanted)
    t = np.asarray(wanted).dtype
    assert np.asarray(got).dtype == t
    if t.kind not in "fc":
        np.testing.assert_array_equal(got, wanted)
        return
    for x, y in ((np.real(got), np.real(wanted)), (np.imag(got), np.imag(wanted))):
        np.testing.assert_array_equal(np.isnan(x), np.isnan(y))
        is_special = (y == 0) | np.isinf(y)
        np.testing.assert_array_equal(np.signbit(x)[is_special], np.signbit(y)[is_special])
    within = 20 * np.finfo(t).eps
    np.testing.assert_allclose(got, wanted, rtol=within, atol=0)


def _signs(x):
    parts = np.stack([np.real(x), np.imag(x)])
    return np.where(np.isnan(parts), 0, np.copysign(1, parts)) if parts.dtype.kind == "f" else 0
