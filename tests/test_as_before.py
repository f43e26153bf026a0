"""Code with nothing traced in it runs inside a traced function as outside: compiled code, files, text, threads."""

import bisect
import collections
import copy
import csv
import ctypes
import datetime as dt
import decimal
import fractions
import functools
import inspect
import io
import itertools
import json
import logging
import math
import pickle
import random
import statistics
import struct
import sys
import tempfile
import threading
from array import array
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy
from scipy import (
    cluster,
    fft,
    integrate,
    interpolate,
    linalg,
    ndimage,
    optimize,
    signal,
    sparse,
    spatial,
    special,
    stats,
)
from scipy.sparse.linalg import cg, eigsh, splu, spsolve

import chainrule as cr


def nearest_neighbours():
    points = np.arange(12.0).reshape(6, 2) ** 1.5
    distances, _ = spatial.cKDTree(points).query(np.array([[3.0, 4.0], [9.0, 9.0]]), k=2)
    return distances


def convex_hull():
    return spatial.ConvexHull(np.array([[0.0, 0], [1, 0], [0, 1], [0.2, 0.2]])).volume


def triangulation():
    return spatial.Delaunay(np.random.default_rng(0).random((8, 2))).simplices


def distance_matrix():
    a = np.eye(3)
    a[0] = 2.0
    return spatial.distance.squareform(spatial.distance.pdist(a)) + spatial.distance.cdist(a, a)


def rotation():
    return spatial.transform.Rotation.from_euler("z", 30, degrees=True).apply(np.array([1.0, 0, 0]))


def sparse_system():
    a = sparse.diags_array([np.full(4, -1.0), np.full(5, 3.0)], offsets=[1, 0]).tocsc()
    return spsolve(a, np.arange(5.0)) + a @ np.ones(5)


def sparse_matrix_assembled():
    i, j, v = np.array([0, 1, 1]), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0])
    return sparse.coo_array((v, (i, j)), shape=(2, 2)).toarray()


def sparse_iterations():
    a = sparse.csr_array(np.diag([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    return cg(a, np.ones(6))[0].sum() + eigsh(a, k=2, v0=np.ones(6))[0].round(9)


def quadrature():
    return integrate.quad(lambda t: np.exp(-(t**2)), 0, np.inf)


def double_integral():
    return integrate.dblquad(lambda y, x: x * y, 0, 1, 0, lambda x: np.sqrt(x))


def initial_value_problem():
    def slope(t, y):
        dy = np.zeros(2)
        dy[0], dy[1] = y[1], -y[0]
        return dy

    return integrate.solve_ivp(slope, (0, 1), np.array([1.0, 0.0]), t_eval=np.linspace(0, 1, 4)).y


def stiff_problem():
    return integrate.solve_ivp(lambda t, y: -50 * y, (0, 1), np.ones(1), method="LSODA").y[0, -1:]


def odeint():
    return integrate.odeint(lambda y, t: np.array([y[1], -y[0]]), np.ones(2), np.linspace(0, 1, 3))


def sampled_integrals():
    y = np.linspace(0, 1, 5) ** 2
    return integrate.simpson(y, dx=0.25) + integrate.cumulative_trapezoid(y)


def root_bracketed():
    return optimize.brentq(lambda t: np.cos(t) - t, 0, 1)


def minimum():
    return optimize.minimize(lambda v: np.sum((v - np.arange(2)) ** 2), np.zeros(2)).x


def minimum_without_gradient():
    return optimize.minimize(lambda v: ((v - 1) ** 2).sum(), np.zeros(2), method="Nelder-Mead").x


def roots_of_a_system():
    return optimize.root(lambda v: np.array([v[0] + v[1] - 3, v[0] - v[1]]), np.zeros(2)).x


def curve_fitted():
    t = np.linspace(0, 1, 8)
    return optimize.curve_fit(lambda t, a, b: a * np.exp(b * t), t, 2 * np.exp(-t))[0]


def least_squares_fit():
    return optimize.least_squares(lambda v: np.array([v[0] - 1, v[1] * v[0] - 2]), np.ones(2)).x


def linear_program():
    return optimize.linprog(np.array([-1.0, -2.0]), A_ub=np.ones((1, 2)), b_ub=np.array([4.0])).x


def assignment():
    rows, columns = optimize.linear_sum_assignment(np.array([[4.0, 1, 3], [2, 0, 5], [3, 2, 2]]))
    return rows * columns


def cubic_spline():
    t = np.linspace(0, 3, 6)
    return interpolate.CubicSpline(t, np.sin(t))(np.array([0.5, 2.2]))


def other_interpolations():
    t = np.arange(4.0)
    grid = interpolate.RegularGridInterpolator((t, t), np.outer(t, t))
    return (
        interpolate.interp1d(t, t**2)(1.5)
        + interpolate.PchipInterpolator(t, t**2)(1.5)
        + grid(np.array([[0.5, 1.5]]))
        + interpolate.griddata(np.array([[0.0, 0], [1, 0], [0, 1]]), np.ones(3), [[0.2, 0.2]])
    )


def distributions():
    return stats.norm.cdf(np.linspace(-1, 1, 3)) + stats.gamma(2.0).pdf(1.0) + stats.t.ppf(0.9, 5)


def statistical_tests():
    a, b = np.arange(8.0), np.arange(8.0) ** 1.1
    return [*stats.ttest_ind(a, b), *stats.spearmanr(a, b), *stats.linregress(a, b)]


def kernel_density():
    return stats.gaussian_kde(np.array([0.0, 0.5, 1.5]))(np.linspace(0, 1, 3))


def filters():
    b, a = signal.butter(3, 0.2)
    wave = np.sin(np.arange(40.0))
    return (
        signal.lfilter(b, a, wave) + signal.filtfilt(b, a, wave) + signal.savgol_filter(wave, 5, 2)
    )


def peaks():
    return signal.find_peaks(np.sin(np.linspace(0, 20, 100)))[0]


def images():
    image = np.zeros((5, 5))
    image[2, 2] = 1.0
    labels, count = ndimage.label(image > 0)
    return ndimage.gaussian_filter(image, 1.0) + labels * count + ndimage.sobel(image)


def fourier():
    return (
        np.abs(fft.fft(np.arange(5.0))) + fft.dct(np.arange(5.0)) + np.abs(np.fft.fft(np.ones(5)))
    )


def dense_algebra():
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    factors = linalg.lu_factor(a)
    return linalg.lu_solve(factors, np.ones(2)) + linalg.solve(a, np.ones(2)) + linalg.expm(a)[0]


def special_functions():
    return special.jv(2, np.arange(3.0)) + special.logsumexp(np.arange(3.0)) + special.factorial(4)


def clusters():
    points = np.array([[0.0, 0], [0, 1], [9, 9], [9, 8]])
    return cluster.hierarchy.fcluster(cluster.hierarchy.linkage(points), 2, "maxclust")


def name_of_the_package():
    return scipy.special.gammaln(np.arange(1.0, 4)) + scipy.linalg.norm(np.ones(4))


def random_numbers():
    rng = np.random.default_rng(3)
    deck = np.arange(10)
    rng.shuffle(deck)
    return [
        *deck,
        *rng.permutation(np.arange(4)),
        *rng.choice(np.array([1.0, 2.0, 3.0]), 2, p=np.array([0.2, 0.3, 0.5])),
        *rng.multivariate_normal(np.zeros(2), np.eye(2)),
        *rng.normal(np.zeros(2), np.ones(2)),
    ]


def random_numbers_as_of_old():
    state = np.random.RandomState(0)
    deck = np.arange(5)
    state.shuffle(deck)
    return [*deck, *state.permutation(5), *state.multinomial(9, np.ones(3) / 3), state.rand()]


def sorting():
    a, b = np.array([2, 1, 2, 1]), np.array([3, 4, 1, 2])
    return [
        *np.lexsort((b, a)),
        *np.argsort(b, kind="stable"),
        *np.unique(a, return_counts=True)[1],
    ]


def histograms():
    counts, edges = np.histogram(np.arange(10.0) ** 1.5, bins=4)
    return [*counts, *edges, *np.bincount(np.array([0, 2, 2])), *np.digitize([0.5], edges)]


def sets():
    return [*np.intersect1d([1, 2, 3], np.array([2, 3])), *np.setdiff1d(np.arange(4), [1])]


def text_files():
    file = io.StringIO()
    np.savetxt(file, np.arange(6.0).reshape(2, 3), fmt="%.3f")
    file.seek(0)
    return np.loadtxt(file) + np.genfromtxt(io.StringIO("1 2 3"))


def binary_files():
    file = io.BytesIO()
    np.savez(file, a=np.arange(3.0), b=np.eye(2))
    file.seek(0)
    with np.load(file) as saved:
        return saved["a"].sum() + saved["b"]


def mapped_memory():
    with tempfile.NamedTemporaryFile() as file:
        mapped = np.memmap(file.name, dtype=float, mode="w+", shape=(3,))
        mapped[:] = np.arange(3.0)
        mapped.flush()
        return np.fromfile(file.name)


def structured_arrays():
    people = np.zeros(2, dtype=[("age", int), ("height", float)])
    people["age"] = [40, 30]
    people[0]["height"] = 1.8
    return np.sort(people, order="age")["height"] + np.rec.fromarrays([np.arange(2.0)], names="x").x


def dates():
    days = np.arange("2024-02-27", "2024-03-02", dtype="datetime64[D]")
    return (days - np.datetime64("2024-01-01")).astype(int) + np.busday_count(days[0], days[-1])


def text_arrays():
    words = np.array(["plate", "flame"])
    lengths = np.char.str_len(np.char.add(words, "s"))
    return lengths + (words == "flame") + np.strings.count(words, "a")


def object_arrays():
    things = np.array([fractions.Fraction(1, 3), decimal.Decimal(2)], dtype=object)
    ragged = np.empty(2, dtype=object)
    ragged[0] = [1, 2]
    return float(things[0]) + float(things[1]) + len(ragged[0])


def masked_arrays():
    masked = np.ma.masked_greater(np.arange(5.0), 3)
    return masked.mean() + np.ma.filled(masked, -1.0)


def buffers():
    text = np.arange(3.0).data.tobytes() + bytes(np.ones(1).data)
    return [*np.frombuffer(text), *np.frombuffer(b"\x01\x02", np.uint8)]


def addresses():
    numbers = np.arange(4.0)
    pointer = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    pointer[1] = 7.0
    return [numbers[1], pointer[3]]


def bytes_packed():
    packed = struct.pack("2d", *np.array([1.0, 2.0])) + np.arange(2.0).tobytes()
    return np.frombuffer(packed) + len(array("d", np.ones(3)))


def json_text():
    text = json.dumps(
        {"x": np.arange(3.0).tolist(), "n": int(np.int64(4)), "y": float(np.ones(1)[0])}
    )
    return json.loads(text)["x"]


def pickles():
    return pickle.loads(pickle.dumps({"a": np.arange(3.0)}))["a"] + copy.deepcopy(np.ones(3))


def csv_text():
    file = io.StringIO()
    csv.writer(file).writerows(np.arange(4).reshape(2, 2))
    return [int(v) for line in csv.reader(io.StringIO(file.getvalue())) for v in line]


def formatting():
    a = np.array([1.0, 2.5])
    text = f"{a[1]:.3f} {a} {a!r}" + np.array2string(a, precision=1)
    text += "%5.2f %d" % (a[0], a[1]) + "{:>6}".format(a[0])  # noqa: UP031, UP032  all three ways
    with np.printoptions(precision=2):
        text += str(np.array([1 / 3]))
    return [ord(c) for c in text]


def logging_a_number():
    lines = io.StringIO()
    logger = logging.Logger("solver")  # noqa: LOG001  one of its own leaves the others alone
    logger.addHandler(logging.StreamHandler(lines))
    logger.warning("residual %.3e of %d: %s", np.ones(2).sum(), np.arange(4)[2], np.zeros(2))
    return len(lines.getvalue())


def threads():
    def work(n):
        return np.linalg.norm(np.arange(n, dtype=float)) + np.zeros(3).sum()

    done = []
    thread = threading.Thread(target=lambda: done.append(work(3)))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        return [*pool.map(work, [2, 3, 4]), *done]


def pythons_own_modules():
    a = np.array([3.0, 1.0, 2.0])
    return [
        math.fsum(a),
        math.sqrt(a[0]),
        math.hypot(*a),
        statistics.median(a),
        statistics.stdev(a),
        bisect.bisect(sorted(a), 2.5),
        random.Random(0).choice(a),  # noqa: S311  nothing secret
        *itertools.accumulate(a),
        functools.reduce(max, a),
        collections.Counter(np.array([1, 1, 2]).tolist())[1],
        round(a[1] / 3, 2),
        int(a[2]),
        complex(a[0]).real,
        dt.timedelta(days=a[0]).days,
        sum(range(np.array([2, 5])[1])),
        [10, 20, 30][np.argmax(a)],
        len("x" * np.int64(3)),
    ]


def iterators():
    a = np.arange(4.0).reshape(2, 2)
    total = sum(v * (i + j) for (i, j), v in np.ndenumerate(a))
    with np.nditer(a, op_flags=["readwrite"]) as items:
        for v in items:
            v[...] = 2 * v
    return [total, *a.flat, *(i for i, _ in np.ndindex(2, 2)), *np.broadcast(a, a[0]).shape]


def strides():
    a = np.arange(6.0)
    windows = np.lib.stride_tricks.as_strided(a, (4, 3), (8, 8))
    return windows.sum(axis=1) + np.lib.stride_tricks.sliding_window_view(a, 3).max(axis=1)


def types_asked():
    a = np.zeros((2, 3), dtype=np.float32, order="F")
    return [
        isinstance(a, np.ndarray),
        a.flags.f_contiguous,
        a.strides[0],
        np.issubdtype(a.dtype, np.floating),
        np.finfo(a.dtype).bits,
        np.can_cast(int, a.dtype),
        np.shares_memory(a, a[0]),
        np.iterable(a),
        np.isscalar(a[0, 0]),
    ]


def subclass_of_arrays():
    class Metres(np.ndarray):
        def in_feet(self):
            return np.asarray(self) / 0.3048

    return np.arange(3.0).view(Metres).in_feet()


def ufunc_of_ones_own():
    gcd = np.frompyfunc(math.gcd, 2, 1)
    return gcd(np.array([12, 18]), 6).astype(int) + np.vectorize(lambda v: v // 2)(np.arange(2))


def polynomials():
    p = np.polynomial.Polynomial(np.array([1.0, 2.0, 3.0]))
    return [*p.roots().real, p(2.0), *np.polynomial.chebyshev.chebval(np.ones(2), np.arange(3.0))]


def linear_algebra_of_integers():
    return np.linalg.matrix_rank(np.eye(3, dtype=int)) + np.array([[1, 2], [3, 4]]) @ np.arange(2)


def error_state():
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        np.ones(1) / np.zeros(1)
    with pytest.raises(ValueError, match="shapes"):
        np.ones(2) + np.ones(3)
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.inv(np.zeros((2, 2)))
    return 1.0


# NumPy says so of every class it does not know; along one axis the shuffle is right.
pytestmark = pytest.mark.filterwarnings("ignore:you are shuffling")

PROGRAMS = [
    f for name, f in list(globals().items()) if inspect.isfunction(f) and f.__module__ == __name__
]


@pytest.fixture(params=PROGRAMS, ids=lambda f: f.__name__)
def program(request):
    return request.param


def test_in_a_gradient_as_outside(program):
    results = [program()]

    def f(x):
        results.append(program())
        return x * np.sum(np.asarray(results[1], dtype=float)) + np.sin(x)

    gradient = cr.grad(f)(2.0)
    expected, got = (np.asarray(r, dtype=float) for r in results)
    np.testing.assert_array_equal(got, expected)
    assert gradient == pytest.approx(np.sum(expected) + np.cos(2.0), rel=1e-15)


def test_in_nested_transforms_as_outside(program):
    def f(x):
        return x**3 * np.sum(np.asarray(program(), dtype=float))

    expected = 12.0 * np.sum(np.asarray(program(), dtype=float))
    moved = cr.jvp(cr.grad(f), (2.0,), (1.0,))[1]
    assert moved == pytest.approx(expected, rel=1e-14)


def memory_view():
    return memoryview(np.ones(3)).nbytes


def method_of_compiled_type():
    return splu(sparse.eye_array(3, format="csc")).solve(np.ones(3))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python code cannot export memory")
def test_memory_of_an_array_made_in_a_trace_is_the_arrays_own():
    def f(x):
        a = np.ones(3)
        memoryview(a)[1] = 5.0
        return x * np.sum(a)

    assert cr.grad(f)(2.0) == 7.0
    assert cr.compile(f)(2.0) == 14.0
    assert cr.grad(lambda x: x * memory_view())(2.0) == 24.0


@pytest.mark.parametrize(
    "program",
    [*[memory_view] * (sys.version_info < (3, 12)), method_of_compiled_type],
)
def test_compiled_code_that_takes_nothing_but_real_arrays_says_so(program):
    with pytest.raises(TypeError, match="TracedArray"):
        cr.grad(lambda x: x * np.sum(program()))(2.0)
