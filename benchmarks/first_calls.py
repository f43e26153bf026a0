"""What the first call of a compiled step costs, in a new process: without the cache on disk, and with it.

    python benchmarks/first_calls.py [--rounds 7] [--before OTHER/src] [--json out.json]

Each figure is `compile` and the first call together, in a process of its own, on one core; imports of NumPy, SciPy and
chainrule come before, those that `compile` makes are part of it. Python finds bytecode, as in an installed package.
Seconds that passed, and of the processor: the median, and the least and the most. `--before` names the source of
another version, which is measured in turn with this one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from timing import figure, machine, machine_to_itself, save

SOURCE = Path(__file__).parent.parent / "src"


def measure(name: str) -> dict[str, float]:
    """Make one first call in this process."""
    start = time.perf_counter()
    import chainrule as cr

    imported = time.perf_counter() - start
    from first_steps import STEPS

    step, arguments = STEPS[name]()
    start, processor = time.perf_counter(), time.process_time()
    compiled = cr.compile(step, donate=(0, 1) if len(arguments) > 2 else ())
    compiled(*arguments)
    result = {
        "import": imported,
        "first": time.perf_counter() - start,
        "processor": time.process_time() - processor,
    }
    if "eagerly" in compiled.report():
        raise SystemExit(compiled.report())
    return result


def run(name: str, source: str, cache: str, bytecode: str) -> dict[str, float]:
    """Make one first call in a new process."""
    given = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    paths = {"PYTHONPATH": source, "PYTHONPYCACHEPREFIX": bytecode, "CHAINRULE_CACHE": cache}
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    command = [sys.executable, __file__, "--measure", name]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    done = subprocess.run(  # noqa: S603  this file itself
        command, env={**given, **one, **paths}, capture_output=True, text=True, check=True
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--before")
    parser.add_argument("--measure")
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    print(machine("numpy", "scipy", "llvmlite"))
    sources = {"before": options.before, "now": str(SOURCE)}
    sources = {k: v for k, v in sources.items() if v}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, machine_to_itself():
        for name in ("mlp", "gpt", "loop"):
            cases = [
                (version, source, kind, "off" if kind == "no cache" else f"{folder}/{version}")
                for version, source in sources.items()
                for kind in ("no cache", "from the cache")
            ]
            times: dict[tuple[str, str], list[dict[str, float]]] = {}
            for turn in range(options.rounds + 1):
                for version, source, kind, cache in cases:
                    measured = run(name, source, cache, f"{folder}/bytecode")
                    if turn:  # the first makes bytecode and fills the cache
                        times.setdefault((version, kind), []).append(measured)
            for (version, kind), found in times.items():
                row = {"step": name, "version": version, "cache": kind}
                for what in ("import", "first", "processor"):
                    f = figure([x[what] for x in found])
                    row[what] = [f.median, f.least, f.most]
                rows.append(row)
                print(f"{name:5} {version:7} {kind:15}", *[text(what, row) for what in times_of()])
    save(options.json, rows)


def times_of() -> tuple[str, ...]:
    """Return what is printed of a row."""
    return "first", "processor", "import"


def text(what: str, row: dict[str, Any]) -> str:
    """Write a figure in milliseconds."""
    median, least, most = [1e3 * x for x in row[what]]
    return f"  {what} {median:7.1f} ms ({least:.1f} to {most:.1f})"


if __name__ == "__main__":
    main()
