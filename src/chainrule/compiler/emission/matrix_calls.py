"""Calls of the loops of `numpy.linalg`: LAPACK's routines as NumPy calls them, on matrices where they lie."""

from __future__ import annotations

import numpy as np

from chainrule.compiler.emission.inner_loops import write_call
from chainrule.compiler.emission.instructions import close_loop, open_loop
from chainrule.compiler.emission.scope import Scope, element_pointer, place_text
from chainrule.compiler.emission.values import Value
from chainrule.compiler.loops.program import Block, Call
from chainrule.compiler.machine_code.inner_loops import loop_name
from chainrule.compiler.machine_code.triangular import TriangularSolver

_LETTERS = {"f": "s", "d": "d", "F": "c", "D": "z"}
_INVALID, _INVALID_ON_WINDOWS = 1, 16


def write_matrix_call(scope: Scope, call: Call) -> None:
    """Write a call, and set whether it failed.

    A loop says so by the flag of an invalid operation, which it puts down where it succeeds.
    """
    if isinstance(call.ufunc.function, TriangularSolver):
        _write_solver(scope, call, call.ufunc.function.letters)
        return
    e, f = scope.emitter, scope.function
    flag = _INVALID_ON_WINDOWS if "windows" in e.machine.triple else _INVALID
    for name in ("feclearexcept", "fetestexcept"):
        e.declarations.external(name, "i32", ("i32",))
    places = [_place(scope, b) for b in call.blocks]
    sizes = [b.buffer.dtype.itemsize for b in call.blocks]
    steps = [b.step * size for b, size in zip(call.blocks, sizes, strict=True)]
    steps += [s * size for b, size in zip(call.blocks, sizes, strict=True) for s in b.strides]
    name = loop_name(call.ufunc.module, call.ufunc.name, call.types)
    f.set(f"call i32 @feclearexcept(i32 {flag})")
    write_call(f, e.declarations, name, places, call.sizes, steps)
    flags = f.set(f"call i32 @fetestexcept(i32 {flag})")
    failed = Value(e, f.set(f"icmp ne i32 {flags}, 0"), np.dtype(np.bool_))
    scope.set(call.name, [failed])


def _place(scope: Scope, b: Block) -> str:
    """Return the pointer to the first element of the first turn."""
    at = place_text(scope, b.index.offset, b.index.terms)
    return element_pointer(scope, scope.pointer(b.buffer), b.buffer.dtype, at)


def _write_solver(scope: Scope, call: Call, letters: str) -> None:
    """Write calls of LAPACK's trtrs, one for each turn, each of which says whether it failed."""
    e, f = scope.emitter, scope.function
    declarations = e.declarations
    turns, k, n = call.sizes
    x, a = call.inputs
    places = [_place(scope, b) for b in call.inputs]
    name = f"chainrule_{_LETTERS[a.buffer.dtype.char]}trtrs"
    declarations.external(name, "void", ["ptr"] * 10)
    given = [declarations.constant(f"letter_{c}", "i8", str(ord(c))) for c in letters]
    steps = (n, k, max(*a.strides, n), x.strides[0])
    numbers = [declarations.constant(f"whole_{i}", "i32", str(i)) for i in steps]
    info = f.reserve(4)
    loop = open_loop(f, "0", str(turns), 1, [("i1", "false")])
    at_x, at_a = (
        element_pointer(scope, p, b.buffer.dtype, f.set(f"mul nsw i64 {loop.turn}, {b.step}"))
        for p, b in zip(places, call.inputs, strict=True)
    )
    arguments = (*given, *numbers[:2], at_a, numbers[2], at_x, numbers[3], info)
    f.write(f"call void @{name}({', '.join(f'ptr {p}' for p in arguments)})")
    failed = f.set(f"icmp ne i32 {f.set(f'load i32, ptr {info}, align 4')}, 0")
    (failed,) = close_loop(f, loop, [f.set(f"or i1 {failed}, {loop.kept[0]}")])
    scope.set(call.name, [Value(e, failed, np.dtype(np.bool_))])
