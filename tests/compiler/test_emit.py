"""What the native function of a program does is what the interpreter does."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.native import assembly, compiled
from tests.compiler.small_loops import at, elementwise

from chainrule.compiler.emission import blocked_products
from chainrule.compiler.emission.emit import emit
from chainrule.compiler.emission.products import is_blocked
from chainrule.compiler.loops.checker import check_program
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.program import (
    Buffer,
    Carried,
    Cast,
    Fold,
    Guard,
    Index,
    Let,
    Load,
    Loop,
    Matrix,
    Number,
    Product,
    Program,
    Store,
)
from chainrule.compiler.machine_code.machine import Machine
from chainrule.records import replaced

F4, F8, C16, I8, BOOL = (np.dtype(t) for t in ("f4", "f8", "c16", "i8", "?"))
MACHINES = [Machine.host(), Machine.named("avx2"), Machine.named("sse2")]
if MACHINES[0].vector_bits < 512:
    MACHINES = MACHINES[:1]


def both(program, arrays, machine=None):
    """Return status and arrays of the native function, and of the interpreter."""
    check_program(program)
    native, expected = ([a.copy() for a in arrays] for _ in range(2))
    status = compiled(program, machine)(native)
    assert status == interpret(program, expected)
    return native, expected


def assert_same(program, arrays, machine=None, tolerance=1e-6):
    for x, y in zip(*both(program, arrays, machine), strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("count", [0, 1, 3, 8, 16, 17, 63, 64, 65, 200, 1000])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i8", "i2", "u1", "?"])
def test_every_length_of_a_vector_loop_is_whole(count, dtype, machine, rng):
    program = elementwise(lambda e, x, y: e.add(x, y), (dtype, dtype), dtype, count)
    x, y = ((rng.normal(size=count + 1) * 9).astype(dtype)[:count] for _ in range(2))
    out = np.zeros(count + 8, dtype)
    (*_, native), _ = both(program, [x, y, out[:count]], machine)
    np.testing.assert_array_equal(native, x + y)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", ["f4", "c8", "i8", "?"])
@pytest.mark.parametrize("stride", [-3, -1, 0, 2, 5])
def test_elements_that_lie_apart_are_read_and_written(stride, dtype, machine, rng):
    count = 21
    size = max(1, abs(stride)) * count
    x = Buffer("x", np.dtype(dtype), size, "input", 0)
    out = Buffer("out", np.dtype(dtype), size, "output", 1)
    start = size - 1 if stride < 0 else 0
    step = 2 if stride == 0 else stride
    out_size = size * 2 if stride == 0 else size
    out = Buffer("out", np.dtype(dtype), out_size, "output", 1)
    body = (Load(1, x, at((0, stride), offset=start)), Store(out, at((0, step), offset=start), 1))
    program = Program((x, out), (Loop(0, count, body, vector=True),))
    arrays = [(rng.normal(size=size) * 9).astype(dtype), np.zeros(out_size, dtype)]
    assert_same(program, arrays, machine, tolerance=0)


@pytest.mark.parametrize("machine", MACHINES)
def test_gathered_and_scattered_elements(machine, rng):
    count = 37
    x = Buffer("x", F4, 50, "input", 0)
    places = Buffer("places", I8, count, "input", 1)
    out = Buffer("out", F4, 100, "output", 2)
    body = (
        Load(1, places, at((0, 1))),
        Load(2, x, at((1, 1))),
        Store(out, at((1, 2), offset=1), 2, add=True),
    )
    program = Program((x, places, out), (Loop(0, count, body, vector=True),))
    which = rng.permutation(50)[:count]
    assert_same(program, [rng.normal(size=50).astype(F4), which, np.ones(100, F4)], machine)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("count", [1, 5, 16, 31, 64, 1000, 70_000])
@pytest.mark.parametrize(
    ("combine", "dtype"),
    [
        ("add", "f4"),
        ("add", "c16"),
        ("add", "i8"),
        ("multiply", "f8"),
        ("maximum", "f4"),
        ("minimum", "i4"),
        ("fmax", "f8"),
        ("logical_and", "?"),
        ("logical_or", "?"),
    ],
)
def test_reductions(combine, dtype, count, machine, rng):
    count = min(count, 3000) if combine != "add" or dtype != "f4" else count
    dtype = np.dtype(dtype)
    x = Buffer("x", dtype, count, "input", 0)
    out = Buffer("out", dtype, 1, "output", 1)
    fold = Fold(2, combine, None, 1, dtype)
    loop = Loop(0, count, (Load(1, x, at((0, 1))),), folds=(fold,), vector=True)
    program = Program((x, out), (loop, Store(out, Index(0), 2)))
    values = (
        (1 + rng.normal(size=count) * 0.01) if combine == "multiply" else rng.normal(size=count)
    )
    x_array = values.astype(dtype) if dtype.kind in "fc?" else (values * 99).astype(dtype)
    result = np.zeros(1, dtype)
    assert compiled(program, machine)([x_array, result]) == 0
    exact = x_array.astype({"f": "f8", "c": "c16"}.get(dtype.kind, dtype))
    expected = getattr(np, combine).reduce(exact)
    np.testing.assert_allclose(result[0], expected, rtol=2e-6, atol=2e-6 * count**0.5)


def test_a_long_sum_of_equal_floats_keeps_its_digits():
    count = 1 << 25
    x = Buffer("x", F4, 1, "input", 0)
    out = Buffer("out", F4, 2, "output", 1)
    vector = Loop(0, count, (Load(1, x, at()),), folds=(Fold(2, "add", None, 1, F4),), vector=True)
    single = Loop(3, count, (Load(4, x, at()),), folds=(Fold(5, "add", None, 4, F4),))
    body = (vector, single, Store(out, Index(0), 2), Store(out, Index(1), 5))
    result = np.zeros(2, F4)
    compiled(Program((x, out), body))([np.full(1, 0.1, F4), result])
    np.testing.assert_allclose(result, np.float32(0.1) * np.float64(count), rtol=4e-6)


def test_a_carried_value_goes_from_turn_to_turn():
    out = Buffer("out", F8, 3, "output", 0)
    body = (
        Let(3, lambda e, x, y: x + y, (1, 2), F8, "add"),
        Store(out, at((0, 1)), 3),
    )
    carried = (Carried(1, Number(1.0, F8), 2, F8), Carried(2, Number(1.0, F8), 3, F8))
    program = Program((out,), (Loop(0, 3, body, carried=carried), Store(out, Index(0), 2)))
    native, _ = both(program, [np.zeros(3)])
    assert native[0].tolist() == [5.0, 3.0, 5.0]


@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize("bad", [None, 0, 20, 36])
def test_a_failed_guard_leaves_with_its_place(bad, vector):
    x = Buffer("x", F4, 37, "input", 0)
    out = Buffer("out", F4, 1, "output", 1)
    body = (
        Load(1, x, at((0, 1))),
        Let(2, lambda e, x: x < 0, (1,), BOOL, "less"),
        Guard(2, expected=False, place=6),
    )
    ends = Store(out, Index(0), Number(1.0, F4))
    program = Program((x, out), (Loop(0, 37, body, vector=vector), ends))
    arrays = [np.ones(37, F4), np.zeros(1, F4)]
    if bad is not None:
        arrays[0][bad] = -1
    status = compiled(program)(arrays)
    assert (status, arrays[1][0]) == ((7, 0) if bad is not None else (0, 1))
    assert interpret(program, arrays) == status


@pytest.mark.parametrize("bad", [None, 0, 5, 19])
def test_a_guard_in_a_loop_has_a_number_per_turn(bad):
    x = Buffer("x", F8, 20, "input", 0)
    body = (
        Load(1, x, at((0, 1))),
        Let(2, lambda e, x: x < 0, (1,), BOOL, "less"),
        Guard(2, expected=False, place=6, terms=((0, 3),)),
    )
    program = Program((x,), (Loop(0, 20, body),))
    array = np.ones(20)
    if bad is not None:
        array[bad] = -1
    status = 0 if bad is None else 1 + 6 + 3 * bad
    assert interpret(program, [array]) == status
    assert compiled(program)([array]) == status


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i4", "?"])
@pytest.mark.parametrize("add", [False, True])
def test_products(add, dtype, machine, rng):
    shapes = [(1, 1, 1), (3, 2, 4), (32, 10, 64), (40, 33, 17), (5, 1, 70), (1, 70, 3), (2, 3, 0)]
    orders = itertools.product([False, True], repeat=2)
    buffers, statements, arrays = [], [], []
    for shape, turned in itertools.product(shapes, orders):
        made, product = a_product(shape, turned, np.dtype(dtype), len(buffers), add)
        buffers += made
        statements.append(product)
        arrays += [(rng.normal(size=x.size) * 3).astype(dtype) for x in made]
    tolerance = 1e-4 if np.dtype(dtype).char in "fF" else 1e-12
    assert_same(Program(tuple(buffers), tuple(statements)), arrays, machine, tolerance=tolerance)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("resident", [1 << 10, 1 << 20])
def test_products_in_blocks(resident, dtype, machine, rng, monkeypatch):
    for name, value in {"RESIDENT": resident, "_LONG": 20, "_NEAR": 1 << 9, "_PAGE": 64}.items():
        monkeypatch.setattr(blocked_products, name, value)
    shapes = [(2, 70, 30), (29, 67, 61), (61, 5, 20), (48, 64, 41), (70, 66, 2), (16, 16, 16)]
    ways = itertools.product(shapes, *[[False, True]] * 4)
    buffers, statements, arrays = [], [], []
    for shape, left, right, below, add in ways:
        made, product = a_product(shape, (left, right), np.dtype(dtype), len(buffers), add)
        if below:
            m, n, _ = shape
            out = Matrix(made[2], Index(0), m, n, 1, m)
            product = replaced(product, out=out)
        buffers += made
        statements.append(product)
        arrays += [rng.integers(-9, 9, x.size).astype(dtype) for x in made]
    program = Program(tuple(buffers), tuple(statements))
    assert all(map(is_blocked, statements))
    assert_same(program, arrays, machine)


def test_a_product_in_blocks_is_a_sum_in_the_order_of_the_depth(rng):
    (x, y, out), product = a_product((5, 40, 30), (False, False), np.dtype("f4"), 0, add=False)
    program = Program((x, y, out), (product,))
    a, b, result = (rng.normal(size=n).astype("f4") for n in (5 * 30, 30 * 40, 5 * 40))
    compiled(program)([a, b, result])
    a, b = a.reshape(5, 30), b.reshape(30, 40)
    total = np.zeros((5, 40), "f4")
    for k in range(30):
        exact = a[:, k, None].astype("f8") * b[k] + total  # a product of floats is exact in doubles
        total = exact.astype("f4") if Machine.host().has_fma else total + a[:, k, None] * b[k]
    # Adding in doubles rounds twice, and so once in a while otherwise; any other order would differ half of the time.
    assert np.mean(result.reshape(5, 40) == total) > 0.98


def test_a_batch_of_products_packs_into_the_same_room(rng):
    x, y, out = (Buffer(n, F4, 3 * 20 * 20, r, i) for i, (n, r) in enumerate(OPERANDS))
    a, b, c = (
        Matrix(m, at((7, 400)), 20, 20, *s) for m, s in zip((x, y, out), STRIDES, strict=True)
    )
    program = Program((x, y, out), (Loop(7, 3, (Product(c, a, b),)),))
    arrays = [rng.integers(-9, 9, 1200).astype("f4") for _ in range(3)]
    assert_same(program, arrays)
    single = Program((x, y, out), (Loop(7, 1, (Product(c, a, b),)),))
    host = Machine.host()
    assert emit(program, "step", host).arena == emit(single, "step", host).arena > 0


def test_only_complex_products_are_left_to_blas():
    def symbols(shape, dtype):
        made, product = a_product(shape, (False, False), np.dtype(dtype), 0, add=False)
        return emit(Program(made, (product,)), "step", Machine.host()).symbols

    for shape in [
        (128, 1024, 1024),
        (2048, 2048, 2048),
        (3, 1024, 1024),
        (1024, 1, 1024),
        (1, 1, 9999),
    ]:
        assert symbols(shape, "f4") == symbols(shape, "f8") == ()
    assert symbols((64, 64, 64), "c16") == ("chainrule_zgemm",)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("add", [False, True])
def test_products_of_vectors(add, dtype, rng):
    shapes = [(1, 300, 65), (1, 70, 96), (300, 1, 97), (2, 70, 80), (1, 1, 5000), (200, 300, 1)]
    buffers, statements, arrays = [], [], []
    for shape, left, right in itertools.product(shapes, *[[False, True]] * 2):
        made, product = a_product(shape, (left, right), np.dtype(dtype), len(buffers), add)
        buffers += made
        statements.append(product)
        arrays += [rng.integers(-9, 9, x.size).astype(dtype) for x in made]
    assert_same(Program(tuple(buffers), tuple(statements)), arrays)


OPERANDS = [("a", "input"), ("b", "input"), ("out", "output")]
STRIDES = [(20, 1), (1, 20), (20, 1)]


def a_product(shape, turned, dtype, slot, add):
    """Return the buffers of a matrix product, and the product."""
    m, n, k = shape
    sizes = (("a", m * k, "input"), ("b", k * n, "input"), ("out", m * n, "output"))
    x, y, z = (Buffer(name, dtype, n, role, slot + i) for i, (name, n, role) in enumerate(sizes))
    a = Matrix(x, Index(0), m, k, *((1, m) if turned[0] else (k, 1)))
    b = Matrix(y, Index(0), k, n, *((1, k) if turned[1] else (n, 1)))
    return (x, y, z), Product(Matrix(z, Index(0), m, n, n, 1), a, b, add)


def test_equal_loops_become_one_function():
    x = [Buffer(f"x{i}", F4, 64, "output", i) for i in range(12)]
    loops = []
    for i, buffer in enumerate(x):
        body = (
            Load(10 * i + 1, buffer, at((10 * i, 1))),
            Let(10 * i + 2, exponential, (10 * i + 1,), F4, "exp"),
            Store(buffer, at((10 * i, 1)), 10 * i + 2),
        )
        loops.append(Loop(10 * i, 64, body, vector=True))
    text = emit(Program(tuple(x), tuple(loops)), "step", Machine.host()).text
    assert text.count("define") == 2
    assert text.count("call void @kernel_0") == 12


@pytest.mark.parametrize(("count", "functions"), [(15, 2), (20, 3)])
def test_what_a_turn_does_often_becomes_a_function(count, functions, rng):
    x = [Buffer(f"x{i}", F4, 192, "output", i) for i in range(count + 1)]
    parts = []

    def halved(e, x):
        return e.multiply(x, 0.5)

    for i in range(count):
        name = 10 * i + 10
        add = i % 2  # two kinds, of which each stands in the turn several times
        body = (
            Load(name + 1, x[i], at((name, 1), (0, 64))),
            Let(name + 2, halved, (name + 1,), F4, "halved"),
            Store(x[i + 1], at((name, 1), (0, 64)), name + 2, add=bool(add)),
        )
        parts.append(Loop(name, 64, body, vector=True))
    program = Program(tuple(x), (Loop(0, 3, tuple(parts)),))
    text = emit(program, "step", Machine.host()).text
    assert text.count("define") == functions
    arrays = [rng.uniform(-1, 0, 192).astype(F4) for _ in x]
    assert_same(program, arrays)


@pytest.mark.parametrize("bad", [None, 3, 1999])
def test_a_long_program_is_cut_and_its_parts_hand_on_values(bad):
    x = Buffer("x", F8, 2000, "input", 0)
    out = Buffer("out", F8, 1, "output", 1)
    kept = Buffer("kept", F8, 8, "temporary")
    body = [Load(0, x, Index(0)), Cast(1, 0, C16)]
    for i in range(1, 2000):
        body.append(Load(10 * i, x, Index(i)))
        # the first value too, so that it is handed on through every part
        body.append(Let(10 * i + 2, lambda e, a, b: a + b, (10 * i, 0), F8, "add"))
        body.append(Cast(10 * i + 3, 10 * i + 2, C16))
        total = 10 * (i - 1) + 1, 10 * i + 3
        body.append(Let(10 * i + 1, lambda e, a, b: a * b, total, C16, "multiply"))
    body.append(Let(3, lambda e, a: a.real, (10 * 1999 + 1,), F8, "real"))
    body += [Let(4, lambda e, a: a < 1e6, (30,), BOOL, "less"), Guard(4, expected=True, place=4)]
    body += [Let(6, lambda e, a: a < 1e6, (19990,), BOOL, "less"), Guard(6, expected=True, place=5)]
    body.append(elementwise_into(kept, 3))
    body.append(Store(out, Index(0), 3))
    program = Program((x, out, kept), tuple(body), {kept: 0}, 64)
    arrays = [np.linspace(0.4, 0.6, 2000), np.zeros(1)]
    if bad is not None:
        arrays[0][bad] = 1e9
    native, expected = both(program, arrays)
    assert native[1].tobytes() == expected[1].tobytes()
    assert emit(program, "step", Machine.host()).text.count("@part_") > 5


def elementwise_into(buffer, name):
    """Fill a buffer with a value."""
    return Loop(5, buffer.size, (Store(buffer, at((5, 1)), name),), vector=True)


def exponential(e, x):
    return e.exp(x)


@pytest.mark.parametrize(
    ("name", "vector"), [("avx512", "%zmm"), ("avx2", "%ymm"), ("sse2", "%xmm"), ("neon", "v0.4s")]
)
def test_other_machines_get_vectors_and_no_calls(name, vector):
    program = elementwise(exponential, ("f4",), "f4", 100)
    text = assembly(program, Machine.named(name))
    assert vector in text
    called = [
        line.split()[-1] for line in text.splitlines() if line.split()[:1] in (["callq"], ["bl"])
    ]
    assert set(called) == {"kernel_0"}


def test_casts_are_numpy_s(rng):
    kinds = ["?", "i1", "u1", "i2", "u4", "i4", "i8", "u8", "f4", "f8", "c8", "c16"]
    for source in kinds:
        x = rng.integers(0, 2 if source == "?" else 99, 40).astype(source)
        for target in kinds:
            dtype = np.dtype(target)
            program = elementwise(lambda e, x, t=dtype: e.cast(x, t), (source,), target, 40)
            out = np.zeros(40, dtype)
            compiled(program)([x, out])
            np.testing.assert_array_equal(
                out, x.real.astype(dtype) if dtype.kind not in "c?" else x.astype(dtype)
            )


@given(st.data())
def test_random_nests_do_what_the_interpreter_does(data):
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 40))
    x = Buffer("x", F8, rows * columns, "input", 0)
    means = Buffer("means", F8, rows, "output", 1)
    out = Buffer("out", F8, rows * columns, "output", 2)
    scratch = Buffer("scratch", F8, columns, "temporary")
    vector = data.draw(st.booleans())
    first = Loop(
        1,
        columns,
        (
            Load(2, x, at((0, columns), (1, 1))),
            Let(3, lambda e, x: x * x, (2,), F8, "square"),
            Store(scratch, at((1, 1)), 3),
        ),
        folds=(Fold(4, "add", Number(0.0, F8), 3, F8),),
        vector=vector,
    )
    second = Loop(
        5,
        columns,
        (
            Load(6, scratch, at((5, 1))),
            Cast(7, 5, F8),
            Let(8, lambda e, x, m, i: e.where(x < m, x / m, i), (6, 4, 7), F8, "share"),
            Store(out, at((0, columns), (5, 1)), 8),
        ),
        vector=vector,
    )
    loop = Loop(0, rows, (first, Store(means, at((0, 1)), 4), second), parallel=True)
    program = Program((x, means, out, scratch), (loop,), {scratch: 64}, 64 + 8 * columns)
    rng = np.random.default_rng(rows * 100 + columns)
    arrays = [rng.normal(size=rows * columns), np.zeros(rows), np.zeros(rows * columns)]
    assert_same(program, arrays, tolerance=1e-12)
