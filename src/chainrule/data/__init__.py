"""Data: read it, split it, put it on one scale, hand it out in batches."""

from chainrule.data.batching import Batch, batches
from chainrule.data.dataset import Dataset, Task, supervised
from chainrule.data.handwritten import digits
from chainrule.data.reader import read_csv
from chainrule.data.scaling import Scaling
from chainrule.data.splitting import Split, split
from chainrule.data.table import Column, Table

__all__ = [
    "Batch",
    "Column",
    "Dataset",
    "Scaling",
    "Split",
    "Table",
    "Task",
    "batches",
    "digits",
    "read_csv",
    "split",
    "supervised",
]
