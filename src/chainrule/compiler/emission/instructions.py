"""Writing one function in LLVM's text: instructions, blocks, counted loops."""

from __future__ import annotations

import struct
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.values import DType, Value, type_text
from chainrule.records import fresh, mutable_record

INT64 = np.dtype(np.int64)


@mutable_record
class Declarations:
    """What functions of a module share: intrinsics, external symbols and constants, each declared once."""

    lines: dict[str, str] = fresh(default_factory=dict)
    symbols: dict[str, None] = fresh(default_factory=dict)

    def declare(self, name: str, result: str, arguments: Sequence[str]) -> None:
        """Declare an intrinsic or an external function."""
        if name not in self.lines:
            self.lines[name] = f"declare {result} @{name}({', '.join(arguments)})"

    def external(self, name: str, result: str, arguments: Sequence[str]) -> None:
        """Declare a function that whoever loads the code has to bind."""
        self.symbols[name] = None
        self.declare(name, result, arguments)

    def external_pointers(self, name: str) -> str:
        """Return the name of two pointers in memory that whoever loads the code has to bind."""
        self.symbols[name] = None
        self.lines.setdefault(name, f"@{name} = external global [2 x ptr]")
        return f"@{name}"

    def constant(self, name: str, type: str, text: str) -> str:  # noqa: A002  LLVM's word
        """Return the name of a constant in memory."""
        self.lines.setdefault(name, f"@{name} = private constant {type} {text}")
        return f"@{name}"


class Function:
    """The text of a function in the making.

    Attributes:
        parameters: type and name of each.
        label: the block that is being written.
        slots: memory of the function's own that many calls use, one after the other.
        results: what calls returned that may be asked for again in the same block.
    """

    def __init__(self, name: str, parameters: Sequence[tuple[str, str]], *, result: str) -> None:
        self.name = name
        self.parameters = list(parameters)
        self.result = result
        self.lines: list[str] = []
        self.reserved: list[str] = []
        self.label = "entry"
        self.slots: dict[Hashable, str] = {}
        self.results: dict[Hashable, Any] = {}
        self.count = 0

    def new(self, prefix: str = "t") -> str:
        """Return a name that is not taken."""
        self.count += 1
        return f"{prefix}{self.count}"

    def set(self, instruction: str) -> str:
        """Write an instruction and return the name of its result."""
        self.count += 1
        name = f"%t{self.count}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def write(self, instruction: str) -> None:
        """Write an instruction without a result."""
        self.lines.append(f"  {instruction}")

    def begin(self, label: str) -> None:
        """Begin a block."""
        self.lines.append(f"{label}:")
        self.label = label

    def reserve(self, size: int) -> str:
        """Return a pointer to memory of the function's own."""
        self.count += 1
        name = f"%m{self.count}"
        self.reserved.append(f"  {name} = alloca [{size} x i8], align 64")
        return name

    def text(self, attributes: str, linkage: str = "") -> str:
        """Return the function's definition; the body has returned on every path."""
        parameters = ", ".join(f"{t} {n}" for t, n in self.parameters)
        body = "\n".join((*self.reserved, *self.lines))
        return f"define {linkage}{self.result} @{self.name}({parameters}) {attributes} {{\nentry:\n{body}\n}}\n"


@mutable_record
class Counted:
    """A loop in the making, its body open.

    Attributes:
        turn: the text of the counter.
        kept: the text of the values carried, as they are in this turn.
    """

    turn: str
    kept: list[str]
    header: str
    before: str
    at: int
    start: str
    stop: str
    step: int
    types: list[str]
    first: list[str]


def open_loop(
    f: Function, start: str, stop: str, step: int, carried: Sequence[tuple[str, str]] = ()
) -> Counted:
    """Begin a loop from `start` while below `stop`, which runs at least once; carried values are (type, first)."""
    header, before = f.new("loop"), f.label
    f.write(f"br label %{header}")
    f.begin(header)
    names = [f"%{f.new('c')}" for _ in carried]
    return Counted(
        turn=f"%{f.new('i')}",
        kept=names,
        header=header,
        before=before,
        at=len(f.lines),
        start=start,
        stop=stop,
        step=step,
        types=[t for t, _ in carried],
        first=[first for _, first in carried],
    )


def close_loop(f: Function, loop: Counted, after: Sequence[str] = ()) -> list[str]:
    """End a loop; `after` are the carried values of the next turn, which are valid behind the loop as well."""
    following = f.set(f"add nuw nsw i64 {loop.turn}, {loop.step}")
    go_on = f.set(f"icmp slt i64 {following}, {loop.stop}")
    behind, last = f.new("done"), f.label
    f.write(f"br i1 {go_on}, label %{loop.header}, label %{behind}")
    phis = [f"  {loop.turn} = phi i64 [ {loop.start}, %{loop.before} ], [ {following}, %{last} ]"]
    phis += [
        f"  {name} = phi {t} [ {first}, %{loop.before} ], [ {value}, %{last} ]"
        for name, t, first, value in zip(loop.kept, loop.types, loop.first, after, strict=True)
    ]
    f.lines[loop.at : loop.at] = phis
    f.begin(behind)
    return list(after)


def number_text(value: Any, dtype: DType) -> str:
    """Return a number as LLVM writes it, bit for bit."""
    if dtype.kind == "f":
        with np.errstate(all="ignore"):
            rounded = float(dtype.type(value))
        return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"
    if dtype.kind == "b":
        return "true" if value else "false"
    bits = 8 * dtype.itemsize
    whole = int(value) & ((1 << bits) - 1)
    return str(whole - (1 << bits) if whole >> (bits - 1) else whole)


def splat_text(text: str, dtype: DType, lanes: int) -> str:
    """Return the vector whose lanes are all one number."""
    return text if lanes == 1 else f"splat ({type_text(dtype)} {text})"


def splat(f: Function, x: Value, lanes: int) -> Value:
    """Return a vector with `x` in every lane."""
    if x.lanes == lanes:
        return x
    if x.is_constant:
        return Value(x.emitter, splat_text(x.text, x.dtype, lanes), x.dtype, lanes)
    t = type_text(x.dtype, lanes)
    first = f.set(f"insertelement {t} poison, {x.typed}, i64 0")
    text = f.set(f"shufflevector {t} {first}, {t} poison, <{lanes} x i32> zeroinitializer")
    return Value(x.emitter, text, x.dtype, lanes)
