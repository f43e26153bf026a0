"""Products that read or write patches of arrays where they lie, as convolutions and their gradients do.

Joining the parts of an image that the places of a window see makes a matrix many times the image's size, for a
product to read once. Here the joined parts stay places of the image until the product is planned. The gradient goes
the other way: a product whose parts are only added to an image is added there at once.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.compiler.planning.plan import Array, DType, Read, UnfoldedProduct
from chainrule.compiler.unfoldings import Factors, Unfolding, joined
from chainrule.compiler.views import View, merged, row_by_row, whole
from chainrule.core.graph import Graph
from chainrule.core.trace import Node
from chainrule.core.types import Shape

_FLOATS = frozenset("fd")
_FEWEST_COLUMNS = 8
"""Fewer columns leave most of a vector idle: a copy and a library's product are faster then."""
_LONGEST_SUM = 512
"""A sum of more numbers is made in parts, which are added to what is in memory."""


@dataclass(frozen=True)
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

    They are joined parts that only products read, and products whose parts are only added to an array.
    """
    names = {node.op.name for node in graph.nodes if node.op is not None}
    if not names & {"concatenate", "stack", "add_at"} or "matmul" not in names:
        return frozenset()
    uses: dict[Node, list[tuple[Node, int]]] = defaultdict(list)
    for node in graph.nodes:
        for i, p in enumerate(node.parents):
            if p is not None:
                uses[p].append((node, i))
    kept = {o for o in graph.outputs if isinstance(o, Node)}

    def ends(node: Node, through: frozenset[str]) -> set[str]:
        """Return what reads a node in the end, perhaps through ops that move its elements."""
        found = {"return"} if node in kept else set()
        for user, i in uses[node]:
            name = user.op.name if user.op is not None else ""
            if name in through and len(user.parents) == 1:
                found |= ends(user, through)
            else:
                found.add("another start" if name == "add_at" and not i else name)
        return found

    def waits(node: Node) -> bool:
        name = node.op.name if node.op is not None else ""
        if name in {"concatenate", "stack"}:
            return ends(node, frozenset({"reshape", "transpose"})) == {"matmul"}
        return name == "matmul" and ends(node, frozenset({"reshape", "getitem"})) == {"add_at"}

    return frozenset([node for node in graph.nodes if waits(node)])


def product_of(a: Patches, b: Read) -> UnfoldedProduct | None:
    """Return the product of patches and an array; a long sum is added to what has to be zeros.

    None where a copy of the patches and a product of matrices is better.
    """
    *stack, rows, sums = a.unfolding.axes
    *_, columns = b.shape
    if b.dtype != a.dtype or a.dtype.char not in _FLOATS or columns < _FEWEST_COLUMNS:
        return None
    if len(b.shape) != len(a.shape) or b.view.strides[-1] != 1 or 0 in a.shape:
        return None
    right = _split(b.view, [*map(_sizes, (*stack, sums)), (columns,)])
    out = Array((*a.shape[:-1], columns), a.dtype)
    left = a.unfolding.factors
    target = whole((*left.shape[: len(left.shape) - len(sums)], columns))
    item = _product((left, right, target), (len(_flat(stack)), len(rows), 1, len(sums)))
    is_long = item[3][3] > 1 and math.prod(item[0].shape[sum(item[3][:2]) :]) > _LONGEST_SUM
    reads = Read(a.array, item[0]), Read(b.array, item[1])
    return UnfoldedProduct(*reads, out, item[2], item[3], add=is_long)


def added(
    a: Read, b: Read, target: Array, parts: Sequence[tuple[View, View]]
) -> UnfoldedProduct | None:
    """Return `a @ b` added to an array part by part, or None: the parts lie unevenly.

    Args:
        a: a matrix.
        b: another, whose columns have stride 1.
        target: the array that is added to.
        parts: per part its elements of the product, and their places in the array.
    """
    columns = b.shape[1]
    parts = sorted(parts, key=lambda part: part[0].offset)
    taken = joined([view for view, _ in parts], 0, is_stack=True)
    places = joined([place for _, place in parts], 0, is_stack=True)
    if taken is None or places is None or a.dtype.char not in _FLOATS:
        return None
    # The elements of the product in its order: its rows, then the parts, then the elements of a row of a part.
    shape = parts[0][0].shape
    order = _order(parts[0][0], columns)
    if order is None or parts[0][0].offset or shape[-1] < _FEWEST_COLUMNS:
        return None
    rows, width = order
    is_complete = width * len(parts) == columns and math.prod(shape[:rows]) == a.shape[0]
    if not is_complete or taken.axes[0] not in {(), ((len(parts), width),)}:
        return None
    within = [(n, s) for n, s in zip(shape, parts[0][1].strides, strict=True)]
    row_factors, rest = tuple(within[:rows]), tuple(within[rows:])
    if rest[-1][1] != 1:
        return None
    column_factors = (*places.axes[0], *rest)
    left = _split(a.view, [_sizes(row_factors), (a.shape[1],)])
    right = _split(b.view, [(a.shape[1],), _sizes(column_factors)])
    pairs = (*row_factors, *column_factors)
    place = View(tuple([n for n, _ in pairs]), tuple([s for _, s in pairs]), parts[0][1].offset)
    item = _product((left, right, place), (0, len(row_factors), len(column_factors), 1))
    return UnfoldedProduct(
        Read(a.array, item[0]), Read(b.array, item[1]), target, item[2], item[3], add=True
    )


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
    views: tuple[View, View, View], axes: tuple[int, int, int, int]
) -> tuple[View, View, View, tuple[int, int, int, int]]:
    """Merge neighbouring axes that both who walk through them walk through as one."""
    a, b, out = views
    stack, rows, columns, sums = axes
    k = stack
    batch = merged(a.shape[:k], [v.strides[:k] for v in views])
    row = merged(a.shape[k : k + rows], [v.strides[k : k + rows] for v in (a, out)])
    total = merged(a.shape[k + rows :], [a.strides[k + rows :], b.strides[k : k + sums]])
    column_shape, column_steps = (
        b.shape[k + sums :],
        [b.strides[k + sums :], out.strides[k + rows :]],
    )
    outer = merged(column_shape[:-1], [s[:-1] for s in column_steps])
    last = column_shape[-1:], [s[-1:] for s in column_steps]
    column = outer[0] + last[0], [x + y for x, y in zip(outer[1], last[1], strict=True)]
    del columns
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
