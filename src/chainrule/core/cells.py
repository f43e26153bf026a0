"""What the user holds: traced scalars and arrays. The mutable half; what nodes refer to is never written to.

An array is a cell: a write gives it a new content and a new version. A view remembers its base and
how it was cut; a write through it reaches the base, and a read after the base changed cuts anew.
All cuts and writes are ops (`getitem`, `setitem`, `reshape`, `transpose`), so every kind of level
follows them.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.core.copies import Spread, is_repeated, own_copy
from chainrule.core.methods import NO_ARRAY, ArrayMethods, ScalarMethods
from chainrule.core.op import FRONTS, IN_PLACE
from chainrule.core.types import ArrayType, Value, array_type, broadcast_shapes, type_of_plain
from chainrule.errors import DTypeError, EscapedValueError, ShapeError
from chainrule.records import record

if TYPE_CHECKING:
    from chainrule.core.trace import Level


@record
class Step:
    """One cut of a view: how it is taken from its base, and how a changed one is put back.

    Attributes:
        cut: from the base's content to the part's.
        put: from the base's content and the part's new one to the base's new one.
        key: equal for equal cuts.
        layout: from memory that lies as the base does to the part's, if `cut` needs numbers for it that nobody knows.
    """

    cut: Callable[[Any], Any]
    put: Callable[[Any, Any], Any]
    key: Any
    layout: Callable[[Any], Any] | None = None


class Traced:
    """The data of a traced value.

    Attributes:
        level: the innermost level it belongs to.
        out: what it is one level down.
        node: what made it at its level: a node, or under forward mode its tangent.
        type: its shape and dtype.
    """

    __slots__ = ("__weakref__", "level", "node", "out", "type")
    level: Level
    out: Value
    node: Any
    type: ArrayType

    def __init__(self, level: Level, out: Value, node: Any, type: ArrayType) -> None:  # noqa: A002
        self.level = level
        self.out = out
        self.node = node
        self.type = type

    def leaf(self) -> Value:
        """Return the plain value at the bottom. Its derivative is lost: for printing and branching."""
        x: Any = self
        while type(x) in HANDLES:
            refresh(x)
            x = x.out
        return x

    def lowest(self) -> Any:
        """Return the handle that holds the bottom value."""
        x: Any = self
        while True:
            refresh(x)
            if type(x.out) not in HANDLES:
                return x
            x = x.out

    def shown(self) -> Value:
        """Return the bottom value for a text; where only its type is known, its level decides."""
        x = self.lowest()
        return x.level.shown(x) if type(x.out) is ArrayType else x.out

    def truth(self) -> bool:
        """Return the truth of the bottom value; where only its type is known, its level decides."""
        x = self.lowest()
        return x.level.decide(x) if type(x.out) is ArrayType else bool(x.out)

    def numbers(self, name: str) -> Value:
        """Return the plain value at the bottom, for `name` to decide by; where only its type is known, its level tells.

        Raises:
            ShapeError: nobody knows.
        """
        x = self.lowest()
        return x.level.numbers_of(x, name) if type(x.out) is ArrayType else x.out

    def is_running(self) -> bool:
        """Say whether a trace that this value belongs to runs still."""
        return is_traced(self)

    def is_followed(self) -> bool:
        """Say whether this is a number that stays traced where Python itself converts it: no derivative is lost."""
        x: Any = settled(self)
        return type(x) in HANDLES and x.level.follows_python and not x.type.shape

    def count(self) -> int:
        """Return the integer that this is in this call, for Python to count by; it is followed."""
        x: Any = settled(self)
        number: int = x.level.count_of(x)
        return number

    def plain(self, what: str, hint: str) -> Value:
        """Return the bottom value if no running trace would lose it.

        Raises:
            EscapedValueError: a trace is running; it remembers the error too, in case the caller
                swallows it.
        """
        x: Any = self
        while type(x) in HANDLES:
            refresh(x)
            if x.level.alive:
                known = x.level.constant_of(x)
                if known is None:
                    raise EscapedValueError.from_conversion(what, hint)
                return known
            x = x.out
        return x

    def constant(self) -> Value | None:
        """Return the plain value if it depends on nothing that a running trace follows; None if it may."""
        x: Any = settled(self)
        return x.level.constant_of(x) if type(x) in HANDLES else x

    def handed_on(self, what: str) -> Value:
        """Return the plain value for a use of it that cannot be followed; it cannot be written to.

        Raises:
            EscapedValueError: a running trace would lose it.
        """
        value = self.plain(what, "use a NumPy function, or cr.stop_gradient(x)")
        if isinstance(value, np.ndarray):
            value = value.view()
            value.flags.writeable = False
        return value


class PlainLevel:
    """The level of an array that was made inside a trace and holds no derivative yet.

    To NumPy it is a plain array, to a traced write a cell like any other. It never runs, so nothing is lost when
    such an array becomes a plain one.
    """

    __slots__ = ()
    number = 0
    alive = False
    has_numbers = True

    def lifted(self, x: Any) -> None:
        """Let an array take on a level: it is made to."""


PLAIN: Any = PlainLevel()

_EXPORTED = "exported"
"""In the place of a plain cell's node: plain code has got hold of its memory."""


class TracedScalar(Traced, ScalarMethods):
    """A traced number. Immutable, as `np.float64` is: no item access and no length, `s += 1` rebinds the name."""

    __slots__ = ()

    def in_array(self) -> TracedArray:
        """Return an array without axes of this number."""
        number = FRONTS["astype"](self, self.type.dtype) if self.type.weak else self
        out = number.out
        if type(out) is TracedScalar:
            out = out.in_array()
        elif type(out) not in HANDLES and type(out) is not ArrayType:
            out = np.asarray(out)
        return TracedArray(number.level, out, number.node, number.type)


def _is_spread(x: np.ndarray[Any, Any]) -> bool:
    """Say whether an array is a copy with gaps, which can be written to."""
    return type(x.base) is Spread and not is_repeated(x)


class TracedArray(Traced, ArrayMethods):
    """A traced array; writes go through `write`."""

    __slots__ = ("version",)

    def __init__(self, level: Level, out: Value, node: Any, type: ArrayType) -> None:  # noqa: A002
        self.level = level
        self.out = out
        self.node = node
        self.type = type
        self.version = 0

    def write(self, index: Any, value: Any) -> None:
        """Set `self[index]` to `value`, as NumPy does."""
        if type(value) is TracedView and value.seen != value.base.version:
            _refuse_shuffling()
        if _is_own_part(self, index, value):
            return
        self.check_written(value)
        if self.node is _EXPORTED and self._write_exported(index, value):
            return
        setitem = IN_PLACE["setitem"] if self.owns_its_memory() else FRONTS["setitem"]
        self.rebind(setitem(frozen(self), value, index))

    def check_written(self, value: Any) -> None:
        """See that a value may be written, as NumPy does: numbers may not fit into integers."""
        if self.type.is_inexact:
            return
        if is_traced(value):
            given = type_of(value).dtype
            # A derivative would be lost; integers that do not fit raise, which only their numbers tell.
            if not np.can_cast(given, self.dtype, "safe"):
                raise DTypeError.from_unsafe_cast("assignment", given, self.dtype)
        else:
            check_integers(value, self.dtype)

    def write_result(self, name: str, result: Any) -> None:
        """Set the whole array to `result`, the outcome of an in-place operator or of `out=`."""
        got = type_of(result)
        if broadcast_shapes(name, got.shape, self.shape) != self.shape:
            raise ShapeError.from_numpy(
                name, (got.shape, self.shape), "the result does not fit into the array written to"
            )
        if not np.can_cast(got.dtype, self.dtype, "same_kind"):
            raise DTypeError.from_unsafe_cast(name, got.dtype, self.dtype)
        self.write(..., result)

    def owns_its_memory(self) -> bool:
        """Say whether nothing but this handle relies on the values it has now, so that a write may replace them.

        A rule that reads them, a view of them, or another name for them would hold a reference.
        """
        return (
            type(self.out) is np.ndarray
            and (self.out.base is None or _is_spread(self.out))
            and getrefcount(self.out) <= _SOLE_REFERENCE
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Return the plain array: a copy, or what a running trace hands out and looks at again when it ends."""
        if self.level is PLAIN and not copy:
            return np.asarray(self.exported(), dtype=dtype)
        plain = self.plain(*NO_ARRAY)
        is_shared = self.is_running() and not copy
        return np.asarray(plain, dtype=dtype) if is_shared else np.array(plain, dtype=dtype)

    def exported(self) -> Any:
        """Return the live memory of a plain array: what plain code writes into it is seen here, and the reverse.

        What belongs to the caller, or is kept for somebody else, is copied first.
        """
        if self.node is not _EXPORTED and not self.owns_its_memory():
            self.out = own_copy(self.out)
            self.version += 1
        self.node = _EXPORTED
        return self.out

    def handed_on(self, what: str) -> Value:
        """Return the live memory of a plain array, as plain code gets it; see `Traced` for others."""
        return self.exported() if self.level is PLAIN else super().handed_on(what)

    def _write_exported(self, index: Any, value: Any) -> bool:
        """Write to memory that plain code has got hold of; say whether that was all there is to do.

        Raises:
            EscapedValueError: plain code still holds the memory, and a traced value cannot reach it there.
        """
        if getrefcount(self.out) <= _SOLE_REFERENCE:
            self.node = None
            return False
        if is_traced(value):
            raise EscapedValueError.from_shared_memory()
        IN_PLACE["setitem"](self.out, settled(value), index)
        self.version += 1
        return True

    def rebind(self, content: Any) -> None:
        """Give the cell a new content."""
        content = cell(content)
        if content.level is not self.level:
            self.level.lifted(self)
        self.level, self.out, self.node = content.level, content.out, content.node
        self.version += 1

    def part(self, step: Step) -> TracedView:
        """Return the part that `step` cuts out, sharing memory with this array."""
        return TracedView(self, (step,), step.cut(frozen(self)))


class TracedView(TracedArray):
    """A part of another traced array that shares its memory."""

    __slots__ = ("base", "path", "seen")

    def __init__(self, base: TracedArray, path: tuple[Step, ...], part: Any) -> None:
        part = cell(part)
        self.base = base
        self.path = path
        self.level, self.out, self.node, self.type = part.level, part.out, part.node, part.type
        self.seen = base.version
        self.version = 0

    def refresh(self) -> None:
        """Cut the view anew if its base was written to since, or may have been by plain code."""
        if self.seen == self.base.version and self.base.node is not _EXPORTED:
            return
        part: Any = frozen(self.base)
        for step in self.path:
            part = step.cut(part)
        part = cell(part)
        self.level, self.out, self.node, self.type = part.level, part.out, part.node, part.type
        self.seen = self.base.version
        self.version += 1

    def owns_its_memory(self) -> bool:
        """A view never does."""
        return False

    def exported(self) -> Any:
        """Return this part of the live memory of the base, or a copy that cannot be written to where it is none."""
        part = self.part_of(self.base.exported())
        if part is not None:
            return part
        copied = np.array(self.out)
        copied.flags.writeable = False
        return copied

    def part_of(self, memory: np.ndarray[Any, Any]) -> Any:
        """Return this part of memory that lies as the base does; None where it is no part of it but a copy."""
        part = memory.view(_Memory)
        for step in self.path:
            part = step.cut(part)
        is_part = isinstance(part, np.ndarray) and np.shares_memory(part, memory)
        return part.view(np.ndarray) if is_part else None

    def rebind(self, content: Any) -> None:
        """Put a changed part back into the base."""
        parts: list[Any] = [frozen(self.base)]
        for step in self.path[:-1]:
            parts.append(step.cut(parts[-1]))
        for step, part in zip(reversed(self.path), reversed(parts), strict=True):
            content = step.put(part, content)
        self.base.rebind(content)

    def part(self, step: Step) -> TracedView:
        """Return a view of this view: a longer path from the same base."""
        self.refresh()
        return TracedView(self.base, (*self.path, step), step.cut(frozen(self)))


class _Memory(np.ndarray[Any, Any]):
    """Memory to be cut by views: a class of its own, since ops copy small parts of plain arrays."""


def layout_of(x: Any) -> Any:
    """Return an array that lies in memory as NumPy's own `x` would; its numbers mean nothing.

    Without numbers there are no strides: then its level says what lies how.
    """
    if type(x) is TracedView:
        part = layout_of(x.base)
        for step in x.path:
            part = (step.layout or step.cut)(part)
        return part
    leaf = x
    if type(x) in HANDLES:
        lowest = x.lowest()
        leaf = lowest.level.layout(lowest) if type(lowest.out) is ArrayType else lowest.out
    return np.asarray(leaf).view(_Memory)


class _Sole:
    """Counts the references to an array that only a slot holds, as `owns_its_memory` sees it."""

    __slots__ = ("out",)

    def __init__(self) -> None:
        self.out = np.zeros(1)

    def count(self) -> int:
        return getrefcount(self.out)


_SOLE_REFERENCE = _Sole().count()

HANDLES = frozenset({TracedScalar, TracedArray, TracedView})


def cell(x: Any) -> Any:
    """Return a handle for `x`: a plain array becomes a cell that can be written to with traced values."""
    if type(x) in HANDLES:
        return x
    array = np.asarray(x)
    return TracedArray(PLAIN, array, None, array_type(array.shape, array.dtype))


def refresh(x: Any) -> None:
    """Bring a view up to date with its base; nothing to do for other handles."""
    if type(x) is TracedView:
        x.refresh()


def frozen(x: Any) -> Any:
    """Return a handle that later writes through `x` do not reach; anything immutable as it is."""
    kind = type(x)
    if kind is TracedView:
        x.refresh()
    elif kind is not TracedArray:
        return x
    return TracedArray(x.level, x.out, x.node, x.type)


def settled(x: Any) -> Any:
    """Return `x` without the levels that have ended."""
    while type(x) in HANDLES:
        refresh(x)
        if x.level.alive:
            break
        x = x.out
    return x


def check_integers(value: Any, dtype: np.dtype[Any]) -> None:
    """See that plain numbers, none of an array, fit into integers that they are written to.

    Raises:
        OverflowError, ValueError: as NumPy, of one that is too large, or NaN.
    """
    if dtype.kind in "iu" and _is_of_floats(value):
        np.empty(np.shape(value), dtype)[...] = value


def _is_of_floats(x: Any) -> bool:
    """Say whether this is a plain float, or a list of plain numbers."""
    if type(x) in (list, tuple):
        return all(isinstance(v, (int, np.integer)) or _is_of_floats(v) for v in x)
    return isinstance(x, (float, np.floating))


def is_traced(x: Any) -> bool:
    """Say whether a derivative would be lost if `x` became a plain value."""
    return type(settled(x)) in HANDLES


def type_of(x: Value) -> ArrayType:
    """Return the type of a value, traced or plain; a type is its own."""
    kind = type(x)
    if kind is np.ndarray:
        return array_type(x.shape, x.dtype)
    if kind in HANDLES:
        if kind is TracedView:
            x.refresh()
        known: ArrayType = x.type
        return known
    return type_of_plain(x)


def _is_own_part(array: TracedArray, index: Any, value: Any) -> bool:
    """Recognise the last step of `a[i] += x`: the part was written through already."""
    if type(value) is not TracedView:
        return False
    base, path = (array.base, array.path) if type(array) is TracedView else (array, ())
    if value.base is not base or len(value.path) != len(path) + 1:
        return False
    keys = [("getitem", key) if (key := key_of_index(index)) is not None else None]
    return [step.key for step in value.path] == [*(step.key for step in path), *keys]


def _refuse_shuffling() -> None:
    """Refuse to write a view that has changed since it was cut, unless the user's own code says so.

    `Generator.shuffle` swaps `x[i], x[j] = x[j], x[i]`; of rows, which are views, it would make duplicates. It is
    compiled: in the user's code there stands a call where an assignment would be.
    """
    frame = sys._getframe(3)  # noqa: SLF001  the one way to see what the caller executes
    instruction = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    if instruction.startswith(("CALL", "PRECALL")) and frame.f_code.co_filename != __file__:
        raise EscapedValueError.from_shuffling()


def key_of_index(index: Any) -> Any:
    """Return something hashable that is equal for equal basic indices; None for any other index."""
    items = index if type(index) is tuple else (index,)
    if any(not _is_basic(i) for i in items):
        return None
    return tuple(map(_key_of_item, items))


def _is_basic(i: Any) -> bool:
    return i is None or i is Ellipsis or type(i) in {int, slice} or isinstance(i, np.integer)


def _key_of_item(i: Any) -> Any:
    if type(i) is slice:
        return ("slice", i.start, i.stop, i.step)
    return ("traced", i.node) if type(i) is TracedScalar else i
