"""`chainrule evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.data_tables import show_scores
from chainrule.cli.terminal import console
from chainrule.data import Dataset, read_csv, supervised
from chainrule.train import Run, load_run
from chainrule.train.experiment import unseen


def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/digits-001.")],
    data: Annotated[
        Path | None, typer.Argument(help="A CSV file; the run's own test part if left out.")
    ] = None,
) -> None:
    """Measure a run on its unseen test part or a CSV file."""
    loaded = load_run(run)
    if data is None:
        examples, what = unseen(loaded), "test part"
    else:
        examples, what = labelled(loaded, data), str(data)
    scores = loaded.predictor.score(examples)
    show_scores(console(), scores, loaded.predictor, examples, what=what)


def labelled(run: Run, path: Path) -> Dataset:
    """Read the columns of a file that a run uses, the target among them."""
    predictor = run.predictor
    table = read_csv(path, columns=(*predictor.features, predictor.target))
    return supervised(
        table,
        target=predictor.target,
        task="classification" if predictor.classes else "regression",
        classes=predictor.classes,
    )
