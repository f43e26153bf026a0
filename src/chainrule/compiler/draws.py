"""Random numbers that a step draws from generators outside: inputs of the native step, drawn at each call before it.

While a step is captured, a stand-in takes the place of each of NumPy's generators that the step is known to reach. It
draws the numbers of this call, so that guards may ask for them, and notes what was drawn; then the generators are put
back. A call draws the same again, in the same order, and runs the native step on what it got. Nothing of that changes
with the numbers, for what is drawn takes plain arguments. A call that the native step declines puts the generators
back, so that whoever serves it draws the same numbers; other threads wait until then, for the generators may be theirs.

What gets past the stand-ins is found by the state of the generators, and refused.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from chainrule.compiler.entry.signature import MISMATCH, Declined
from chainrule.compiler.generators import DRAWING, held, rewinding, state_of
from chainrule.compiler.statics import objects_in
from chainrule.compiler.surroundings import Surroundings
from chainrule.core.trace import is_following
from chainrule.errors import NotCompiledError
from chainrule.forks import Runs, imported
from chainrule.records import record
from chainrule.tree import Structure

_AT_MOST = 64
"""How many inputs a step may have of this kind: a loop of many turns that draw is left to Python."""
_ASKING = ("spawn", "__reduce__", "__reduce_ex__", "__getstate__")
"""Methods whose results depend on what was drawn before."""
_PLAIN = (int, float, bool, str, type(None), np.dtype)


@record
class Draw:
    """What is drawn at each call.

    Attributes:
        generator: what from.
        name: of its method.
        args: of the method.
        options: its keyword arguments.
    """

    generator: Any
    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]

    def __call__(self) -> Any:
        """Draw."""
        return getattr(self.generator, self.name)(*self.args, **self.options)


class Drawn:
    """What one capture draws.

    Attributes:
        draws: in order.
        values: what they gave.
        nodes: the inputs of the graph that stand for it.
        enter: makes such an input, as long as the capture runs.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self.draws: list[Draw] = []
        self.values: list[Any] = []
        self.nodes: list[Any] = []
        self.enter: Callable[[Any], Any] | None = None
        generators = [g for g in surroundings.every_generator if _has_stand_in(g)]
        reached = {id(g) for g in surroundings.generators}
        self._stand_ins = {id(g): _stand_in(g, self) for g in generators if id(g) in reached}
        self._places = [(place, x) for place, x in surroundings.fixed if id(x) in self._stand_ins]
        self._now = {id(g): state_of(g) for g in generators}
        self._rewind = rewinding(generators)
        self._generators = generators
        self._is_refused = False

    def stand_in(self, x: Any) -> Any:
        """Return what a step is given for one of its arguments."""
        return self._stand_ins.get(id(x), x)

    def is_in(self, structure: Structure) -> bool:
        """Say whether a stand-in is among the results of a step."""
        ours = set(map(id, self._stand_ins.values()))
        return bool(ours) and any(id(x) in ours for x in objects_in(structure))

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Have the stand-ins in place."""
        token = DRAWING.set(self)
        try:
            with _FOLLOWED.lock:
                _FOLLOWED.begin(self)
            for place, x in self._places:
                place.write(self.stand_in(x))
            yield
        finally:
            DRAWING.reset(token)
            self.leave()

    def leave(self) -> None:
        """Take the stand-ins away."""
        for place, x in self._places:
            if place.read() is self.stand_in(x):
                place.write(x)
        with _FOLLOWED.lock:
            _FOLLOWED.end(self)

    def draw(
        self, generator: Any, name: str, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        """Draw, and return what stands for it where a step is captured.

        Raises:
            NotCompiledError: it cannot be an input of a native step.
        """
        enter = self.enter
        if enter is None or not self.is_running() or not _is_plain((args, options)):
            return getattr(generator, name)(*args, **options)
        draw = Draw(generator, name, *copy.deepcopy((args, options)))
        with held([generator]):
            self._see_that_nothing_else_was_drawn([generator])
            value = draw()
            self._now[id(generator)] = state_of(generator)
        is_array = isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc"
        if not (is_array or type(value) is float) or len(self.draws) == _AT_MOST:
            self.refuse()
        self.draws.append(draw)
        self.values.append(value)
        handle = enter(value)
        self.nodes.append(handle.node)
        return handle

    def rewind(self) -> None:
        """Put the generators back to where they were before the capture.

        Raises:
            NotCompiledError: something else was drawn than what is known.
        """
        with held(self._generators):
            self._see_that_nothing_else_was_drawn(self._generators)
            if self._is_refused:
                self.refuse()
            if self.draws:
                self._rewind()

    def is_running(self) -> bool:
        """Say whether the capture runs, in this thread."""
        return self.enter is not None and DRAWING.get() is self and is_following()

    def refuse(self) -> NoReturn:
        """Have the step be run otherwise, though it may catch the error.

        Raises:
            NotCompiledError: always.
        """
        self._is_refused = True
        raise NotCompiledError.from_random()

    def _see_that_nothing_else_was_drawn(self, generators: Sequence[Any]) -> None:
        for g in generators:
            if state_of(g) == self._now[id(g)]:
                continue
            if id(g) not in self._stand_ins and all(d.generator is not g for d in self.draws):
                raise NotCompiledError.from_draws_of_others()
            self.refuse()


_FOLLOWED = Runs(Drawn.leave)


def drawing(
    draws: Sequence[Draw],
    run: Callable[..., Any],
    accepts: Callable[..., Any] | None = None,
    *,
    is_safe: bool,
) -> Callable[..., Any]:
    """Return a function that runs something with what is drawn for its last argument.

    Args:
        draws: what is drawn.
        run: says by a `Declined` that it did nothing.
        accepts: says by a `Declined` that it would, whatever is drawn; then nothing is. It gets None for each draw.
        is_safe: whether it has written nothing where it raises; then it declines instead.
    """
    generators = list({id(d.generator): d.generator for d in draws}.values())
    alone = held(generators)
    nothing = (None,) * len(draws)

    def entry(*args: Any) -> Any:
        if accepts is not None and type(accepts(*args, nothing)) is Declined:
            return MISMATCH  # the generators may be another thread's, which may ask for their state
        # What another thread drew before the generators are put back, it would draw again.
        with alone:
            rewind = rewinding(generators)
            try:
                returned = run(*args, tuple([draw() for draw in draws]))
            except Exception:
                if not is_safe:
                    raise
                returned = MISMATCH
            if type(returned) is Declined:
                rewind()
        return returned

    return entry


def _is_plain(x: Any) -> bool:
    """Say whether an argument of a draw is written in the code, or compared at each call, and cannot change."""
    if type(x) is dict:
        return all(map(_is_plain, x.values()))
    if type(x) in {tuple, list}:
        return all(map(_is_plain, x))
    return type(x) in _PLAIN or isinstance(x, (type, np.dtype))


def _stand_in(generator: Any, drawn: Drawn) -> Any:
    kind: Any = type(generator)
    made = _stand_in_class(kind)(generator._bit_generator)  # noqa: SLF001  a stand-in refuses its public name
    made.chainrule = generator, drawn
    return made


def _has_stand_in(generator: Any) -> bool:
    if imported("numpy.random") is None:  # asking for its classes would load it
        return False
    return type(generator) in {np.random.Generator, np.random.RandomState}


@functools.cache
def _stand_in_class(kind: Any) -> Any:
    """Return a class of generators that draw from the same bits, and tell a capture what they draw."""

    def method(name: str) -> Callable[..., Any]:
        def drawn(self: Any, *args: Any, **options: Any) -> Any:
            generator, capture = self.chainrule
            return capture.draw(generator, name, args, options)

        return functools.wraps(getattr(kind, name), updated=())(drawn)

    def refusing(name: str) -> Callable[..., Any]:
        def asked(self: Any, *args: Any) -> Any:
            generator, capture = self.chainrule
            if capture.is_running():
                capture.refuse()
            return getattr(generator, name)(*args)

        return asked

    def bits(self: Any) -> Any:
        generator, capture = self.chainrule
        return capture.refuse() if capture.is_running() else generator.bit_generator

    names = [n for n in dir(kind) if n[0] != "_" and callable(getattr(kind, n))]
    members: dict[str, Any] = {name: method(name) for name in names}
    members |= {name: refusing(name) for name in _ASKING if hasattr(kind, name)}
    if hasattr(kind, "bit_generator"):
        members["bit_generator"] = property(bits)
    return type(kind.__name__, (kind,), members)
