"""A model together with what its numbers mean: names of columns, labels of classes, scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from chainrule import nn
from chainrule.data import Batch, Dataset, Scaling
from chainrule.errors import DataError
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

    def outputs(self, x: NDArray[Any], source: str, rows: Sequence[int]) -> NDArray[np.float32]:
        """Return what the network answers to rows of features, before it is interpreted.

        Args:
            x: the features.
            source: where they come from, for messages.
            rows: the line of the file each stands in.

        Raises:
            DataError: an answer is not finite, as the features are far from all that was learned.
        """
        with np.errstate(all="ignore"):  # an answer that is not finite is refused below
            outputs = np.asarray(self.model(self.x_scaling.apply(x)))
        is_finite = np.all(np.isfinite(outputs), axis=-1)
        if not is_finite.all():
            raise DataError.from_far_away(source, rows[int(np.argmin(is_finite))])
        return outputs

    def interpret(self, outputs: NDArray[np.float32]) -> NDArray[Any]:
        """Return the index of the likeliest class, or the quantity, that each answer means."""
        if self.classes:
            return np.asarray(np.argmax(outputs, axis=-1))
        return self.y_scaling.invert(outputs[:, 0])

    def score(self, examples: Dataset) -> ClassScores | QuantityScores:
        """Compare predictions with the targets of examples."""
        predicted = self.interpret(self.outputs(examples.x, examples.source, examples.rows))
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
        features, classes = tuple(config["features"]), tuple(config["classes"])
        if (sizes[0], sizes[-1]) != (len(features), len(classes) or 1):
            raise ValueError("the sizes of the network are not those of its columns")
        activation = config["activation"]
        rng = np.random.default_rng(0)
        return cls(
            features=features,
            target=config["target"],
            classes=classes,
            sizes=sizes,
            activation=activation,
            x_scaling=_scaling_from_config(config["x_scaling"], (len(features),)),
            y_scaling=_scaling_from_config(config["y_scaling"], ()),
            model=nn.MLP.create(sizes, ACTIVATIONS[activation], rng=rng),
        )


def _scaling_to_config(scaling: Scaling) -> dict[str, Any]:
    return {"mean": scaling.mean.tolist(), "spread": scaling.spread.tolist()}


def _scaling_from_config(config: Mapping[str, Any], shape: tuple[int, ...]) -> Scaling:
    mean, spread = (np.array(config[name], dtype=float) for name in ("mean", "spread"))
    if not mean.shape == spread.shape == shape:
        raise ValueError("a scale does not have one number per column")
    return Scaling(mean, spread)
