"""What the blocks of an array hold that a turn writes to, after each of its writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from chainrule.compiler.passes.rewrite import Operand, operand_type
from chainrule.compiler.rolling.array_loops.chains import (
    Chain,
    Hull,
    Link,
    has_no_negative_zero,
)
from chainrule.compiler.rolling.blocks import Block, block_of
from chainrule.compiler.rolling.lanes import Own, Rolled
from chainrule.core.trace import Node
from chainrule.core.types import Shape
from chainrule.records import record


class Outside(Protocol):
    """What versions need of the body around them."""

    loop: Rolled

    def apply(self, name: str, *arguments: Operand, **params: Any) -> Node:
        """Return the node that applies an op."""

    def arguments(self, q: int, first: int) -> list[Operand]:
        """Return the arguments of a position, from the one with this number on."""

    def touched(self, chain: Chain, hull: Hull) -> Node:
        """Return the input that stands for what a hull holds when the turn begins."""

    def node(self, q: int) -> Node:
        """Return the node of a position."""


@record
class _Held:
    """What a hull holds, and whether that is certainly not -0.0 anywhere."""

    value: Operand
    is_clean: bool


class Versions:
    """The versions of one chain in a turn.

    An addition adds 0.0 to all that it leaves alone, which makes 0.0 of -0.0. What lies in memory has had that before
    the loop, and then whenever it was written. But the first turn has to find -0.0 where it reads before it adds.

    Attributes:
        raw: the hulls that are read before the first addition.
    """

    def __init__(self, outside: Outside, chain: Chain) -> None:
        self.outside = outside
        self.chain = chain
        self.is_clean = not chain.adds or chain.type.dtype.kind in "iu"
        self.raw: dict[Hull, None] = {}
        first: dict[Hull, _Held] = {}
        for q, version in chain.reads.items():
            self._found(first, chain.hulls[q][0], version)
        self.states = [{} if self.is_clean else first]

    def write(self, link: Link) -> None:
        """Make the next version."""
        number = len(self.states)
        state = dict(self.states[-1])
        if link.adds and not self.is_clean:
            zero = np.zeros((), self.chain.type.dtype)[()]
            for hull, held in state.items():
                if not held.is_clean:
                    state[hull] = _Held(self.outside.apply("add", held.value, zero), is_clean=True)
        block = self._block(link.source)
        new = (self._sum if link.adds else self._replaced)(state, link, block, number)
        hull, part = self.chain.hulls[link.source]
        if part is not None:
            whole = self._found(state, hull, number)
            flat = self._shaped(new.value, (part.stop - part.start,))
            value = self.outside.apply("setitem", whole.value, flat, index=(part,))
            new = _Held(value, whole.is_clean and new.is_clean)
        state[hull] = new
        self.states.append(state)

    def read(self, q: int) -> Operand:
        """Return what a position reads."""
        version = self.chain.reads[q]
        block = self._block(q)
        x = self._part(dict(self.states[version]), q, block.view.shape, version).value
        if not block.rest:
            return x
        return self.outside.apply("getitem", x, *self.outside.arguments(q, 1), index=block.rest)

    def written(self) -> Iterator[tuple[Hull, Operand]]:
        """Yield the hulls that hold something else when the turn ends, and what."""
        for hull, held in self.states[-1].items():
            if held.value is not self.outside.touched(self.chain, hull):
                assert held.is_clean or self.is_clean
                yield hull, held.value

    def _block(self, q: int) -> Block:
        block = block_of(self.outside.node(q))
        assert block is not None
        return block

    def _found(self, state: dict[Hull, _Held], hull: Hull, version: int) -> _Held:
        """Return what a hull holds, which is then known, in the version with this number or the one that it becomes."""
        held = state.get(hull)
        if held is None:
            is_clean = self.is_clean or any(link.adds for link in self.chain.links[:version])
            held = _Held(self.outside.touched(self.chain, hull), is_clean)
            if not is_clean:
                self.raw[hull] = None
                state[hull] = held
        return held

    def _part(self, state: dict[Hull, _Held], q: int, shape: Shape, version: int) -> _Held:
        """Return what the block of a position holds."""
        hull, part = self.chain.hulls[q]
        held = self._found(state, hull, version)
        if part is None:
            return held
        return _Held(
            self._shaped(self.outside.apply("getitem", held.value, index=(part,)), shape),
            held.is_clean,
        )

    def _sum(self, state: dict[Hull, _Held], link: Link, block: Block, number: int) -> _Held:
        before = self._part(state, link.source, block.view.shape, number)
        value, *arrays = self.outside.arguments(link.source, 0)
        if block.rest:
            params = {"index": block.rest, "shape": block.view.shape}
            value = self.outside.apply("scatter", value, *arrays, **params)
        value = self._fitted(value, block.view.shape)
        is_first = self.outside.loop.lanes[link.position][0] == Own(link.source, 0, ())
        terms = (value, before.value) if is_first else (before.value, value)
        return _Held(self.outside.apply("add", *terms), is_clean=True)

    def _replaced(self, state: dict[Hull, _Held], link: Link, block: Block, number: int) -> _Held:
        value, *arrays = self.outside.arguments(link.position, 1)
        is_clean = type(value) is not Node and has_no_negative_zero(value)
        if not block.rest:
            return _Held(self._fitted(value, block.view.shape), is_clean)
        before = self._part(state, link.source, block.view.shape, number)
        made = self.outside.apply("setitem", before.value, value, *arrays, index=block.rest)
        return _Held(made, is_clean and before.is_clean)

    def _fitted(self, value: Operand, shape: Shape) -> Operand:
        """Return a value in the dtype of the array and a shape."""
        t = operand_type(value)
        if t.weak or t.dtype != self.chain.type.dtype:
            value = self.outside.apply("astype", value, dtype=self.chain.type.dtype)
        if t.shape != shape:
            value = self.outside.apply("broadcast_to", value, shape=shape)
        return value

    def _shaped(self, value: Operand, shape: Sequence[int]) -> Operand:
        if operand_type(value).shape == tuple(shape):
            return value
        return self.outside.apply("reshape", value, shape=tuple(shape))
