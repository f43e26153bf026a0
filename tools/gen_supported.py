"""Write docs/supported.md from the table and the tests' own calls: `python tools/gen_supported.py`."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "supported.md"
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests import calls, laws  # noqa: E402  found through the path above

from chainrule.compiler.build import view_of  # noqa: E402
from chainrule.compiler.calls import type_key  # noqa: E402
from chainrule.compiler.capture.steps import capture_step  # noqa: E402
from chainrule.compiler.loops.program import Host, Program  # noqa: E402
from chainrule.compiler.loops.structure import walk  # noqa: E402
from chainrule.compiler.lowering import program_of  # noqa: E402
from chainrule.core.cells import type_of  # noqa: E402
from chainrule.core.graph import capture  # noqa: E402
from chainrule.core.op import TABLE, Op  # noqa: E402
from chainrule.errors import ChainruleError, EscapedValueError, ShapeError  # noqa: E402
from chainrule.nn import functional  # noqa: E402
from chainrule.ops.coverage import (  # noqa: E402
    dispatched,
    entry_of,
    keywords_of,
    special_ufuncs,
    ufunc_methods,
)

INTRODUCTION = """\
# What is supported

Every function that NumPy lets an array type intercept, the methods of its ufuncs, the ufuncs of
`scipy.special`, and the operations of `chainrule.nn.functional`. This page is written by
`tools/gen_supported.py` from the table of operations and from the calls that the tests make of each entry.

- **kind**: how the derivative is declared (see [Design](design.md)); `constant` has derivative zero,
  or none, and then the last column gives the reason.
- **modes**: where there is a derivative, reverse and forward mode both have it, and first, second and
  third derivatives are tested against central differences.
- **complex**: whether complex arguments are tested too. `float64` and `float32` always are.
- **on types**: whether the call can be captured from shapes and dtypes alone, as a compiler needs it;
  the others decide by numbers what they return.
- **compiled**: what the [compiler](compile.md) makes of the entry's first sample, in `float64` (an operation of
  integers has integers there): `native` code; a call of `NumPy` inside the compiled step, with the reason; or the
  whole step runs `eagerly`, with the reason.
- **keywords**: what may be passed by name. Every ufunc takes `out`, `where` (with `out`), `dtype`,
  `casting`, `order` and `subok` besides.

"""
VERSIONS = f"Written with NumPy {np.__version__} and SciPy {scipy.__version__}.\n"
"""Other versions have other functions."""

_HEAD = (
    "| function | kind | modes | complex | on types | compiled | keywords | note |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def page() -> str:
    """Return the whole page."""
    sections = (
        ("NumPy", dispatched()),
        ("Methods of ufuncs", ufunc_methods()),
        ("scipy.special", special_ufuncs()),
    )
    parts = [INTRODUCTION.rstrip() + "\n", VERSIONS, summary()]
    for title, functions in sections:
        rows = "\n".join(row(name, key) for name, key in functions.items())
        parts.append(f"## {title}\n\n{_HEAD}\n{rows}\n")
    rows = "\n".join(line(f"{functional.__name__}.{op.name}", op, own_keywords(op)) for op in own())
    parts.append(f"## {functional.__name__}\n\n{_HEAD}\n{rows}\n")
    return "\n".join(parts)


def summary() -> str:
    """Say how many functions of floats have rules of both modes."""
    floats = f"{counted('NumPy', dispatched())}\n{counted('scipy.special', special_ufuncs())}"
    return f"{floats}\n{counted_compiled()}"


def counted_compiled() -> str:
    """Say how many entries are compiled, and how."""
    named = [*dispatched().values(), *ufunc_methods().values(), *special_ufuncs().values()]
    entries = {e.name: e for e in [*map(entry_of, named), *own()] if e is not None}
    found = [compiled(entry).partition(":")[0] for entry in entries.values()]
    native, numpy, eagerly = (found.count(how) for how in ("native", "NumPy", "eagerly"))
    return (
        f"Compiled: of the {native + numpy + eagerly} entries on this page {native} are native code, NumPy computes "
        f"{numpy} inside the compiled step, and {eagerly} run eagerly.\n"
    )


def counted(title: str, functions: Mapping[str, Any]) -> str:
    """Say it for some functions."""
    with_rules, zero, none = counts(functions)
    share = 100 * with_rules / (with_rules + zero + none)
    return (
        f"{title}: of {with_rules + zero + none} operations that map floats to floats {with_rules} have rules of both "
        f"modes, {share:.1f} %; the derivative of {zero} is zero, and {none} have none, with a reason.\n"
    )


def counts(functions: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return how many operations on floats have rules, how many the derivative zero, how many none."""
    entries = {
        entry.name: entry for entry in map(entry_of, functions.values()) if entry is not None
    }
    found = [modes(entry) for entry in entries.values() if maps_floats(entry)]
    return found.count("both"), found.count("zero"), found.count("none")


def row(name: str, key: Any) -> str:
    """Return the line of one function."""
    entry = entry_of(key)
    if entry is None:
        return f"| `{name}` | | none | | | | | no entry |"
    keywords = () if isinstance(key, tuple) else keywords_of(key)
    return line(
        name, entry, [k for k in keywords if not isinstance(key, np.ufunc) or k in keywords[:-6]]
    )


def own() -> list[Op]:
    """Return the entries that `chainrule.nn.functional` hands on."""
    fronts = {name: getattr(functional, name) for name in functional.__all__}
    return [TABLE[n] for n, f in fronts.items() if n in TABLE and TABLE[n].front is f]


def own_keywords(entry: Op) -> Sequence[str]:
    """Return the parameters of a function of ours."""
    return tuple(inspect.signature(entry.front).parameters)


def line(name: str, entry: Op, keywords: Sequence[str]) -> str:
    """Return the line of an entry under one of its names."""
    cells = (
        f"`{name}`",
        entry.kind,
        modes(entry),
        "yes" if is_complex(entry) else "",
        "yes" if is_captured(entry) else "",
        compiled(entry),
        ", ".join(f"`{k}`" for k in keywords),
        entry.undefined,
    )
    return f"| {' | '.join(cells)} |"


def modes(entry: Op) -> str:
    """Return the modes that an entry has rules for."""
    if entry.undefined:
        return "none"
    return "zero" if entry.is_constant else "both"


def maps_floats(entry: Op) -> bool:
    """Say whether an entry returns floats, or complex numbers, for arguments that are floats."""
    for call in calls_of(entry, calls.REAL):
        floats = all(type_of(x).is_inexact for x in call.arrays)
        if floats and call.arrays and call.inexact(*call.arrays):
            return True
    return False


def is_complex(entry: Op) -> bool:
    """Say whether the tests call an entry with complex numbers."""
    if entry.undefined:
        return False
    return any(
        type_of(x).is_inexact and calls.accepts(entry, sample, calls.COMPLEX)
        for sample in entry.samples
        for x in calls.draw(entry, sample).arrays
    )


def is_captured(entry: Op) -> bool:
    """Say whether a sample of an entry can be captured on types."""
    if entry.undefined:
        return False
    for call in calls_of(entry, calls.REAL):
        try:
            capture(lambda *xs, f=call.function: laws.parts(f(*xs)), *map(type_of, call.arrays))
        except (ShapeError, EscapedValueError):
            continue
        return True
    return False


@functools.cache
def compiled(entry: Op) -> str:
    """Say what the compiler makes of the first sample of an entry."""
    call = next(calls_of(entry, calls.REAL), None)
    if call is None:
        return ""
    try:
        program = lowered(call)
    except ChainruleError as error:
        return f"eagerly: {reason_of(error)}"
    reasons = {s.reason for s in walk(program.body) if isinstance(s, Host)}
    return f"NumPy: {', '.join(sorted(reasons))}" if reasons else "native"


def lowered(call: calls.Call) -> Program:
    """Capture a call and lower it, as the compiler does before it writes machine code.

    Raises:
        ChainruleError: it runs eagerly instead.
    """
    for x in call.arrays:
        type_key(x)
    captured = capture_step(
        call.function, call.arrays, lambda leaves: (tuple(leaves), {}), is_shared=lambda _: False
    )
    if captured.survivors is not None:
        raise captured.survivors
    views = [view_of(x) for x in (*call.arrays, *captured.surroundings)]
    _, program = program_of(captured.graph, views, {})
    return program


def reason_of(error: ChainruleError) -> str:
    """Return the reason that an error gives, without the name before it and without what follows."""
    _, _, reason = error.message.rpartition(": ")
    return reason.split(", and this part is captured")[0].rstrip(".")


def calls_of(entry: Op, dtype: Any) -> Iterator[calls.Call]:
    """Yield the samples of an entry as calls."""
    for sample in entry.samples:
        yield calls.draw(entry, sample, dtype)


def main() -> None:
    """Write the page, and print how much of it has rules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        PAGE.write_text(page(), encoding="utf-8")
        print(summary(), end="")


if __name__ == "__main__":
    main()
