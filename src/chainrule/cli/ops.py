"""`chainrule ops`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from chainrule.cli.terminal import console, counted, show_table
from chainrule.core.op import BY_NUMPY, TABLE, Op
from chainrule.errors import UsageError

_HOW = {
    "elementwise": "a partial derivative per argument",
    "linear": "its transposes",
    "general": "its own rules for both modes",
    "composite": "that of the operations it is made of",
    "constant": "zero everywhere, or none",
}


def ops(
    name: Annotated[str | None, typer.Argument(help="Only this operation.")] = None,
    is_missing: Annotated[  # noqa: FBT002  typer makes the flag --missing of it
        bool, typer.Option("--missing", help="What has no derivative rule, and why.")
    ] = False,
) -> None:
    """List the operations that have a derivative rule."""
    import chainrule.ops  # noqa: F401  fills the table

    screen = console()
    if is_missing:
        for function, reason in missing():
            screen.print(f"{function}: {reason}" if reason else function, soft_wrap=True)
    elif name is not None:
        for label, value in details(name):
            screen.print(f"{label:<12}{value}", soft_wrap=True)
    else:
        rows = [(op.name, op.kind, derivative(op)) for _, op in sorted(TABLE.items())]
        show_table(screen, ("operation", "kind", "derivative"), rows)
        screen.print(counted(len(rows), "operation"))


def details(name: str) -> Iterator[tuple[str, str]]:
    """Yield what the table says about one operation.

    Raises:
        UsageError: it is not in the table.
    """
    op = TABLE.get(name.removeprefix("np.").removeprefix("numpy."))
    if op is None:
        near = difflib.get_close_matches(name, TABLE, n=5, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else "chainrule ops lists them all."
        raise UsageError.from_function(name, "is not an operation with a rule", hint)
    yield "operation", op.name
    yield "kind", op.kind
    yield "derivative", derivative(op)
    answers = sorted(
        numpy_name(function)
        for function, front in BY_NUMPY.items()
        if front is op.front or getattr(front, "__name__", "") == op.name
    )
    if answers:
        yield "answers for", ", ".join(answers)
    if op.samples:
        yield "samples", "; ".join(" ".join(repr(sample).split()) for sample in op.samples)


def derivative(op: Op) -> str:
    """Say in a few words what the derivative of an operation is."""
    if op.undefined:
        return f"none: {op.undefined}"
    return "zero everywhere" if op.is_constant else _HOW.get(op.kind, op.kind)


def missing() -> Iterator[tuple[str, str]]:
    """Yield what has no derivative rule: functions without an entry, and those whose entry gives a reason."""
    from chainrule.ops.coverage import dispatched, entry_of, special_ufuncs, ufunc_methods

    for name, key in {**dispatched(), **ufunc_methods(), **special_ufuncs()}.items():
        entry = entry_of(key)
        if entry is None:
            yield name, ""
        elif entry.undefined:
            yield name, entry.undefined


def numpy_name(function: Any) -> str:
    """Write a NumPy function, or a method of a ufunc, as users do."""
    if isinstance(function, tuple):
        return ".".join([numpy_name(function[0]), *map(str, function[1:])])
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{getattr(function, '__name__', function)}"
