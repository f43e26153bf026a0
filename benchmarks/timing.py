"""Interleaved timing: rounds go A B A B, under a lock so that two timed runs never overlap."""

from __future__ import annotations

import fcntl
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """Seconds per call over the rounds: the median, and the least and the most."""

    median: float
    least: float
    most: float


@contextmanager
def machine_to_itself() -> Iterator[None]:
    """Wait until no other timed run is under way on this machine."""
    path = Path(tempfile.gettempdir()) / "chainrule-bench.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 15,
    seconds: float = 0.02,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time every call in turn, round after round.

    Args:
        calls: what to time, by name.
        rounds: how often each is timed.
        seconds: how long one timing of one call lasts, about.
        clock: what counts; `time.thread_time`, for calls that use one thread, leaves out the time
            that other programs had the processor.

    Returns:
        Seconds per call, one per round, by name.
    """
    counts = {}
    for name, call in calls.items():
        call()
        start = clock()
        call()
        counts[name] = max(1, int(seconds / max(clock() - start, 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            for _ in range(counts[name]):
                call()
            times[name].append((clock() - start) / counts[name])
    return times


def figure(times: list[float]) -> Figure:
    """Summarise the rounds."""
    return Figure(statistics.median(times), min(times), max(times))


def ratio(times: list[float], others: list[float]) -> Figure:
    """Return `times / others`, round by round: noise that lasts longer than a round cancels."""
    return figure([a / b for a, b in zip(times, others, strict=True)])


def machine(*packages: str) -> dict[str, str]:
    """Say what the run ran on."""
    found = {"python": platform.python_version(), "cpu": _cpu(), "system": platform.system()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]} x {len(names)}" if names else platform.processor()


def save(path: str | None, rows: object) -> None:
    """Write the rows as JSON where the caller asked for it."""
    if path:
        Path(path).write_text(json.dumps(rows, indent=2) + "\n")
        print(f"written to {path}", file=sys.stderr)
