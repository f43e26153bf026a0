"""Running programs of the second representation on numbers, for the tests."""

import numpy as np
from tests.compiler.native import compiled

from chainrule.compiler.loops.checker import check_program
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.program import Loop


def results_of(program, *inputs):
    """Interpret a program, after the checker has seen it; return its status and one flat array per output."""
    check_program(program)
    slotted = [b for b in program.buffers if b.slot >= 0]
    outputs = [np.zeros(b.size, b.dtype) for b in slotted if b.role == "output"]
    constants = [None] * sum(b.role == "constant" for b in slotted)
    arrays = [np.array(x) for x in inputs]
    status = interpret(program, [*arrays, *outputs, *constants])
    return status, outputs


def native_results_of(program, *inputs):
    """Run a program as machine code; return its status and one flat array per output."""
    slotted = [b for b in program.buffers if b.slot >= 0]
    outputs = [np.zeros(b.size, b.dtype) for b in slotted if b.role == "output"]
    constants = [None] * sum(b.role == "constant" for b in slotted)
    arrays = [np.array(x) for x in inputs]
    return compiled(program)([*arrays, *outputs, *constants]), outputs


def loops_in(program):
    """Return the sequential loops of a program."""
    return [s for s in program.body if isinstance(s, Loop) and not s.vector]


def assert_same_bits(got, wanted):
    """Every result has the bits of the expected one."""
    for flat, value in zip(got, wanted, strict=True):
        assert flat.dtype == np.asarray(value).dtype
        assert flat.tobytes() == np.ascontiguousarray(value).tobytes(), (flat, value)
