"""`chainrule train`."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from chainrule import tree
from chainrule.cli.data_tables import show_data, show_scores
from chainrule.cli.health_table import show_health
from chainrule.cli.progress import display
from chainrule.cli.terminal import console, counted
from chainrule.data.dataset import Task
from chainrule.errors import UsageError
from chainrule.explanation.diagnose import Diagnosis
from chainrule.optim import OPTIMIZERS
from chainrule.train import Epoch, Experiment, RunFolder, Settings, new_run, prepare
from chainrule.train.diagnosing import health_config
from chainrule.train.settings import ACTIVATIONS

_DEFAULTS = Settings("digits")


def train(
    data: Annotated[str, typer.Argument(help="A data set (digits) or a CSV file of numbers.")],
    target: Annotated[
        list[str] | None, typer.Option(metavar="<str>", help="The column to predict.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; inferred if left out.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data, at most.")] = _DEFAULTS.epochs,
    batch_size: Annotated[int, typer.Option(help="Examples per step.")] = _DEFAULTS.batch_size,
    learning_rate: Annotated[
        float | None, typer.Option(help="How far a step goes; the optimiser's own if left out.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help=", ".join(OPTIMIZERS))] = _DEFAULTS.optimizer,
    hidden: Annotated[
        str, typer.Option(help='Sizes of the hidden layers: "128,64"; "" for none.')
    ] = ",".join(map(str, _DEFAULTS.hidden)),
    activation: Annotated[str, typer.Option(help=", ".join(ACTIVATIONS))] = _DEFAULTS.activation,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run.")] = _DEFAULTS.seed,
    patience: Annotated[
        int, typer.Option(help="Stop after so many epochs without a better one.")
    ] = _DEFAULTS.patience,
    validation: Annotated[
        float, typer.Option(help="The fraction of rows to stop by.")
    ] = _DEFAULTS.validation,
    test: Annotated[float, typer.Option(help="The fraction of rows kept unseen.")] = _DEFAULTS.test,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    diagnose: Annotated[  # noqa: FBT002  typer reads flags so
        bool,
        typer.Option(
            "--diagnose",
            help="Name the place if NaN or an infinity is born, and show at the end how each layer fares.",
        ),
    ] = False,
    no_compile: Annotated[  # noqa: FBT002  typer reads flags so
        bool, typer.Option("--no-compile", help="Run each step op by op in NumPy.")
    ] = False,
) -> None:
    """Train a network on a data set or a CSV file.

    The best weights, the settings and the metrics of every epoch are kept in a run folder.
    """
    experiment = prepare(
        Settings(
            data=data,
            target=only("--target", target or ()),
            task=cast("Task | None", task),  # Settings refuses any other text
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            hidden=sizes(hidden),
            activation=activation,
            seed=seed,
            patience=patience,
            validation=validation,
            test=test,
        )
    )
    screen = console()
    _introduce(screen, experiment)
    with new_run(out, experiment.name) as folder:
        try:
            last = _run(screen, experiment, folder, diagnose=diagnose, compiled=not no_compile)
        except KeyboardInterrupt:
            kept = f"the best weights so far are in {folder.path}"
            print(f"Stopped: {kept if folder.is_usable else 'no run was kept'}.", file=sys.stderr)
            raise
        examined = experiment.health(last.state) if diagnose else None
        _conclude(screen, experiment, folder, last, examined)


def only(option: str, given: Sequence[str]) -> str | None:
    """Return what an option was given, or None.

    >>> only("--target", ["price"]), only("--target", [])
    ('price', None)

    Raises:
        UsageError: it was given more than once.
    """
    if len(given) > 1:
        raise UsageError.from_option(option, ", ".join(given), "it once")
    return given[0] if given else None


def sizes(text: str) -> tuple[int, ...]:
    """Read the sizes of layers.

    >>> sizes("128, 64"), sizes("")
    ((128, 64), ())

    Raises:
        UsageError: the text is not a list of whole numbers.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text.strip() else ()
    except ValueError as error:
        expected = "whole numbers separated by commas, such as 128,64"
        raise UsageError.from_option("--hidden", text, expected) from error


def _introduce(screen: Console, experiment: Experiment) -> None:
    """Print what will be trained on what."""
    settings, parts, predictor = experiment.settings, experiment.parts, experiment.predictor
    goal = (
        f"classification of {predictor.target} into {counted(len(predictor.classes), 'class')}"
        if predictor.classes
        else f"regression of {predictor.target}"
    )
    show_data(screen, experiment.table, predictor.target)
    screen.print()
    screen.print(
        f"{counted(len(experiment.table), 'row')}, "
        f"{counted(len(predictor.features), 'feature')}: {goal}"
    )
    screen.print(
        f"{len(parts.train):,} to train, {len(parts.validation):,} to stop by, "
        f"{len(parts.test):,} to test (seed {settings.seed})"
    )
    parameters = sum(leaf.size for leaf in tree.leaves(predictor.model))
    screen.print(
        f"network {'-'.join(map(str, predictor.sizes))}, {settings.activation}, "
        f"{counted(parameters, 'parameter')}"
    )
    screen.print(
        f"{settings.optimizer}, learning rate {settings.rate:g}, batches of {settings.batch_size}"
    )
    screen.print()


def _run(
    screen: Console, experiment: Experiment, folder: RunFolder, *, diagnose: bool, compiled: bool
) -> Epoch:
    """Train to the end, and return the last epoch."""
    settings = experiment.settings
    batches = math.ceil(len(experiment.parts.train) / settings.batch_size)
    with display(screen, epochs=settings.epochs, batches=batches) as shown:
        for epoch in experiment.train(
            folder, watch=shown.watch, diagnose=diagnose, compiled=compiled
        ):
            shown.show(epoch)
    return epoch


def _conclude(
    screen: Console,
    experiment: Experiment,
    folder: RunFolder,
    last: Epoch,
    examined: Diagnosis | None,
) -> None:
    """Measure the best weights on the test part, and print where they are; before that how the layers fare."""
    settings, test = experiment.settings, experiment.parts.test
    is_early = last.number < settings.epochs
    reason = f", no better one in {settings.patience} more" if is_early else ""
    screen.print(f"\nbest epoch {last.best} of {last.number}{reason}")
    result: dict[str, Any] = {"epochs": last.number, "best_epoch": last.best, "test": None}
    if len(test):
        predictor = experiment.trained(last.best_params)
        scores = predictor.score(test)
        result["test"] = scores.to_config()
        show_scores(screen, scores, predictor, test, what="test")
    else:
        screen.print("no rows were kept for a test (--test 0)")
    if examined is not None:
        result["health"] = health_config(examined)
        show_health(screen, examined)
    folder.write_result(result)
    screen.print(f"\nrun folder: {folder.path}", soft_wrap=True)
