"""Random programs do the same compiled as eagerly, and a mistake of the compiler's would be seen."""

import pytest
from tests.fuzz.compiling import judge_compiled_program, judge_table_program
from tests.fuzz.from_table import numbered_table_program
from tests.fuzz.program import numbered_program
from tests.fuzz.step_judging import judge_held_step, judge_step
from tests.fuzz.steps import numbered_step

from chainrule.compiler.capture.level import StepLevel
from chainrule.compiler.capture.reading import Reading


def judged_from_table(seed, number):
    program = numbered_table_program(seed, number)
    return program, judge_table_program(program)


@pytest.mark.parametrize("number", range(60))
def test_operations_of_the_table_in_a_row_do_the_same_compiled(number):
    program, verdict = judged_from_table("ci", number)
    assert verdict.outcome != "wrong", f"{program}\n{verdict.why}"


@pytest.mark.parametrize("number", range(24))
def test_a_program_does_the_same_compiled(number):
    program = numbered_program("compiled", number)
    verdict = judge_compiled_program(program)
    assert verdict.outcome != "wrong", f"{program.source}\n{verdict.why}"


@pytest.mark.parametrize("number", range(12))
def test_a_step_as_users_write_it_does_the_same_compiled(number):
    program = numbered_step("steps", number)
    verdict = judge_step(program)
    assert verdict.outcome != "wrong", f"{program}\n{verdict.why}"


@pytest.mark.parametrize("number", range(8))
def test_a_step_whose_arrays_lie_outside_does_the_same_compiled(number):
    program = numbered_step("held", number)
    verdict = judge_held_step(program)
    assert verdict.outcome != "wrong", f"{program}\n{verdict.why}"


def test_most_programs_of_the_table_run_natively():
    outcomes = [judged_from_table("share", n)[1].outcome for n in range(12)]
    assert outcomes.count("right") >= 9


def decided_without_a_guard(level, x):
    level.outcomes.append(bool(level.number_of(x.node)))
    return level.outcomes[-1]


@pytest.mark.parametrize(
    ("owner", "name", "planted"),
    [
        (Reading, "written", lambda reading: ()),
        (StepLevel, "decide", decided_without_a_guard),
    ],
)
def test_a_mistake_is_found(monkeypatch, owner, name, planted):
    monkeypatch.setattr(owner, name, planted)
    programs = (numbered_program("planted", n) for n in range(100))
    assert any(judge_compiled_program(p).outcome == "wrong" for p in programs)


def test_a_mistake_is_found_in_a_step(monkeypatch):
    program = numbered_step("planted", 10)
    assert judge_step(program).outcome == "right"
    monkeypatch.setattr(StepLevel, "decide", decided_without_a_guard)
    assert judge_step(program).outcome == "wrong"
