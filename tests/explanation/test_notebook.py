"""What notebooks show, and the language of Graphviz."""

import re

import numpy as np
import pytest
from tests import lecture

import chainrule as cr
from chainrule import nn
from chainrule.core.graph import capture
from chainrule.core.types import array_type
from chainrule.markup import table

T = array_type((3,), np.dtype(float))


def lee():
    return cr.explain(lecture.half_squared_error, lecture.PARAMETERS)


def shown(rng):
    model = nn.MLP.create([3, 4, 2], rng=rng)
    return {
        "explanation": lee(),
        "tape": lee().tape,
        "graph": capture(lambda x: np.sum(np.exp(x) * 2), T),
        "model": model,
        "layer": model.layers[0],
        "norm": nn.LayerNorm.create(3),
        "report": cr.check_gradients(lambda x: np.sum(x**2), np.ones(3)),
    }


CONTENTS = {
    "explanation": ("<svg", "cr-gradient", "<summary>36 steps", "∂f/∂W1"),
    "tape": ("half_squared_error", "matmul(", "lecture.py"),
    "graph": ("exp(x0)", "float64[3]"),
    "model": ("MLP: 26 parameters", "layers[1].weight", "float32[4, 2]"),
    "layer": ("Linear: 16 parameters", "bias"),
    "norm": ("LayerNorm: 6 parameters",),
    "report": ("gradient check: nothing speaks against it", "good"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_notebook_shows_it(name, rng):
    text = shown(rng)[name]._repr_html_()
    for part in CONTENTS[name]:
        assert part in text
    assert "<script" not in text


def test_names_in_tables_are_escaped():
    tape = cr.trace(lambda p: p["<b>"] * 2, {"<b>": 1.0})
    assert "<b>" not in tape._repr_html_()
    assert "&lt;b&gt;" in tape._repr_html_()


def test_long_tables_say_how_much_they_leave_out():
    text = table("many", ["n"], [[str(i)] for i in range(1234)])
    assert text.count("<tr>") == 202
    assert "… 1,034 more" in text


def test_two_pictures_in_one_notebook_have_their_own_titles():
    ids = [re.findall(r'id="(cr-title-\w+)"', x.svg())[0] for x in (lee(), cr.explain(np.sin, 1.0))]
    assert len(set(ids)) == 2


def test_dot_has_every_value_and_every_edge():
    explanation = cr.explain(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0)
    text = explanation.dot()
    assert len(re.findall(r"^\s+n\d+ \[", text, re.MULTILINE)) == 5
    assert 'n2 [label="z\\n−4\\n∇ 3"' in text
    assert re.findall(r"(n\d+ -> n\d+) \[label=\"(.*?)\"\]", text) == [
        ("n3 -> n4", "× −4"),
        ("n2 -> n4", "× 3"),
        ("n0 -> n3", "× 1"),
        ("n1 -> n3", "× 1"),
    ]


def test_folds_are_clusters_in_dot_and_braces_match():
    text = lee().dot()
    assert 'label="sigmoid()";' in text
    assert text.count("{") == text.count("}")
    assert len(set(re.findall(r"subgraph (\w+)", text))) == text.count("subgraph")
    assert len(re.findall(r"^\s+n\d+ \[", text, re.MULTILINE)) == 37
    assert text.count("->") == 36


def test_quotes_in_dot_are_escaped():
    text = cr.explain(lambda p: p['a"b'] * 2, {'a"b': 1.0}).dot()
    assert 'a\\"b' in text
