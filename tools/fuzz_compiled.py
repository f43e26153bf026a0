"""Look for programs that do something else when they are compiled: run random ones both ways, print what happens.

    python tools/fuzz_compiled.py [--kind table|numpy|steps|held] [--programs 1000] [--first 0] [--seed 0] [--only 17]

`table` strings operations of the whole table together; `numpy` compiles the programs of `fuzz.py`, and their
gradients; `steps` are written as users write them, with several kinds of arguments; `held` are the same, with their
arrays outside. Each is made from its number and the seed alone, so that `--only` shows one again. Exits with 1 if one
did something else.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.fuzz.compiling import judge_compiled_program, judge_table_program
from tests.fuzz.from_table import numbered_table_program
from tests.fuzz.judging import Verdict
from tests.fuzz.program import numbered_program
from tests.fuzz.step_judging import judge_held_step, judge_step
from tests.fuzz.steps import numbered_step

_MOST_REASONS = 25


def of_the_table(seed: int, number: int) -> tuple[Any, Verdict]:
    """Return a program of the table's operations and what became of it; the last call has the first's arguments."""
    program = numbered_table_program(seed, number)
    return program, judge_table_program(program)


def of_numpy(seed: int, number: int) -> tuple[Any, Verdict]:
    """Return a NumPy program and what became of it."""
    program = numbered_program(seed, number)
    return program.source, judge_compiled_program(program)


def of_steps(seed: int, number: int) -> tuple[Any, Verdict]:
    """Return a step as users write them and what became of it."""
    program = numbered_step(seed, number)
    return program, judge_step(program)


def of_held_steps(seed: int, number: int) -> tuple[Any, Verdict]:
    """Return a step with its arrays outside, and what became of it."""
    program = numbered_step(seed, number)
    return program, judge_held_step(program)


KINDS: dict[str, Callable[[int, int], tuple[Any, Verdict]]] = {
    "table": of_the_table,
    "numpy": of_numpy,
    "steps": of_steps,
    "held": of_held_steps,
}


def main() -> int:
    """Run the programs and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kind", choices=KINDS, default="table")
    parser.add_argument("--programs", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None)
    options = parser.parse_args()
    judged = KINDS[options.kind]
    if options.only is not None:
        print(*judged(options.seed, options.only), sep="\n")
        return 0
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for number in range(options.first, options.first + options.programs):
        _, verdict = judged(options.seed, number)
        outcomes[verdict.outcome] += 1
        if verdict.outcome == "wrong":
            print(f"program {number} of seed {options.seed}: {verdict.why}", flush=True)
        if verdict.outcome == "eager":
            reasons[verdict.why[:150]] += 1
    counts = ", ".join(f"{n} {o}" for o, n in outcomes.most_common())
    print(f"{options.programs} programs: {counts}")
    print("ran eagerly:")
    for why, n in reasons.most_common(_MOST_REASONS):
        print(f"  {n:5}  {why}")
    return 1 if outcomes["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
