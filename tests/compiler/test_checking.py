"""`CHAINRULE_CHECK=1` on whole steps: a mistake of a stage is raised, with the stage's name and a file."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler import lowering, passes
from chainrule.compiler.loops.program import Loop, Store
from chainrule.compiler.passes.rewrite import rewritten
from chainrule.core.op import TABLE
from chainrule.errors import CompileError
from chainrule.records import replaced


@pytest.fixture(autouse=True)
def failures(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CHECK", "1")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    return tmp_path / "failures"


def step(w, x):
    w += 1.0
    loss, slope = cr.value_and_grad(lambda w: np.sum(np.exp(w * x) - x))(w)
    return loss, w - 0.1 * slope


def with_sums_for_differences(graph):
    """A pass that is wrong."""

    def rule(node, build):
        args = [a if p is None else p for a, p in zip(node.args, node.parents, strict=True)]
        return build.apply(TABLE["add"], args) if node.op.name == "subtract" else None

    return rewritten(graph, rule)


def failing(graph):
    """A pass that does not come to an end."""
    raise KeyError(len(graph.nodes))


def test_a_checked_step_computes_what_an_unchecked_one_does(failures):
    w, x = np.ones(3), np.arange(3.0)
    compiled = cr.compile(step)
    for got, expected in zip(compiled(w.copy(), x), step(w.copy(), x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)
    assert "eagerly" not in compiled.report()
    assert not failures.exists()


def test_an_array_that_is_passed_twice_is_one_in_the_check(failures):
    x = np.arange(3.0)
    np.testing.assert_array_equal(cr.compile(lambda x, y: x * 2 - y)(x, x), x)
    assert not failures.exists()


@pytest.mark.parametrize(
    ("planted", "text"),
    [
        (with_sums_for_differences, "the pass with_sums_for_differences changed the program"),
        (failing, r"the pass failing failed with KeyError: \d+"),
    ],
)
def test_a_step_raises_when_a_pass_is_wrong(failures, monkeypatch, planted, text):
    monkeypatch.setattr(passes, "PASSES", (*passes.PASSES[:3], planted, *passes.PASSES[3:]))
    w = np.ones(3)
    with pytest.raises(CompileError, match=text):
        cr.compile(step)(w, np.arange(3.0))
    np.testing.assert_array_equal(w, np.ones(3))
    (saved,) = failures.iterdir()
    with np.load(saved) as file:
        assert "subtract" in str(file["graph"])


def test_a_step_raises_when_its_loops_are_wrong(failures, monkeypatch):
    right = lowering.lower

    def wrong(plan, in_place=None):
        program = right(plan, in_place)
        return replaced(program, body=tuple(map(shortened, program.body)))

    def shortened(s):
        if isinstance(s, Loop) and any(isinstance(part, Store) for part in s.body):
            return replaced(s, count=s.count - 1)
        return s

    monkeypatch.setattr(lowering, "lower", wrong)
    f = cr.compile(lambda x: np.cumsum(x) + np.sin(x[::-1]))
    with pytest.raises(CompileError, match="the pass planning changed the program: output 0 was"):
        f(np.arange(200.0))
    (saved,) = failures.iterdir()
    with np.load(saved) as file:
        assert file["x0"].shape == (200,)


def test_a_step_raises_again_at_the_next_call(monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (failing,))
    compiled = cr.compile(step)
    for _ in range(2):
        with pytest.raises(CompileError):
            compiled(np.ones(3), np.arange(3.0))
