"""NumPy inside Python's own constructions: classes, closures, generators, recursion, containers."""

import functools
import itertools
from collections import defaultdict, deque, namedtuple
from dataclasses import dataclass, field, replace

import numpy as np

SCALE = np.array([1.0, 2.0, 3.0])


def parameters_in_a_dictionary(x):
    parameters = {"w": x[:4].reshape(2, 2), "b": x[4:]}
    return np.tanh(parameters["w"] @ np.ones(2) + parameters["b"])


def dictionary_updated(x):
    totals = defaultdict(float)
    for i, value in enumerate(x):
        totals["even" if i % 2 == 0 else "odd"] += value**2
    return np.array([totals["even"], totals["odd"]])


def closure(x):
    def residual(t):
        return x[0] * np.exp(-x[1] * t) - x[2]

    return np.array([residual(t) for t in (0.1, 0.2, 0.7)])


def closure_with_state(x):
    total = 0.0

    def add(value):
        nonlocal total
        total = total * 0.5 + value

    for value in x:
        add(value)
    return total


class _Walker:
    def __init__(self, start):
        self.position = start.copy()
        self.history = []

    def step(self, push):
        self.position += push * self.position
        self.history.append(self.position.copy())


def class_with_state(x):
    walker = _Walker(x[:3])
    for push in x[3:]:
        walker.step(push * 0.1)
    return np.array(walker.history)


@dataclass
class _Particle:
    position: np.ndarray
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(3))


def dataclass_of_arrays(x):
    particle = _Particle(x[:3])
    for _ in range(3):
        particle.velocity -= 0.1 * particle.position
        particle = replace(particle, position=particle.position + particle.velocity * x[3:])
    return particle.position


_State = namedtuple("_State", "level trend")  # noqa: PYI024  as people write it


def named_tuple_rebuilt(x):
    state = _State(x[0], 0.0)
    for value in x[1:]:
        level = 0.5 * value + 0.5 * (state.level + state.trend)
        state = _State(level, 0.3 * (level - state.level) + 0.7 * state.trend)
    return np.array(state)


class _Vector:
    def __init__(self, items):
        self.items = np.asarray(items)

    def __add__(self, other):
        return _Vector(self.items + other.items)

    def __mul__(self, factor):
        return _Vector(self.items * factor)

    __rmul__ = __mul__


def class_with_operators(x):
    return (_Vector(x[:3]) + 2.0 * _Vector(x[3:]) * x[0]).items ** 2


def generator(x):
    def orbit(value):
        for _ in range(4):
            value = 0.9 * np.sin(value) + 0.2
            yield value

    return sum(orbit(x[0])) + np.stack(list(orbit(x))).sum(axis=0)


def recursion(x):
    def tree_sum(a):
        if len(a) == 1:
            return a[0] ** 2
        half = len(a) // 2
        return tree_sum(a[:half]) * 0.5 + np.sin(tree_sum(a[half:]))

    return tree_sum(x)


def memoised_recursion(x):
    @functools.cache
    def cost(i):
        return x[0] if i == 0 else x[i] * cost(i - 1) + 1

    return cost(5)


def reduce_and_accumulate(x):
    last = functools.reduce(lambda a, b: a * 0.5 + b**2, x)
    return last + np.array(list(itertools.accumulate(x, lambda a, b: a * b)))


def map_and_zip(x):
    return np.array(list(map(lambda a, b: a * b, x[:3], x[3:]))) @ SCALE


def partial_function(x):
    power = functools.partial(np.power, 2.0)
    return power(x)


def function_table(x):
    layers = [np.sin, np.tanh, lambda v: v**2, np.exp]
    for layer in layers:
        x = layer(x) * 0.5
    return x


def unpacked(x):
    first, *middle, last = x
    return first * last + np.array(middle) ** 2


def enumerated_rows(x):
    return sum(i * row @ row for i, row in enumerate(x.reshape(3, 2)))


def iterated_transposed(x):
    return [a * b for a, b in x.reshape(3, 2)][1] + sum(c[0] * c[2] for c in x.reshape(3, 2).T)


def indexed_by_ndindex(x):
    a = x.reshape(2, 3)
    out = np.zeros((2, 3))
    for i, j in np.ndindex(2, 3):
        out[i, j] = a[i, j] ** (i + j)
    return out


def indexed_by_ndenumerate(x):
    return sum(value ** (i + j + 1) for (i, j), value in np.ndenumerate(x.reshape(2, 3)))


def queue(x):
    waiting = deque(x[:3], maxlen=3)
    for value in x[3:]:
        waiting.append(value * waiting[0])
    return np.array(waiting)


def string_keys(x):
    named = dict(zip("abcdef", x, strict=True))
    return np.array([named[k] ** 2 for k in sorted(named, reverse=True)])


def object_array_of_arrays(x):
    pieces = np.empty(2, dtype=object)
    pieces[0], pieces[1] = x[:2], x[2:]
    return sum(np.sum(piece**2) for piece in pieces)


def default_argument(x, scale=SCALE):
    return x[:3] * scale


def global_array_read(x):
    return x[:3] @ SCALE + (SCALE * x[3:]).sum()


def plain_array_changed_later(x):
    weights = np.arange(6.0)
    y = x * weights
    weights[:] = 0
    return y * (x + weights)


def exception_as_control(x):
    try:
        return x[9]
    except IndexError:
        return x[5] ** 2


def formatted_for_the_log(x):
    text = f"{x.sum():.3f} {x[0]:8.2e} {x.shape} {x!r}"
    return x * len(text.split(maxsplit=1)[0])


def shapes_asked(x):
    n, size, d = x.shape[0], x.size, np.ndim(x)
    assert isinstance(x, np.ndarray)
    assert x.dtype == np.float64
    return x.reshape(-1, n // 2) * size + d


def numbers_as_python_gives_them(x):
    a = x[0]
    return a * 2 + 1 - 3 / a + a**2 + -a + abs(a) + divmod(a, 0.3)[1] + (a > 0) + round(2.5)


def runge_kutta(x):
    def slope(y):
        return np.array([y[1], -x[2] * np.sin(y[0])])

    y, h = x[:2], 0.1
    for _ in range(3):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def bisection(x):
    low, high = 0.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle**3 < 2 else (low, middle)
    return x * low


def gradient_descent_inside(x):
    w = np.zeros(2)
    for _ in range(5):
        error = x[:4].reshape(2, 2) @ w - x[4:]
        w -= 0.1 * x[:4].reshape(2, 2).T @ error
    return w


def monte_carlo(x):
    rng = np.random.default_rng(0)
    price = np.full(50, x[0])
    for _ in range(4):
        price *= np.exp(0.01 + 0.1 * x[1] * rng.standard_normal(50))
    return np.maximum(price - 0.7, 0).mean()


def dynamic_programming(x):
    best = np.full((3, 3), np.inf)
    cost = np.outer(x[:3], x[3:])
    best[0, 0] = cost[0, 0]
    for i, j in itertools.product(range(3), repeat=2):
        if i or j:
            options = [best[a, b] for a, b in ((i - 1, j), (i, j - 1)) if a >= 0 and b >= 0]
            best[i, j] = min(options) + cost[i, j]
    return best[2, 2]


def viterbi(x):
    scores = x.reshape(3, 2)
    best = scores[0]
    for row in scores[1:]:
        best = row + np.max(best[:, None] + np.array([[0.0, 0.3], [0.1, 0.0]]), axis=0)
    return best


def context_manager(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 1, x / (x - x.mean()), 0.0)


def nditer_reads(x):
    total = 0
    for v in np.nditer(x):
        total = total * v + v**2
    return total


def nditer_writes(x):
    a = x.reshape(2, 3) * 1.0
    with np.nditer(a, op_flags=["readwrite"]) as places:
        for v in places:
            v[...] = 2 * v * a[0, 0]
    return a


def nditer_with_its_index(x):
    a = x.reshape(2, 3)
    out = np.zeros((2, 3))
    places = np.nditer(a, flags=["multi_index", "c_index"])
    while not places.finished:
        out[places.multi_index] = places[0] ** 2 + places.index
        places.iternext()
    return out


def nditer_of_several(x):
    with np.nditer([x.reshape(2, 3), x[:3], None]) as places:
        for v, w, out in places:
            out[...] = v * w
        return places.operands[2]


def nditer_in_the_order_of_memory(x):
    return np.array([v * 1.0 for v in np.nditer(x.reshape(2, 3).T)]) * np.arange(6)


def checked_by_numpy_testing(x):
    np.testing.assert_allclose(x, list(x))
    np.testing.assert_array_less(0, x)
    np.testing.assert_equal(x.shape, (6,))
    return x**2


def polynomial_modules(x):
    points = np.linspace(-0.5, 0.5, 4)
    value = np.polynomial.polynomial.polyval(points, x)
    value = value + np.polynomial.chebyshev.chebval(points, x)
    value = value + np.polynomial.legendre.legval(x[:4], [0.3, 0.2, 0.5])
    value = value + np.polynomial.polynomial.polyval2d(points, x[:4], x.reshape(2, 3))
    value = value + np.polynomial.polynomial.polygrid2d(points, x[:2], x.reshape(3, 2)) @ x[:2]
    return value * np.polynomial.polynomial.polymul(x[:2], x[2:5])
