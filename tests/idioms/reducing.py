"""Sums, statistics, distances, and what is computed along axes."""

import numpy as np
from scipy import special

WEIGHTS = np.array([0.5, 1.0, 2.0, 1.0, 0.5, 0.1])


def mean_and_deviation(x):
    return (x - x.mean()) / x.std(ddof=1)


def standardised_rows(x):
    a = x.reshape(2, 3)
    return (a - a.mean(0)) / (a.var(axis=0, keepdims=True) + 1)


def weighted_average(x):
    return np.average(x, weights=WEIGHTS) * np.average(WEIGHTS, weights=x)


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def log_of_summed_exponentials(x):
    m = x.max()
    return m + np.log(np.sum(np.exp(x - m))) + special.logsumexp(x)


def cross_entropy(x):
    scores = x.reshape(2, 3)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -logs[np.arange(2), [2, 0]].mean()


def sigmoid_by_sign(x):
    y = x - 1
    return np.where(
        y > 0, 1 / (1 + np.exp(-np.abs(y))), np.exp(-np.abs(y)) / (1 + np.exp(-np.abs(y)))
    )


def cumulative(x):
    return np.cumsum(x) * np.cumprod(x)


def cumulative_by_axis(x):
    a = x.reshape(2, 3)
    return np.cumsum(a, axis=0) @ np.cumsum(a[::-1], axis=1).T


def drawdown(x):
    wealth = np.cumprod(1 + x / 10)
    return wealth / np.maximum.accumulate(wealth[::-1])[::-1]


def differences(x):
    return np.diff(x, n=2) ** 2 + np.ediff1d(x)[:4]


def gradient_of_samples(x):
    return np.gradient(x, 0.5) * np.gradient(x**2)


def trapezoids(x):
    return np.trapezoid(x**2, dx=0.1) * np.trapezoid(np.ones(6), x=np.cumsum(x))


def rolling_mean_by_slices(x):
    return (x[:-2] + x[1:-1] + x[2:]) / 3


def rolling_mean_by_cumsum(x):
    sums = np.cumsum(np.insert(x, 0, 0.0))
    return (sums[3:] - sums[:-3]) ** 2


def rolling_windows(x):
    return np.lib.stride_tricks.sliding_window_view(x, 3).std(axis=1)


def rolling_windows_by_index(x):
    return x[np.arange(4)[:, None] + np.arange(3)].max(axis=1)


def exponential_smoothing(x):
    level = x[0]
    out = [level]
    for value in x[1:]:
        level = 0.3 * value + 0.7 * level
        out.append(level)
    return np.array(out)


def covariance(x):
    return np.cov(x.reshape(2, 3))


def correlation(x):
    return np.corrcoef(x[:3], x[3:])[0, 1]


def pairwise_distances(x):
    points = x.reshape(3, 2)
    apart = points[:, np.newaxis] - points
    squares = (apart**2).sum(-1)
    return np.sqrt(squares[np.triu_indices(3, 1)])


def gram_trick(x):
    points = x.reshape(3, 2)
    squares = np.sum(points**2, axis=1)
    return squares[:, None] + squares - 2 * points @ points.T


def kernel_matrix(x):
    points = x[:3]
    return np.exp(-(np.subtract.outer(points, points) ** 2) / (2 * x[3] ** 2))


def norms(x):
    a = x.reshape(2, 3)
    return (
        np.linalg.norm(a)
        + np.linalg.norm(a, axis=1) @ [1, 2]
        + np.linalg.norm(x, 1)
        + np.linalg.norm(x, np.inf)
    )


def cosine_similarity(x):
    a, b = x[:3], x[3:]
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def einsum_contractions(x):
    a, b = x[:4].reshape(2, 2), x[2:].reshape(2, 2)
    return np.einsum("ij,jk->ik", a, b) + np.einsum("ii", a) * np.einsum("i,j->ij", x[:2], x[3:5])


def tensor_products(x):
    a = x.reshape(1, 2, 3)
    return np.tensordot(a, a, axes=([2], [2])).squeeze() * np.inner(x[:2], x[:2]) + np.vdot(x, x)


def products(x):
    return np.prod(x) * x.reshape(2, 3).prod(axis=1)


def harmonic_and_geometric_mean(x):
    return len(x) / np.sum(1 / x) + np.exp(np.mean(np.log(x)))


def entropy(x):
    p = x / x.sum()
    return -(p * np.log2(p)).sum() + special.entr(p).sum() + special.rel_entr(p, p[::-1]).sum()


def moments(x):
    c = x - x.mean()
    return (c**3).mean() / (c**2).mean() ** 1.5


def log_likelihood_of_a_normal(x):
    return np.sum(-0.5 * ((x - x[0]) / x[1]) ** 2 - np.log(x[1]) - 0.5 * np.log(2 * np.pi))


def log_likelihood_of_a_gamma(x):
    return np.sum((x[0] - 1) * np.log(x) - x - special.gammaln(x[0]))


def beta_binomial(x):
    return special.betaln(x[:3], x[3:]) + special.digamma(x[:3])


def black_scholes(x):
    spot, strike, rate, deviation, time = x[:5]
    d = (np.log(spot / strike) + (rate + deviation**2 / 2) * time) / (deviation * np.sqrt(time))
    cdf = special.ndtr
    return spot * cdf(d) - strike * np.exp(-rate * time) * cdf(d - deviation * np.sqrt(time))


def error_function(x):
    return special.erf(x) + special.erfc(x) * special.expit(x) + special.xlogy(x, x)


def applied_along_an_axis(x):
    return np.apply_along_axis(lambda row: row / row.sum(), 1, x.reshape(2, 3))


def applied_over_axes(x):
    return np.apply_over_axes(np.sum, x.reshape(1, 2, 3), [0, 2])


def vectorised_function(x):
    @np.vectorize
    def f(value, power):
        return value**power if value > 1 else np.sin(value)

    return f(x, 3)


def reduced_in_segments(x):
    return np.add.reduceat(x, [0, 2, 5]) ** 2


def reduced_by_ufunc(x):
    return np.multiply.reduce(x) + np.logaddexp.reduce(x) + np.add.reduce(x.reshape(2, 3), axis=0)


def interpolated(x):
    return (
        np.interp(x, [0.0, 1.0, 2.5], [0.0, 2.0, 1.0]) * np.interp([0.3, 1.7], np.arange(6), x)[0]
    )


def logs_and_powers(x):
    return (
        np.log1p(x)
        + np.expm1(x)
        + np.cbrt(x)
        + x**x
        + 2**x
        + np.hypot(x, 1)
        + np.float_power(x, 1.5)
    )


def angles(x):
    return np.arctan2(x[:3], x[3:]) + np.deg2rad(x[:3]) + np.unwrap(x[3:] * 9)


def remainders(x):
    return np.mod(x, 0.45) * (x % 0.7) + np.modf(x)[0] + x // 0.5


def sinc_and_bessel(x):
    return np.sinc(x) * np.i0(x) + special.j0(x)


def count_and_argmax_as_constants(x):
    return x * np.count_nonzero(x > 1) + x[np.argmax(x)] * np.bincount([1, 1, 2]).max()


def histogram_as_a_constant(x):
    counts, edges = np.histogram(np.arange(10.0), bins=3)
    return x[:3] * counts + edges[:3]


def mean_with_a_mask(x):
    return np.mean(x, where=x > 0.6) * np.sum(x, where=x < 1.5, initial=1.0)


def polynomial_by_horner(x):
    result = 0
    for c in x:
        result = result * 0.7 + c
    return result * np.polyval(x, 1.3) + np.polyval([1.0, 2.0, 3.0], x)


def peak_to_peak(x):
    return np.ptp(x) * (x.max() - x.min())
