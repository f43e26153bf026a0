"""Random NumPy programs get the right gradient or an error at their line, and the fuzzer would see a mistake."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.escapes import ESCAPES
from tests.fuzz.judging import judge
from tests.fuzz.program import numbered_program, write_program
from tests.fuzz.shrinking import shrunk

from chainrule.core.cells import TracedView

PROGRAMS = 300
LEAST_SHARE = 0.05

sources = st.randoms(use_true_random=False)


@settings(max_examples=PROGRAMS)
@given(sources)
def test_a_random_program_is_right_or_raises(random):
    program = write_program(random)
    verdict = judge(program)
    assert verdict.outcome != "wrong", f"{program.source}\n{verdict.why}"


@pytest.mark.parametrize("number", range(60))
def test_a_numbered_program_is_right_or_raises_to_second_order(number):
    program = numbered_program("ci", number)
    verdict = judge(program, second_order=True)
    assert verdict.outcome != "wrong", f"{program.source}\n{verdict.why}"


def test_every_feature_is_in_one_of_twenty_programs():
    count = 1_000
    features = Counter(f for n in range(count) for f in numbered_program("share", n).features)
    rare = {name: n for name, n in features.items() if n < LEAST_SHARE * count}
    assert not rare
    assert {name for name, _ in ESCAPES} <= {*features}


def test_a_mistake_in_views_is_found_and_made_short(monkeypatch):
    monkeypatch.setattr(TracedView, "refresh", lambda view: None)
    found = next(
        program
        for program in (numbered_program("planted", n) for n in range(200))
        if judge(program).outcome == "wrong"
    )
    short = shrunk(found)
    assert judge(short).outcome == "wrong"
    assert len(short.source.splitlines()) < len(found.source.splitlines())


@pytest.mark.parametrize(
    ("owner", "name", "planted"),
    [
        ("chainrule.core.cells.TracedArray", "owns_its_memory", lambda array: True),
        ("chainrule.core.trace.ReverseLevel", "snapshot", lambda level, x: x),
        ("chainrule.core.cells", "_is_own_part", lambda a, i, value: isinstance(value, TracedView)),
    ],
)
def test_other_mistakes_are_found(monkeypatch, owner, name, planted):
    monkeypatch.setattr(f"{owner}.{name}", planted)
    programs = (numbered_program("planted", n) for n in range(300))
    assert any(judge(program).outcome == "wrong" for program in programs)
