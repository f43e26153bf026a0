"""Calls of the loops of `numpy.linalg`: LAPACK's routines as NumPy calls them, on matrices where they lie."""

from __future__ import annotations

import numpy as np

from chainrule.compiler.emission.inner_loops import write_call
from chainrule.compiler.emission.scope import Scope, element_pointer, place_text
from chainrule.compiler.emission.values import Value
from chainrule.compiler.loops.program import Call
from chainrule.compiler.machine_code.inner_loops import loop_name

_INVALID, _INVALID_ON_WINDOWS = 1, 16


def write_matrix_call(scope: Scope, call: Call) -> None:
    """Write a call, and set whether it failed.

    A loop says so by the flag of an invalid operation, which it puts down where it succeeds.
    """
    e, f = scope.emitter, scope.function
    flag = _INVALID_ON_WINDOWS if "windows" in e.machine.triple else _INVALID
    for name in ("feclearexcept", "fetestexcept"):
        e.declarations.external(name, "i32", ("i32",))
    places = [
        element_pointer(
            scope,
            scope.pointer(b.buffer),
            b.buffer.dtype,
            place_text(scope, b.index.offset, b.index.terms),
        )
        for b in call.blocks
    ]
    sizes = [b.buffer.dtype.itemsize for b in call.blocks]
    steps = [b.step * size for b, size in zip(call.blocks, sizes, strict=True)]
    steps += [s * size for b, size in zip(call.blocks, sizes, strict=True) for s in b.strides]
    name = loop_name(call.ufunc.module, call.ufunc.name, call.types)
    f.set(f"call i32 @feclearexcept(i32 {flag})")
    write_call(f, e.declarations, name, places, call.sizes, steps)
    flags = f.set(f"call i32 @fetestexcept(i32 {flag})")
    failed = Value(e, f.set(f"icmp ne i32 {flags}, 0"), np.dtype(np.bool_))
    scope.set(call.name, [failed])
