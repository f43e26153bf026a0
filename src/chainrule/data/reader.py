"""Read a CSV file of numeric columns."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chainrule.data.table import Table
from chainrule.errors import DataError

_MISSING = frozenset({"", "?", "na", "n/a", "nan", "none", "null"})
_SEPARATORS = (",", ";", "\t")
_LARGEST = 1e150
"""Squares of larger numbers overflow, and with them every mean square and spread."""


class _Row(NamedTuple):
    """The cells of one row, and the line of the file it ends in."""

    line: int
    cells: list[str]


def read_csv(
    path: str | Path, *, columns: Sequence[str] | None = None, header: bool | None = None
) -> Table:
    """Read a CSV file of numbers, separated by commas, semicolons or tabs; `.gz` is unpacked.

    Empty cells, `NA`, `NaN`, `null` and `?` are missing values and become NaN.

    Args:
        path: the file.
        columns: read only these; the others may hold anything.
        header: whether the first row names the columns; inferred when None: it does if a cell of it
            is not a number. Columns without a name are called `column_1`, `column_2`, …

    Returns:
        The table.

    Raises:
        DataError: the file cannot be read, or a cell cannot; it names the row, column and value.
    """
    source = str(path)
    rows = _rows(source, _text(source, Path(path)))
    if not rows:
        raise DataError.from_empty(source)
    first = rows[0].cells
    has_header = any(_number(cell) is None for cell in first) if header is None else header
    names = _names(source, first if has_header else [""] * len(first))
    body = rows[1:] if has_header else rows
    if not body:
        raise DataError.from_empty(source)
    wanted = range(len(names)) if columns is None else _places(source, names, columns)
    values = np.array([_numbers(source, row, names, wanted) for row in body], dtype=np.float64)
    chosen = tuple(names[i] for i in wanted)
    return Table(source, chosen, values, tuple(row.line for row in body))


def _text(source: str, path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError.from_unreadable(source, f"byte {error.start} is not UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError.from_unreadable(source, reason) from error


def _rows(source: str, text: str) -> list[_Row]:
    """Return the rows that are not blank, all of one length."""
    first_line = text.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        rows = [_Row(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise DataError.from_unreadable(source, f"line {reader.line_num}: {error}") from error
    for row in rows:
        if len(row.cells) != len(rows[0].cells):
            raise DataError.from_row_length(source, row.line, len(row.cells), len(rows[0].cells))
    return rows


def _names(source: str, cells: Sequence[str]) -> tuple[str, ...]:
    names = tuple(cell.strip() or f"column_{i}" for i, cell in enumerate(cells, start=1))
    for i, name in enumerate(names):
        if name in names[:i]:
            raise DataError.from_repeated_column(source, name)
    return names


def _places(source: str, names: Sequence[str], columns: Sequence[str]) -> list[int]:
    missing = [name for name in columns if name not in names]
    if missing:
        raise DataError.from_missing_columns(source, missing, names)
    return [names.index(name) for name in columns]


def _numbers(source: str, row: _Row, names: Sequence[str], wanted: Sequence[int]) -> list[float]:
    numbers = []
    for i in wanted:
        number = _number(row.cells[i])
        if number is None:
            raise DataError.from_cell(source, row.line, names[i], row.cells[i])
        if abs(number) > _LARGEST:
            raise DataError.from_too_large(source, row.line, names[i], row.cells[i], _LARGEST)
        numbers.append(number)
    return numbers


def _number(cell: str) -> float | None:
    """Return the number in a cell, NaN if it is missing, None if it is anything else."""
    try:
        number = float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in _MISSING else None
    return None if math.isinf(number) or "_" in cell else number
