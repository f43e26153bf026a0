"""Calls of `numpy.linalg`'s loops: NumPy's bits, its errors before anything is written, the statement's rules."""

import itertools

import numpy as np
import pytest
from tests.compiler.native import compiled

import chainrule as cr
import chainrule.scipy.linalg as linalg_of_scipy
from chainrule.compiler.loops.checker import check_program
from chainrule.compiler.loops.cost import cost_of
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.printer import program_text
from chainrule.compiler.loops.program import (
    Block,
    Buffer,
    Call,
    Guard,
    Host,
    Index,
    Loop,
    Program,
)
from chainrule.compiler.loops.relocation import Place, Relocation
from chainrule.compiler.loops.structure import structure_of, walk
from chainrule.errors import GraphError
from chainrule.ops.matrices import linalg_ufunc
from chainrule.records import replaced

F8, BOOL = np.dtype(float), np.dtype(bool)
linalg = np.linalg


def hermitian(a):
    return a @ np.swapaxes(a.conj(), -1, -2) + 4 * np.eye(a.shape[-1])


FUNCTIONS = {
    "solve": lambda a, b: linalg.solve(a, b),
    "solve of views": lambda a, b: linalg.solve(
        np.swapaxes(a, -1, -2)[..., ::-1], b[..., ::-1, :1]
    ),
    "inv": lambda a, b: linalg.inv(a),
    "det": lambda a, b: linalg.det(a),
    "slogdet": lambda a, b: tuple(linalg.slogdet(a)),
    "eig": lambda a, b: tuple(linalg.eig(a)),
    "svd": lambda a, b: tuple(linalg.svd(a[..., 1:, :], full_matrices=False)),
    "svdvals": lambda a, b: linalg.svdvals(a[..., 1:]),
    "qr": lambda a, b: tuple(linalg.qr(a)),
    "qr of a tall matrix": lambda a, b: tuple(linalg.qr(a[..., 1:])),
}
HERMITIAN = {
    "cholesky": lambda a: linalg.cholesky(a),
    "eigh": lambda a: tuple(linalg.eigh(a)),
    "eigh of the upper triangle": lambda a: tuple(linalg.eigh(a, "U")),
    "eigvalsh": lambda a: linalg.eigvalsh(a),
    "eigvalsh of the upper triangle": lambda a: linalg.eigvalsh(a, "U"),
}
BATCHES = [((), ()), ((3,), (3,)), ((2, 1, 3), (4, 3)), ((1, 2), ()), ((), (2, 3))]


def drawn(rng, dtype, *shape):
    x = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    return x.astype(dtype)


def parts(x):
    return x if isinstance(x, tuple) else (x,)


def assert_same_bits(f, *arguments):
    step = cr.compile(f)
    for got, expected in zip(parts(step(*arguments)), parts(f(*arguments)), strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    assert step._path().built.native.artifact.hosts == ()
    return step


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_numpy_s_to_the_bit(name, dtype, rng):
    for batch, other in BATCHES[:2] if dtype in {"f4", "c8"} else BATCHES:
        a, b = drawn(rng, dtype, *batch, 4, 4), drawn(rng, dtype, *other, 4, 2)
        assert_same_bits(FUNCTIONS[name], a, b)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("name", HERMITIAN)
def test_results_for_hermitian_matrices_are_numpy_s_to_the_bit(name, dtype, rng):
    for batch, _ in BATCHES[:3]:
        assert_same_bits(HERMITIAN[name], hermitian(drawn(rng, dtype, *batch, 4, 4)).astype(dtype))


def test_whole_numbers_and_numbers_of_two_kinds_are_cast(rng):
    whole = np.array([[2, 1], [1, 3]])
    assert_same_bits(lambda a, b: linalg.solve(a, b), whole, drawn(rng, "c8", 2, 3))
    assert_same_bits(lambda a: linalg.inv(a), whole)
    assert_same_bits(lambda a: linalg.det(a), whole > 1)


def test_nan_goes_where_numpy_has_it():
    a = np.array([[np.nan, 1.0], [2.0, 3.0]])
    with np.errstate(all="ignore"):
        assert_same_bits(lambda a: linalg.inv(a), a)
        assert_same_bits(lambda a: linalg.det(a), a)


def test_pinv_is_computed_of_the_singular_values(rng):
    for dtype in ("f4", "c16"):
        a = drawn(rng, dtype, 2, 4, 3)
        a[1, :, 2] = a[1, :, 1]  # one that is zero
        step = cr.compile(lambda a: linalg.pinv(a, rtol=1e-4))
        within = 1e-5 if dtype == "f4" else 1e-13
        np.testing.assert_allclose(step(a), linalg.pinv(a, rtol=1e-4), rtol=within, atol=within)
        assert step._path().built.native.artifact.hosts == ()


LAYOUTS = {
    "rows": lambda x: x,
    "columns": lambda x: np.swapaxes(np.swapaxes(x, -1, -2).copy(), -1, -2),
}


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_triangular_systems_are_scipy_s_to_the_bit(dtype, layout, rng):
    how = itertools.product((0, 1, 2), (False, True), (False, True))
    for (trans, lower, unit), (batch, other) in zip(how, itertools.cycle(BATCHES)):
        a = LAYOUTS[layout](drawn(rng, dtype, *batch, 4, 4) + 3 * np.eye(4, dtype=dtype))
        b = drawn(rng, dtype, *other, 4, 2)
        options = {"trans": trans, "lower": lower, "unit_diagonal": unit}
        assert_same_bits(lambda a, b, o=options: linalg_of_scipy.solve_triangular(a, b, **o), a, b)


def test_systems_of_factors_are_native(rng):
    a, b = hermitian(rng.normal(size=(4, 4))), rng.normal(size=4)

    def step(a, b):
        return linalg_of_scipy.cho_solve(linalg_of_scipy.cho_factor(a), b)

    for f in (step, cr.grad(lambda a, b: np.sum(step(a, b) ** 2))):
        made = cr.compile(f)
        np.testing.assert_allclose(made(a, b), f(a, b), rtol=1e-12)
        assert made._path().built.native.artifact.hosts == ()


def test_the_interpreter_solves_triangular_systems_too(rng):
    a, b = rng.normal(size=(3, 3)) + 3 * np.eye(3), rng.normal(size=(3, 2))
    for order in ("C", "F"):
        step = cr.compile(lambda a, b: linalg_of_scipy.solve_triangular(a, b, lower=True))
        given = np.array(a, order=order)
        expected, out = step(given, b), np.zeros((3, 2))
        memory = given.ravel(order="K"), b.ravel(), out.reshape(-1)
        assert interpret(program_of(step), memory) == 0
        np.testing.assert_allclose(out, expected, rtol=1e-14)
        memory[0][4] = 0
        assert interpret(program_of(step), memory) != 0


# what fails

FAILING = {
    "inv": (lambda a: linalg.inv(a), np.zeros((2, 3, 3)), "Singular matrix"),
    "solve": (lambda a: linalg.solve(a, a), np.ones((3, 3)), "Singular matrix"),
    "cholesky": (lambda a: linalg.cholesky(a), -np.eye(3), "not positive definite"),
    "svd": (lambda a: tuple(linalg.svd(a)), np.full((3, 3), np.nan), "did not converge"),
    "eig": (lambda a: tuple(linalg.eig(a)), np.full((3, 3), np.inf), "infs or NaNs"),
    "eigh": (lambda a: tuple(linalg.eigh(a)), np.full((3, 3), np.nan), "did not converge"),
    "triangle": (
        lambda a: linalg_of_scipy.solve_triangular(a, np.ones((3, 2))),
        np.zeros((3, 3)),
        "singular matrix",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_call_that_fails_raises_numpy_s_error(name):
    f, bad, message = FAILING[name]
    good = np.broadcast_to(2 * np.eye(3), bad.shape).copy()
    step = cr.compile(f)
    expected = parts(step(good))
    for function in (f, step):
        with pytest.raises(linalg.LinAlgError, match=message):
            function(bad)
    for got, wanted in zip(parts(step(good)), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert "eager" not in step.report()


def test_one_singular_matrix_of_many_is_found(rng):
    a = rng.normal(size=(2, 5, 3, 3))[:, ::2]
    step = cr.compile(lambda a: linalg.inv(a))
    step(a)
    a[1, 1] = 0
    with pytest.raises(linalg.LinAlgError, match="Singular"):
        step(a)


@pytest.mark.parametrize("order", ["before", "behind"])
def test_what_the_caller_holds_is_as_after_the_eager_call(order):
    def before(a, y):
        y[...] = np.linalg.solve(a, y)
        return y * 2

    def behind(a, y):
        y *= 3
        return np.linalg.inv(a) @ y

    f = before if order == "before" else behind
    step = cr.compile(f, donate=(1,))
    step(2 * np.eye(3), np.ones(3))
    held = []
    for function in (f, step):
        y = np.arange(1.0, 4.0)
        with pytest.raises(linalg.LinAlgError):
            function(np.zeros((3, 3)), y)
        held.append(y)
    np.testing.assert_array_equal(held[0], held[1])


def test_a_determinant_of_zero_is_no_failure():
    step = assert_same_bits(lambda a: tuple(linalg.slogdet(a)), np.zeros((3, 3)))
    assert not any(isinstance(s, Guard) and s.condition == 0 for s in program_of(step).body)


def program_of(step):
    return step._path().built.native.translation.program


# in loops, and in gradients


def test_a_call_inside_of_a_loop_of_python_is_one_statement(rng):
    def step(a, x):
        for _ in range(30):
            x = np.linalg.solve(a, x) + 0.5 * x
        return np.sum(x * x)

    a = np.eye(4) * 3 + 0.1 * rng.normal(size=(4, 4))
    x = rng.normal(size=(4, 1))
    made = cr.compile(cr.value_and_grad(step, (0, 1)))
    value, slopes = made(a, x)
    expected, wanted = cr.value_and_grad(step, (0, 1))(a, x)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for got, slope in zip(slopes, wanted, strict=True):
        np.testing.assert_allclose(got, slope, rtol=1e-10, atol=1e-12)
    found = list(walk(program_of(made).body))
    assert sum(isinstance(s, Call) for s in found) <= 4
    assert not any(isinstance(s, Host) for s in found)
    with pytest.raises(np.linalg.LinAlgError):
        made(np.zeros((4, 4)), x)


def test_slopes_of_a_likelihood_are_native(rng):
    def likelihood(a, y):
        factor = np.linalg.cholesky(a)
        z = np.linalg.solve(factor, y)
        return np.sum(z * z) + 2 * np.sum(np.log(np.diagonal(factor))) + np.linalg.det(a)

    a, y = hermitian(rng.normal(size=(5, 5))), rng.normal(size=5)
    step = cr.compile(cr.grad(likelihood))
    np.testing.assert_allclose(step(a, y), cr.grad(likelihood)(a, y), rtol=1e-9, atol=1e-9)
    assert step._path().built.native.artifact.hosts == ()


# the statement

A = Buffer("a", F8, 12, "input", 0)
B = Buffer("b", F8, 6, "input", 1)
OUT = Buffer("out", F8, 6, "output", 2)
SOLVE = linalg_ufunc("solve")


def block(buffer, *strides, step=0, offset=0):
    return Block(buffer, Index(offset), step, strides)


CALL = Call(
    0,
    SOLVE,
    "dd->d",
    (3, 2, 1),
    (block(A, 2, 1, step=4), block(B, 1, 1, step=2)),
    (block(OUT, 1, 1, step=2),),
)


def program(call=CALL):
    return Program((A, B, OUT), (call, Guard(0, expected=False, place=4)))


def test_the_interpreter_and_native_code_agree(rng):
    a, b = rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 2, 1))
    check_program(program())
    for run in (compiled(program()), lambda arrays: interpret(program(), arrays)):
        out = np.zeros((3, 2, 1))
        assert run([a.ravel(), b.ravel(), out.reshape(-1)]) == 0
        np.testing.assert_array_equal(out, linalg.solve(a, b))
        singular = a.copy()
        singular[1] = 0
        assert run([singular.ravel(), b.ravel(), out.reshape(-1)]) == 5


def test_a_failure_of_an_earlier_call_is_forgotten(rng):
    run = compiled(program())
    a, b, out = rng.normal(size=12), rng.normal(size=6), np.zeros(6)
    assert run([np.zeros(12), b, out]) == 5
    assert run([a, b, out]) == 0


def test_it_prints_and_counts():
    assert program_text(program()).splitlines()[-2] == (
        "out[0; 2 x 1 x 1] = solve(a[0; 4 x 2 x 1], b[0; 2 x 1 x 1]) 3 times, %0: bool = failed"
    )
    total = cost_of(program()).total
    assert (total.read, total.written) == (8 * (12 + 6), 8 * 6)


def test_it_moves(rng):
    names = {0: 7, 1: 8}
    moved = Relocation(
        {
            B: Place(B, Index(0, ((9, 2),))),
            A: Place(A, Index(0, ((9, 4),))),
            OUT: Place(OUT, Index(0, ((9, 2),))),
        },
        names.__getitem__,
        lambda k: (k, ((9, 1),)),
    ).block(program(replaced(CALL, sizes=(1, 2, 1))).body)
    looped = Program((A, B, OUT), (Loop(9, 3, moved),))
    check_program(looped)
    a, b, out = rng.normal(size=12), rng.normal(size=6), np.zeros(6)
    a[8:] = 0
    assert compiled(looped)([a, b, out]) == interpret(looped, [a, b, np.zeros(6)]) == 1 + 4 + 2


def test_equal_calls_have_one_key():
    again = replaced(CALL, name=5)
    other = replaced(CALL, sizes=(2, 2, 1))
    keys = [structure_of((c,)).key for c in (CALL, again, other)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"types": "ff->f"}, "a is float64, the loop's is float32"),
        ({"types": "gg->g"}, "solve has no loop gg->g"),
        ({"inputs": CALL.inputs[:1]}, "no loop dd->d for 2 operands"),
        ({"sizes": (3, 2)}, "1 sizes are not those of solve"),
        ({"sizes": (0, 2, 1)}, "a size is not positive"),
        ({"sizes": (4, 2, 1)}, "a has no elements 0 to 15"),
        ({"outputs": (block(B, 1, 1, step=2),)}, "the input b is written to"),
        ({"inputs": (CALL.inputs[0], block(OUT, 1, 1, step=2))}, "out is read and written"),
        ({"changes": True}, "the input a is written to"),
        ({"outputs": (block(OUT, 1, 1, step=2, offset=1),)}, "out has no elements 1 to 6"),
    ],
)
def test_a_broken_call_is_refused(changes, what):
    with pytest.raises(GraphError) as caught:
        check_program(program(replaced(CALL, **changes)))
    assert what in str(caught.value)
