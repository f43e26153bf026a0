"""Find data by the name of a data set or the path of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from chainrule.data.handwritten import TARGET, digits_table
from chainrule.data.reader import read_csv
from chainrule.data.table import Table
from chainrule.errors import UsageError


class Shipped(NamedTuple):
    """A data set that comes with the package: how to read it, and what is to be predicted."""

    read: Callable[[], Table]
    target: str


SHIPPED: Mapping[str, Shipped] = MappingProxyType({"digits": Shipped(digits_table, TARGET)})


def read_source(source: str) -> Table:
    """Read a data set by its name, or a CSV file by its path.

    Raises:
        UsageError: it is neither the name of a data set nor a path.
        DataError: the file cannot be used.
    """
    if source in SHIPPED:
        return SHIPPED[source].read()
    path = Path(source)
    if path.name == source and not path.suffix and not path.exists():
        raise UsageError.from_unknown_data(source, tuple(SHIPPED))
    return read_csv(path)


def target_of(source: str, table: Table, target: str | None) -> str:
    """Return the target that was asked for, or the one the data set has.

    Raises:
        UsageError: nothing was asked for, and a file does not say.
    """
    if target is not None:
        return target
    if source in SHIPPED:
        return SHIPPED[source].target
    raise UsageError.from_no_target(source, table.names)
