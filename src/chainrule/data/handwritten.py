"""The handwritten digits that come with the package."""

from __future__ import annotations

from pathlib import Path

from chainrule.data.dataset import Dataset, supervised
from chainrule.data.reader import read_csv
from chainrule.data.table import Table

_FILE = Path(__file__).parent / "files" / "digits.csv.gz"
TARGET = "digit"


def digits() -> Dataset:
    """Return 1,797 handwritten digits as images of 8 by 8 pixels from 0 (white) to 16 (black).

    `files/SOURCE.md` names who collected them and their licence.

    Examples:
        >>> dataset = digits()
        >>> dataset.x.shape, dataset.classes
        ((1797, 64), ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'))
    """
    return supervised(digits_table(), target=TARGET)


def digits_table() -> Table:
    """Return the digits as the table they are stored as."""
    table = read_csv(_FILE)
    return Table("digits", table.names, table.values, table.rows)
