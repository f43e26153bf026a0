"""The table tests itself: every law on every sample of every entry. Names no op."""

import pytest
from tests import calls, laws

from chainrule.core.op import TABLE

SAMPLES = [pytest.param(op, op.samples[i], id=f"{op.name}-{i}") for op, i in calls.every_sample()]
REJECTS = [
    pytest.param(op, s, id=f"{op.name}-{i}")
    for op in TABLE.values()
    for i, s in enumerate(op.rejects)
]
DIFFERENTIABLE = [p for p in SAMPLES if not p.values[0].is_constant]
CONSTANT = [p for p in SAMPLES if p.values[0].is_constant]


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_values_and_types_are_numpys(op, sample):
    laws.check_value(op, sample, calls.REAL)
    laws.check_value(op, sample, calls.SINGLE)
    laws.check_value(op, sample, calls.SINGLE, weak=True)
    if calls.accepts(op, sample, calls.COMPLEX):
        laws.check_value(op, sample, calls.COMPLEX)


@pytest.mark.parametrize(
    ("op", "sample"), [p for p in SAMPLES if calls.has_numpy_name(p.values[0])]
)
def test_values_of_other_kinds_are_taken_as_by_numpy(op, sample):
    for kind, make in calls.OTHERS.items():
        laws.check_others(op, sample, make, kind)


@pytest.mark.parametrize(
    ("op", "sample"), [p for p in SAMPLES if len(calls.targets(p.values[0])) > 1]
)
def test_every_numpy_name_reaches_the_entry(op, sample):
    laws.check_names(op, sample)


@pytest.mark.parametrize(("op", "sample"), [p for p in SAMPLES if calls.takes_out(p.values[0])])
def test_out_is_filled_or_refused_as_by_numpy(op, sample):
    laws.check_out(op, sample)


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_capture_on_types_gives_the_same_program(op, sample):
    laws.check_capture(op, sample, calls.REAL)
    laws.check_capture(op, sample, calls.SINGLE)
    laws.check_capture(op, sample, calls.SINGLE, weak=True)
    if calls.accepts(op, sample, calls.COMPLEX):
        laws.check_capture(op, sample, calls.COMPLEX)


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE)
def test_first_derivatives(op, sample):
    laws.check_first(op, sample, calls.REAL)
    laws.check_first(op, sample, calls.SINGLE)
    if calls.accepts(op, sample, calls.COMPLEX):
        laws.check_first(op, sample, calls.COMPLEX)


@pytest.mark.parametrize(
    ("op", "sample"), [p for p in DIFFERENTIABLE if calls.takes_lists(p.values[0])]
)
def test_lists_of_traced_numbers_are_arrays(op, sample):
    laws.check_lists(op, sample)


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE)
def test_second_and_third_derivatives(op, sample):
    laws.check_higher(op, sample, calls.REAL)
    laws.check_higher(op, sample, calls.SINGLE)
    if calls.accepts(op, sample, calls.COMPLEX):
        laws.check_higher(op, sample, calls.COMPLEX)


@pytest.mark.parametrize(("op", "sample"), DIFFERENTIABLE)
def test_nodes_keep_only_what_their_rules_read(op, sample):
    laws.check_reads(op, sample)


@pytest.mark.parametrize(("op", "sample"), CONSTANT)
def test_what_is_declared_constant_does_not_move(op, sample):
    laws.check_constant(op, sample)


@pytest.mark.parametrize(("op", "sample"), REJECTS)
def test_shapes_that_do_not_fit_are_rejected(op, sample):
    laws.check_rejects(op, sample)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_every_entry_has_samples(op):
    assert op.samples
