"""Passes: each does what its golden pairs show, and none changes what a graph computes."""

import numpy as np
import pytest
from tests.compiler.golden import FOLDER, pairs, shown, transforms
from tests.compiler.programs import random_program

import chainrule as cr
from chainrule.compiler import passes
from chainrule.compiler.checks import check_pass, is_close, random_inputs
from chainrule.compiler.passes import PASSES
from chainrule.compiler.passes.collect_additions import collect_additions
from chainrule.compiler.passes.drop_unused import drop_unused
from chainrule.compiler.passes.fold_constants import fold_constants
from chainrule.compiler.passes.rewrite import recorded
from chainrule.compiler.passes.share import share
from chainrule.core.graph import Graph
from chainrule.errors import CompileError

PAIRS = [(name, pair) for name in transforms() for pair in pairs(name)]


def test_every_pass_has_golden_pairs():
    assert {p.stem for p in FOLDER.glob("*.txt")} == set(transforms())


@pytest.mark.parametrize(("name", "pair"), PAIRS, ids=[f"{n}: {p.title}" for n, p in PAIRS])
def test_a_pass_turns_the_left_graph_into_the_right_one(name, pair):
    graph = pair.graph()
    after = transforms()[name](graph)
    after.check()
    assert (str(graph), shown(transforms()[name], graph)) == (pair.before, pair.after)
    inputs = random_inputs([n.type for n in graph.inputs])
    for got, wanted in zip(after.run(*inputs), graph.run(*inputs), strict=True):
        assert is_close(got, wanted)


@pytest.mark.parametrize("seed", range(60))
def test_passes_keep_the_values_of_random_programs(seed):
    graph = random_program(seed)
    inputs = random_inputs([n.type for n in graph.inputs])
    wanted = graph.run(*inputs)
    for transform in PASSES:
        graph = transform(graph)
        graph.check()
        for got, value in zip(graph.run(*inputs), wanted, strict=True):
            assert is_close(got, value), transform.__name__


def test_passes_do_not_write_to_the_graph_they_are_given():
    graph = random_program(3)
    text = str(graph)
    passes.run(graph)
    assert str(graph) == text


def test_a_new_node_keeps_the_users_line_and_scope():
    graph = recorded(lambda x: x * -1)
    (node,) = drop_unused(passes.run(graph)).nodes
    assert node.op.name == "negative"
    assert (node.place, node.scope) == (graph.nodes[0].place, graph.nodes[0].scope)


def test_the_gradient_of_many_reads_is_one_array_written_to():
    graph = recorded(cr.grad(lambda x: sum(np.sin(x[i]) for i in range(50))), (50,))
    ops = [n.op.name for n in passes.run(graph).nodes]
    assert (ops.count("add_at"), ops.count("scatter")) == (1, 0)


def test_collected_additions_give_the_same_bits():
    def f(x, y):
        a = np.zeros_like(x)
        a = a - 0.0 * y
        return cr.vjp(lambda v: (v[0] * v[1], v[1:] * v[0], v), x)[1](
            (np.float64(-0.0), y[1:] * -0.0, a)
        )[0]

    graph = recorded(f, (4,), (4,))
    after = collect_additions(graph)
    assert any(n.op.name == "add_at" for n in after.nodes)
    values = np.array([1.0, -2.0, 0.5, -0.0]), np.array([0.0, -0.0, 3.0, -1.0])
    (got,), (wanted,) = after.run(*values), graph.run(*values)
    assert got.tobytes() == wanted.tobytes()


def test_nodes_that_differ_in_the_sign_of_a_zero_are_not_shared():
    graph = recorded(lambda x: np.copysign(x, 0.0) + np.copysign(x, -0.0))
    assert len(drop_unused(share(graph)).nodes) == 3


def test_what_fails_on_constants_is_left_to_fail_at_run_time():
    graph = recorded(lambda x: x + np.linalg.inv(np.zeros_like(x)), (2, 2))
    assert "inv" in [n.op.name for n in fold_constants(graph).nodes]


def test_what_can_fail_stays_although_nobody_uses_it():
    graph = recorded(lambda x: (np.linalg.inv(x), x * 2), (2, 2))
    graph = Graph(graph.inputs, graph.nodes, graph.outputs[1:])
    assert "inv" in [n.op.name for n in drop_unused(graph).nodes]


def test_a_long_chain_passes_without_recursion():
    def f(x):
        for _ in range(3_000):
            x = -x * 1.5
        return x

    graph = passes.run(recorded(f))
    assert len(graph.nodes) == 6_000


def _negate(graph):
    return recorded(lambda x: -x * 2)


def test_a_wrong_pass_is_named_with_a_file_that_reproduces_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    monkeypatch.setenv("CHAINRULE_CHECK", "1")
    monkeypatch.setattr(passes, "PASSES", (_negate,))
    with pytest.raises(CompileError, match=r"the pass _negate changed the program: output 0 was"):
        passes.run(recorded(lambda x: x * 2))
    (saved,) = (tmp_path / "failures").iterdir()
    with np.load(saved) as file:
        assert "multiply(x0, 2)" in str(file["graph"])
        assert file["x0"].shape == ()


def test_a_pass_that_makes_an_illegal_graph_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    graph = recorded(lambda x: np.sin(x) * 2)
    with pytest.raises(CompileError, match="comes before one of its arguments"):
        check_pass("turn", graph, Graph(graph.inputs, graph.nodes[::-1], graph.outputs))


def test_checking_is_off_by_default(monkeypatch):
    monkeypatch.delenv("CHAINRULE_CHECK", raising=False)
    monkeypatch.setattr(passes, "PASSES", (_negate,))
    assert passes.run(recorded(lambda x: x * 2)).nodes[0].op.name == "negative"
