"""How a training shows that it moves: a bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from chainrule.data import Batch
from chainrule.train import Epoch

_SHOWN = ("loss", "accuracy")


class Display(Protocol):
    """Shows a training while it runs."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Hand on the batches of an epoch, and show how far it is."""
        ...

    def show(self, epoch: Epoch) -> None:
        """Show how an epoch went."""
        ...


def display(console: Console, *, epochs: int, batches: int) -> Display:
    """Return the display that suits the console.

    Args:
        console: where to show it.
        epochs: how many there will be at most.
        batches: how many make an epoch.
    """
    return Bar(console, epochs, batches) if console.is_terminal else Lines(console, epochs)


class Bar:
    """A bar with the loss, the accuracy and the time left."""

    def __init__(self, console: Console, epochs: int, batches: int) -> None:
        self._epochs = epochs
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[metrics]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task(
            f"epoch 1/{epochs}", total=epochs * batches, metrics=""
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            done = self._progress.tasks[0].completed
            self._progress.update(self._task, total=done)  # an early stop is an end, too
        self._progress.stop()

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Hand on the batches of an epoch, and move the bar."""
        for batch in batches:
            yield batch
            self._progress.advance(self._task)

    def show(self, epoch: Epoch) -> None:
        """Write the newest metrics beside the bar."""
        description = f"epoch {epoch.number}/{self._epochs}"
        self._progress.update(self._task, description=description, metrics=_newest(epoch))


class Lines:
    """A line per epoch, for files and pipes."""

    def __init__(self, console: Console, epochs: int) -> None:
        self._console = console
        self._epochs = epochs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing was opened."""

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Hand on the batches."""
        return iter(batches)

    def show(self, epoch: Epoch) -> None:
        """Print the metrics of an epoch."""
        number = f"{epoch.number:>{len(str(self._epochs))}}"
        self._console.print(f"epoch {number}/{self._epochs}  {_metrics(epoch)}")


def _newest(epoch: Epoch) -> str:
    """Write the loss and the accuracy on the part that decides, short enough for a bar."""
    metrics = epoch.validation or epoch.training
    text = "  ".join(f"{name} {metrics[name]:.4f}" for name in _SHOWN if name in metrics)
    return f"validation {text}" if epoch.validation else text


def _metrics(epoch: Epoch) -> str:
    """Write the loss and the accuracy, of the validation part in parentheses."""
    parts = []
    for name in _SHOWN:
        if name in epoch.training:
            text = f"{name} {epoch.training[name]:.4f}"
            if name in epoch.validation:
                text += f" (validation {epoch.validation[name]:.4f})"
            parts.append(text)
    return "  ".join(parts)
