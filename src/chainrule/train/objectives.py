"""What is made small: the mean loss of a batch, and the metrics that tell how well it goes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from chainrule.data.batching import Batch
from chainrule.data.dataset import Task
from chainrule.nn import functional
from chainrule.train.step import Metrics, Objective


def classification(model: Any, batch: Batch) -> tuple[Any, Metrics]:
    """Return the mean cross-entropy of class scores and the accuracy."""
    logits = model(batch.x)
    loss = np.mean(functional.softmax_cross_entropy(logits, batch.y))
    return loss, {"accuracy": np.mean(np.argmax(logits, axis=-1) == batch.y)}


def regression(model: Any, batch: Batch) -> tuple[Any, Metrics]:
    """Return the mean squared error of a model with one output."""
    return np.mean(functional.squared_error(model(batch.x)[:, 0], batch.y)), {}


OBJECTIVES: Mapping[Task, Objective] = MappingProxyType(
    {"classification": classification, "regression": regression}
)
