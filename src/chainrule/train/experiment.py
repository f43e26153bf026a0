"""A training from settings to a run folder."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chainrule import optim
from chainrule.compiler.compiled import compile as compile_step
from chainrule.data import Batch, Dataset, Split, Table, split, supervised
from chainrule.data.sources import SHIPPED, read_source, target_of
from chainrule.errors import DataError
from chainrule.explanation.diagnose import Diagnosis
from chainrule.train.diagnosing import diagnosed, diagnosed_measure, health
from chainrule.train.loop import Epoch, Watch, held_out_measure, iterate
from chainrule.train.objectives import OBJECTIVES
from chainrule.train.predictor import Predictor
from chainrule.train.runs import Run, RunFolder
from chainrule.train.settings import Settings
from chainrule.train.step import State, initial_state, make_step

_EXAMINED = 256
"""Examples that a state's health is read from."""


class Experiment(NamedTuple):
    """Everything that is ready before the first step.

    Attributes:
        settings: what was asked for; the path of a file is absolute, target and task are known.
        table: the data as it was read.
        parts: the data, cut in three.
        predictor: the fresh model and its scales.
        rng: shuffles the batches.
    """

    settings: Settings
    table: Table
    parts: Split
    predictor: Predictor
    rng: np.random.Generator

    @property
    def name(self) -> str:
        """A short name for the run's folder: the data set's, or the file's."""
        stem = Path(self.settings.data).name.partition(".")[0]
        return re.sub(r"[^\w-]+", "-", stem).strip("-") or "run"

    def config(self) -> dict[str, Any]:
        """Return what the run's config.json holds."""
        return {
            "format": 1,
            "settings": dataclasses.asdict(self.settings),
            "fingerprint": fingerprint(self.table),
            "predictor": self.predictor.to_config(),
        }

    def train(
        self,
        folder: RunFolder,
        *,
        watch: Watch = iter,
        diagnose: bool = False,
        compiled: bool = True,
    ) -> Iterator[Epoch]:
        """Train; write each epoch, and the weights whenever they are the best, to the folder.

        Args:
            folder: where the run is kept.
            watch: wraps the batches of each epoch, as a progress bar does.
            diagnose: name the place where NaN or an infinity is born, if one is.
            compiled: run each step as one native function.

        Yields:
            Each epoch after it was written.
        """
        settings = self.settings
        objective = OBJECTIVES[self.parts.train.task]
        optimizer = optim.by_name(settings.optimizer, settings.rate)
        held_out = self.predictor.batch(self.parts.validation)
        step = make_step(objective, optimizer)
        if compiled:
            step = compile_step(step)
        measured = held_out_measure(objective, held_out) if held_out.size else None
        if diagnose:
            step = diagnosed(step, objective, optimizer)
            if measured is not None:
                measured = diagnosed_measure(measured, objective, held_out)
        folder.write_config(self.config())
        for epoch in iterate(
            step,
            initial_state(self.predictor.model, optimizer),
            self.predictor.batch(self.parts.train),
            measure=measured,
            rng=self.rng,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            patience=settings.patience,
            watch=watch,
        ):
            folder.append_metrics(record(epoch))
            if epoch.is_best:
                folder.save_weights(epoch.best_params)
            yield epoch

    def health(self, state: State) -> Diagnosis:
        """Diagnose a state of the training, on the first examples that are learned from."""
        settings = self.settings
        objective = OBJECTIVES[self.parts.train.task]
        optimizer = optim.by_name(settings.optimizer, settings.rate)
        x, y = self.predictor.batch(self.parts.train)
        few = Batch(x[:_EXAMINED], y[:_EXAMINED])
        return health(objective, optimizer, state, few)

    def trained(self, params: Any) -> Predictor:
        """Return the predictor with trained weights."""
        return dataclasses.replace(self.predictor, model=params)


def prepare(settings: Settings) -> Experiment:
    """Read and split the data, measure the scales and make a model; one seed gives one experiment.

    Raises:
        UsageError: the data set is unknown, or a file's target is not named.
        DataError: the data cannot be used.
    """
    table = read_source(settings.data)
    target = target_of(settings.data, table, settings.target)
    dataset = supervised(table, target=target, task=settings.task)
    cut, first_weights, order = np.random.default_rng(settings.seed).spawn(3)
    parts = split(dataset, validation=settings.validation, test=settings.test, rng=cut)
    predictor = Predictor.create(
        parts.train, hidden=settings.hidden, activation=settings.activation, rng=first_weights
    )
    place = settings.data if settings.data in SHIPPED else str(Path(settings.data).resolve())
    known = dataclasses.replace(settings, data=place, target=target, task=dataset.task)
    return Experiment(known, table, parts, predictor, order)


def unseen(run: Run) -> Dataset:
    """Return the test part of a run, which its training has not seen.

    Raises:
        DataError: the data can no longer be read or has changed since, or no part was kept.
    """
    experiment = prepare(run.settings)
    if fingerprint(experiment.table) != run.fingerprint:
        raise DataError.from_changed(run.settings.data)
    test = experiment.parts.test
    if len(test) == 0:
        raise DataError.from_too_few(run.settings.data, "the test part", 0, 1)
    return test


def fingerprint(table: Table) -> str:
    """Return a text that changes when a name or a number of the table does."""
    digest = hashlib.sha256("\n".join(table.names).encode())
    digest.update(table.values.tobytes())
    return digest.hexdigest()


def record(epoch: Epoch) -> dict[str, Any]:
    """Return an epoch as a line of metrics.jsonl."""
    return {
        "epoch": epoch.number,
        **epoch.training,
        **{f"validation_{name}": value for name, value in epoch.validation.items()},
        "best_epoch": epoch.best,
    }
