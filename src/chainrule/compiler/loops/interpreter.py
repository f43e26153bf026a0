"""Running a program in NumPy, one element after the other: slow, and what the native function is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.numpy_emitter import NumpyEmitter
from chainrule.compiler.loops.program import (
    Block,
    Buffer,
    Call,
    Cast,
    Fold,
    Guard,
    Host,
    Index,
    Let,
    Load,
    Loop,
    Matrix,
    Number,
    Operand,
    Product,
    Program,
    Statement,
    Store,
    Unfolded,
    UnfoldedProduct,
)
from chainrule.records import fresh, mutable_record

_EMITTER = NumpyEmitter()


def interpret(program: Program, arrays: Sequence[Any]) -> int:
    """Run a program and return its status: 0, or 1 + the place of the first guard that failed.

    Args:
        program: may hold calls of Python.
        arrays: the memory of the buffers with slots, in the order of the slots; those that are constants may be None.
    """
    memory = {b: np.empty(b.size, b.dtype) for b in program.buffers if b.slot < 0}
    for buffer in program.buffers:
        if buffer.role == "constant":
            memory[buffer] = np.asarray(program.constants[buffer]).reshape(-1)
        elif buffer.slot >= 0:
            memory[buffer] = arrays[buffer.slot].reshape(-1)
    try:
        with np.errstate(all="ignore"):
            _Run(memory).run(program.body, {})
    except _GuardFailed as failure:
        return failure.place + 1
    return 0


class _GuardFailed(Exception):  # noqa: N818  it is no error
    def __init__(self, place: int) -> None:
        self.place = place
        super().__init__(place)


Values = dict[int, Any]


@mutable_record
class _Run:
    memory: Mapping[Buffer, Any] = fresh(default_factory=dict)

    def run(self, statements: Sequence[Statement], values: Values) -> None:  # noqa: C901  one per kind
        for statement in statements:
            match statement:
                case Load(name, buffer, index):
                    values[name] = self.memory[buffer][_place(index, values)]
                case Let(name, rule, args, dtype):
                    result = rule(_EMITTER, *(_operand(a, values) for a in args))
                    values[name] = dtype.type(result)
                case Cast(name, arg, dtype):
                    values[name] = _EMITTER.cast(_operand(arg, values), dtype)
                case Store(buffer, index, value, add):
                    self._store(buffer, _place(index, values), _operand(value, values), add=add)
                case Guard(condition, expected, place, terms):
                    if bool(_operand(condition, values)) != expected:
                        raise _GuardFailed(_place(Index(place, terms), values))
                case Loop():
                    self._loop(statement, values)
                case Product():
                    self._product(statement, values)
                case UnfoldedProduct():
                    self._unfolded_product(statement, values)
                case Call():
                    values[statement.name] = self._called(statement, values)
                case Host(function, inputs, outputs):
                    self._call(function, inputs, outputs)

    def _store(self, buffer: Buffer, place: int, value: Any, *, add: bool) -> None:
        array = self.memory[buffer]
        array[place] = array[place] + value if add else value

    def _loop(self, loop: Loop, values: Values) -> None:
        inside = dict(values)
        carried = [_operand(c.start, values) for c in loop.carried]
        totals: list[Any] = [f.start.value if f.start else None for f in loop.folds]
        for turn in range(loop.count):
            inside[loop.var] = np.int64(turn)
            inside.update(zip((c.name for c in loop.carried), carried, strict=True))
            self.run(loop.body, inside)
            carried = [_operand(c.after, inside) for c in loop.carried]
            totals = [
                _folded(f, total, _operand(f.value, inside))
                for f, total in zip(loop.folds, totals, strict=True)
            ]
        values.update(zip((c.name for c in loop.carried), carried, strict=True))
        for f, total in zip(loop.folds, totals, strict=True):
            values[f.name] = f.dtype.type(total)

    def _product(self, product: Product, values: Values) -> None:
        a, b, out = (self._matrix(m, values) for m in (product.a, product.b, product.out))
        out[...] = out + a @ b if product.add else a @ b

    def _matrix(self, m: Matrix, values: Values) -> Any:
        array = self.memory[m.buffer][_place(m.index, values) :]
        strides = (m.row_stride * array.itemsize, m.column_stride * array.itemsize)
        return np.lib.stride_tricks.as_strided(array, (m.rows, m.columns), strides)

    def _unfolded_product(self, product: UnfoldedProduct, values: Values) -> None:
        places = {m: _places(m, values) for m in (product.a, product.b, product.out)}
        a, b = (self.memory[m.buffer][places[m]] for m in (product.a, product.b))
        target = self.memory[product.out.buffer]
        if product.add:
            np.add.at(target, places[product.out], a @ b)
        else:
            target[places[product.out]] = a @ b

    def _called(self, call: Call, values: Values) -> Any:
        failed: list[str] = []
        arrays = [
            self._block(b, (call.sizes[0], *shape), values)
            for b, shape in zip(call.blocks, call.shapes, strict=True)
        ]
        given, results = arrays[: len(call.inputs)], arrays[len(call.inputs) :]
        with np.errstate(all="ignore", invalid="call", call=lambda *what: failed.append(what[0])):
            call.ufunc.function(*given, out=tuple(results) or None, signature=call.types)
        return np.bool_(bool(failed))

    def _block(self, b: Block, shape: tuple[int, ...], values: Values) -> Any:
        array = self.memory[b.buffer][_place(b.index, values) :]
        strides = [s * array.itemsize for s in (b.step, *b.strides)]
        return np.lib.stride_tricks.as_strided(array, shape, strides)

    def _call(self, function: Any, inputs: Any, outputs: Any) -> None:
        results = function(*(self.memory[b].reshape(shape) for b, shape in inputs))
        for (buffer, shape), result in zip(outputs, results, strict=True):
            self.memory[buffer].reshape(shape)[...] = result


def _operand(operand: Operand, values: Values) -> Any:
    if isinstance(operand, Number):
        return operand.dtype.type(operand.value)
    return values[operand]


def _place(index: Index, values: Values) -> int:
    return index.offset + sum(stride * int(values[name]) for name, stride in index.terms)


def _places(m: Unfolded, values: Values) -> Any:
    """Return the places of all elements of a matrix."""
    axes = []
    for factors in (m.rows, m.columns):
        axis = np.zeros(1, np.int64)
        for n, stride in factors:
            axis = (axis[:, None] + stride * np.arange(n)).reshape(-1)
        axes.append(axis)
    return _place(m.index, values) + axes[0][:, None] + axes[1]


def _folded(fold: Fold, total: Any, value: Any) -> Any:
    return value if total is None else getattr(_EMITTER, fold.combine)(total, value)
