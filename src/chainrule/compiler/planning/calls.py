"""Ops that loops of generalized ufuncs compute: factors, systems of equations, transforms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.compiler.planning.diagonals import TRIANGLES
from chainrule.compiler.planning.draft import Draft, new, zero
from chainrule.compiler.planning.host import result_types
from chainrule.compiler.planning.loop_calls import PACK, UNPACK, loop_of, solver
from chainrule.compiler.planning.operands import PRODUCTS, constant
from chainrule.compiler.planning.plan import Array, Read
from chainrule.compiler.planning.rules import is_native
from chainrule.compiler.planning.transforms import transform_of
from chainrule.compiler.views import whole
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType

_INT = np.dtype(np.int64)


def by_loop(draft: Draft, node: Node, types: Sequence[ArrayType]) -> bool:
    """Compute a node by the loop of a generalized ufunc, if there is one."""
    found = loop_of(node, types)
    if found is None:
        return False
    ufunc, letters = found
    given, made = ([np.dtype(c) for c in part] for part in letters.split("->"))
    operands = [
        draft.strided(x, dtype) for x, dtype in zip(draft.operands(node), given, strict=True)
    ]
    if ufunc.is_finite:
        draft.require_finite(operands[0])
    results = result_types(node)
    outs = [new(t.shape, dtype) for t, dtype in zip(results, made, strict=True)]
    draft.call_loop(ufunc, letters, operands, outs)
    values = [
        x if t.dtype == x.dtype else draft.copied(x, t.dtype)
        for x, t in zip(outs, results, strict=True)
    ]
    draft.hand_on(node, values)
    return True


def factored(draft: Draft, node: Node) -> None:
    """Compute q and r, as `np.linalg.qr` does: the factors come packed, in the matrix itself."""
    x = draft.operand(node, 0)
    m, n = x.shape[-2:]
    k = min(m, n)
    dtype = np.dtype(complex if x.dtype.kind == "c" else float)
    letter = dtype.char
    packed = draft.copied(x, dtype)
    scales = new((*x.shape[:-2], k), dtype)
    q = new((*x.shape[:-1], k), dtype)
    draft.call_loop(PACK, f"{letter}->{letter}", [packed], [scales], changes=True)
    draft.call_loop(UNPACK, f"{letter}{letter}->{letter}", [packed, scales], [q])
    top = Read(packed.array, packed.view.cut((..., slice(0, k), slice(None))))
    r = draft.computed(
        TRIANGLES["triu"],
        "triu",
        (constant(np.arange(k)[:, None]), constant(np.arange(n)), top, zero(dtype)),
        (_INT, _INT, dtype, dtype),
        (dtype, top.shape, dtype),
    )
    values = [
        y if y.dtype == t.dtype else draft.copied(y, t.dtype)
        for y, t in zip([q, r], node.type, strict=True)
    ]
    draft.hand_on(node, values)


def triangular(draft: Draft, node: Node) -> None:
    """Solve a triangular system, as SciPy does: the columns of the result lie in a row each."""
    dtype = node.type.dtype
    if dtype.char not in PRODUCTS:
        draft.host(node, f"numbers of dtype {dtype}")
        return
    a, b = (draft.strided(x, x.dtype) for x in draft.operands(node))
    for x in (a, b):
        draft.require_finite(x)
    a = draft.matrix(a, dtype)
    x = draft.copied(Read(b.array, b.view.turned()), dtype)
    ufunc, view = solver(a.view, node.params)
    operands = (x, Read(a.array, view))
    draft.call_loop(ufunc, f"{dtype.char * 2}->", operands, (), changes=True)
    draft.values[node] = Read(x.array, x.view.turned())


def transformed(draft: Draft, node: Node) -> None:
    """Transform along axes, as `numpy.fft` does, the last first."""
    assert node.op is not None
    dtype, params = node.type.dtype, node.params
    x = draft.operand(node, 0)
    if dtype.char not in PRODUCTS or not is_native(x.dtype):
        draft.host(node, f"numbers of dtype {x.dtype}")
        return
    axes = params["axes"] if "axes" in params else (params["axis"],)
    for axis in reversed(axes):
        size = x.shape[axis]
        n = params.get("n", size)
        name, norm = node.op.name, params["norm"]
        how = transform_of(name, x.dtype, dtype, size=size, n=n, norm=norm)
        given = draft.strided(x, how.loop[0])
        factor = Read(Array((), how.factor.dtype, constant=np.asarray(how.factor)), whole(()))
        shape = (*x.shape[:axis], how.size, *x.shape[axis + 1 :])
        made = new(shape, how.loop[-1])
        order = (*[k for k in range(len(shape)) if k != axis], axis)
        source, target = (Read(y.array, y.view.transposed(order)) for y in (given, made))
        draft.call_loop(how.ufunc, how.types, [source, factor], [target])
        x = made if made.dtype == how.made else draft.copied(made, how.made)
    draft.values[node] = x if axes else draft.copied(x, dtype)
