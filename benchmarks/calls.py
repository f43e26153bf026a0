"""What a call of a compiled function costs before it computes anything; what importing and installing chainrule does.

    python benchmarks/calls.py [--json out.json]

The compiled function does nothing; what is left is the way to it: checks of types, shapes, strides and of memory that
is shared, pointers, results. "compiled" is what a user calls; "object" and "entry" are the parts it is made of, without
what a compiled step checks of its surroundings; "in Python" is the entry that other interpreters than CPython use.
Beside them stands a Python function that does nothing. All times are of the processor.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from timing import Figure, figure, interleaved, machine, machine_to_itself, save

import chainrule as cr
from chainrule.compiler.entry import make_entry
from chainrule.compiler.entry.plain import make_plain_entry
from chainrule.compiler.entry.shell import arm, make_shell_class
from chainrule.compiler.entry.signature import (
    ArrayInput,
    Mapping,
    OwnArray,
    ScalarInput,
    ScalarResult,
    Sequence,
    Signature,
)
from chainrule.compiler.machine_code.jit import load

NOTHING = "define i64 @nothing(ptr %pointers, ptr %arena) { ret i64 0 }"
F8 = np.dtype(np.float64)


class Step:
    """What a user holds."""

    def call(self, *args: Any) -> Any:
        """Take what the entry declines: not here."""
        raise AssertionError(args)


def same(*arguments: Any) -> Any:
    """Return the arguments."""
    return arguments


def same_state(parameters: Any, state: Any, x: Any, y: Any) -> Any:  # noqa: ARG001  a step has a batch
    """Return parameters and state."""
    return parameters, state, state["t"]


def eight_arrays() -> tuple[Signature, tuple[Any, ...]]:
    """Eight donated arrays, returned as they came."""
    arrays = tuple(np.zeros(64, np.float32) for _ in range(8))
    inputs = tuple(ArrayInput.of(a, i, is_written=True) for i, a in enumerate(arrays))
    return Signature(inputs, Sequence(tuple, tuple(map(OwnArray, range(8)))), 8), arrays


def mlp() -> tuple[Signature, tuple[Any, ...]]:
    """Step a 3-layer MLP with Adam: a list of parameters, a dict of state, a batch; all state donated."""
    sizes = (64, 32), (32,), (32, 32), (32,), (32, 10), (10,)
    parameters, m, v = ([np.zeros(s) for s in sizes] for _ in range(3))
    state = {"t": np.float64(0), "m": m, "v": v}
    x, y = np.zeros((32, 64)), np.zeros((32, 10))
    slots = iter(range(100))

    def of(arrays: list[Any]) -> Sequence:
        return Sequence(
            list, tuple([ArrayInput.of(a, next(slots), is_written=True) for a in arrays])
        )

    def own(first: int) -> Sequence:
        return Sequence(list, tuple(map(OwnArray, range(first, first + len(sizes)))))

    keys = ("t", "m", "v")
    arguments = (
        of(parameters),
        Mapping(keys, (ScalarInput(F8, (next(slots),)), of(m), of(v))),
        ArrayInput.of(x, next(slots)),
        ArrayInput.of(y, next(slots)),
    )
    new_state = Mapping(keys, (ScalarResult(F8, (next(slots),)), own(7), own(13)))
    result = Sequence(tuple, (own(0), new_state, ScalarResult(F8, (next(slots),))))
    return Signature(arguments, result, next(slots), arena=4_096), (parameters, state, x, y)


@dataclass(frozen=True)
class Case:
    """A kind of call: a step that changes nothing, and the same by hand for the parts below `compile`."""

    name: str
    step: Callable[..., Any]
    donate: tuple[int, ...]
    by_hand: Callable[[], tuple[Signature, tuple[Any, ...]]]


CASES = (
    Case("8 donated arrays", same, tuple(range(8)), eight_arrays),
    Case("MLP, containers", same_state, (0, 1), mlp),
)


def calls_for(case: Case) -> dict[str, Callable[[], object]]:
    """Return what is timed for one case."""
    signature, arguments = case.by_hand()
    compiled = cr.compile(case.step, donate=case.donate)
    for _ in range(3):
        compiled(*arguments)
    library = load(NOTHING, ["nothing"])
    stages = (library.address("nothing"),)
    entry = make_entry(signature, stages, library)
    plain = make_plain_entry(signature, stages, library)
    step: Any = make_shell_class(Step)()
    arm(step, step.call)
    step._entry = entry  # noqa: SLF001  as `compile` does
    assert type(step(*arguments)) is tuple
    names = ", ".join(f"a{i}" for i in range(len(arguments)))
    known: dict[str, Any] = {f"a{i}": a for i, a in enumerate(arguments)}
    known |= {"function": eval(f"lambda {names}: None"), "object": step}  # noqa: S307  made two lines above
    known |= {"entry": entry, "plain": plain, "compiled": compiled}
    ways = {
        "function": "function",
        "compiled": "compiled",
        "object": "object",
        "entry": "entry",
        "in Python": "plain",
    }
    return {
        way: eval(f"lambda: {name}({names})", known)  # noqa: S307  made of the names above
        for way, name in ways.items()
    }


def seconds_to_import(module: str, rounds: int = 7) -> Figure:
    """Import a module in new processes that find it compiled to bytecode, as after an installation."""
    code = (
        "import time, sys\n"
        "start = time.process_time()\n"
        f"import {module}\n"
        "print(time.process_time() - start)\n"
        "heavy = {'llvmlite', 'scipy', 'optree', 'rich', 'typer'} & set(sys.modules)\n"
        "assert not heavy or not 'chainrule' in sys.modules, heavy\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder

        def run() -> float:
            command = [sys.executable, "-c", code]
            done = subprocess.run(  # noqa: S603  this interpreter
                command, env=environment, capture_output=True, text=True, check=True
            )
            return float(done.stdout)

        run()
        return figure([run() for _ in range(rounds)])


def installed_bytes(package: str) -> dict[str, int]:
    """Return the size of a package and of all that it needs, by distribution."""
    return {
        name: sum(
            file.locate().stat().st_size
            for file in importlib.metadata.files(name) or ()
            if os.path.exists(file.locate())  # noqa: PTH110  what is located may be no Path
        )
        for name in sorted(_closure(package))
    }


def _closure(package: str) -> set[str]:
    found: set[str] = set()
    pending = [package]
    while pending:
        name = pending.pop()
        if name not in found:
            try:
                pending += _requirements(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            found.add(name)
    return found


def _requirements(name: str) -> Iterator[str]:
    for line in importlib.metadata.requires(name) or ():
        if "extra ==" not in line:
            yield re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0].lower()


def main() -> None:
    """Time every case and print a row for each."""
    os.environ.setdefault(
        "CHAINRULE_TIERS", "off"
    )  # else calls are slow until a thread has made better code
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", default=None, help="also write the rows to this file")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    print(*(f"{k} {v}" for k, v in machine("numpy", "llvmlite", "chainrule").items()), sep=", ")
    ways = ("function", "compiled", "object", "entry", "in Python")
    print(f"{'ns per call':20}" + "".join(f"{way:>12}" for way in ways))
    rows: list[dict[str, Any]] = []
    with machine_to_itself():
        for case in CASES:
            times = interleaved(calls_for(case), rounds=options.rounds, clock=time.thread_time)
            # The call of the lambda around it is in every figure.
            row = {way: statistics.median(times[way]) * 1e9 for way in ways}
            print(f"{case.name:20}" + "".join(f"{row[way]:12.0f}" for way in ways), flush=True)
            rows.append({"case": case.name, **row})
        for module in ("numpy", "chainrule"):
            seconds = seconds_to_import(module)
            print(
                f"import {module:13}{seconds.median * 1e3:12.0f} ms "
                f"({seconds.least * 1e3:.0f}–{seconds.most * 1e3:.0f})"
            )
            rows.append({"case": f"import {module}", "seconds": seconds.median})
    sizes = installed_bytes("chainrule")
    largest = sorted(sizes.items(), key=lambda x: -x[1])[:4]
    total = sum(sizes.values()) / 2**20
    print(
        f"installed{total:23.0f} MiB: "
        + ", ".join(f"{name} {size / 2**20:.0f}" for name, size in largest)
    )
    rows.append({"case": "installed", "MiB": total})
    save(options.json, rows)


if __name__ == "__main__":
    main()
