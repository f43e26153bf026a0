"""The page as a file: nothing in it leads out of it, and its numbers are the explanation's."""

import json
import re

import numpy as np
import pytest
from examples import gpt
from tests import lecture

import chainrule as cr
from chainrule import nn
from chainrule.explanation import scene as scenes
from chainrule.explanation.html import embedded
from chainrule.explanation.program import NoProgram, Program, program


def circuit(x, y, z):
    q = x + y
    return q * z


def scene(explanation):
    found = program(explanation.graph, explanation.tape, is_scalar=explanation.is_by_entry)
    return scenes.scene(explanation, found)


def data_of(text):
    (found,) = re.findall(
        r'<script type="application/json" id="cr-data">(.*?)</script>', text, re.DOTALL
    )
    return json.loads(found, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def program_of(f, *args, **options):
    e = cr.explain(f, *args, **options)
    return program(e.graph, e.tape, is_scalar=e.is_by_entry)


def test_nothing_on_the_page_leads_out_of_it():
    page = cr.explain(lecture.half_squared_error, lecture.PARAMETERS).html()
    links = set(re.findall(r"https?://[^\s\"'<>)]+", page))
    assert links == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"\bsrc\s*=|@import|url\((?!#)|<link (?!rel=\"icon\" href=\"data:,\")", page
    )
    assert "default-src 'none'" in page


def test_the_page_is_written_where_it_is_asked_for(tmp_path):
    explanation = cr.explain(circuit, -2.0, 5.0, -4.0)
    assert explanation.html(tmp_path / "out.html") == (tmp_path / "out.html").read_text("utf-8")
    assert explanation.html() == explanation.html(str(tmp_path / "again.html"))


def test_a_name_cannot_end_the_script():
    hostile = "</script><script>alert(1)</script><!--\u2028"
    page = cr.explain(lambda p: p[hostile] ** 2, {hostile: 2.0}).html()
    assert page.count("<script") == 3
    assert data_of(page)["wires"][0]["name"] == f"p[{hostile!r}]"
    assert "alert(1)</script>" not in page


def test_the_template_has_no_place_left():
    assert not re.search(r"<!--\w+-->", cr.explain(circuit, -2.0, 5.0, -4.0).html())


def test_numbers_that_json_lacks_are_strings():
    with np.errstate(all="ignore"):
        page = cr.explain(lambda x: np.log(x) * x, np.float64(0)).html()
    wires = data_of(page)["wires"]
    assert [w["value"] for w in wires] == [0.0, "-inf", "nan"]


@pytest.mark.parametrize(
    "explained",
    [
        lambda rng: cr.explain(circuit, -2.0, 5.0, -4.0),
        lambda rng: cr.explain(lecture.half_squared_error, lecture.PARAMETERS, wrt="W2[1,0]"),
        lambda rng: cr.explain(lambda x: lecture.forks(x[0], x[1])["f"], np.array([3.0, -4.0])),
    ],
)
def test_the_numbers_are_the_explanations(explained, rng):
    explanation = explained(rng)
    data = scene(explanation)
    assert [w["value"] for w in data["wires"]] == [w.value for w in explanation.graph.wires]
    assert [w["gradient"] for w in data["wires"]] == [w.total for w in explanation.graph.wires]
    for wire, shown in enumerate(data["wires"]):
        terms = [e["contribution"] for e in data["edges"] if e["from"] == wire]
        if terms:
            assert np.isclose(sum(terms), shown["gradient"], rtol=1e-12)
    assert len({w["id"] for w in data["wires"]}) == len(data["wires"])


def test_each_value_and_edge_is_drawn_in_one_place(rng):
    explanation = cr.explain(gpt.loss, gpt.created(rng), *gpt.batch(rng, 2))
    data = scene(explanation)
    count = len(data["wires"])
    items = [i for fold in data["folds"] for i in fold["items"]]
    assert sorted(items) == [i for i in range(count + len(data["folds"])) if i != count]
    for fold in data["folds"]:
        assert len(fold["at"]) == len(fold["items"]) + len(fold["ports"])
        for route in fold["routes"]:
            assert {data["edges"][k]["from"] for k in route["edges"]} == {route["wire"]}


def test_gradient_norms_stand_in_the_order_of_the_layers():
    data = scene(cr.explain(lecture.half_squared_error, lecture.PARAMETERS))
    strip = {data["wires"][i]["name"]: norm for i, norm in data["strip"]}
    assert list(strip) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    np.testing.assert_allclose(  # C.11
        [strip["W1"], strip["W2"], strip["W3"]], [0.00523143, 0.0708999, 0.128979], rtol=1e-5
    )


def test_data_for_the_page_is_plain_json():
    data = {"text": "<&>\u2028\u2029", "list": [1.5, None]}
    assert json.loads(embedded(data)) == data
    assert "<" not in embedded(data)
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedded([np.inf])


def branch(x):
    return x * x if x > 0 else -x


@pytest.mark.parametrize(
    ("f", "x", "reason"),
    [
        (branch, 2.0, "greater decides by a value"),
        (lambda x: np.where(x > 0, x, x * x), 2.0, "greater decides by a value"),
        (lambda x: np.floor(x) * x, 2.5, "floor decides by a value"),
        (lambda x: x * (np.argmax(np.array([x, 2.0])) + 1), 2.5, "argmax decides by a value"),
        (lambda x: np.sinc(x), 0.5, "a browser has no function for"),
        (lambda x: nn.gelu(x) * 2, 0.5, "gelu"),
    ],
)
def test_a_program_that_other_inputs_would_change_is_not_edited(f, x, reason):
    found = program_of(f, np.float64(x))
    assert isinstance(found, NoProgram)
    assert reason in found.reason
    assert "Inputs cannot be edited" not in scene(cr.explain(f, np.float64(x)))["fixed"]


def test_the_line_that_decides_is_named():
    assert "test_page.py" in program_of(branch, 2.0).reason
    assert "return x * x if x > 0 else -x" in program_of(branch, 2.0).reason


def test_arrays_are_not_edited_and_nobody_is_told():
    found = program_of(lambda x: np.sum(x**2), np.ones(3))
    assert found == NoProgram("")


def test_an_entry_of_an_array_is_edited_while_the_others_stay():
    found = program_of(lecture.half_squared_error, lecture.PARAMETERS, wrt="W1[0,0]")
    assert isinstance(found, Program)
    assert found.values[0] == ""
    assert all("v[" in code for code in found.values[1:])


def test_a_sum_that_is_too_long_to_write_is_not_edited():
    def long(x):
        return np.sum(np.tanh(np.arange(40.0) * x))

    assert isinstance(program_of(long, np.array([2.0]), wrt="x[0]"), NoProgram)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x, 3.0),
        (lambda x: np.sum(x) + 1, np.zeros((0, 3))),
        (lambda x: np.sum(x * x), np.array(3.0)),
        (lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2), np.arange(5.0)),
        (
            lambda a: np.sum(np.linalg.eigh(a + a.T)[1][:, 0] ** 3),
            np.arange(9.0).reshape(3, 3) ** 1.5,
        ),
        (lambda x: np.mean(np.tanh(x)), np.ones((4, 4), np.float32)),
        (lambda x: cr.grad(lambda y: np.sin(y) * y)(x) * 2, 0.5),
    ],
)
def test_any_explanation_becomes_a_page_a_picture_and_dot(f, x):
    explanation = cr.explain(f, x)
    data = data_of(explanation.html())
    assert len(data["wires"]) == len(explanation.graph.wires)
    assert explanation.svg().count('class="cr-node') == len(data["wires"])
    assert explanation.dot().count("[label=") >= len(data["wires"])
