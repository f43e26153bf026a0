"""The cost of a compiled step: counts that can be worked out by hand."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.loops.cost import Work


def cost_of(f, *args):
    compiled = cr.compile(f)
    compiled(*args)
    return compiled.cost


@pytest.mark.parametrize(("dtype", "each"), [(np.float32, 2), (np.float64, 2), (complex, 8)])
def test_a_product_is_two_operations_for_each_pair(dtype, each):
    a, b = np.ones((20, 30), dtype), np.ones((30, 40), dtype)
    size = a.itemsize
    cost = cost_of(np.matmul, a, b)
    assert cost.products == 1
    assert cost.total == Work(each * 20 * 30 * 40, (20 * 30 + 30 * 40) * size, 20 * 40 * size)


def test_a_chain_is_read_and_written_once():
    n = 1_000
    cost = cost_of(lambda x, y: np.exp(x) * y - 0.5, np.ones(n), np.ones(n))
    assert cost.total == Work(3 * n, 2 * n * 8, n * 8)
    assert (cost.loops, cost.products, cost.hosts, cost.arena) == (1, 0, 0, 0)


def test_a_sum_is_an_operation_per_element():
    work = cost_of(np.sum, np.ones(500, np.float32)).total
    assert (work.flops, work.read) == (500, 2_000)


def test_integers_are_moved_and_not_counted():
    assert cost_of(np.add, np.arange(9), np.arange(9)).total == Work(0, 144, 72)


def test_calls_of_numpy_are_counted_with_what_they_move():
    cost = cost_of(np.sort, np.ones(8))
    assert cost.hosts == 1
    assert "1 call of NumPy" in str(cost)
    assert cost.total.read >= 64


def test_the_table_has_a_row_per_statement_and_the_sum():
    cost = cost_of(lambda w, x: np.sum(np.tanh(x @ w)), np.ones((30, 20)), np.ones((40, 30)))
    lines = str(cost).splitlines()
    assert len(lines) == len(cost.statements) + 3
    assert f"{cost.total.flops:,}" in lines[-2]
    assert len({len(line) for line in lines[:-1]}) == 1
