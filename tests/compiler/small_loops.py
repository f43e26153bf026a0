"""Small programs for the tests of the compiler's second representation."""

import numpy as np

from chainrule.compiler.loops.program import Buffer, Index, Let, Load, Loop, Program, Store


def at(*terms, offset=0):
    """Return the place `offset + Σ stride · name`."""
    return Index(offset, tuple(terms))


def elementwise(rule, dtypes, result, count, vector=True):
    """Return the program that applies a rule to arrays of one length."""
    inputs = [Buffer(f"x{i}", np.dtype(t), count, "input", i) for i, t in enumerate(dtypes)]
    out = Buffer("out", np.dtype(result), count, "output", len(inputs))
    loads = [Load(i + 1, x, at((0, 1))) for i, x in enumerate(inputs)]
    names = tuple(load.name for load in loads)
    last = len(inputs) + 1
    body = (*loads, Let(last, rule, names, out.dtype, "rule"), Store(out, at((0, 1)), last))
    return Program((*inputs, out), (Loop(0, count, body, vector=vector),))
