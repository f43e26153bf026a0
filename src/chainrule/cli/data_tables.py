"""Tables about data and about how well it is predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from chainrule.cli.terminal import counted, fits, show_table
from chainrule.data import Column, Dataset, Table
from chainrule.train.predictor import ClassScores, Predictor, QuantityScores

_MOST_FEATURES = 12
_SHOWN_OF_MANY = 8
_MOST_MISTAKES = 12


def show_data(console: Console, data: Table, target: str) -> None:
    """Print what each column was taken for; of many features only the first."""
    columns = data.describe()
    features = [column for column in columns if column.name != target]
    shown = features if len(features) <= _MOST_FEATURES else features[:_SHOWN_OF_MANY]
    rows = [_row(column, "feature") for column in shown]
    if len(shown) < len(features):
        rows.append([f"… {len(features) - len(shown)} more", *_rest(features[len(shown) :])])
    rows += [_row(column, "target") for column in columns if column.name == target]
    numbers = ("distinct", "missing", "least", "greatest")
    headers = ("column", "role", "type", *numbers)
    show_table(console, headers, rows, right=numbers)


def show_scores(
    console: Console,
    scores: ClassScores | QuantityScores,
    predictor: Predictor,
    examples: Dataset,
    *,
    what: str,
) -> None:
    """Print how well examples are predicted; `what` says which."""
    if isinstance(scores, QuantityScores):
        is_varied = math.isfinite(scores.r_squared)
        share = f"R² {scores.r_squared:.4f}" if is_varied else "no R² (the target does not vary)"
        console.print(
            f"{what}: RMSE {scores.root_mean_squared_error:.4g} (in units of {predictor.target}), "
            f"{share}, on {counted(len(examples), 'row')}"
        )
        return
    right = int(scores.confusion.trace())
    console.print(f"{what}: accuracy {scores.accuracy:.2%} ({right:,} of {len(examples):,} right)")
    show_confusion(console, scores, predictor.classes)


def show_confusion(console: Console, scores: ClassScores, classes: Sequence[str]) -> None:
    """Print which class was taken for which; of too many classes only the most frequent mistakes."""
    headers = ("", *classes)
    rows = [
        [Text(name, "bold"), *(_cell(count, is_right=i == j) for j, count in enumerate(counts))]
        for i, (name, counts) in enumerate(zip(classes, scores.confusion.tolist(), strict=True))
    ]
    if fits(console, headers, rows):
        console.print("confusion matrix, a row per true class and a column per predicted one:\n")
        show_table(console, headers, rows, right=classes)
    else:
        _show_mistakes(console, scores, classes)


def _show_mistakes(console: Console, scores: ClassScores, classes: Sequence[str]) -> None:
    counts = scores.confusion.tolist()
    mistakes = [
        (count, true, predicted)
        for true, row in zip(classes, counts, strict=True)
        for predicted, count in zip(classes, row, strict=True)
        if count and true != predicted
    ]
    mistakes.sort(key=lambda mistake: -mistake[0])
    shown = [(true, predicted, str(n)) for n, true, predicted in mistakes[:_MOST_MISTAKES]]
    console.print(
        f"the most frequent mistakes; the whole confusion matrix of {len(classes)} classes needs a "
        "wider screen:\n"
    )
    headers = ("class", "taken for", "times")
    show_table(console, headers, shown, right=headers)


def _cell(count: int, *, is_right: bool) -> Text:
    if count == 0:
        return Text("·", "dim")
    return Text(str(count), "green" if is_right else "red")


def _row(column: Column, role: str) -> list[str]:
    return [
        column.name,
        role,
        column.kind,
        f"{column.distinct:,}",
        f"{column.missing:,}" if column.missing else "",
        f"{column.minimum:.6g}",
        f"{column.maximum:.6g}",
    ]


def _rest(columns: Sequence[Column]) -> list[str]:
    """Sum up the features that are not shown one by one."""
    kinds = {column.kind for column in columns}
    missing = sum(column.missing for column in columns)
    return [
        "feature",
        kinds.pop() if len(kinds) == 1 else "various",
        "",
        f"{missing:,}" if missing else "",
        f"{min(column.minimum for column in columns):.6g}",
        f"{max(column.maximum for column in columns):.6g}",
    ]
