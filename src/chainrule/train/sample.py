"""One example of a run's test part, ready to be explained: the loss as a function, and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import nn, tree
from chainrule.errors import UsageError
from chainrule.train.experiment import unseen
from chainrule.train.programs.sample import class_loss, quantity_loss
from chainrule.train.runs import Run


@dataclass(frozen=True, eq=False)
class Sample:
    """One example.

    Attributes:
        title: which example it is, what it shows, and what is predicted.
        loss: the loss of the model for it.
        arguments: the model, the features on the model's scale, and the target.
    """

    title: str
    loss: Callable[..., Any]
    arguments: tuple[Any, ...]


def sample_of(run: Run, index: int) -> Sample:
    """Return example `index` of the test part, counted from 0, in double precision.

    Raises:
        UsageError: the test part has fewer examples.
        DataError: the data have changed since the training.
    """
    examples, predictor = unseen(run), run.predictor
    count = len(examples.y)
    if not 0 <= index < count:
        raise UsageError.from_option("--sample", index, f"a number from 0 to {count - 1}")
    x = predictor.x_scaling.apply(examples.x[index : index + 1])[0].astype(np.float64)
    model = tree.map(np.float64, predictor.model)
    output = np.asarray(model(x))
    place = f"example {index} of the test part of {run.path}, row {examples.rows[index]}"
    if predictor.classes:
        label, shares = int(examples.y[index]), np.asarray(nn.softmax(output))
        likeliest = int(np.argmax(shares))
        said = f"{predictor.classes[likeliest]} with probability {shares[likeliest]:.4f}"
        title = f"{place}: {predictor.target} is {predictor.classes[label]}, predicted {said}"
        return Sample(title, class_loss, (model, x, np.array(label)))
    truth = examples.y[index : index + 1]
    answer = predictor.y_scaling.invert(output)[0]
    title = f"{place}: {predictor.target} is {truth[0]:.6g}, predicted {answer:.6g}"
    target = np.float64(predictor.y_scaling.apply(truth)[0])
    return Sample(title, quantity_loss, (model, x, target))
