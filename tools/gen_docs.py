"""Write docs/errors.md from the docstrings of the error classes: `python tools/gen_docs.py`.

What the page says about an error is what `help(cr.errors.ShapeError)` says, and what it shows is what the failing
code prints when this program runs it.
"""

from __future__ import annotations

import inspect
import itertools
import linecache
import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule import errors

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
INTRODUCTION = """\
# Errors

Every error names what came, what was expected, the line of your code, and what to do. Each class is
also one of Python's own, so `except ValueError` works as it does with NumPy. All of them are in
`chainrule.errors`, below `ChainruleError`. In the examples `cr` stands for `chainrule` and `np` for
`numpy`. This page is written by `tools/gen_docs.py` from the docstrings of the classes.
"""
_FILE = "model.py"


@dataclass(frozen=True)
class Example:
    """The code of a docstring that fails, and the code that does not; empty if it has none."""

    failing: str
    fixed: str

    @property
    def is_python(self) -> bool:
        """Whether it is a program, and not a command line."""
        return bool(self.failing) and not self.failing.startswith("chainrule ")


def error_classes() -> tuple[type[errors.ChainruleError], ...]:
    """Return the classes of errors, in the order of their file."""
    found = (c for c in vars(errors).values() if inspect.isclass(c))
    return tuple(c for c in found if c.__base__ is errors.ChainruleError)


def example(error: type[errors.ChainruleError]) -> Example:
    """Return the examples of a class."""
    code = [text for is_code, text in paragraphs(error) if is_code]
    return Example(*[*code, "", ""][:2])


def paragraphs(error: type[errors.ChainruleError]) -> Iterator[tuple[bool, str]]:
    """Yield the docstring in pieces, and of each whether it is code."""
    lines = inspect.cleandoc(error.__doc__ or "").splitlines()
    for is_code, piece in itertools.groupby(lines, key=lambda line: line.startswith("    ")):
        text = textwrap.dedent("\n".join(piece)).strip()
        if text:
            yield is_code, text


def run(code: str) -> object:
    """Run one line of an example as if it stood in a file, so that an error can show it."""
    linecache.cache[_FILE] = (len(code), None, [code + "\n"], _FILE)
    return eval(compile(code, _FILE, "eval"), {"np": np, "cr": cr, "math": math})  # noqa: S307  our own


def shown(error: type[errors.ChainruleError]) -> str:
    """Return what the failing code of a class prints; empty for a command line."""
    code = example(error)
    if not code.is_python:
        return ""
    try:
        run(code.failing)
    except error as raised:
        return f"{type(raised).__name__}: {raised}"
    message = f"the example of {error.__name__} does not fail"
    raise AssertionError(message)


def section(error: type[errors.ChainruleError]) -> str:
    """Return the part of the page about one class."""
    (builtin,) = error.__bases__[1:]
    parts = [f"## {error.__name__}", f"Also a `{builtin.__name__}`."]
    language = "python" if example(error).is_python else "sh"
    printed = shown(error)
    for is_code, text in paragraphs(error):
        parts.append(f"```{language}\n{text}\n```" if is_code else text)
        if is_code and printed:
            parts.append(f"```text\n{printed}\n```")
            printed = ""
    return "\n\n".join(parts) + "\n"


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *map(section, error_classes())])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {len(error_classes())} classes")
