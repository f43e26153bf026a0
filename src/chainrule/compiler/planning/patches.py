"""Products that read or write patches of arrays where they lie, as convolutions and their gradients do.

Joining the parts of an image that the places of a window see makes a matrix many times the image's size, for a
product to read once. Here the joined parts stay places of the image until the product is planned. The gradient goes
the other way: a product whose parts are only added to an image is added there at once.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainrule.compiler.planning.plan import Array, DType, Operand, Read, UnfoldedProduct
from chainrule.compiler.unfoldings import Unfolding, joined
from chainrule.compiler.views import Factors, View, merged, row_by_row, whole
from chainrule.core.graph import Graph
from chainrule.core.trace import Node
from chainrule.core.types import Shape
from chainrule.records import record

_FLOATS = frozenset("fd")
_FEWEST_ADDED = 8
"""Fewer columns in a row leave most of a vector idle where they are added: a copy of the product is faster then."""
_WHOLE = frozenset({1, 2, 4, 8})
"""So many columns need no mask. What was stored with one is slow to read: others are added along with those behind."""
_LONGEST_SUM = 512
"""A sum of more numbers is made in parts, which are added to what is in memory."""

Uses = dict[Node, list[tuple[Node | None, int]]]
"""Who reads each node, and as which argument; None is the caller."""


@record
class Patches:
    """An operand that no view shows: parts of an array, one behind the other."""

    array: Array
    unfolding: Unfolding

    @property
    def shape(self) -> Shape:
        """The shape of the operand."""
        return self.unfolding.shape

    @property
    def dtype(self) -> DType:
        """The dtype of the operand."""
        return self.array.dtype

    def moved(self, name: str, params: Mapping[str, Any], shape: Shape) -> Patches | None:
        """Return what an op that only moves elements makes of them; None where it has to copy."""
        unfolding = None
        if name == "reshape":
            unfolding = self.unfolding.reshaped(shape)
        elif name == "transpose":
            unfolding = self.unfolding.transposed(params["axes"])
        return None if unfolding is None else Patches(self.array, unfolding)

    def turned(self) -> Patches:
        """Exchange the last two axes."""
        *axes, rows, columns = self.unfolding.axes
        return Patches(self.array, Unfolding((*axes, columns, rows), self.unfolding.offset))


def patches_of(parts: Sequence[object], axis: int, *, is_stack: bool) -> Patches | None:
    """Return parts joined along an axis as patches, if they are evenly spaced parts of one array."""
    reads = [p for p in parts if isinstance(p, Read)]
    if len(reads) < max(len(parts), 2) or any(p.array is not reads[0].array for p in reads):
        return None
    unfolding = joined([p.view for p in reads], axis, is_stack=is_stack)
    return None if unfolding is None else Patches(reads[0].array, unfolding)


def waiting(graph: Graph) -> frozenset[Node]:
    """Return the nodes that need not be planned where they stand.

    They are joined parts that only products read, and products whose parts are only added to an array, at one node.
    """
    names = set(map(_name, graph.nodes))
    if not names & {"concatenate", "stack", "add_at"} or "matmul" not in names:
        return frozenset()
    uses: Uses = defaultdict(list)
    for node in graph.nodes:
        for i, p in enumerate(node.parents):
            if p is not None:
                uses[p].append((node, i))
    for o in graph.outputs:
        if isinstance(o, Node):
            uses[o].append((None, 0))
    return frozenset([node for node in graph.nodes if _waits(node, uses)])


def _waits(node: Node, uses: Uses) -> bool:
    if _name(node) in {"concatenate", "stack"}:
        found = _readers(node, frozenset({"reshape", "transpose"}), uses)
        return all(_name(user) == "matmul" for user, _ in found)
    if _name(node) != "matmul":
        return False
    parts = list(_readers(node, frozenset({"reshape", "getitem"}), uses))
    is_added = all(_name(user) == "add_at" and i > 0 for user, i in parts)
    return is_added and len({user for user, _ in parts}) == 1


def _readers(node: Node, through: frozenset[str], uses: Uses) -> Iterator[tuple[Node | None, int]]:
    """Yield who reads a node in the end, perhaps through ops that move its elements."""
    met = [node]
    while met:
        for user, i in uses[met.pop()]:
            if user is not None and _name(user) in through and len(user.parents) == 1:
                met.append(user)
            else:
                yield user, i


def multiplies(a: Patches, b: Operand) -> bool:
    """Say whether a product of patches is made where they lie, or else of a copy."""
    is_real = a.dtype.char in _FLOATS and a.dtype == b.dtype
    is_matrix = len(a.shape) > 1 and len(a.shape) == len(b.shape)
    return is_real and is_matrix and a.shape[:-2] == b.shape[:-2]


def product_of(a: Patches, b: Read) -> UnfoldedProduct:
    """Return the product of patches and an array, whose columns have stride 1; a long sum is added to zeros."""
    *stack, rows, sums = a.unfolding.axes
    columns = b.shape[-1]
    right = _split(b.view, [*map(_sizes, (*stack, sums)), (columns,)])
    out = Array((*a.shape[:-1], columns), a.dtype)
    left = a.unfolding.factors
    target = whole((*left.shape[: len(left.shape) - len(sums)], columns))
    item = _product((left, right, target), (len(_flat(stack)), len(rows), len(sums)))
    is_long = item[3][3] > 1 and math.prod(item[0].shape[sum(item[3][:2]) :]) > _LONGEST_SUM
    reads = Read(a.array, item[0]), Read(b.array, item[1])
    return UnfoldedProduct(*reads, out, item[2], item[3], add=is_long)


def landing(product: Array, target: Array, parts: Sequence[tuple[View, View]]) -> Unfolding | None:
    """Return which places of an array the rows and columns of a product are added to.

    None where the parts are not all of the product, or lie unevenly.

    Args:
        product: a matrix.
        target: the array that is added to.
        parts: per part its elements of the product, and their places in the array.
    """
    if product.dtype.char not in _FLOATS or product.dtype != target.dtype:
        return None
    parts = sorted(parts, key=lambda part: part[0].offset)
    taken = joined([view for view, _ in parts], 0, is_stack=True)
    places = joined([place for _, place in parts], 0, is_stack=True)
    if taken is None or places is None:
        return None
    # The elements of the product in its order: its rows, then the parts, then the elements of a row of a part.
    height, columns = product.shape
    part, place = parts[0]
    order = _order(part, columns)
    if order is None or part.offset or place.strides[-1:] != (1,):
        return None
    rows, width = order
    is_complete = width * len(parts) == columns and math.prod(part.shape[:rows]) == height
    if not is_complete or taken.axes[0] not in {(), ((len(parts), width),)}:
        return None
    within = tuple(zip(place.shape, place.strides, strict=True))
    across = (*places.axes[0], *within[rows:])
    if place.shape[-1] not in _WHOLE:
        sizes, (steps,) = merged(_sizes(across), [[s for _, s in across]])
        across = tuple(zip(sizes, steps, strict=True))
    return (
        Unfolding((within[:rows], across), place.offset) if across[-1][0] >= _FEWEST_ADDED else None
    )


def added(a: Read, b: Read, target: Array, places: Unfolding) -> UnfoldedProduct:
    """Return `a @ b`, of matrices, added to places of an array; the columns of `b` have stride 1."""
    rows, columns = places.axes
    left = _split(a.view, [_sizes(rows), (a.shape[1],)])
    right = _split(b.view, [(a.shape[1],), _sizes(columns)])
    item = _product((left, right, places.factors), (0, len(rows), 1))
    reads = Read(a.array, item[0]), Read(b.array, item[1])
    return UnfoldedProduct(*reads, target, item[2], item[3], add=True)


def _order(part: View, columns: int) -> tuple[int, int] | None:
    """Return how many axes of a part of a product count rows, and how many columns it has.

    None where the rows are cut.
    """
    width, rows = 1, len(part.shape)
    while rows and (part.strides[rows - 1] == width or part.shape[rows - 1] == 1):
        rows -= 1
        width *= part.shape[rows]
    wanted = [s * columns for s in row_by_row(part.shape[:rows])]
    axes = zip(part.shape, part.strides, wanted, strict=False)
    return (rows, width) if all(n == 1 or s == w for n, s, w in axes) else None


def _product(
    views: tuple[View, View, View], axes: tuple[int, int, int]
) -> tuple[View, View, View, tuple[int, int, int, int]]:
    """Merge neighbouring axes that both who walk through them walk through as one, but for the last of the columns.

    Args:
        views: of the left operand, of the right one, and of the result.
        axes: how many of the batch, of rows, and of the sum.

    Returns:
        The views, and how many axes they have of the batch, of rows, of columns and of the sum.
    """
    a, b, out = views
    k, rows, sums = axes
    batch = merged(a.shape[:k], [v.strides[:k] for v in views])
    row = merged(a.shape[k : k + rows], [v.strides[k : k + rows] for v in (a, out)])
    total = merged(a.shape[k + rows :], [a.strides[k + rows :], b.strides[k : k + sums]])
    outer = merged(b.shape[k + sums : -1], [b.strides[k + sums : -1], out.strides[k + rows : -1]])
    last = b.shape[-1:]
    column = outer[0] + last, [outer[1][0] + b.strides[-1:], outer[1][1] + out.strides[-1:]]
    left = View(batch[0] + row[0] + total[0], batch[1][0] + row[1][0] + total[1][0], a.offset)
    right = View(
        batch[0] + total[0] + column[0], batch[1][1] + total[1][1] + column[1][0], b.offset
    )
    target = View(batch[0] + row[0] + column[0], batch[1][2] + row[1][1] + column[1][1], out.offset)
    counts = (len(batch[0]), len(row[0]), len(column[0]), len(total[0]))
    return left, right, target, counts


def _split(view: View, sizes: Sequence[Sequence[int]]) -> View:
    """Cut every axis of a view into axes of some sizes."""
    shape: list[int] = []
    strides: list[int] = []
    for stride, cut in zip(view.strides, sizes, strict=True):
        shape += cut
        strides += [s * stride for s in row_by_row(tuple(cut))]
    return View(tuple(shape), tuple(strides), view.offset)


def _sizes(factors: Factors) -> tuple[int, ...]:
    return tuple([n for n, _ in factors])


def _flat(axes: Sequence[Factors]) -> list[tuple[int, int]]:
    return [pair for factors in axes for pair in factors]


def _name(node: Node | None) -> str:
    return "" if node is None or node.op is None else node.op.name
