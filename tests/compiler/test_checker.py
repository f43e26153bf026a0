"""The checker accepts what keeps the rules, and names the statement of a program that breaks one."""

import numpy as np
import pytest
from tests.compiler.small_loops import at, elementwise

from chainrule.compiler.loops.checker import check_program
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
from chainrule.errors import GraphError

F4, F8, BOOL = (np.dtype(t) for t in ("f4", "f8", "?"))
X = Buffer("x", F4, 8, "input", 0)
Y = Buffer("y", F4, 8, "output", 1)
T = Buffer("t", F4, 8, "temporary")
ONE = Number(1.0, F4)


def add(e, x, y):
    return x + y


def broken(*body, buffers=(X, Y), **options):
    return Program(buffers, body, **options)


def loop(*body, count=8, **options):
    return Loop(0, count, body, **options)


def shape(buffer, rows, columns):
    return Matrix(buffer, Index(0), rows, columns, columns, 1)


HOST = Host(np.sort, ((X, (8,)),), ((Y, (8,)),), "sort", "sorts")


@pytest.mark.parametrize(
    ("program", "what"),
    [
        (broken(Store(Y, Index(0), 1)), "%1 is not set"),
        (broken(Load(1, X, Index(0)), Load(1, X, Index(1))), "%1 is set twice"),
        (
            broken(loop(Load(1, X, at((0, 1)))), Store(Y, Index(0), 1)),
            "%1 is not set, or not visible",
        ),
        (broken(Load(1, X, Index(8))), "x has no elements 8 to 8"),
        (broken(loop(Load(1, X, at((0, 1), offset=1)))), "x has no elements 1 to 8"),
        (broken(loop(Load(1, X, at((0, -1))))), "x has no elements -7 to 0"),
        (broken(Load(1, T, Index(0))), "t is no buffer of the program"),
        (broken(Store(X, Index(0), ONE)), "the input x is written to"),
        (broken(Store(Y, Index(0), Number(1.0, F8))), "1.0 is float64, not float32"),
        (broken(Load(1, X, Index(0)), Load(2, X, at((1, 1)))), "%1 is float32, not int64"),
        (broken(Guard(ONE, expected=True, place=0)), "1.0 is float32, not bool"),
        (broken(Guard(Number(True, BOOL), expected=True, place=-1)), "place -1 is negative"),
        (
            broken(Guard(Number(True, BOOL), expected=True, place=0, terms=((99, 1),))),
            "%99 is not set, or not visible",
        ),
        (broken(Let(1, "add", (ONE,), F4, "add")), "the rule is no function"),
        (broken(loop(count=-1)), "-1 turns"),
        (broken(loop(HOST)), "a call of Python is inside of a loop"),
        (broken(HOST, buffers=(X, Y, Buffer("z", F4, 9, "output", 2))), ""),
        (broken(Host(np.sort, ((X, (9,)),), (), "sort", "")), "x of 8 elements has no shape (9,)"),
        (broken(loop(loop(), vector=True)), "a loop or a call is inside of a vector loop"),
        (
            broken(loop(Store(Y, Index(0), ONE), vector=True)),
            "every turn writes y at the same place",
        ),
        (
            broken(loop(vector=True, carried=(Carried(1, ONE, 1, F4),))),
            "values are carried through a vector loop",
        ),
        (
            broken(
                loop(
                    Load(1, Y, at((0, 1), offset=1)), Store(Y, at((0, 1)), 1), count=7, vector=True
                )
            ),
            "turns of a vector loop read and write y at different places",
        ),
        (broken(loop(folds=(Fold(1, "divide", ONE, ONE, F4),))), "nothing is folded by divide"),
        (broken(loop(folds=(Fold(1, "add", None, ONE, F4),), count=0)), "of no turns has no start"),
        (broken(loop(folds=(Fold(1, "add", ONE, ONE, F8),))), "1.0 is float32, not float64"),
        (broken(loop(folds=(Fold(1, "logical_or", None, ONE, F4),))), "folds bools, not float32"),
        (broken(loop(carried=(Carried(1, ONE, 2, F4),))), "%2 is not set"),
        (broken(Product(shape(Y, 2, 2), shape(X, 2, 3), shape(X, 2, 2))), "2x2 2x3 2x2 do not fit"),
        (
            broken(Product(shape(Y, 2, 2), shape(X, 2, 5), shape(X, 5, 2))),
            "x has no elements 0 to 9",
        ),
        (broken(Product(shape(Y, 2, 2), shape(Y, 2, 2), shape(X, 2, 2))), "y is read and written"),
        (broken(buffers=(Y, X)), "in the order of their slots"),
        (broken(buffers=(X, Y, T)), "t has no place in the arena"),
        (broken(buffers=(X, Y, T), offsets={T: 8}, arena=64), "lies at 8, no multiple of 64"),
        (broken(buffers=(X, Y, T), offsets={T: 64}, arena=64), "beyond the arena of 64 bytes"),
        (broken(buffers=(Buffer("c", F4, 2, "constant", 0),)), "c has no content"),
    ],
)
def test_a_broken_program_is_refused(program, what):
    if not what:
        check_program(program)
        return
    with pytest.raises(GraphError) as caught:
        check_program(program)
    assert what in str(caught.value)


def test_a_constant_has_its_buffer_s_content():
    c = Buffer("c", F4, 2, "constant", 0)
    check_program(Program((c,), (), constants={c: np.zeros(2, F4)}))
    with pytest.raises(GraphError, match="its content float64"):
        check_program(Program((c,), (), constants={c: np.zeros(2)}))


def test_the_message_shows_the_statement():
    with pytest.raises(GraphError, match=r"in `y\[8·%0\] = 1.0`"):
        check_program(broken(loop(Store(Y, at((0, 8)), ONE))))


def step(offset, *, of=1):
    """Return a program that reads a row of two, and writes the one `offset` elements from it, turn by turn."""
    m = [Matrix(Y, at((0, s), offset=o), 1, 2, 2, 1) for s, o in ((2 * of, offset), (2, 0))]
    return broken(loop(Product(*m, shape(X, 2, 2)), count=3))


def test_a_row_may_be_made_of_the_one_before():
    check_program(step(2))
    for offset, of in ((1, 1), (0, 1), (4, -1)):  # the last meets in one of the turns
        with pytest.raises(GraphError, match="y is read and written"):
            check_program(step(offset, of=of))


@pytest.mark.parametrize(("order", "is_apart"), [([1, 2, 0], True), ([1, 2, 2], False)])
def test_rows_in_an_order_that_is_known_are_read_and_written(order, is_apart):
    c = Buffer("c", np.dtype(np.int64), 3, "constant", 2)
    row = Loop(
        2,
        2,
        (Load(3, Y, at((2, 1), (0, 2))), Store(Y, at((2, 1), (1, 2)), 3)),
        vector=True,
    )
    body = loop(Load(1, c, at((0, 1))), row, count=3)
    program = Program((X, Y, c), (body,), constants={c: np.array(order)})
    if is_apart:
        check_program(program)
    else:
        with pytest.raises(GraphError, match="read and write y at different places"):
            check_program(program)


def test_a_whole_program_is_accepted():
    check_program(elementwise(add, ("f4", "f4"), "f4", 8))
    body = (
        loop(
            Load(1, X, at((0, 1))),
            Let(2, add, (1, 1), F4, "add"),
            Store(T, at((0, 1)), 2),
            folds=(Fold(3, "add", None, 2, F4),),
            vector=True,
        ),
        Store(Y, Index(0), 3),
        Product(shape(Y, 2, 2), shape(X, 2, 4), shape(T, 4, 2), add=True),
    )
    check_program(Program((X, Y, T), body, {T: 0}, 64))
