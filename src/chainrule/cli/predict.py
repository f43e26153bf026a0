"""`chainrule predict`."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from chainrule import nn
from chainrule.cli.terminal import console, counted, show_table
from chainrule.data import Dataset, read_csv
from chainrule.train import Predictor, Run, load_run
from chainrule.train.experiment import unseen
from chainrule.train.files import write_atomically

_MOST_ROWS = 20


def predict(
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/digits-001.")],
    data: Annotated[
        Path | None, typer.Argument(help="A CSV file; the run's own test part if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a CSV file instead.")] = None,
) -> None:
    """Predict with a run, to the screen or a CSV file.

    Without --out, a terminal shows the first rows, and a pipe gets all of them as CSV.
    """
    columns = predictions(load_run(run), data)
    headers, rows = list(columns), list(zip(*columns.values(), strict=True))
    text = as_csv(headers, rows)
    screen = console()
    if out is not None:
        write_atomically(out, text.encode())
        screen.print(f"{counted(len(rows), 'prediction')} written to {out}", soft_wrap=True)
    elif screen.is_terminal:
        show_table(screen, headers, rows[:_MOST_ROWS], right=headers)
        if len(rows) > _MOST_ROWS:
            screen.print(f"… {counted(len(rows) - _MOST_ROWS, 'more row')}; all with --out FILE")
    else:
        sys.stdout.write(text)


def predictions(run: Run, data: Path | None) -> dict[str, list[str]]:
    """Return the columns of the answer; with the truth among them for the run's test part."""
    predictor = run.predictor
    examples = unseen(run) if data is None else read_csv(data, columns=predictor.features)
    x = examples.x if isinstance(examples, Dataset) else examples.values
    outputs = predictor.outputs(x, examples.source, examples.rows)
    columns = {"row": list(map(str, examples.rows))}
    if isinstance(examples, Dataset):
        columns[predictor.target] = _written(predictor, examples.y)
    columns[f"predicted_{predictor.target}"] = _written(predictor, predictor.interpret(outputs))
    if predictor.classes:
        likeliest = np.asarray(nn.softmax(outputs)).max(axis=-1)
        columns["probability"] = [f"{p:.4f}" for p in likeliest.tolist()]
    return columns


def as_csv(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(rows)
    return text.getvalue()


def _written(predictor: Predictor, y: NDArray[Any]) -> list[str]:
    """Write classes by their labels, quantities with the digits float32 holds."""
    if predictor.classes:
        return [predictor.classes[i] for i in y.tolist()]
    return [f"{value:.7g}" for value in y.tolist()]
