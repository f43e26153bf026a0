"""Ops that are computed by the inner loop of a generalized ufunc: which loop, and over what sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import core_dimensions
from chainrule.compiler.machine_code import triangular
from chainrule.compiler.machine_code.inner_loops import loop_types
from chainrule.compiler.machine_code.triangular import solver_name
from chainrule.compiler.planning.rules import is_native
from chainrule.compiler.views import View
from chainrule.core.op import Ufunc
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, Shape
from chainrule.ops.matrices import linalg_ufunc

PACK, UNPACK = linalg_ufunc("qr_r_raw"), linalg_ufunc("qr_reduced")
"""By which `np.linalg.qr` factors a matrix in its place, and makes q of what is there."""


def loop_of(node: Node, types: Sequence[ArrayType]) -> tuple[Ufunc, str] | None:
    """Return the ufunc that computes a node, and the types of its loop; None where there is none.

    `numpy.linalg` computes in double precision, whatever it is given.
    """
    assert node.op is not None
    ufunc = node.op.ufunc and node.op.ufunc.chosen(node.params)
    if ufunc is None or not is_generalized(ufunc) or not all(is_native(t.dtype) for t in types):
        return None
    dtype = np.dtype(complex if any(t.dtype.kind == "c" for t in types) else float)
    found = loop_types(ufunc.module, ufunc.name, [dtype] * len(types))
    return None if found is None else (ufunc, found)


def solver(a: View, how: Mapping[str, Any]) -> tuple[Ufunc, View]:
    """Return LAPACK's solver for a triangular matrix, and the matrix as it reads it: column by column."""
    by_rows = a.strides[-1] == 1 and a.strides[-2] != 1
    name = solver_name(
        lower=bool(how["lower"]) != by_rows,
        transposed=bool(how["trans"]) != by_rows,
        unit_diagonal=bool(how["unit_diagonal"]),
    )
    return Ufunc(triangular.__name__, name, raises=True), a.turned() if by_rows else a


def is_generalized(ufunc: Ufunc) -> bool:
    """Say whether a ufunc works on matrices or vectors."""
    return isinstance(ufunc.function, np.ufunc) and ufunc.function.signature is not None


def batch_of(ufunc: Ufunc, shapes: Sequence[Shape]) -> Shape:
    """Return what the axes before those of the matrices broadcast to."""
    cores = core_dimensions(ufunc)
    fronts = [s[: len(s) - len(core)] for s, core in zip(shapes, cores, strict=False)]
    return np.broadcast_shapes(*fronts)


def sizes_of(ufunc: Ufunc, shapes: Sequence[Shape]) -> tuple[int, ...]:
    """Return the sizes that a ufunc's signature names, in its order, of the shapes of its operands and results."""
    known: dict[str, int] = {}
    for shape, core in zip(shapes, core_dimensions(ufunc), strict=True):
        known.update(zip(core, shape[len(shape) - len(core) :], strict=True))
    return tuple(known.values())
