"""`np.einsum`: any sum of products. Its transposes are sums of products again."""

from __future__ import annotations

import functools
import math
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import Step, TracedArray, TracedView, type_of
from chainrule.core.op import FRONTS, Notation, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.errors import ArgumentError, NotDifferentiableError, ShapeError
from chainrule.ops.broadcasting import astype, broadcast_to, sum_to
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import linear

_LETTERS = string.ascii_uppercase + string.ascii_lowercase
Terms = tuple[str, ...]


def _written(inputs: Sequence[str], output: str) -> str:
    return f"{','.join(inputs)}->{output}"


def _sum_of_products(*args: Any, inputs: Terms, output: str, optimize: Any) -> Any:
    return np.einsum(_written(inputs, output), *args, optimize=optimize)[()]


def _sum_of_products_type(
    *types: ArrayType, inputs: Terms, output: str, optimize: Any
) -> ArrayType:
    sizes = _sizes(types, inputs, output)
    # Python numbers are not weak here: NumPy makes float64 arrays of them.
    dtype = np.result_type(*(t.dtype for t in types))
    return array_type(tuple(sizes[label] for label in output), dtype)


def _sizes(types: Sequence[ArrayType], inputs: Terms, output: str) -> dict[str, int]:
    """Return the size of every label; an axis of size 1 fits any."""
    sizes: dict[str, int] = {}
    for t, term in zip(types, inputs, strict=True):
        own: dict[str, int] = {}
        for label, n in zip(term, t.shape, strict=True):
            known = sizes.get(label, 1)
            if own.setdefault(label, n) != n or (n != known and 1 not in {n, known}):
                shapes = tuple(t.shape for t in types)
                reason = f"in {_written(inputs, output)!r} the sizes of {label} differ"
                raise ShapeError.from_numpy("einsum", shapes, reason)
            sizes[label] = n if known == 1 else known
    return sizes


def _transpose(i: int, g: Value, *args: Value, inputs: Terms, output: str, optimize: Any) -> Value:
    """The product of g and the other arguments, summed to the labels of argument i.

    A label that argument i repeats, `ii->i`, becomes two that an identity matrix ties together; one that nothing else
    has, `ij->i`, is broadcast.
    """
    wanted = type_of(args[i])
    labels, ties = _distinct(inputs[i], (*inputs, output))
    terms = [output, *inputs[:i], *inputs[i + 1 :], *ties]
    kept = "".join(label for label in labels if any(label in term for term in terms))
    identities = [np.eye(wanted.shape[labels.index(tie[1])], dtype=wanted.dtype) for tie in ties]
    factors = (g, *args[:i], *args[i + 1 :], *identities)
    order = "greedy" if optimize else False
    part = apply(_EINSUM, *factors, inputs=tuple(terms), output=kept, optimize=order)
    found = iter(type_of(part).shape)
    full = tuple(next(found) if label in kept else 1 for label in labels)
    part = part if len(full) == len(kept) else FRONTS["reshape"](part, full)
    fitting = tuple(1 if n == 1 else m for n, m in zip(wanted.shape, full, strict=True))
    return broadcast_to(sum_to(part, fitting), wanted.shape)


def _distinct(term: str, used: Sequence[str]) -> tuple[str, list[str]]:
    """Rename repeated labels: `iji` becomes `ija`, with the tie `ia`."""
    fresh = (label for label in _LETTERS if not any(label in u for u in used))
    labels, ties = "", []
    for label in term:
        if label in labels:
            ties.append(label + next(fresh))
            labels += ties[-1][1]
        else:
            labels += label
    return labels, ties


def _einsum(
    *operands: Any,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
) -> Value:
    if not isinstance(operands[0], str):
        operands = _from_sublists(operands)
    if casting != "safe":
        raise NotDifferentiableError.from_option("np.einsum", "casting", casting)
    args = [as_array(x) for x in operands[1:]]
    if dtype is not None:
        args = [astype(x, dtype) for x in args]
    inputs, output = _parsed(operands[0], tuple(type_of(x).shape for x in args))
    path = tuple(optimize) if isinstance(optimize, list) else optimize
    is_view = output != "" and [set(t) for t in inputs] == [set(output)]
    if is_view and type(args[0]) in {TracedArray, TracedView}:
        return args[0].part(_view(inputs, output))
    return apply(_EINSUM, *args, inputs=inputs, output=output, optimize=path)


def _view(inputs: Terms, output: str) -> Step:
    """Nothing is summed, as in `ii->i`: NumPy returns a view, and writes through it reach the array."""
    terms: dict[str, Any] = {"inputs": inputs, "output": output, "optimize": False}

    def put(base: Value, new: Value) -> Value:
        reached = _transpose(0, np.ones(type_of(new).shape), np.empty(type_of(base).shape), **terms)
        return np.where(reached == 1, _transpose(0, new, base, **terms), base)

    return Step(cut=lambda x: apply(_EINSUM, x, **terms), put=put, key=("einsum", inputs, output))


def _from_sublists(operands: Sequence[Any]) -> tuple[Any, ...]:
    """Translate `einsum(x, [0, 1], y, [1], [0])` into `einsum("AB,B->A", x, y)`."""

    def term(labels: Sequence[Any]) -> str:
        return "".join("..." if k is Ellipsis else _LETTERS[int(k)] for k in labels)

    pairs = len(operands) // 2
    subscripts = ",".join(term(operands[2 * k + 1]) for k in range(pairs))
    if len(operands) % 2:
        subscripts += "->" + term(operands[-1])
    return subscripts, *operands[: 2 * pairs : 2]


@functools.lru_cache(1024)
def _parsed(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[Terms, str]:
    """Return one term per argument and the output's, with letters in place of an ellipsis."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        expected = f"one term for each of the {len(shapes)} arrays"
        raise ArgumentError.from_range("np.einsum", "subscripts", subscripts, expected)
    rests = [
        len(s) - len(t.replace("...", "")) if "..." in t else 0
        for t, s in zip(terms, shapes, strict=True)
    ]
    fresh = [label for label in _LETTERS if label not in subscripts]
    ellipsis = "".join(fresh[: max(rests)])
    inputs = tuple(
        t.replace("...", ellipsis[len(ellipsis) - rest :] if rest else "")
        for t, rest in zip(terms, rests, strict=True)
    )
    for term, shape in zip(inputs, shapes, strict=True):
        if len(term) != len(shape):
            reason = f"{subscripts!r} names {len(term)} axes of the array of shape {shape}"
            raise ShapeError.from_numpy("einsum", shapes, reason)
    if arrow:
        output = right.replace("...", ellipsis)
    else:
        counts = Counter("".join(t.replace("...", "") for t in terms))
        output = ellipsis + "".join(sorted(label for label, n in counts.items() if n == 1))
    if not set(output) <= set("".join(inputs)) or len(set(output)) != len(output):
        expected = "an output that names labels of the inputs, each once"
        raise ArgumentError.from_range("np.einsum", "subscripts", subscripts, expected)
    return inputs, output


def _by_products(*args: Value, inputs: Terms, output: str, optimize: Any) -> Value:
    """Sum products of two arrays at a time, as matrix products: what the compiler has loops for."""
    t = _sum_of_products_type(*map(type_of, args), inputs=inputs, output=output, optimize=optimize)
    sizes = _sizes([type_of(x) for x in args], inputs, output)
    if 0 in sizes.values() or t.dtype.char not in "fdFDiIlLqQ":
        return NotImplemented
    work = [
        _distinct_and_full(astype(x, t.dtype), term, sizes)
        for x, term in zip(args, inputs, strict=True)
    ]
    for places in _order(inputs, tuple([type_of(x).shape for x in args]), output):
        taken = [work.pop(i) for i in sorted(places, reverse=True)]
        x, term = taken.pop()
        while taken:
            y, other = taken.pop()
            rest = {*output, *"".join([o for _, o in (*work, *taken)])}
            x, term = _product(x, term, y, other, rest)
        work.append((x, term))
    ((x, term),) = work
    x, term = _summed(x, term, {*output})
    return np.transpose(x, [term.index(label) for label in output])


@functools.lru_cache(1024)
def _order(
    inputs: Terms, shapes: tuple[tuple[int, ...], ...], output: str
) -> list[tuple[int, ...]]:
    """Return which arrays are multiplied next, by their places among those that are left."""
    if len(inputs) < 3:
        return [tuple(range(len(inputs)))]
    arrays = [np.broadcast_to(0.0, s) for s in shapes]
    return np.einsum_path(_written(inputs, output), *arrays, optimize="greedy")[0][1:]


def _distinct_and_full(x: Value, term: str, sizes: dict[str, int]) -> tuple[Value, str]:
    """Return an array and its labels, each of them once, without axes of one element that stand for more."""
    for label in term:
        if term.count(label) > 1:
            first = term.index(label)
            second = term.index(label, first + 1)
            x = np.diagonal(x, 0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + label
    shape = type_of(x).shape
    kept = [k for k, label in enumerate(term) if shape[k] == sizes[label]]
    return np.reshape(x, [shape[k] for k in kept]), "".join([term[k] for k in kept])


def _summed(x: Value, term: str, rest: set[str]) -> tuple[Value, str]:
    """Sum over the labels that nothing else needs."""
    axes = tuple([k for k, label in enumerate(term) if label not in rest])
    kept = "".join([label for label in term if label in rest])
    return (astype(np.sum(x, axis=axes), type_of(x).dtype) if axes else x), kept


def _product(x: Value, term: str, y: Value, other: str, rest: set[str]) -> tuple[Value, str]:
    """Multiply two arrays and sum over the labels that nothing else needs."""
    x, term = _summed(x, term, {*rest, *other})
    y, other = _summed(y, other, {*rest, *term})
    both = [label for label in term if label in other]
    batch = [label for label in both if label in rest]
    sums = [label for label in both if label not in rest]
    left = [label for label in term if label not in other]
    right = [label for label in other if label not in term]
    sizes = dict(zip(term + other, type_of(x).shape + type_of(y).shape, strict=True))
    result = "".join(batch + left + right)
    x = np.transpose(x, [term.index(label) for label in batch + left + sums])
    y = np.transpose(y, [other.index(label) for label in batch + sums + right])

    def shape(*groups: list[str]) -> list[int]:
        counts = [math.prod([sizes[label] for label in group]) for group in groups]
        return [*[sizes[label] for label in batch], *counts]

    if sums and type_of(x).is_inexact:
        product = np.reshape(x, shape(left, sums)) @ np.reshape(y, shape(sums, right))
    else:
        x = np.reshape(x, [*shape(left, sums), 1])
        y = np.reshape(y, [*shape([], sums), math.prod([sizes[label] for label in right])])
        product = x * y
        product = astype(np.sum(product, axis=-2), type_of(x).dtype) if sums else product
    return np.reshape(product, [sizes[label] for label in result]), result


_EINSUM = linear(
    "einsum",
    _sum_of_products,
    infer=_sum_of_products_type,
    transposes=_transpose,
    front=_einsum,
    names=(np.einsum,),
    body=_by_products,
    notation=Notation("einsum({0}, …)"),
    samples=(
        Sample("ij,jk->ik", (2, 3), (3, 4)),
        Sample("ij,jk", (2, 3), (3, 2), optimize=True),
        Sample("ij,jk,kl->il", (2, 3), (3, 2), (2, 2), optimize="greedy"),
        Sample("ii->i", (3, 3)),
        Sample("ii", (3, 3)),
        Sample("iji->j", (2, 3, 2)),
        Sample("ij->", (2, 3)),
        Sample("ij->ji", (2, 3)),
        Sample("i,j->ij", (2,), (3,)),
        Sample("i,i,i->", (3,), (3,), (3,)),
        Sample("...ij,...j->...i", (2, 2, 3), (3,)),
        Sample("...i,...i", (2, 3), (2, 3)),
        Sample("ij,ij->ij", (2, 1), (2, 3)),
        Sample("ij,ij->", (2, 1), (1, 3)),
        Sample("ij, jk -> k", (0, 3), (3, 2)),
        Sample(",i->i", (), (3,)),
        Sample((2, 3), [0, 1], (3, 2), [1, 2], [0, 2]),
        Sample((2, 3), [Ellipsis, 0], (3,), [0]),
    ),
    rejects=(
        Sample("ij,jk->ik", (2, 3), (4, 5)),
        Sample("ijk->i", (2, 3)),
        Sample("ii->i", (2, 3)),
    ),
)
