"""The table tests itself: every law on every sample of every entry. Names no op."""

import pytest
from tests import calls, laws

from chainrule.core.op import TABLE


def entries(are_meant=lambda op: True):
    """Give a test each of the entries that are meant."""
    chosen = [pytest.param(op, id=name) for name, op in TABLE.items() if are_meant(op)]
    return pytest.mark.parametrize("op", chosen)


def differentiable(op):
    return not op.is_constant


@entries()
def test_values_and_types_are_numpys(op):
    def law(op, sample):
        laws.check_value(op, sample, calls.REAL)
        laws.check_value(op, sample, calls.SINGLE)
        laws.check_value(op, sample, calls.SINGLE, weak=True)
        if calls.accepts(op, sample, calls.COMPLEX):
            laws.check_value(op, sample, calls.COMPLEX)

    laws.check_each(law, op)


@entries(calls.has_numpy_name)
def test_values_of_other_kinds_are_taken_as_by_numpy(op):
    for kind, make in calls.OTHERS.items():
        laws.check_each(lambda op, sample: laws.check_others(op, sample, make, kind), op)  # noqa: B023


@entries(lambda op: len(calls.targets(op)) > 1)
def test_every_numpy_name_reaches_the_entry(op):
    laws.check_each(laws.check_names, op)


@entries(calls.takes_out)
def test_out_is_filled_or_refused_as_by_numpy(op):
    laws.check_each(laws.check_out, op)


@entries()
def test_capture_on_types_gives_the_same_program(op):
    def law(op, sample):
        laws.check_capture(op, sample, calls.REAL)
        laws.check_capture(op, sample, calls.SINGLE)
        laws.check_capture(op, sample, calls.SINGLE, weak=True)
        if calls.accepts(op, sample, calls.COMPLEX):
            laws.check_capture(op, sample, calls.COMPLEX)

    laws.check_each(law, op)


@entries(differentiable)
def test_first_derivatives(op):
    def law(op, sample):
        in_double = laws.check_first(op, sample, calls.REAL)
        laws.check_first(op, sample, calls.SINGLE, in_double)
        if calls.accepts(op, sample, calls.COMPLEX):
            laws.check_first(op, sample, calls.COMPLEX)

    laws.check_each(law, op)


@entries(lambda op: differentiable(op) and calls.takes_lists(op))
def test_lists_of_traced_numbers_are_arrays(op):
    laws.check_each(laws.check_lists, op)


@entries(differentiable)
def test_second_and_third_derivatives(op):
    def law(op, sample):
        in_double = laws.check_higher(op, sample, calls.REAL)
        laws.check_higher(op, sample, calls.SINGLE, in_double)
        if calls.accepts(op, sample, calls.COMPLEX):
            laws.check_higher(op, sample, calls.COMPLEX)

    laws.check_each(law, op)


@entries(differentiable)
def test_nodes_keep_only_what_their_rules_read(op):
    laws.check_each(laws.check_reads, op)


@entries(lambda op: op.is_constant)
def test_what_is_declared_constant_does_not_move(op):
    laws.check_each(laws.check_constant, op)


@entries(lambda op: op.rejects)
def test_shapes_that_do_not_fit_are_rejected(op):
    laws.check_each(laws.check_rejects, op, op.rejects)


@entries()
def test_every_entry_has_samples(op):
    assert op.samples
