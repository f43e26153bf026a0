"""The interpreter runs a program as its statements say."""

import numpy as np
from tests.compiler.small_loops import at, elementwise

from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.program import (
    Buffer,
    Carried,
    Fold,
    Guard,
    Host,
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

F8, BOOL = np.dtype("f8"), np.dtype("?")


def test_an_op_is_the_table_s_own_function(rng):
    x, out = rng.normal(size=9), np.zeros(9)
    assert interpret(elementwise(lambda e, x: e.exp(x) * 2, ("f8",), "f8", 9), [x, out]) == 0
    np.testing.assert_array_equal(out, np.exp(x) * 2)


def test_values_are_carried_and_folded():
    out = Buffer("out", F8, 3, "output", 0)
    body = (Let(2, lambda e, x: x * 2, (1,), F8, "double"),)
    carried, folds = (Carried(1, Number(1.0, F8), 2, F8),), (Fold(3, "maximum", None, 1, F8),)
    loop = Loop(0, 4, body, carried=carried, folds=folds)
    array = np.zeros(3)
    stores = (Store(out, Index(0), 1), Store(out, Index(1), 3), Store(out, Index(1), 3, add=True))
    interpret(Program((out,), (loop, *stores)), [array])
    assert array.tolist() == [16.0, 16.0, 0.0]


def test_products_and_calls_and_constants(rng):
    a, b = Buffer("a", F8, 6, "input", 0), Buffer("b", F8, 6, "constant", 1)
    out = Buffer("out", F8, 4, "output", 2)
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(3, 2))
    product = Product(
        Matrix(out, Index(0), 2, 2, 2, 1),
        Matrix(a, Index(0), 2, 3, 3, 1),
        Matrix(b, Index(0), 3, 2, 2, 1),
    )
    host = Host(lambda z: (np.sort(z),), ((out, (2, 2)),), ((out, (2, 2)),), "sort", "sorts")
    array = np.zeros(4)
    interpret(Program((a, b, out), (product, host), constants={b: y}), [x, None, array])
    np.testing.assert_array_equal(array.reshape(2, 2), np.sort(x @ y))


def test_a_failed_guard_ends_the_run():
    x, out = Buffer("x", F8, 4, "input", 0), Buffer("out", F8, 4, "output", 1)
    body = (
        Load(1, x, at((0, 1))),
        Let(2, lambda e, x: x < 3, (1,), BOOL, "less"),
        Guard(2, expected=True, place=4),
        Store(out, at((0, 1)), 1),
    )
    array = np.zeros(4)
    assert interpret(Program((x, out), (Loop(0, 4, body),)), [np.arange(1.0, 5.0), array]) == 5
    assert array.tolist() == [1.0, 2.0, 0.0, 0.0]
