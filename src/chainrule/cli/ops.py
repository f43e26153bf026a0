"""`chainrule ops`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.cli.terminal import console, counted, table
from chainrule.core.op import BY_NUMPY, TABLE, Op
from chainrule.errors import UsageError

_HOW = {
    "elementwise": "one partial derivative per argument",
    "linear": "linear: its transposes are its derivative",
    "general": "rules of its own for both modes",
    "composite": "derived from the operations it is made of",
    "constant": "zero everywhere, or none",
}


def ops(
    name: Annotated[str | None, typer.Argument(help="Only this operation.")] = None,
    missing: Annotated[  # noqa: FBT002  typer makes the flag --missing of it
        bool, typer.Option("--missing", help="NumPy's functions that have no rule.")
    ] = False,
) -> None:
    """List the operations that have a derivative rule."""
    import chainrule.ops  # noqa: F401  fills the table

    screen = console()
    if missing:
        for function in missing_names():
            screen.print(function)
    elif name is not None:
        for label, value in details(name):
            screen.print(f"{label:<12}{value}", soft_wrap=True)
    else:
        rows = [(op.name, op.kind, derivative(op)) for _, op in sorted(TABLE.items())]
        screen.print(table(("operation", "kind", "derivative"), rows))
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
        numpy_name(function) for function, front in BY_NUMPY.items() if front is op.front
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


def missing_names() -> list[str]:
    """Return NumPy's functions of arrays that no entry answers for."""
    names = []
    for module in (np, np.linalg, np.fft):
        for name in module.__all__:
            function = getattr(module, name, None)
            if _is_of_arrays(function) and function not in BY_NUMPY:
                names.append(numpy_name(function))
    return sorted(set(names))


def numpy_name(function: Any) -> str:
    """Write a NumPy function, or a method of a ufunc, as users do."""
    if isinstance(function, tuple):
        return ".".join([numpy_name(function[0]), *map(str, function[1:])])
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{getattr(function, '__name__', function)}"


def _is_of_arrays(function: Any) -> bool:
    """Whether NumPy hands calls of a function on to foreign arrays."""
    return isinstance(function, np.ufunc) or hasattr(function, "_implementation")
