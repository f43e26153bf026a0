"""A program is shown as text, one line for each statement."""

import numpy as np
from tests.compiler.small_loops import at

from chainrule.compiler.loops.printer import program_text
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

F4, F8 = np.dtype("f4"), np.dtype("f8")

EXPECTED = """\
input x: float32[8] in slot 0
output y: float32[8] in slot 1
temporary t: float64[4] at 64 of 128 bytes
for %0 in 0..8, parallel, %1: float32 from 0.0:
    %2 = x[7 + -1·%0]
    %3: float32 = add(%1, %2)
    %4 = float64(%3)
    y[0] += %3
    next %1 = %3
    fold %5: float64 = add of %4 from 0.0
guard 3: %5 is True
y[0; 2 x 2 by 2, 1] = x[%5; 2 x 4 by 1, 2] @ x[0; 4 x 2 by 2, 1]
y = python sort(x)  # sorts"""


def test_every_statement_is_shown():
    x, y = Buffer("x", F4, 8, "input", 0), Buffer("y", F4, 8, "output", 1)
    t = Buffer("t", F8, 4, "temporary")
    loop = Loop(
        0,
        8,
        (
            Load(2, x, at((0, -1), offset=7)),
            Let(3, lambda e, x, y: x + y, (1, 2), F4, "add"),
            Cast(4, 3, F8),
            Store(y, Index(0), 3, add=True),
        ),
        carried=(Carried(1, Number(0.0, F4), 3, F4),),
        folds=(Fold(5, "add", Number(0.0, F8), 4, F8),),
        parallel=True,
    )
    product = Product(
        Matrix(y, Index(0), 2, 2, 2, 1),
        Matrix(x, at((5, 1)), 2, 4, 1, 2),
        Matrix(x, Index(0), 4, 2, 2, 1),
    )
    host = Host(np.sort, ((x, (8,)),), ((y, (8,)),), "sort", "sorts")
    body = (loop, Guard(5, expected=True, place=3), product, host)
    assert program_text(Program((x, y, t), body, {t: 64}, 128)) == EXPECTED
