"""The law of every SciPy call: its value is SciPy's, and both modes agree with central differences, in both orders."""

import numpy as np

import chainrule as cr

STEP = 1e-5


def assert_follows(f, *xs, order=2, within=1e-6, step=STEP):
    """Compare gradient, tangent and second derivatives of `f` with differences along a random direction.

    Args:
        f: returns an array, or a tuple of arrays of which the floating-point ones count.
        *xs: its arguments, all differentiated.
        order: how many derivatives are compared.
        within: the largest error of the first, relative to its size.
        step: of the differences; a solver's result needs a step well above its accuracy.
    """
    ts = _direction(xs)
    value, pullback = cr.vjp(_summed(f), *xs)
    assert np.isclose(value, _summed(f)(*xs), rtol=1e-8, atol=1e-8), "the value is not SciPy's"
    slope = _paired(pullback(1.0), ts)
    expected = _difference(_summed(f), xs, ts, step)
    assert abs(slope - expected) <= within * max(1.0, abs(expected)), (
        f"{slope}, expected {expected}"
    )
    _, moved = cr.jvp(_summed(f), xs, ts)
    assert abs(moved - slope) <= 1e-7 * max(1.0, abs(slope)), f"forward {moved}, reverse {slope}"
    if order == 2:
        _assert_second(f, xs, ts)


def _assert_second(f, xs, ts):
    every = tuple(range(len(xs)))

    def slope(*xs):
        return _paired(cr.grad(_summed(f), every)(*xs), ts)

    curvature = _paired(cr.grad(slope, every)(*xs), ts)
    expected = _difference(slope, xs, ts)
    assert abs(curvature - expected) <= 2e-4 * max(1.0, abs(expected)), (
        f"second: {curvature}, expected {expected}"
    )
    (mixed,) = [_paired(cr.hvp(_summed(f), xs, ts), ts)]
    assert abs(mixed - curvature) <= 1e-6 * max(1.0, abs(curvature)), (
        f"hvp {mixed}, reverse over reverse {curvature}"
    )


def _direction(xs):
    rng = np.random.default_rng(1)
    return tuple(
        np.asarray(rng.uniform(0.3, 1.0, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x)))[()]
        for x in xs
    )


def _summed(f):
    """Return the sum of the results, each element with a weight of its own."""

    def total(*xs):
        out = f(*xs)
        result = 0.0
        for k, part in enumerate(out if isinstance(out, tuple) else (out,)):
            dtype = getattr(part, "dtype", None)
            if dtype is None:
                part = np.asarray(part)  # noqa: PLW2901  a Python number
            if part.dtype.kind in "fc":
                weights = np.cos(np.arange(part.size) + k).reshape(part.shape)
                result = result + np.sum(np.real(part * weights))
        return result

    return total


def _paired(gs, ts):
    return sum(np.sum(g * t) for g, t in zip(gs, ts, strict=True))


def _difference(f, xs, ts, step=STEP):
    ahead = f(*(x + step * t for x, t in zip(xs, ts, strict=True)))
    behind = f(*(x - step * t for x, t in zip(xs, ts, strict=True)))
    return (ahead - behind) / (2 * step)
