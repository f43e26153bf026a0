"""Run folders: what a training leaves behind, and how it is found again.

A folder `runs/NAME-001` holds `config.json` (settings, scales, classes), `metrics.jsonl` (one line
per epoch), `weights.safetensors` (the best so far) and, once the training has ended, `result.json`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from chainrule.errors import ChainruleError, DataError, UsageError
from chainrule.train.files import write_atomically
from chainrule.train.predictor import Predictor
from chainrule.train.settings import Settings
from chainrule.train.weights import load_weights, save_weights

CONFIG = "config.json"
METRICS = "metrics.jsonl"
WEIGHTS = "weights.safetensors"
RESULT = "result.json"


@dataclass(frozen=True)
class RunFolder:
    """A folder that a training writes to."""

    path: Path

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write how the run was set up."""
        self._write_json(CONFIG, config)

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Add a line for an epoch; it can be read at once."""
        try:
            with (self.path / METRICS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(metrics) + "\n")
        except OSError as error:
            raise _unwritable(self.path / METRICS, error) from error

    def save_weights(self, params: Any) -> None:
        """Write the best parameters so far in place of those before."""
        save_weights(self.path / WEIGHTS, params)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write how the training ended."""
        self._write_json(RESULT, result)

    @property
    def is_usable(self) -> bool:
        """Whether the run can be loaded: whether there was a best epoch already."""
        return (self.path / CONFIG).exists() and (self.path / WEIGHTS).exists()

    def _write_json(self, name: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_atomically(self.path / name, text.encode())


@contextlib.contextmanager
def new_run(root: str | Path, name: str) -> Iterator[RunFolder]:
    """Make the next folder `root/name-001`, `-002`, …; an error inside the block removes it again.

    Ctrl-C keeps the folder if it holds weights, which are then the best so far.

    Raises:
        UsageError: the folder cannot be made.
    """
    root = Path(root)
    is_new = not root.exists()
    folder = RunFolder(_claim(root, name))
    try:
        yield folder
    except BaseException as error:
        if not (isinstance(error, KeyboardInterrupt) and folder.is_usable):
            shutil.rmtree(folder.path, ignore_errors=True)
            if is_new:
                with contextlib.suppress(OSError):  # somebody else has put something there
                    root.rmdir()
        raise


class Run(NamedTuple):
    """A run that was loaded back."""

    path: Path
    settings: Settings
    fingerprint: str
    predictor: Predictor


def load_run(path: str | Path) -> Run:
    """Load a run folder: its settings, and the predictor with the best weights.

    Raises:
        DataError: the folder is not one, or something in it is missing or damaged.
    """
    path = Path(path)
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        options = {**config["settings"], "hidden": tuple(config["settings"]["hidden"])}
        settings = Settings(**options)
        predictor = Predictor.from_config(config["predictor"])
        fingerprint = config["fingerprint"]
    except OSError as error:
        reason = f"{CONFIG}: {error.strerror or error}"
        raise DataError.from_run(str(path), reason) from error
    except (ValueError, KeyError, TypeError, ChainruleError) as error:
        reason = f"{CONFIG} is damaged ({type(error).__name__})"
        raise DataError.from_run(str(path), reason) from error
    if not (path / WEIGHTS).exists():
        raise DataError.from_run(str(path), f"{WEIGHTS} is missing")
    model = load_weights(path / WEIGHTS, predictor.model)
    return Run(path, settings, fingerprint, dataclasses.replace(predictor, model=model))


def _claim(root: Path, name: str) -> Path:
    """Make the folder with the next number; another training may be doing the same."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        while True:
            path = root / f"{name}-{_next_number(root, name):03d}"
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return path
    except OSError as error:
        raise _unwritable(root, error) from error


def _next_number(root: Path, name: str) -> int:
    pattern = re.compile(re.escape(name) + r"-(\d+)")
    matches = (pattern.fullmatch(path.name) for path in root.iterdir())
    return max((int(match[1]) for match in matches if match), default=0) + 1


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError.from_unwritable(str(path), error.strerror or str(error))
