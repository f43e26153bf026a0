"""Folding: large graphs become small, every value keeps one place, and the folds are what a reader would name."""

import itertools

import numpy as np
import pytest
from examples import gpt
from tests import lecture

import chainrule as cr
from chainrule import nn
from chainrule.explanation.arrangement import arranged, last_of
from chainrule.explanation.folding import folded
from chainrule.explanation.layout import Box
from chainrule.explanation.scene import MOST_VISIBLE, _open_at_first
from chainrule.explanation.wires import Wire


def fold_of(f, *args, **options):
    explanation = cr.explain(f, *args, **options)
    return folded(explanation.graph, explanation.tape)


def titles(fold, kind):
    return [f.title for f in fold.folds() if f.kind == kind]


def language_model(rng):
    return gpt.loss, gpt.created(rng), *gpt.batch(rng, 2)


def swing(x):
    for _ in range(100):
        y = np.sin(x)
        x = 0.5 * y + x * 0.1
    return x


def nested(x):
    for _ in range(6):
        for _ in range(5):
            x = np.tanh(x)
            x = x * 1.1
            x = np.sin(x) + x
        x = np.exp(-x)
    return x


@pytest.fixture(params=["lecture", "model", "swing", "nested", "one entry"])
def explanation(request, rng):
    if request.param == "lecture":
        return cr.explain(lecture.half_squared_error, lecture.PARAMETERS)
    if request.param == "one entry":
        return cr.explain(lecture.half_squared_error, lecture.PARAMETERS, wrt="W1[0,1]")
    if request.param == "model":
        return cr.explain(*language_model(rng))
    return cr.explain({"swing": swing, "nested": nested}[request.param], 0.3)


def test_every_value_has_one_place(explanation):
    fold = folded(explanation.graph, explanation.tape)
    assert sorted(map(id, fold.wires())) == sorted(map(id, explanation.graph.wires))


def test_every_fold_can_be_laid_out_and_keeps_every_edge(explanation):
    fold = folded(explanation.graph, explanation.tape)
    crossing = 0
    for inner in fold.folds():
        found = arranged(inner, lambda _: Box(50, 40), lambda _: 0.0)
        crossing += sum(
            len(r.edges) for r in found.routes if max(r.start, r.end) < len(inner.items)
        )
    assert crossing == len(explanation.graph.edges)


def test_no_fold_shows_more_than_forty_items(explanation):
    fold = folded(explanation.graph, explanation.tape)
    assert max(len(f.items) for f in fold.folds()) <= 40
    shown = set(_open_at_first(fold))
    visible = sum(i not in shown for f in shown for i in f.items)
    assert visible <= 40 < MOST_VISIBLE


def test_a_fold_holds_more_than_one_item(explanation):
    fold = folded(explanation.graph, explanation.tape)
    assert all(len(f.items) > 1 for f in fold.folds() if f is not fold)


def test_the_layers_of_a_language_model_are_passes_of_one_loop(rng):
    fold = fold_of(*language_model(rng))
    (loop,) = (f for f in fold.items if not isinstance(f, Wire) and f.kind == "repeat")
    assert loop.title.endswith("× 4")
    assert [p.title for p in loop.items] == [f"pass {i} of 4" for i in (1, 2, 3, 4)]
    assert len({len(list(p.wires())) for p in loop.items}) == 1
    inputs = [w.label.name for w in loop.items[2].wires() if w.node.op is None]
    assert all(name.startswith("layers[2]") for name in inputs)
    assert len(inputs) == 6
    assert titles(loop.items[0], "call") == [
        "normalized()",
        "attention()",
        "normalized()",
        "widened()",
    ]


def test_loops_within_loops_fold_within_folds():
    fold = fold_of(nested, 0.3)
    outer = [f for f in fold.folds() if f.kind == "repeat" and f.title.endswith("× 6")]
    assert len(outer) == 1
    inner = [f for f in outer[0].folds() if f.kind == "repeat" and f.title.endswith("× 5")]
    assert len(inner) == 6


def test_many_passes_are_cut_into_parts():
    fold = fold_of(swing, 0.3)
    assert titles(fold, "part") == ["passes 1–25", "passes 26–50", "passes 51–75", "passes 76–100"]
    assert len(titles(fold, "pass")) == 100


def test_the_layers_of_a_model_are_scopes(rng):
    model = nn.MLP.create([3, 4, 4, 2], rng=rng)
    fold = fold_of(lambda m: np.mean(m(np.ones((2, 3), np.float32))), model)
    assert titles(fold, "scope") == ["layers[0]", "layers[1]", "layers[2]"]
    assert all(len(list(f.wires())) >= 4 for f in fold.folds() if f.kind == "scope")


def test_lines_and_calls_are_called_as_in_the_source():
    fold = fold_of(lecture.half_squared_error, lecture.PARAMETERS)
    lines = titles(fold, "line")
    assert lines[0] == 'y = network(p, x, shifts)["y"]'
    assert 'a1 = sigmoid(z1) + shifts["a1"]' in lines
    assert titles(fold, "call") == ["sigmoid()"] * 3


def test_steps_that_follow_each_other_alone_are_a_chain():
    def chained(x, y):
        return np.exp(-(np.sin(x) ** 2)) * y

    fold = fold_of(chained, 0.3, 2.0)
    (chain,) = (f for f in fold.folds() if f.kind == "chain")
    assert chain.title == "sin → ^ 2 → − → exp"
    assert last_of(chain).node.op.name == "exp"


def test_a_short_function_is_not_folded():
    fold = fold_of(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0)
    assert all(isinstance(item, Wire) for item in fold.items)
    assert len(fold.items) == 5


def test_the_value_of_a_fold_is_that_of_its_last_step(rng):
    for fold in itertools.islice(fold_of(*language_model(rng)).folds(), 1, None):
        last = last_of(fold)
        inside = set(fold.wires())
        assert any(e.target not in inside for e in last.readers) or not last.readers
