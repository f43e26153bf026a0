"""What NumPy says about arrays in other terms than numbers that move: types, positions, bits, dates, text, files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, layout_of, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.errors import ShapeError
from chainrule.ops.canonical import array_like, axis_of
from chainrule.ops.checking import as_array
from chainrule.ops.elementwise import stepwise
from chainrule.ops.kinds import composite, constant
from chainrule.ops.numbers import by_numbers

_COUNT = np.dtype(np.intp)
_BYTES = np.array([[1, 0, 7], [0, 255, 3]], dtype=np.uint8)
_DAYS = np.array(["2024-02-28", "2024-03-02", "NaT"], dtype="datetime64[D]")


# types


def _dtype_like(x: Any) -> Any:
    """Return what stands for `x` where only its dtype counts: Python numbers stay as they are, for they yield."""
    x = array_like(x)
    if type(x) not in HANDLES:
        return x
    t = x.type
    return t.dtype.type(0).item() if t.weak else t.dtype


def _of_types(name: str, numpy: Callable[..., Any], samples: tuple[Sample, ...]) -> None:
    """Declare a question about dtypes, which is answered without numbers."""

    def answer(*args: Any, **options: Any) -> Any:
        return numpy(*map(_dtype_like, args), **options)

    composite(name, answer, names=(numpy,), samples=samples)


def _common_type(*arrays: Value) -> Any:
    """Numbers and lists of Python's have no dtype, and NumPy says so."""
    return np.common_type(*[np.empty(0, a.dtype) if hasattr(a, "dtype") else a for a in arrays])


_of_types(
    "result_type",
    np.result_type,
    (Sample((2, 3), np.float32), Sample((), (2,)), Sample((2,), 1.0)),
)
_of_types("can_cast", np.can_cast, (Sample((2, 3), np.float32, casting="same_kind"),))
composite(
    "common_type",
    _common_type,
    names=(np.common_type,),
    samples=(Sample((2, 3), (2,)), Sample((2,), np.array([1, 2]))),
)
by_numbers("min_scalar_type", np.min_scalar_type, samples=(Sample((2, 3)), Sample(())))


def _shares(name: str, numpy: Callable[..., bool], samples: tuple[Sample, ...]) -> None:
    """Declare a question about memory, answered for the memory that NumPy's own arrays would have."""

    def answer(a: Value, b: Value, /, max_work: Any = None) -> bool:
        return numpy(layout_of(a), layout_of(b), max_work)

    composite(name, answer, names=(numpy,), samples=samples)


_shares("shares_memory", np.shares_memory, (Sample((2, 3), (2, 3)),))
_shares("may_share_memory", np.may_share_memory, (Sample((2, 3), (2, 3)),))


# positions


def _lexsort(keys: Any, axis: int = -1) -> Value:
    rows = [array_like(k) for k in keys] if type(keys) in (list, tuple) else keys
    stacked = np.stack(rows) if type(rows) is list else rows
    t = type_of(stacked)
    return apply(_LEXSORT, stacked, axis=axis_of(axis, t.ndim - 1) if t.ndim > 1 else 0)


_LEXSORT = constant(
    "lexsort",
    lambda keys, axis: np.lexsort(keys, axis) if np.ndim(keys) > 1 else np.lexsort(keys),
    infer=lambda keys, axis: array_type(keys.shape[1:], _COUNT),
    left_to_numpy="it sorts",
    front=_lexsort,
    names=(np.lexsort,),
    samples=(
        Sample((2, 4)),
        Sample((2, 3, 4), axis=0),
        Sample((3, 2, 2), axis=-2),
    ),
)


def _ix(*args: Any) -> tuple[Value, ...]:
    """Each vector gets an axis of its own; masks become the positions where they hold."""
    vectors = [as_array(array_like(a)) for a in args]
    shapes = tuple(type_of(v).shape for v in vectors)
    if any(len(shape) != 1 for shape in shapes):
        raise ShapeError.from_numpy("ix_", shapes, "each needs one axis")
    chosen = [np.nonzero(v)[0] if type_of(v).dtype.kind == "b" else v for v in vectors]
    count = len(chosen)
    return tuple(
        np.reshape(v, (1,) * i + (type_of(v).size,) + (1,) * (count - 1 - i))
        for i, v in enumerate(chosen)
    )


composite(
    "ix_",
    _ix,
    names=(np.ix_,),
    samples=(Sample((2,), (3,)), Sample((2,), np.array([True, False, True])), Sample((3,))),
)


def _triu_indices_from(arr: Value, k: int = 0) -> tuple[Any, ...]:
    rows, columns = type_of(arr).shape
    return np.triu_indices(rows, k, columns)


def _tril_indices_from(arr: Value, k: int = 0) -> tuple[Any, ...]:
    rows, columns = type_of(arr).shape
    return np.tril_indices(rows, k, columns)


def _diag_indices_from(arr: Value) -> tuple[Any, ...]:
    return np.diag_indices_from(np.empty(type_of(arr).shape, np.bool_))


_TRIANGLES = (Sample((3, 3)), Sample((2, 3), k=1), Sample((3, 2), -1))
composite(
    "triu_indices_from", _triu_indices_from, names=(np.triu_indices_from,), samples=_TRIANGLES
)
composite(
    "tril_indices_from", _tril_indices_from, names=(np.tril_indices_from,), samples=_TRIANGLES
)
composite(
    "diag_indices_from",
    _diag_indices_from,
    names=(np.diag_indices_from,),
    samples=(Sample((3, 3)), Sample((2, 2, 2))),
)
by_numbers(
    "unravel_index",
    np.unravel_index,
    samples=(Sample(np.array([1, 5]), shape=(2, 3)), Sample(np.array([1, 5]), [2, 3], order="F")),
)
by_numbers(
    "ravel_multi_index",
    np.ravel_multi_index,
    samples=(
        Sample(np.array([[0, 1], [2, 0]]), np.array([2, 3])),
        Sample(np.array([[0, 5], [2, -1]]), np.array([2, 3]), mode=("clip", "wrap"), order="F"),
    ),
)


def _einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """The order depends on the shapes alone."""
    empty: list[Any] = [
        x if isinstance(x, (str, list)) else np.broadcast_to(np.int8(0), type_of(x).shape)
        for x in operands
    ]
    options: Any = {"optimize": optimize, "einsum_call": einsum_call}
    return np.einsum_path(*empty, **options)


composite(
    "einsum_path",
    _einsum_path,
    names=(np.einsum_path,),
    samples=(
        Sample("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
        Sample("ij,jk->ik", (2, 3), (3, 2), optimize="optimal"),
    ),
)

# bits and dates: integers and dates carry no derivative

_BITS = (Sample(_BYTES), Sample(_BYTES, axis=0), Sample(_BYTES, axis=-1, bitorder="little"))
by_numbers("packbits", np.packbits, samples=_BITS)
by_numbers("unpackbits", np.unpackbits, samples=(*_BITS, Sample(_BYTES, axis=1, count=5)))
stepwise("isnat", np.isnat, samples=(Sample(_DAYS),))
by_numbers(
    "datetime_as_string",
    np.datetime_as_string,
    samples=(Sample(_DAYS), Sample(_DAYS, unit="M", casting="unsafe")),
)
by_numbers("is_busday", np.is_busday, samples=(Sample(_DAYS), Sample(_DAYS, "1111100")))
by_numbers(
    "busday_offset",
    np.busday_offset,
    samples=(Sample(_DAYS, np.array([1, 2, 3]), roll="forward"),),
)
by_numbers("busday_count", np.busday_count, samples=(Sample(_DAYS[:2], _DAYS[1::-1]),))

# text shows the numbers as they are; a file would give them back without their derivative

_SHOWN = (Sample((2, 3)), Sample((0,)))
by_numbers("array2string", np.array2string, samples=(*_SHOWN, Sample((3,), precision=2)))
by_numbers("array_repr", np.array_repr, samples=(*_SHOWN, Sample((3,), 40, 3)))
by_numbers("array_str", np.array_str, samples=(*_SHOWN, Sample((3,), suppress_small=True)))

_FILED = "what is read back from a file has lost its derivative"
_WRITTEN = "a file is written in every call"
_SAVED = (Sample(io.BytesIO(), (2, 3)),)

by_numbers("save", np.save, undefined=_FILED, effect=_WRITTEN, samples=_SAVED)
by_numbers("savetxt", np.savetxt, undefined=_FILED, effect=_WRITTEN, samples=_SAVED)
by_numbers("savez", np.savez, undefined=_FILED, effect=_WRITTEN, samples=_SAVED)
by_numbers(
    "savez_compressed",
    np.savez_compressed,
    undefined=_FILED,
    effect=_WRITTEN,
    samples=_SAVED,
)

# dtypes that numbers decide


def _real_if_close(a: Value, tol: float = 100) -> Value:
    a = as_array(array_like(a))
    t: ArrayType = type_of(a)
    if t.dtype.kind != "c":
        return a
    limit = tol * np.finfo(t.dtype).eps if tol > 1 else tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < limit) else a


def _sort_complex(a: Value) -> Value:
    a = np.sort(as_array(array_like(a)))
    code = type_of(a).dtype.char
    if code in "FDG":
        return a
    return FRONTS["astype"](a, np.dtype("F" if code in "bhBH" else "G" if code == "g" else "D"))


composite(
    "real_if_close",
    _real_if_close,
    names=(np.real_if_close,),
    samples=(
        Sample((2, 3)),
        Sample((2, 3), prepare=lambda x: x + 1e-20j),
        Sample((3,), tol=0.5, prepare=lambda x: x + 0.1j),
        Sample((3,), prepare=lambda x: x + 0.1j),
    ),
)
composite(
    "sort_complex",
    _sort_complex,
    names=(np.sort_complex,),
    samples=(Sample((5,)), Sample((2, 3)), Sample((3,), prepare=lambda x: x * (1 + 2j))),
)
