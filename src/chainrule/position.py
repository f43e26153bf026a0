"""Where in the user's code something happened: recorded cheaply, resolved only when shown."""

from __future__ import annotations

import functools
import linecache
import os
import sys
from types import CodeType, FrameType

import numpy as np

from chainrule.records import record

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
_WRITTEN = tuple(_HERE + package + os.sep for package in ("nn", "optim", "train"))
_PROGRAMS = f"{os.sep}programs{os.sep}"  # folders of ours whose code is written as a user writes
_is_user_file: dict[str, bool] = {}


@record
class Position:
    """A place in the user's code: a code object and the offset of the instruction that was running."""

    code: CodeType
    instruction: int

    @property
    def file(self) -> str:
        """The path of the file the code was compiled from."""
        return self.code.co_filename

    @property
    def line(self) -> int:
        """The line number, counted from 1; 0 where the code carries none."""
        return range_at((self.code, self.instruction))[0] or 0

    @property
    def text(self) -> str:
        """The source line, stripped; empty where the source cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        """`model.py:41: h = x @ w`."""
        text = self.text
        return f"{os.path.basename(self.file)}:{self.line}" + (f": {text}" if text else "")


def is_user_file(name: str) -> bool:
    """Say whether code of this file belongs neither to chainrule nor to NumPy."""
    known = _is_user_file.get(name)
    if known is None:
        is_ours = name.startswith((_HERE, _NUMPY, "<__array_function__"))
        known = _is_user_file[name] = not is_ours or _PROGRAMS in name.removeprefix(_HERE[:-1])
    return known


def caller(depth: int = 1) -> tuple[CodeType, int] | None:
    """Return the innermost frame of user code, `depth` frames up or more, as `(code, instruction)`.

    This runs once per recorded node, hence a plain tuple: `Position(*place)` makes it readable.
    """
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        is_users = _is_user_file.get(code.co_filename)
        if is_users is None:
            is_users = is_user_file(code.co_filename)
        if is_users:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def library_caller() -> tuple[CodeType, int] | None:
    """Return the innermost frame of code that computes: a layer's, an optimiser's, or the user's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_WRITTEN):
            return frame.f_code, frame.f_lasti
        if is_user_file(name):
            return None
        frame = frame.f_back
    return None


def stack(below: CodeType) -> tuple[tuple[CodeType, int], ...]:
    """Return the frames of user code above the innermost run of `below` as `(code, instruction)`, outermost first."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not below:
        if is_user_file(frame.f_code.co_filename):
            found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(reversed(found))


@functools.lru_cache(maxsize=256)
def ranges(code: CodeType) -> list[tuple[int | None, ...]]:
    """Return per instruction: line, last line, column, last column."""
    return list(code.co_positions())


def range_at(place: tuple[CodeType, int]) -> tuple[int | None, ...]:
    """Return line, last line, column and last column of what ran there; all None where the code carries none."""
    code, instruction = place
    found = ranges(code)
    return found[instruction // 2] if 0 <= instruction // 2 < len(found) else (None,) * 4


def caller_position() -> Position | None:
    """Return the innermost position in user code, for an error or a report."""
    place = caller()
    return None if place is None else Position(*place)
