"""Whether what a part hands to the statements behind it is apart from everything else they can reach.

A native part returns arrays and containers of its own. Where Python's statement would have made a view, or given one
object a second name, later writes would not reach both: such a part is left to Python.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.capture.strides import is_followed
from chainrule.core.cells import (
    HANDLES,
    PLAIN,
    TracedArray,
    TracedScalar,
    TracedView,
    layout_of,
    type_of,
)

_PRODUCTS = frozenset({"matmul", "dot", "outer", "eye", "zeros", "ones", "full"})
"""What lies row by row, whatever it is made of."""

_PLAIN = (str, bytes, bool, int, float, complex, type(None), type, np.dtype, np.generic)
"""What cannot be changed, so that it does not matter how many there are of it."""


def shared_output(given: Any, names: Sequence[str], outputs: Sequence[Any]) -> str:
    """Return the name of an output that may have a second name, or be no value of its own; empty if there is none.

    Args:
        given: what the part was called with.
        names: of the outputs.
        outputs: what the part returned.
    """
    arguments = list(_inside(given))
    handles = {id(x) for x in arguments if type(x) in HANDLES}
    taken = {id(_owner(x)) for x in arguments}
    for name, output in zip(names, outputs, strict=True):
        for x in _inside(output):
            if type(x) is TracedScalar and not _may_be_pythons(x):
                continue
            if type(x) not in HANDLES and isinstance(x, (tuple, *_PLAIN)):
                continue
            if id(x) in handles:
                continue  # the same object comes back
            if not _is_of_its_own(x) or id(_owner(x)) in taken:
                return name
            taken.add(id(_owner(x)))
    return ""


def holds_truth_of_python(returned: Any) -> bool:
    """Say whether a truth value of Python's numbers is among results: native code returns NumPy's."""
    return any(type(x) is TracedScalar and _may_be_pythons(x) for x in _inside(returned))


def _is_of_its_own(x: Any) -> bool:
    """Say whether each call makes such a thing anew, and makes it the same as Python does."""
    if type(x) in HANDLES:
        is_array = isinstance(x, TracedArray) and bool(x.type.shape)
        return is_array and x.level is not PLAIN and _lies_in_rows(x)
    return type(x) in {list, dict}


def _may_be_pythons(x: TracedScalar) -> bool:
    """Say whether a truth value came from Python's numbers alone: it is Python's there, and of native code NumPy's."""
    if x.type.dtype.kind != "b":
        return False
    given = [type_of(a) for a in x.node.args if a is not None]
    return all(t.weak for t in given)


def _lies_in_rows(x: Any) -> bool:
    """Say whether NumPy lays an array out as native code lays out its results; a view may also be read-only."""
    if type(x) is TracedView and x.type.size != x.base.type.size:
        return False
    return bool(layout_of(x).flags.c_contiguous) and _is_layout_known(x)


def _is_layout_known(x: Any) -> bool:
    """Say whether no operation that an array comes from may lie otherwise than row by row, as is assumed of most."""
    if len(x.type.shape) < 2:  # a row has one layout
        return True
    level: Any = x.level if type(x) is not TracedView else x.base.level
    pending = [x.node if type(x) is not TracedView else x.base.node]
    seen: set[Any] = set()
    while pending:
        node = pending.pop()
        if node in seen or node.op is None or len(node.type.shape) < 2:
            continue
        seen.add(node)
        parents = [p for p in node.parents if p is not None]
        if node.op.name in _PRODUCTS:
            continue
        if node.op.name == "einsum" or "array" in node.params.get("index", ())[1:]:
            return False
        if not is_followed(node):
            layouts = [level.laid_out(p) for p in parents]
            if not all(y.flags.c_contiguous for y in layouts if isinstance(y, np.ndarray)):
                return False
        pending += parents
    return True


def _owner(x: Any) -> Any:
    return x.base if type(x) is TracedView else x


def _inside(x: Any) -> Iterator[Any]:
    """Yield an object and what lies in the containers that it consists of."""
    pending = [x]
    while pending:
        x = pending.pop()
        yield x
        if type(x) in HANDLES:
            continue
        if isinstance(x, dict):
            pending += x.values()
        elif isinstance(x, (list, tuple)):
            pending += x
        elif dataclasses.is_dataclass(x) and not isinstance(x, type):
            pending += [getattr(x, f.name) for f in dataclasses.fields(x)]
