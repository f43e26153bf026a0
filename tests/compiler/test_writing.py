"""What a step writes into arrays besides its arguments it writes in each call: such an array is a result, too."""

import array
import copy
import dataclasses
import functools

import numpy as np
import pytest
import scipy.sparse

import chainrule as cr
from chainrule.errors import EscapedValueError

BUFFER = np.zeros(3)


@dataclasses.dataclass
class Layer:
    w: np.ndarray
    b: np.ndarray


class Slots:
    __slots__ = ("w",)

    def __init__(self, w):
        self.w = w


class Model:
    def __init__(self):
        self.w = np.array([1.0, -2.0, 0.5])
        self.b = np.array([0.1, 0.2, 0.3], np.float32)
        self.table = np.arange(12.0).reshape(4, 3)
        self.count = np.zeros((), np.int64)
        self.seen = np.zeros(3, bool)
        self.wave = np.array([1j, 2.0, -1j])
        self.row = [np.ones(3), np.zeros(3)]
        self.named = {"w": np.ones(3), "inner": [np.full(3, 2.0)]}
        self.pair = (np.ones(3), np.zeros(3))
        self.layer = Layer(np.ones(3), np.zeros(3))
        self.slots = Slots(np.ones(3))
        self.steps = 0


def loss_of(w, x):
    return np.sum(np.tanh(w * x) ** 2)


def descent(m, x):
    loss, g = cr.value_and_grad(loss_of)(m.w, x)
    m.w -= 0.1 * g
    return loss


def momentum(m, x):
    loss, g = cr.value_and_grad(loss_of)(m.named["w"], x)
    m.row[0] *= 0.9
    m.row[0] += g
    m.named["w"] -= 0.1 * m.row[0]
    return loss


def several(m, x):
    grads = cr.grad(lambda ws: sum(loss_of(w, x) for w in ws))(m.row)
    for w, g in zip(m.row, grads, strict=True):
        np.subtract(w, 0.1 * g, out=w)
    for i in range(2):
        m.row[i] *= 0.5


def of_a_pair(m, x):
    w, b = m.pair
    w += x
    b[...] = w * 2
    return b


def of_a_layer(m, x):
    m.layer.w -= x
    m.layer.b += m.layer.w
    return m.layer.w @ x


def of_slots(m, x):
    m.slots.w *= x
    return m.slots.w.sum()


def by_a_name(m, x):
    w = m.w
    w += x
    return w


def returned_twice(m, x):
    m.w += x
    return m.w, m.w * 2, {"w": m.w}


def overwritten(m, x):
    m.w[...] = x
    m.row[1][:] = 0.0
    m.table.fill(2.0)
    return x + 1


def by_functions(m, x):
    np.copyto(m.w, x * 2)
    np.multiply(m.row[0], x, out=m.row[0])
    np.add.at(m.table, ([0, 0, 2], [1, 1, 2]), x)
    m.row[1].put([0, 2], x[1:])
    m.table.sort(axis=0)
    return m.table


def of_parts(m, x):
    m.table[1] += x
    m.table[:, 2] = 7.0
    row = m.table[3]
    row[0] = x[1]
    m.table[m.table > 5] = 1.0
    return m.table[1:].sum()


def of_other_types(m, x):
    m.count[...] = m.count + 1
    m.count += 1
    m.b += x.astype(np.float32)
    m.seen |= x > 0
    m.wave *= 1j
    return m.count + 0, m.seen.any()


def in_a_loop(m, x):
    for i in range(1, 4):
        m.table[i] = 0.5 * m.table[i - 1] + x
    return m.table[3] * 1.0


def by_its_numbers(m, x):
    if m.w.sum() > 0:
        m.w -= 1.0
    else:
        m.w += np.abs(x) + 0.7
    return m.w * x


def of_the_argument_too(m, x):
    m.w += x
    x *= 2
    return x


def under_a_gradient(m, x):
    def loss(w):
        h = w * x
        m.row[0][...] = 0.9 * m.row[0] + 0.1 * cr.stop_gradient(h)
        m.row[1] += 1.0
        return np.sum(h * m.row[0])

    return cr.value_and_grad(loss)(m.w)


def by_calls_that_are_counted(m, x):
    def f(v):
        m.w[1] += 1.0
        return v * m.w[1]

    return np.vectorize(f)(x)


def updated(m, x):
    def add(to, y):
        to += y
        return to

    return functools.reduce(add, [x, x * 2], m.w).sum()


def returned_in_part(m, x):
    m.w += x
    return m.w[1:]


def failing_behind(m, x):
    m.w += x
    return np.linalg.solve(np.eye(3) * (x[0] < 1.0), x)


def read_before(m, x):
    before = np.unwrap(m.w)
    m.w += x
    return before + np.unwrap(m.w)


NATIVE = [
    *(
        descent,
        momentum,
        several,
        of_a_pair,
        of_a_layer,
        of_slots,
        by_a_name,
        returned_twice,
        overwritten,
    ),
    *(
        by_functions,
        of_parts,
        of_other_types,
        in_a_loop,
        by_its_numbers,
        of_the_argument_too,
        under_a_gradient,
    ),
    *(updated, failing_behind, read_before, returned_in_part, by_calls_that_are_counted),
]


def returned_in_part_of_a_list(m, x):
    m.row[0] += x
    return m.row[0][1:]


def kept(m, x):
    m.w += x
    m.last = m.w * 2
    return m.last


def counted(m, x):
    m.w += x
    m.steps += 1
    return m.steps


def held_by_c(m, x):
    m.w += x
    return m.total()


def too_large(m, x):
    m.w += np.ones(4) * x[0]


def of_another_kind(m, x):
    m.count += x[0]


def lost(m, x):
    return cr.grad(lambda t: m.w.__setitem__(0, t) or t * t)(x[0])


def lost_and_overwritten(m, x):
    def loss(t):
        m.w[0] = t
        m.w[0] = 1.0
        return t * t

    return cr.grad(loss)(x[0])


def lost_and_caught(m, x):
    def loss(t):
        try:
            m.w[0] = t
        except EscapedValueError:
            return 2.0 * t
        return t * t

    return cr.grad(loss)(x[0])


LEFT = [
    *(returned_in_part_of_a_list, kept, counted, held_by_c, too_large, of_another_kind),
    *(lost, lost_and_overwritten, lost_and_caught),
]


ELSEWHERE = {"np": np, "__name__": "elsewhere"}
exec(  # noqa: S102  code that no trace shows anything else
    """
def scaled(x):
    y = np.asarray(x)
    y *= 2.0
    return y

def plain(x):
    return np.asarray(x)

def zeroed(x):
    try:
        np.asarray(x)[0] = 0.0
    except ValueError:
        return -1.0
    return 1.0
""",
    ELSEWHERE,
)
scaled, plain, zeroed = (ELSEWHERE[name] for name in ("scaled", "plain", "zeroed"))


def written_elsewhere(m, x):
    scaled(m.w)
    return m.w * x


def written_elsewhere_to_its_own(m, x):
    h = m.w * 2.0
    return zeroed(h) * h * x


def written_elsewhere_in_part(m, x):
    h = m.table * 2.0
    scaled(h[1])
    return h * x


def read_elsewhere_before(m, x):
    h = m.w * 2.0
    k = plain(h)
    h += 1.0
    return k * x


def read_elsewhere_in_part(m, x):
    h = m.table * 2.0
    k = plain(h[1:])
    h += 1.0
    return k * x


def outside_read_elsewhere(m, x):
    k = plain(m.w)
    m.w += 1.0
    return k * x


LEFT += [
    *(written_elsewhere, written_elsewhere_to_its_own, written_elsewhere_in_part),
    *(read_elsewhere_before, read_elsewhere_in_part, outside_read_elsewhere),
]


def outcome(f, *args):
    try:
        return f(*args)
    except Exception as error:  # noqa: BLE001  whatever it raises
        return type(error)


def state(m):
    return {k: v for k, v in vars(m).items() if k != "total"}


def assert_same(got, expected):
    if isinstance(expected, (tuple, list)):
        assert type(got) is type(expected)
        assert len(got) == len(expected)
        for x, y in zip(got, expected, strict=True):
            assert_same(x, y)
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        for k, v in expected.items():
            assert_same(got[k], v)
    elif isinstance(expected, (Layer, Slots)):
        names = expected.__slots__ if isinstance(expected, Slots) else vars(expected)
        for name in names:
            assert_same(getattr(got, name), getattr(expected, name))
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert type(got) is type(expected)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-12 if got.dtype != np.float32 else 1e-6)
    else:
        assert type(got) is type(expected)
        assert got == expected


def called_alike(f, calls=5):
    """Call a function and its compiled twin, each with a model of its own; return the twin and its model."""
    plain, other = Model(), Model()
    plain.total, other.total = plain.w.sum, other.w.sum
    lying = [id(v) for v in vars(other).values()]
    step = cr.compile(lambda x: f(other, x))
    for i in range(calls):
        x = np.array([0.3, -0.2, 0.1]) * (i + 1)
        mine = x.copy()
        assert_same(outcome(step, mine), outcome(f, plain, x))
        assert_same(mine, x)
        assert_same(state(other), state(plain))
        if i == 2:
            plain.w[1], other.w[1] = 4.0, 4.0
    if f not in {kept, counted}:
        assert [id(v) for v in vars(other).values()] == lying
    return step, other


@pytest.mark.parametrize("f", NATIVE, ids=lambda f: f.__name__)
def test_what_is_written_outside_is_written_natively(f):
    step, _ = called_alike(f)
    assert "eagerly" not in step.report()
    assert "parts" not in step.report()


@pytest.mark.parametrize("f", LEFT, ids=lambda f: f.__name__)
def test_what_cannot_be_followed_is_left_to_python(f):
    step, _ = called_alike(f)
    assert "eagerly" in step.report() or "in parts" in step.report()


def test_names_of_globals_and_closures_stay_what_they_were():
    held = np.zeros(3)

    def step(x):
        global BUFFER  # noqa: PLW0603
        nonlocal held
        BUFFER += x
        held -= x
        return BUFFER - held

    before = BUFFER, held
    compiled = cr.compile(step)
    for i in range(4):
        np.testing.assert_array_equal(compiled(np.ones(3)), np.full(3, 2.0 * (i + 1)))
    assert (BUFFER is before[0], held is before[1]) == (True, True)
    np.testing.assert_array_equal(BUFFER, np.full(3, 4.0))
    BUFFER[...] = 0.0
    assert compiled.report().startswith("specialization 0: ")


def test_arrays_that_share_memory_are_written_as_python_does():
    memory = np.arange(6.0)
    m = Model()
    m.w, m.b = memory[:3], memory[2:5]

    def step(x):
        m.w += x
        m.b *= 2
        return m.w * 1.0

    expected = copy.deepcopy(memory)
    compiled = cr.compile(step)
    for _ in range(3):
        expected[:3] += 1.0
        expected[2:5] *= 2
        np.testing.assert_array_equal(compiled(1.0), expected[:3])
        np.testing.assert_array_equal(memory, expected)
    assert "it also reads or returns" in compiled.report()


def test_what_is_kept_of_an_array_that_another_shares_is_what_python_would_keep():
    def step(m, x):
        m.w += x
        m.b = np.ascontiguousarray(m.b)  # nothing is computed of it, and the step returns nothing

    table = np.arange(9.0).reshape(3, 3)
    twin = table.copy()
    plain, other = Model(), Model()
    plain.w, plain.b, other.w, other.b = table[0], table[:, 1], twin[0], twin[:, 1]
    compiled = cr.compile(lambda x: step(other, x))
    for _ in range(3):
        step(plain, 1.0)
        compiled(1.0)
        assert_same((other.w, other.b, twin), (plain.w, plain.b, table))


def sparse_part(w):
    of = scipy.sparse.csr_matrix(np.diag(w))
    return of.data, of


SHARING = {
    "a row of bytes": lambda w: (np.frombuffer(b := bytearray(w.tobytes())), b),
    "a view of memory": lambda w: (w, memoryview(w)),
    "an array of Python's": lambda w: (np.frombuffer(a := array.array("d", w)), a),
    "a masked array": lambda w: (w, np.ma.array(w, mask=[0, 1, 0], copy=False)),
    "records": lambda w: ((r := np.rec.fromarrays([w])).f0, r.view(np.ndarray)),
    "records in a list": lambda w: ((r := np.rec.fromarrays([w])).f0, [[r.view(np.ndarray)]]),
    "a sparse matrix": sparse_part,
}


def read_from(x):
    """Return a sum of what lies in memory, however that is to be read."""
    if isinstance(x, list):
        return sum(v[0] for v in x[0][0])
    if isinstance(x, bytearray):
        return np.frombuffer(x).sum()
    if isinstance(x, np.ndarray) and x.dtype.names:
        return x["f0"].sum()
    return x.sum() if hasattr(x, "sum") else x[0] + x[1] + x[2]


@pytest.mark.parametrize("share", SHARING.values(), ids=SHARING)
def test_memory_that_is_also_read_in_another_way_is_left_to_python(share):
    def step(m, x):
        m.w += x
        return read_from(m.other) * x

    plain, other = Model(), Model()
    for m in (plain, other):
        m.w, m.other = share(np.array([1.0, -2.0, 0.5]))
    compiled = cr.compile(lambda x: step(other, x))
    for _ in range(3):
        assert_same(compiled(2.0), step(plain, 2.0))
        assert_same(other.w, plain.w)


def test_arrays_whose_elements_share_memory_are_written_as_numpy_does():
    def step(m, x):
        m.w += x
        return m.w * 1.0

    def doubled(x):
        x *= 2.0
        return x * 1.0

    for strides in ((0, 8), (8, 8), (8, -8)):
        plain, other = Model(), Model()
        for m in (plain, other):
            m.w = np.lib.stride_tricks.as_strided(np.arange(6.0)[2:], (2, 3), strides)
        x = np.arange(6.0).reshape(2, 3)
        assert_same(cr.compile(functools.partial(step, other))(x), step(plain, x))
        assert_same(cr.compile(doubled)(other.w), doubled(plain.w))


def test_a_function_that_keeps_its_results_sees_what_was_written():
    def made(compiling):
        m = Slots(np.ones(3))

        @functools.lru_cache
        def doubled(factor):
            return m.w * factor

        def step(x):
            m.w += x
            return doubled(2) * x

        step = compiling(step)
        return [step(1.0), step(1.0), m.w, doubled(2)]

    assert_same(made(cr.compile), made(lambda f: f))


def test_an_argument_may_be_the_array_itself_or_a_part():
    m = Model()

    def step(x):
        m.w += x[0]
        return m.w + x

    compiled, plain = cr.compile(step), np.array([1.0, -2.0, 0.5])
    compiled(np.ones(3))
    plain += 1.0
    for given, twin in ((m.w, plain), (m.w[:1], plain[:1])):
        twin_before = twin
        plain += twin_before[0]
        np.testing.assert_array_equal(compiled(given), plain + twin)
        np.testing.assert_array_equal(m.w, plain)


def test_another_array_in_its_place_is_written_to():
    m = Model()
    compiled = cr.compile(functools.partial(descent, m))
    for new in (np.ones(3), np.ones(3), np.ones((2, 3)), np.ones(3, np.float32)):
        twin = Model()
        m.w, twin.w = new, new.copy()
        x = np.array([0.5, 1.0, 2.0])
        assert_same(compiled(x), descent(twin, x))
        assert m.w is new
        assert_same(m.w, twin.w)


def test_an_array_that_cannot_be_written_to_is_not():
    m = Model()
    compiled = cr.compile(functools.partial(by_a_name, m))
    compiled(np.ones(3))
    held = m.w.copy()
    m.w.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        compiled(np.ones(3))
    np.testing.assert_array_equal(m.w, held)
    m.w.flags.writeable = True
    np.testing.assert_array_equal(compiled(np.ones(3)), held + 1.0)


def test_a_method_is_compiled_with_what_it_writes():
    class Net:
        def __init__(self):
            self.w = np.ones((3, 2))

        @cr.compile
        def step(self, x):
            loss, g = cr.value_and_grad(lambda w: np.sum((x @ w) ** 2))(self.w)
            self.w -= 0.1 * g
            return loss

    one, other = Net(), Net()
    losses = [float(net.step(np.ones(3) * 0.5)) for net in (one, other, one, other)]
    assert losses[0] == losses[1] > losses[2] == losses[3]
    np.testing.assert_array_equal(one.w, other.w)


def test_a_part_that_is_returned_is_of_the_array_that_lies_there_now():
    m = Model()
    step = cr.compile(lambda x: (m.table[1:], x * 2))
    first = m.table
    for table in (first, first.copy(), first, first.copy()):
        m.table = table
        part, _ = step(1.0)
        assert np.shares_memory(part, table)
        first += 1.0
        np.testing.assert_array_equal(part, table[1:])
    assert "eagerly" not in step.report()
