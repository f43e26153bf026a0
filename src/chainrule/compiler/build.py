"""From a captured step to an entry that can be called, with machine code from the cache or of its own making."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import tree
from chainrule.compiler.artifact import Artifact, packed, unpacked
from chainrule.compiler.capture.results import Result
from chainrule.compiler.capture.steps import Captured
from chainrule.compiler.contents import HELD
from chainrule.compiler.describe import described
from chainrule.compiler.entry import make_entry
from chainrule.compiler.entry.signature import (
    ArrayInput,
    ConstantResult,
    FreshArray,
    Hidden,
    NumberInput,
    NumberResult,
    OwnArray,
    ScalarInput,
    ScalarResult,
    Signature,
    StaticInput,
)
from chainrule.compiler.entry.signature import Sequence as Items
from chainrule.compiler.entry.signature import leaves as input_leaves
from chainrule.compiler.error_settings import SETTINGS
from chainrule.compiler.identity import identity_of
from chainrule.compiler.machine_code.cache import get, is_on, key_of, put
from chainrule.compiler.machine_code.jit import load_object, object_code
from chainrule.compiler.places import Context, Name, place_key
from chainrule.compiler.settings import has_tiers, is_checking
from chainrule.compiler.statics import static_description
from chainrule.compiler.surroundings import Surroundings
from chainrule.compiler.views import View, whole
from chainrule.core.graph import Graph
from chainrule.core.trace import CURRENT
from chainrule.errors import NotCompiledError
from chainrule.forks import forks_wait
from chainrule.records import record, replaced
from chainrule.tree import Structure

if TYPE_CHECKING:
    from chainrule.compiler.translation import Translation


class Native:
    """The machine code of a captured graph: taken from the cache, or made.

    Attributes:
        artifact: the code, and what an entry has to know of it.
        is_baseline: whether `improved` gives better code, see `tiers.py`.
    """

    def __init__(self, graph: Graph, views: Sequence[View], in_place: Mapping[int, int]) -> None:
        self._source = (graph, views, in_place)
        self._translation: Translation | None = None
        identity = identity_of(*self._source) if is_on() and not is_checking() else None
        self._keys = None if identity is None else _Keys.of(identity)
        kept = None if self._keys is None else self._keys.found()
        if kept is not None:
            self.artifact = kept
        else:
            self.artifact = self._made(may_be_baseline=has_tiers())
        self.is_baseline = bool(self.artifact.sources) and has_tiers()

    def _made(self, *, may_be_baseline: bool) -> Artifact:
        with forks_wait():
            from chainrule.compiler.translation import artifact_of, is_worth_baseline

        is_baseline = may_be_baseline and is_worth_baseline(self.translation)
        is_kept = self._keys is not None
        made = artifact_of(self.translation, is_kept=is_kept, is_baseline=is_baseline)
        return self._kept(made)

    def _kept(self, artifact: Artifact) -> Artifact:
        data = None if self._keys is None else packed(artifact)
        if self._keys is not None and data is not None:
            put(self._keys.baseline if artifact.sources else self._keys.best, data)
        return artifact

    @property
    def translation(self) -> Translation:
        """What the code was made of; for people, if it came from the cache."""
        with forks_wait():
            from chainrule.compiler.translation import translate

        if self._translation is None:  # Python 3.11's cached_property has one lock for all steps
            self._translation = translate(*self._source)
        return self._translation

    def improved(self) -> Native:
        """Return the same with better code, which takes its time."""
        other = copy.copy(self)
        other.is_baseline = False
        if self.artifact.hosts:
            other.artifact = self._made(may_be_baseline=False)
        else:
            stages = tuple([object_code(text) for text in self.artifact.texts])
            other.artifact = self._kept(replaced(self.artifact, stages=stages, sources=()))
        return other


@record
class _Keys:
    """Where the cache has the code of a graph."""

    best: str
    baseline: str

    @classmethod
    def of(cls, identity: bytes) -> _Keys:
        """Return the keys of a graph."""
        return cls(key_of("step", identity), key_of("baseline", identity))

    def found(self) -> Artifact | None:
        """Return what is kept of the better code, else of the baseline code."""
        data = get(self.best) or (get(self.baseline) if has_tiers() else None)
        return None if data is None else unpacked(data)


class Built:
    """A step, compiled.

    Attributes:
        native: its machine code.
        is_flat: whether the entry takes and gives the leaves of the containers instead.
        entry: takes the arguments, then the keyword arguments as a dict if there are any.
        make_fast: makes the same for calls outside of a trace and with NumPy's error settings as they are now, which it
            sees to itself; None where calls need more than an entry does.
    """

    def __init__(
        self, signature: Signature, native: Native, *, is_flat: bool, is_fast: bool
    ) -> None:
        self.native = native
        self.is_flat = is_flat
        self._signature = signature
        self._code = _loaded(native.artifact)
        self.entry = make_entry(signature, *self._code)
        self.make_fast = self._make_fast if is_fast else None

    def _make_fast(self) -> Callable[..., Any]:
        return make_entry(replaced(self._signature, hidden=self._hidden_now()), *self._code)

    def make_check(self) -> Callable[..., Any]:
        """Make what does nothing but say whether an entry of `make_fast` takes arguments, whatever the last one holds.

        It is given None for each part of the last, and returns a `Declined` for arguments of others.
        """
        *given, last = self._signature.arguments
        unknown = Items(tuple, tuple([StaticInput(None) for _ in input_leaves(last)]))
        asked = Signature((*given, unknown), ConstantResult(None), self._signature.slots)
        return make_entry(replaced(asked, hidden=self._hidden_now()), ())

    def _hidden_now(self) -> tuple[Hidden, ...]:
        return (*self._signature.hidden, *_contexts_now())  # leaves are counted by their places

    def improved(self) -> Built:
        """Return the same with better code, which takes its time."""
        native = self.native.improved() if self.native.is_baseline else self.native
        is_fast = self.make_fast is not None
        return Built(self._signature, native, is_flat=self.is_flat, is_fast=is_fast)


def build(
    captured: Captured,
    leaves: Sequence[Any],
    structure: Structure,
    donated: frozenset[int],
    moving: frozenset[int],
    surroundings: Surroundings,
) -> Built:
    """Compile a captured step.

    Args:
        captured: what was captured.
        leaves: the arguments' leaves in that call, whose types it is compiled for.
        structure: the container of `(args, options)`.
        donated: the numbers of the leaves whose memory may be reused for results.
        moving: the numbers of the leaves that are Python integers but no part of what is compiled for.
        surroundings: what the step reads besides.
    """
    values = [*leaves, *captured.surroundings, *[x for _, x in captured.numbers]]
    own = _own_memory(captured, leaves, donated)
    native = Native(captured.graph, [view_of(x) for x in values], own)
    slots = _slots(len(values), own)
    signature, is_flat = _signature(
        captured, values, structure, own, native.artifact, moving, slots
    )
    first, behind = len(leaves), len(leaves) + len(captured.surroundings)
    around = dict(zip(map(id, captured.surroundings), slots[first:behind], strict=True))
    count = sum(1 for node in signature.arguments for _ in input_leaves(node))
    hiding = surroundings.described(around, count)
    kept = [
        Hidden(Name({HELD: x}, HELD), ArrayInput.of(x, *around[id(x)]))
        for x in captured.surroundings
        if not surroundings.holds(x)
    ]
    places = [place_key(place) for place, _ in captured.numbers]
    used = dict(zip(places, slots[behind:], strict=True))
    numbers = [
        Hidden(place, _number(kind, used.get(place_key(place), ())))
        for place, kind in surroundings.numbers
    ]
    conditions = [_being_there(x, surroundings) for x in captured.identical]
    signature = replaced(
        signature,
        result=_read_anew(signature.result, hiding.leaves),
        hidden=(*hiding.inputs, *kept, *numbers, *itertools.chain(*conditions)),
    )

    # An entry does not see that one array is passed twice, which such a graph relies on: the call's key does.
    repeats = len(set(captured.graph.inputs)) < len(captured.graph.inputs)
    is_fast = not is_flat and not repeats and len(signature.arguments) == _positional(structure)
    return Built(signature, native, is_flat=is_flat, is_fast=is_fast)


def _being_there(x: Any, surroundings: Surroundings) -> list[Hidden]:
    """Return what an entry has to find where an array lies: the very same.

    Raises:
        NotCompiledError: it lies in a container.
    """
    places = [place for place, y in surroundings.arrays if y is x]
    if not places:
        raise NotCompiledError.from_part()
    return [Hidden(place, StaticInput(x)) for place in places]


def _contexts_now() -> tuple[Hidden, ...]:
    """Return what an entry has to find in its context: no trace, and NumPy's error settings as they are now."""
    conditions = [Hidden(Context(CURRENT), StaticInput(None))]
    if SETTINGS is not None:
        settings = Context(SETTINGS)
        conditions.append(Hidden(settings, StaticInput(settings.read())))
    return tuple(conditions)


def _loaded(artifact: Artifact) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return what the entry runs, and what has to be kept alive for it."""
    stages: list[Any] = []
    libraries = []
    for i, stage in enumerate(artifact.stages):
        if isinstance(stage, bytes):
            library = load_object(stage, [f"step{i}"])
            libraries.append(library)
            stages.append(library.address(f"step{i}"))
        else:
            stages.append(stage)
    return tuple(stages), tuple(libraries)


def _positional(structure: Structure) -> int:
    """Return how many positional arguments a call has."""
    args, _ = tree.unflatten(structure, [0.0] * structure.count)
    return len(args)


def view_of(x: Any) -> View:
    """Return where the elements of an argument lie.

    Raises:
        NotCompiledError: they lie between others, of half their size.
    """
    if not isinstance(x, np.ndarray):
        return whole(())
    if any(s % x.itemsize for s in x.strides):
        raise NotCompiledError.from_steps(x.strides, x.itemsize)
    return View(x.shape, tuple([s // x.itemsize for s in x.strides]))


def _own_memory(
    captured: Captured, leaves: Sequence[Any], donated: frozenset[int]
) -> dict[int, int]:
    """Return, by the number of an output, the input whose memory takes it: one that is written to, or donated."""
    own: dict[int, int] = {}
    results = [r for r in captured.results if r.node is not None]
    for k, leaf in enumerate(captured.written):
        own[len(results) + k] = leaf
    taken = {*captured.written, *[r.argument for r in captured.results if r.node is None]}
    free = [i for i in sorted(donated) if i not in taken]
    for k, r in enumerate(results):
        assert r.node is not None
        t = r.node.type
        fit = next(
            (
                i
                for i in free
                if isinstance(leaves[i], np.ndarray)
                and leaves[i].shape == t.shape
                and leaves[i].dtype == t.dtype
                and t.shape
            ),
            None,
        )
        if fit is not None:
            own[k] = fit
            free.remove(fit)
    return own


def _signature(
    captured: Captured,
    values: Sequence[Any],
    structure: Structure,
    own: dict[int, int],
    artifact: Artifact,
    moving: frozenset[int],
    slots: Sequence[tuple[int, ...]],
) -> tuple[Signature, bool]:
    """Return what the entry checks and makes, and whether it works on leaves."""
    count = len(values)
    inputs = [
        StaticInput(x) if type(x) is int and i not in moving else _input(x, slots[i])
        for i, x in enumerate(values)
    ]
    held = len(values) - len(captured.surroundings) - len(captured.numbers)
    arguments = described(structure, inputs[:held], static_description)
    results = _results(captured, own, count)
    returned = described(captured.structure, results, ConstantResult)
    is_flat = arguments is None or returned is None
    order: Sequence[int] = range(held)
    if arguments is not None and returned is not None:
        description, order = arguments
        positional, options = description.children
        given = (*positional.children, *((options,) if options.children else ()))
        result = _renumbered(returned[0], {n: k for k, n in enumerate(order) if n >= 0})
    else:
        given = tuple(inputs[:held])
        result = _renumbered(Items(tuple, tuple(results)), {n: n for n in range(held)})
    signature = Signature(
        given,
        result,
        artifact.slots,
        artifact.constants,
        artifact.arena,
        release_gil=artifact.is_long,
    )
    return signature, is_flat


def _renumbered(node: Any, places: dict[int, int]) -> Any:
    """Number own arrays as the entry counts its inputs."""
    if isinstance(node, OwnArray):
        return OwnArray(places[node.leaf])
    if hasattr(node, "children"):
        return replaced(node, children=tuple([_renumbered(c, places) for c in node.children]))
    return node


def _read_anew(node: Any, leaves: Mapping[int, int]) -> Any:
    """Have results that are arrays of the surroundings read at each call, where others of their types may lie then."""
    if isinstance(node, ConstantResult):
        number = leaves.get(id(node.value))
        return node if number is None else OwnArray(number)
    if hasattr(node, "children"):
        return replaced(node, children=tuple([_read_anew(c, leaves) for c in node.children]))
    return node


def _slots(inputs: int, own: Mapping[int, int]) -> list[tuple[int, ...]]:
    """Return, for each input, the pointers that point to it: its own, and that of an output that it takes."""
    slots: list[tuple[int, ...]] = [(i,) for i in range(inputs)]
    for output, leaf in own.items():
        slots[leaf] = (leaf, inputs + output)
    return slots


def _input(x: Any, slots: tuple[int, ...]) -> Any:
    if isinstance(x, np.ndarray):
        return ArrayInput.of(x, *slots)
    return _number(type(x), slots)


def _number(kind: type, slots: tuple[int, ...]) -> NumberInput | ScalarInput:
    if issubclass(kind, np.generic):
        return ScalarInput(np.dtype(kind), slots)
    return NumberInput(kind, slots)


def _results(captured: Captured, own: dict[int, int], first: int) -> list[Any]:
    """Describe each leaf of the result."""
    described_results: list[Any] = []
    output = 0
    for r in captured.results:
        if r.same >= 0:
            described_results.append(described_results[r.same])
            continue
        if r.node is None:
            described_results.append(
                OwnArray(r.argument) if r.argument >= 0 else ConstantResult(r.constant)
            )
            continue
        described_results.append(_result(r, output, own, first + output))
        output += 1
    return described_results


def _result(r: Result, output: int, own: dict[int, int], slot: int) -> Any:
    assert r.node is not None
    t = r.node.type
    if output in own:
        return OwnArray(own[output])
    if t.shape or r.is_array:
        return FreshArray(t.dtype, t.shape, (slot,))
    if t.weak:
        return NumberResult(type(t.dtype.type(0).item()), (slot,))
    return ScalarResult(t.dtype, (slot,))
