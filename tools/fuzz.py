"""Look for a NumPy program whose gradient is wrong: run random ones under the transforms and print what became of them.

    python tools/fuzz.py [--programs 1000] [--seed 0] [--only 17]

Each program is made from its number and the seed alone, so that `--only` shows one again. Exits with 1 if one was
neither right nor raised.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.fuzz.judging import Verdict, judge
from tests.fuzz.program import Program, numbered_program
from tests.fuzz.shrinking import shrunk

_SECOND_ORDER_EVERY = 4
_MOST_REFUSALS = 25


def verdict_of(program: Program, number: int) -> Verdict:
    """Judge a program; every fourth to second order."""
    return judge(program, second_order=number % _SECOND_ORDER_EVERY == 0)


def main() -> int:
    """Run the programs and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--programs", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None)
    options = parser.parse_args()
    if options.only is not None:
        program = numbered_program(options.seed, options.only)
        verdict = verdict_of(program, options.only)
        if verdict.outcome == "wrong":
            program = shrunk(program, second_order=options.only % _SECOND_ORDER_EVERY == 0)
        print(program.source, verdict, sep="\n")
        return 0
    outcomes: Counter[str] = Counter()
    features: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    for number in range(options.first, options.first + options.programs):
        program = numbered_program(options.seed, number)
        verdict = verdict_of(program, number)
        outcomes[verdict.outcome] += 1
        features.update(program.features)
        if verdict.outcome == "wrong":
            print(f"program {number} of seed {options.seed}: {verdict.why}", flush=True)
        if verdict.outcome in {"raised", "invalid"} and not program.escapes:
            refusals[f"{verdict.outcome}: {_without_numbers(verdict.why)}"] += 1
    _report(options.programs, outcomes, features, refusals)
    return 1 if outcomes["wrong"] else 0


def _without_numbers(text: str) -> str:
    return re.sub(r"\d+", "#", text)[:150]


def _report(
    count: int, outcomes: Counter[str], features: Counter[str], refusals: Counter[str]
) -> None:
    print(f"{count} programs:", ", ".join(f"{n} {o}" for o, n in outcomes.most_common()))
    print("share of the programs that have a feature, in percent:")
    for feature, n in features.most_common():
        print(f"  {100 * n / count:5.1f}  {feature}")
    print("refused without an escape in the program:")
    for why, n in refusals.most_common(_MOST_REFUSALS):
        print(f"  {n:5}  {why}")


if __name__ == "__main__":
    sys.exit(main())
