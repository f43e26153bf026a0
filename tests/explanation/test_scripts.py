"""Formulas in LaTeX and MathML: read back, they are worth what they were."""

import shutil
import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.explanation.scripts import Latex, mathml_value

import chainrule as cr
from chainrule import nn
from chainrule.core.op import TABLE
from chainrule.explanation.formula import call, derivative
from chainrule.explanation.latex import latex
from chainrule.explanation.mathml import mathml, statement_mathml
from chainrule.explanation.statements import gradient_statement
from chainrule.explanation.terms import Call, Number, Symbol

VALUES = {"x": np.float64(1.5), "y": np.float64(-0.75), "z": np.float64(2.0)}
LEAVES = st.one_of(
    st.sampled_from([Symbol(n, v) for n, v in VALUES.items()]),
    st.sampled_from([Number(v) for v in (-2.0, -1.0, 0.0, 0.5, 1.0, 3.0, 1e-7, -2.5e20)]),
)
BINARY = ("add", "subtract", "multiply", "divide", "power")
UNARY = ("negative", "sin", "exp", "sigmoid")


def raw(name, *arguments):
    """Return a call as it stands, not simplified."""
    return Call(name, TABLE[name].notation, arguments)


FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(raw, st.sampled_from(BINARY), inner, inner),
        st.builds(raw, st.sampled_from(UNARY), inner),
    ),
    max_leaves=12,
)


def value(expression):
    if isinstance(expression, Call):
        return TABLE[expression.name].numpy(*map(value, expression.arguments))
    return np.float64(expression.value)


@given(FORMULAS)
def test_latex_reads_back_as_what_it_is(expression):
    with np.errstate(all="ignore"):
        found = Latex(latex(expression), VALUES).read()
        assert np.isclose(found, value(expression), rtol=1e-5, equal_nan=True)


@given(FORMULAS)
def test_mathml_reads_back_as_what_it_is(expression):
    with np.errstate(all="ignore"):
        found = mathml_value(mathml(expression), VALUES)
        assert np.isclose(found, value(expression), rtol=1e-5, equal_nan=True)


@given(FORMULAS)
def test_values_put_in_read_back_as_well(expression):
    with np.errstate(all="ignore"):
        found = mathml_value(mathml(expression, is_substituted=True), {})
        assert np.isclose(found, value(expression), rtol=1e-5, equal_nan=True)


def test_names_have_their_index_below_and_derivatives_are_fractions():
    by = derivative("C", Symbol("W1[0,1]"), 2.0)
    assert latex(by) == r"\frac{\partial C}{\partial \mathit{W1}_{0,1}}"
    assert mathml(by) == (
        "<math><mfrac><mrow><mo>∂</mo><mi>C</mi></mrow><mrow><mo>∂</mo><msub><mi>W1</mi>"
        "<mrow><mn>0</mn><mo>,</mo><mn>1</mn></mrow></msub></mrow></mfrac></math>"
    )
    of_sum = derivative("f", call("add", Symbol("x"), Symbol("y")), 1.0)
    assert latex(of_sum) == r"\frac{\partial f}{\partial (x + y)}"


def test_products_entry_by_entry_have_their_own_sign():
    def loss(w, x):
        z = w @ x
        a = nn.sigmoid(z)
        return np.sum(a**2)

    text = cr.explain(loss, np.eye(2), np.ones(2)).latex()
    assert r"\sigma(z) \odot (1 - \sigma(z)) \odot \frac{\partial" in text
    assert r"\frac{\partial \mathit{loss}}{\partial z} \, x^{\top}" in text
    assert r"w^{\top} \, \frac{\partial \mathit{loss}}{\partial z}" in text
    assert r"\odot" not in cr.explain(lambda x, y: x * y, 2.0, 3.0).latex()


def network(p, x):
    h = nn.sigmoid(p["weiß_<1>&"] @ x) * p["β"]
    return np.sum(h, axis=0) ** 2 / np.exp(h[0]) + np.abs(h[1]) + np.sqrt(h[0]) + np.max(h) * 1e-9


@pytest.fixture(scope="module")
def explanations():
    p = {"weiß_<1>&": np.array([[1.0, -2.0], [0.5, 1.0]]), "β": 3.0}
    x = np.array([1.0, -1.0])
    return [cr.explain(network, p, x), cr.explain(network, p, x, wrt="p['weiß_<1>&'][0,1]")]


def test_every_statement_is_well_formed_mathml(explanations):
    for e in explanations:
        for wire in e.graph.wires:
            text = statement_mathml(gradient_statement(e.outcome, wire, e.graph))
            root = ET.fromstring(text)  # noqa: S314  our own text
            assert root.tag == "math"
            assert len({len(row) for row in root.iter("mtr")}) <= 1


def test_every_alignment_is_balanced_latex(explanations):
    for e in explanations:
        text = e.latex(standalone=True)
        assert text.isascii()
        body = text.split(r"\begin{align*}")[1].split(r"\end{align*}")[0]
        for row in body.split("\\\\\n"):
            assert row.count("&") - row.count(r"\&") == 1
            assert row.count("{") - row.count(r"\{") == row.count("}") - row.count(r"\}")
            assert row.count(r"\left") == row.count(r"\right")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs a TeX")
def test_the_document_compiles(explanations, tmp_path):
    for e in explanations:
        (tmp_path / "out.tex").write_text(e.latex(standalone=True), encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "out.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
