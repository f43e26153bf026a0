"""Ops that read or write a part of an array: by an index, by index arrays, or one part behind the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import Number
from chainrule.compiler.planning.draft import Draft
from chainrule.compiler.planning.grouping import reads
from chainrule.compiler.planning.indexing import normalized, selected
from chainrule.compiler.planning.operands import known_numbers
from chainrule.compiler.planning.patches import added, landing
from chainrule.compiler.planning.plan import (
    Array,
    Check,
    Group,
    Lookup,
    Operand,
    Point,
    Read,
    Uniform,
)
from chainrule.compiler.views import View, whole
from chainrule.core.trace import Node
from chainrule.core.types import Shape
from chainrule.ops.additions import terms_of

_BOOL = np.dtype(bool)
_INT = np.dtype(np.int64)


def taken(draft: Draft, node: Node) -> None:
    """Read where index arrays say."""
    x, *arrays = draft.operands(node)
    index = _index(draft, node, node.params["index"], x.shape, arrays)
    if index is None:
        return
    selection, positions = index
    base = x if isinstance(x, Read) else draft.whole(x)
    picked = selected(base.array, base.view, selection, positions)
    draft.values[node] = Read(base.array, picked) if isinstance(picked, View) else picked


def scattered(draft: Draft, node: Node) -> None:
    """Add into zeros where an index says."""
    value, *arrays = draft.operands(node)
    shape, dtype = node.type.shape, node.type.dtype
    index = _index(draft, node, node.params["index"], shape, arrays)
    if index is None:
        return
    target = draft.copied(Uniform(Number(dtype.type(0), dtype), shape)).array
    _write(draft, target, shape, index, value, add=True)
    draft.values[node] = Read(target, whole(shape))


def written(draft: Draft, node: Node) -> None:
    """Write where an index says."""
    x, value, *arrays = draft.operands(node)
    index = _index(draft, node, node.params["index"], x.shape, arrays)
    if index is None:
        return
    target = _own(draft, node, x, [value, *arrays])
    _write(draft, target, x.shape, index, value, add=False)
    draft.values[node] = Read(target, whole(x.shape))


def added_at(draft: Draft, node: Node) -> None:
    """Add parts into one array, one after the other."""
    base, *rest = draft.operands(node)
    terms = list(terms_of(rest, node.params["indices"]))
    indices = [_index(draft, node, i, base.shape, arrays) for _, i, arrays in terms]
    if None in indices:
        return
    groups: dict[Any, list[tuple[Operand, Any]]] = defaultdict(list)
    for k, ((part, _, _), index) in enumerate(zip(terms, indices, strict=True)):
        array = getattr(part, "array", None)
        groups[array if array in draft.products else k].append((part, index))
    factors = [x for array in groups if array in draft.products for x in draft.products[array]]
    target = _own(draft, node, base, [*rest, *factors])
    for parts in groups.values():
        if _added_patches(draft, target, base.shape, parts):
            continue
        for part, index in parts:
            draft.settle(part)
            _write(draft, target, base.shape, index, part, add=True)
    draft.values[node] = Read(target, whole(base.shape))


def _added_patches(
    draft: Draft, target: Array, shape: Shape, parts: Sequence[tuple[Operand, Any]]
) -> bool:
    """Plan a product whose parts are added to an array, if these are all of such a product's."""
    array = getattr(parts[0][0], "array", None)
    if array is None or array not in draft.products:
        return False
    pairs = []
    for part, (selection, positions) in parts:
        place = selected(target, whole(shape), selection, positions)
        if not isinstance(part, Read) or not isinstance(place, View) or part.shape != place.shape:
            return False
        pairs.append((part.view, place))
    places = landing(array, target, pairs)
    if places is None:
        return False
    a, b = draft.products.pop(array)
    draft.work.append(added(a, draft.columns_in_a_row(b), target, places))
    return True


def joined(draft: Draft, node: Node) -> None:
    """Copy parts one behind the other."""
    assert node.op is not None
    shape = node.type.shape
    axis = node.params["axis"] % len(shape)
    before = (slice(None),) * axis
    out = Array(shape, node.type.dtype)
    start = 0
    for part in draft.operands(node):
        if node.op.name == "stack":
            cut: Any = start
            start += 1
        else:
            cut = slice(start, start + part.shape[axis])
            start += part.shape[axis]
        place = whole(shape).cut((*before, cut))
        piece = Point(None, "copy", (part,), (part.dtype,), part.dtype, place.shape, out, place)
        out.ready = draft.work.append(Group(place.shape, [piece]))
    draft.values[node] = Read(out, whole(shape))


def _index(draft: Draft, node: Node, index: Any, shape: Shape, arrays: Sequence[Operand]) -> Any:
    """Return an index in full, and its arrays counted from the front; None where NumPy computes the node."""
    selection = normalized(index, shape, [a.shape for a in arrays])
    if any(a.dtype.kind not in "iu" for a in arrays):
        draft.host(node, "an index of this dtype")
        return None
    positions = [_in_range(draft, a, n) for a, n in zip(arrays, selection.sizes, strict=True)]
    return selection, positions


def _in_range(draft: Draft, index: Operand, size: int) -> Operand:
    """Return an index array whose elements count from the front; leave the step where one is out of range."""
    known = known_numbers(index)
    if known is not None and np.all((known >= -size) & (known < size)):
        if np.all(known >= 0):
            return index
        front = np.where(known < 0, known + size, known)
        if isinstance(index, Uniform):
            return Uniform(Number(np.int64(front), _INT), index.shape)
        assert isinstance(index, Read)
        return Read(Array(front.shape, front.dtype, constant=front), index.view)
    args = (index, Uniform(Number(np.int64(size), _INT), ()))
    shape = index.shape
    bad = draft.computed(
        _is_out_of_range, "is_out_of_range", args, (_INT, _INT), (_BOOL, shape, _BOOL)
    )
    if shape:
        bad = draft.folded("logical_or", bad, tuple(range(len(shape))), _BOOL)
    draft.work.append(Check(bad, expected=False, place=-1))
    return draft.computed(_from_front, "from_front", args, (_INT, _INT), (_INT, shape, _INT))


def _own(draft: Draft, node: Node, x: Operand, others: Sequence[Operand]) -> Array:
    """Return an array with the elements of `x` that may be written to: its own where nobody reads it later."""
    if (
        isinstance(x, Read)
        and x.is_whole
        and x.array.maker is not None
        and x.dtype == node.type.dtype
        and not any(reads(y, x.array) for y in others)
        and draft.lifetimes.ends_at(node.parents[0], draft.position)
    ):
        return x.array
    return draft.copied(x, node.type.dtype).array


def _write(
    draft: Draft,
    target: Array,
    shape: Shape,
    index: tuple[Any, Sequence[Operand]],
    value: Operand,
    *,
    add: bool,
) -> None:
    """Write a value into a part of an array."""
    selection, positions = index
    place = selected(target, whole(shape), selection, positions)
    domain = place.shape
    if len(value.shape) > len(domain):
        value = _without_first_axes(draft.whole(value), len(domain))
    piece = Point(
        None,
        "write",
        (value,),
        (target.dtype,),
        target.dtype,
        domain,
        target,
        place,
        add=add,
        in_turn=isinstance(place, Lookup),
    )
    target.ready = draft.work.append(Group(domain, [piece]))


def _without_first_axes(x: Read, count: int) -> Read:
    """Return an operand without its first axes, which have one element, so that `count` are left."""
    view = x.view.reshaped(x.shape[len(x.shape) - count :])
    assert view is not None
    return Read(x.array, view)


def _is_out_of_range(e: Any, index: Any, size: Any) -> Any:
    return e.logical_or(e.less(index, e.negative(size)), e.greater_equal(index, size))


def _from_front(e: Any, index: Any, size: Any) -> Any:
    return e.where(e.less(index, e.subtract(size, size)), e.add(index, size), index)
