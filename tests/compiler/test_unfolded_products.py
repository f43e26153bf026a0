"""Products with patches: the statement in the checker, the printer, the interpreter, relocation and machine code."""

import itertools
import re

import numpy as np
import pytest
from tests.compiler.test_emit import MACHINES, assert_same

from chainrule.compiler.emission import unfolded_products
from chainrule.compiler.emission.emit import emit
from chainrule.compiler.emission.unfolded_products import bands_of, spans_of, tile_rows
from chainrule.compiler.loops.checker import check_program
from chainrule.compiler.loops.cost import cost_of
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.printer import statement_text
from chainrule.compiler.loops.program import (
    Buffer,
    Index,
    Loop,
    Program,
    Unfolded,
    UnfoldedProduct,
)
from chainrule.compiler.loops.relocation import Place, Relocation
from chainrule.compiler.loops.structure import structure_of
from chainrule.compiler.machine_code.machine import Machine
from chainrule.errors import GraphError
from chainrule.records import replaced

TOLERANCE = {"f4": 1e-4, "f8": 1e-12, "i4": 0}


def convolutions(dtype, batch, height, width, channels, kernel, outputs, slot=0):
    """Return the buffers of a convolution and its gradients: x, kernel, its transpose, g; y, dkernel, dx; and each."""
    dtype = np.dtype(dtype)
    across = width + kernel - 1
    image = (height + kernel - 1) * across * channels
    taps, pixels = kernel * kernel * channels * outputs, height * width * outputs
    sizes = (batch * image, taps, taps, batch * pixels, batch * pixels, taps, batch * image)
    names = ("x", "k", "kt", "g", "y", "dk", "dx")
    buffers = tuple(
        Buffer(name, dtype, n, "input" if i < 4 else "output", slot + i)
        for i, (name, n) in enumerate(zip(names, sizes, strict=True))
    )
    x, k, kt, g, y, dk, dx = buffers
    places = ((height, across * channels), (width, channels))
    window = ((kernel, across * channels), (kernel, channels), (channels, 1))
    results = ((height, width * outputs), (width, outputs))
    columns, taps_of_k = ((outputs, 1),), row_major((kernel, kernel, channels), outputs)
    at_x, at_y = Index(0, ((slot, image),)), Index(0, ((slot, pixels),))
    there = (
        UnfoldedProduct(
            Unfolded(y, at_y, results, columns),
            Unfolded(x, at_x, places, window),
            Unfolded(k, Index(), taps_of_k, columns),
        ),
        UnfoldedProduct(
            Unfolded(dk, Index(), taps_of_k, columns),
            Unfolded(x, at_x, window, places),
            Unfolded(g, at_y, results, columns),
            add=True,
        ),
        UnfoldedProduct(
            Unfolded(dx, at_x, places, window),
            Unfolded(g, at_y, results, columns),
            Unfolded(
                kt,
                Index(),
                ((outputs, kernel * kernel * channels),),
                row_major((kernel, kernel, channels), 1),
            ),
            add=True,
        ),
    )
    return buffers, tuple(Loop(slot, batch, (p,)) for p in there)


def row_major(sizes, step):
    factors = []
    for n in reversed(sizes):
        factors.append((n, step))
        step *= n
    return tuple(factors[::-1])


SHAPES = [
    # batch, height, width, channels, kernel, outputs
    (2, 5, 6, 4, 3, 16),
    (1, 1, 1, 3, 1, 1),
    (1, 3, 40, 1, 2, 10),
    (1, 2, 3, 5, 2, 50),
    (2, 13, 2, 9, 1, 33),
    (1, 4, 4, 2, 3, 64),
]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
@pytest.mark.parametrize("is_near", [True, False])
def test_machine_code_does_what_the_interpreter_does(is_near, dtype, machine, rng, monkeypatch):
    if not is_near:
        monkeypatch.setattr(unfolded_products, "_NEAR", 0)
    buffers, statements, arrays = (), (), []
    for shape in SHAPES:
        made, loops = convolutions(dtype, *shape, slot=len(buffers))
        buffers, statements = buffers + made, statements + loops
        arrays += [(rng.normal(size=b.size) * 3).astype(dtype) for b in made]
    fresh = itertools.count(1000)
    loops = tuple(renamed(s, next(fresh)) for s in statements)
    assert_same(Program(buffers, loops), arrays, machine, tolerance=TOLERANCE[dtype])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [s for s in SHAPES if s[4] > 1])
def test_rows_may_share_places_in_other_columns(shape, dtype, machine, rng):
    _, _, width, channels, kernel, outputs = shape
    buffers, (*_, loop) = convolutions(dtype, *shape)
    (product,) = loop.body
    across = (width + kernel - 1) * channels
    columns = ((kernel, across), (kernel * channels, 1))
    taps = row_major((kernel, kernel * channels), 1)
    joined = replaced(
        product,
        out=replaced(product.out, columns=columns),
        b=replaced(product.b, columns=taps),
    )
    assert joined.sizes == product.sizes == (*product.sizes[:2], outputs)
    arrays = [(rng.integers(-3, 4, b.size)).astype(dtype) for b in buffers]
    apart, together = [a.copy() for a in arrays], [a.copy() for a in arrays]
    interpret(Program(buffers, (loop,)), apart)
    program = Program(buffers, (replaced(loop, body=(joined,)),))
    interpret(program, together)
    np.testing.assert_array_equal(together[-1], apart[-1])
    assert_same(program, arrays, machine, tolerance=0)


def renamed(loop, name):
    """Return a loop under a name of its own."""
    moved = Relocation({}, lambda _: name, lambda place: (place, ()))
    return moved.statement(loop)


def test_the_interpreter_does_what_numpy_does(rng):
    batch, height, width, channels, kernel, outputs = SHAPES[0]
    buffers, loops = convolutions("f8", *SHAPES[0])
    arrays = [rng.normal(size=b.size) for b in buffers]
    arrays[5][:] = arrays[6][:] = 0
    for loop in loops:
        interpret(Program(buffers, (loop,)), arrays)
    x, k, kt, g, y, dk, dx = arrays
    x, dx = (a.reshape(batch, height + 2, width + 2, channels) for a in (x, dx))
    g, y = (a.reshape(batch, height, width, outputs) for a in (g, y))
    k, dk = (a.reshape(kernel, kernel, channels, outputs) for a in (k, dk))
    kt = kt.reshape(outputs, kernel, kernel, channels)
    wanted = np.zeros_like(dx)
    for i, j in itertools.product(range(kernel), repeat=2):
        part = np.s_[:, i : i + height, j : j + width]
        y = y - x[part] @ k[i, j]
        np.testing.assert_allclose(dk[i, j], np.einsum("bhwc,bhwo->co", x[part], g), atol=1e-12)
        wanted[part] += g @ kt[:, i, j]
    np.testing.assert_allclose(y, 0, atol=1e-12)
    np.testing.assert_allclose(dx, wanted, atol=1e-12)


@pytest.mark.parametrize("machine", [Machine.named(m) for m in ("avx512", "avx2", "sse2", "neon")])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_spans_cover_the_columns_once(dtype, machine):
    for count in range(1, 100):
        covered = []
        for span in spans_of(count, np.dtype(dtype), machine):
            n = span.vectors * span.lanes
            if span.active is not None:
                assert machine.has_masks
                n += span.active - span.lanes
            covered += range(span.start, span.start + n)
            registers = span.vectors * (tile_rows(span.vectors, machine) + 1) + 1
            assert registers <= machine.registers
        assert covered == list(range(count))


@pytest.mark.parametrize("most", [1, 4, 14, 30])
@pytest.mark.parametrize("sizes", [(), (1,), (5,), (29,), (3, 3), (2, 13), (4, 5, 6), (31, 2, 2)])
def test_bands_cover_the_rows_once(sizes, most):
    factors = row_major(sizes, 1)
    scaled = tuple((n, 3 * s) for n, s in factors)
    covered = []
    for band in bands_of(factors, scaled, most):
        assert 0 < len(band.rows) <= most
        for turn in itertools.product(*(range(n) for n, _, _ in band.loops)):
            shift = sum(i * s for i, (_, s, _) in zip(turn, band.loops, strict=True))
            covered += [band.start[0] + shift + row for row, _ in band.rows]
        assert all(3 * o == x for o, x in (band.start, *band.rows))
        assert all(3 * o == x for _, o, x in band.loops)
    assert sorted(covered) == list(range(int(np.prod(sizes, dtype=int))))


def forward():
    buffers, loops = convolutions("f4", *SHAPES[0])
    return buffers, loops[0].body[0]


def fixed(matrix, **changes):
    return replaced(matrix, index=Index(), **changes)


def test_the_text_shows_every_factor():
    _, product = forward()
    assert statement_text(product) == (
        "y[480·%0; 5 by 96, 6 by 16; 16 by 1] = "
        "x[224·%0; 5 by 32, 6 by 4; 3 by 32, 3 by 4, 4 by 1] @ k[0; 3 by 192, 3 by 64, 4 by 16; 16 by 1]"
    )


def test_the_work_is_counted():
    buffers, product = forward()
    product = replaced(product, out=fixed(product.out), a=fixed(product.a))
    cost = cost_of(Program(buffers, (product,)))
    assert (cost.products, cost.total.flops) == (1, 2 * 30 * 36 * 16)
    assert (cost.total.read, cost.total.written) == (4 * (30 * 36 + 36 * 16), 4 * 30 * 16)


@pytest.mark.parametrize(
    ("matrix", "changes", "what"),
    [
        ("out", {"rows": ((6, 96), (6, 16))}, "the factors do not fit"),
        ("a", {"columns": ((3, 32), (3, 400), (4, 1))}, "x has no elements 0 to"),
        ("b", {"columns": ((16, 2),)}, "k has no elements 0 to"),
        ("out", {"columns": ()}, "the factors do not fit"),
        ("out", {"rows": ((5, 96), (6, 8))}, "places of y are written twice"),
        ("out", {"rows": ((5, 96), (0, 16))}, "a factor has no elements"),
    ],
)
def test_a_broken_product_is_refused(matrix, changes, what):
    buffers, product = forward()
    parts = {k: fixed(getattr(product, k)) for k in ("out", "a", "b")}
    check_program(Program(buffers, (UnfoldedProduct(**parts),)))
    parts[matrix] = replaced(parts[matrix], **changes)
    with pytest.raises(GraphError, match=re.escape(what)):
        check_program(Program(buffers, (UnfoldedProduct(**parts),)))


def test_columns_lie_in_a_row_and_nothing_is_read_and_written():
    buffers, product = forward()
    parts = {k: fixed(getattr(product, k)) for k in ("out", "a", "b")}
    sparse = replaced(parts["b"], rows=((3, 1), (3, 1), (4, 1)), columns=((16, 36),))
    with pytest.raises(GraphError, match="does not lie in a row"):
        check_program(Program(buffers, (UnfoldedProduct(**{**parts, "b": sparse}),)))
    same = Unfolded(buffers[4], Index(), parts["a"].rows, ((1, 0), (1, 0), (1, 1)))
    with pytest.raises(GraphError):
        check_program(Program(buffers, (UnfoldedProduct(**{**parts, "a": same}),)))


def test_equal_products_become_one_function():
    _, loops = convolutions("f4", *SHAPES[0])
    made = [convolutions("f4", *SHAPES[0], slot=i * 7) for i in range(3)]
    buffers = sum((b for b, _ in made), ())
    statements = tuple(renamed(m[0], i) for i, (_, m) in enumerate(made))
    assert structure_of((loops[0],)).key == structure_of((statements[1],)).key
    assert structure_of((loops[0],)).key != structure_of((loops[1],)).key
    text = emit(Program(buffers, statements), "step", Machine.host()).text
    assert text.count("define") == 2


def test_a_product_moves_with_its_buffers(rng):
    buffers, product = forward()
    product = replaced(product, out=fixed(product.out), a=fixed(product.a))
    x, _, _, _, y, *_ = buffers
    three = Buffer("three", x.dtype, 3 * x.size, "input", 0)
    results = Buffer("results", y.dtype, 3 * y.size, "output", 4)
    places = {
        x: Place(three, Index(0, ((99, x.size),))),
        y: Place(results, Index(0, ((99, y.size),))),
    }
    moved = Relocation(places, lambda n: n, lambda place: (place, ())).statement(product)
    program = Program((three, *buffers[1:4], results, *buffers[5:]), (Loop(99, 3, (moved,)),))
    arrays = [rng.normal(size=b.size).astype(b.dtype) for b in program.buffers]
    arrays[4][:] = 0
    check_program(program)
    interpret(program, arrays)
    for i in range(3):
        single = [a.copy() for a in arrays]
        single[0] = arrays[0][i * x.size : (i + 1) * x.size]
        single[4] = np.zeros(y.size, y.dtype)
        interpret(Program(buffers, (product,)), single)
        np.testing.assert_array_equal(arrays[4][i * y.size : (i + 1) * y.size], single[4])
