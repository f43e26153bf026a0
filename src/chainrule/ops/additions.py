"""`add_at`: parts added into an array, one after the other. The compiler makes it of sums; nobody calls it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.types import ArrayType
from chainrule.ops.indexing import Index, add_into, may_miss
from chainrule.ops.kinds import constant


def terms_of(
    terms: Sequence[Any], indices: Sequence[Index]
) -> Iterator[tuple[Any, Index, Sequence[Any]]]:
    """Yield each part with its index and the index arrays, which follow it among the arguments."""
    start = 0
    for index in indices:
        stop = start + 1 + sum([1 for i in index if type(i) is str])
        yield terms[start], index, terms[start + 1 : stop]
        start = stop


def _add_at(base: Any, *terms: Any, indices: Sequence[Index]) -> Any:
    out = base.copy()
    for part, index, arrays in terms_of(terms, indices):
        add_into(out, part, arrays, index)
    return out


def _add_at_type(base: ArrayType, *terms: ArrayType, indices: Sequence[Index]) -> ArrayType:
    return base


constant(
    "add_at",
    _add_at,
    infer=_add_at_type,
    names=(),
    can_fail=lambda args, params: any(
        may_miss(arrays, index, type_of(args[0]).shape)
        for _, index, arrays in terms_of(args[1:], params["indices"])
    ),
    undefined="it stands in compiled programs only, whose gradients have been taken before",
    samples=(Sample((4,), (), (), indices=((0,), (2,))),),
)
