"""A model together with what its numbers mean: names of columns, labels of classes, scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from chainrule import nn
from chainrule.data import Batch, Dataset, Scaling
from chainrule.train.metrics import (
    accuracy,
    confusion_matrix,
    r_squared,
    root_mean_squared_error,
)
from chainrule.train.settings import ACTIVATIONS


class ClassScores(NamedTuple):
    """How well classes are told apart."""

    accuracy: float
    confusion: NDArray[np.intp]

    def to_config(self) -> dict[str, Any]:
        """Return the scores for a JSON file."""
        return {"accuracy": self.accuracy, "confusion": self.confusion.tolist()}


class QuantityScores(NamedTuple):
    """How well a quantity is predicted."""

    root_mean_squared_error: float
    r_squared: float

    def to_config(self) -> dict[str, Any]:
        """Return the scores for a JSON file, which knows no NaN."""
        r_squared = None if np.isnan(self.r_squared) else self.r_squared
        return {"root_mean_squared_error": self.root_mean_squared_error, "r_squared": r_squared}


@dataclass(frozen=True, eq=False)
class Predictor:
    """From a table's columns to predictions.

    Attributes:
        features: the columns to predict from, in order.
        target: the column that is predicted.
        classes: the labels, one per output; empty for a quantity.
        sizes: the width of each layer, the features first.
        activation: a name from `ACTIVATIONS`.
        x_scaling: brings features to the model's scale.
        y_scaling: brings the target there; not used for classes.
        model: the network.
    """

    features: tuple[str, ...]
    target: str
    classes: tuple[str, ...]
    sizes: tuple[int, ...]
    activation: str
    x_scaling: Scaling
    y_scaling: Scaling
    model: Any

    @classmethod
    def create(
        cls,
        examples: Dataset,
        *,
        hidden: tuple[int, ...],
        activation: str,
        rng: np.random.Generator,
    ) -> Self:
        """Measure the scales on the examples to train on, and make a fresh model."""
        sizes = (len(examples.features), *hidden, len(examples.classes) or 1)
        return cls(
            features=examples.features,
            target=examples.target,
            classes=examples.classes,
            sizes=sizes,
            activation=activation,
            x_scaling=Scaling.fit(examples.x),
            y_scaling=Scaling.fit(examples.y),
            model=nn.MLP.create(sizes, ACTIVATIONS[activation], rng=rng),
        )

    def batch(self, examples: Dataset) -> Batch:
        """Return examples as the model takes them."""
        y = examples.y if self.classes else self.y_scaling.apply(examples.y)
        return Batch(self.x_scaling.apply(examples.x), y)

    def probabilities(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Return the probability of each class for rows of features."""
        return np.asarray(nn.softmax(self.model(self.x_scaling.apply(x))))

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the index of the likeliest class, or the quantity, for rows of features."""
        outputs = self.model(self.x_scaling.apply(x))
        if self.classes:
            return np.asarray(np.argmax(outputs, axis=-1))
        return self.y_scaling.invert(outputs[:, 0])

    def score(self, examples: Dataset) -> ClassScores | QuantityScores:
        """Compare predictions with the targets of examples."""
        predicted = self.predict(examples.x)
        if self.classes:
            confusion = confusion_matrix(predicted, examples.y, classes=len(self.classes))
            return ClassScores(accuracy(predicted, examples.y), confusion)
        error = root_mean_squared_error(predicted, examples.y)
        return QuantityScores(error, r_squared(predicted, examples.y))

    def to_config(self) -> dict[str, Any]:
        """Return all but the weights, for a JSON file."""
        return {
            "features": self.features,
            "target": self.target,
            "classes": self.classes,
            "sizes": self.sizes,
            "activation": self.activation,
            "x_scaling": _scaling_to_config(self.x_scaling),
            "y_scaling": _scaling_to_config(self.y_scaling),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Rebuild a predictor; its weights are still to be loaded."""
        sizes = tuple(config["sizes"])
        activation = config["activation"]
        rng = np.random.default_rng(0)
        return cls(
            features=tuple(config["features"]),
            target=config["target"],
            classes=tuple(config["classes"]),
            sizes=sizes,
            activation=activation,
            x_scaling=_scaling_from_config(config["x_scaling"]),
            y_scaling=_scaling_from_config(config["y_scaling"]),
            model=nn.MLP.create(sizes, ACTIVATIONS[activation], rng=rng),
        )


def _scaling_to_config(scaling: Scaling) -> dict[str, Any]:
    return {"mean": scaling.mean.tolist(), "spread": scaling.spread.tolist()}


def _scaling_from_config(config: Mapping[str, Any]) -> Scaling:
    return Scaling(np.array(config["mean"]), np.array(config["spread"]))
