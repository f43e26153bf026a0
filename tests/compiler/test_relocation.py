"""Statements moved into another program run on other memory, under other names, with guards of other numbers."""

import itertools

import numpy as np
import pytest

from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.program import (
    Buffer,
    Carried,
    Cast,
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
from chainrule.compiler.loops.relocation import Place, Relocation

F8, I8, BOOL = np.dtype(np.float64), np.dtype(np.int64), np.dtype(bool)


def at(*terms, offset=0):
    return Index(offset, terms)


def moved(body, places, guard=lambda k: (k, ())):
    count = itertools.count(100)
    names = {}
    return Relocation(places, lambda n: names.setdefault(n, next(count)), guard).block(body)


def test_a_body_runs_on_the_rows_of_other_memory():
    x, out = Buffer("x", F8, 4, "input", 0), Buffer("out", F8, 2, "output", 1)
    carried = (Carried(4, Number(0.0, F8), 3, F8),)
    fold = (Fold(5, "add", Number(0.0, F8), 3, F8),)
    inner = (
        Load(1, x, at((0, 1))),
        Cast(2, 1, F8),
        Let(3, lambda e, a, b: a + b, (2, 4), F8, "add"),
    )
    body = (
        Loop(0, 4, inner, carried=carried, folds=fold),
        Store(out, Index(0), 4),
        Store(out, Index(1), 5, add=True),
    )
    rows, sums = Buffer("rows", F8, 12, "input", 0), Buffer("sums", F8, 6, "output", 1)
    places = {x: Place(rows, at((99, 4))), out: Place(sums, at((99, -2), offset=4))}
    program = Program((rows, sums), (Loop(99, 3, moved(body, places)),))
    numbers, results = np.arange(12.0), np.zeros(6)
    assert interpret(program, [numbers, results]) == 0
    prefix = numbers.reshape(3, 4).cumsum(axis=1)
    wanted = np.stack([prefix[:, -1], prefix.sum(axis=1)], axis=1)[::-1]
    np.testing.assert_array_equal(results.reshape(3, 2), wanted)


def test_matrices_move_too():
    a, out = Buffer("a", F8, 4, "input", 0), Buffer("out", F8, 4, "output", 1)
    square = Matrix(a, Index(0), 2, 2, 2, 1)
    body = (Product(Matrix(out, Index(0), 2, 2, 2, 1), square, square),)
    many, results = Buffer("many", F8, 12, "input", 0), Buffer("results", F8, 12, "output", 1)
    places = {a: Place(many, at((99, 4))), out: Place(results, at((99, 4)))}
    program = Program((many, results), (Loop(99, 3, moved(body, places)),))
    x, y = np.random.default_rng(0).normal(size=(3, 2, 2)), np.zeros((3, 2, 2))
    interpret(program, [x, y])
    np.testing.assert_allclose(y, x @ x)


def test_guards_get_other_numbers():
    x = Buffer("x", BOOL, 5, "input", 0)
    body = (Load(1, x, Index(0)), Guard(1, expected=True, place=2))
    statements = moved(body, {x: Place(x, at((99, 1)))}, lambda k: (10 + k, ((99, 3),)))
    program = Program((x,), (Loop(99, 5, statements),))
    met = np.array([True, True, True, False, True])
    assert interpret(program, [met]) == 1 + 12 + 9


def test_a_call_of_python_cannot_be_moved():
    host = Host(np.sort, (), (), "sort", "sorts")
    with pytest.raises(TypeError, match="a Host cannot be moved"):
        moved((host,), {})
