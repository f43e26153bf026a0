"""What `explain` and `trace` say: names, sums, paths, checks, and errors that help."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.calls import draw, every_sample, parts

import chainrule as cr
from chainrule import nn
from chainrule.core.cells import type_of
from chainrule.core.op import TABLE
from chainrule.core.trace import ReverseLevel
from chainrule.errors import ArgumentError, DTypeError, NotDifferentiableError, ShapeError
from chainrule.explanation.columns import width_of
from chainrule.explanation.terms import Call, Symbol
from chainrule.lecture.programs import network

SAMPLES = [
    pytest.param(op, op.samples[0], id=op.name)
    for op, i in every_sample()
    if i == 0
    and not op.undefined
    and all(type_of(x).is_inexact for x in draw(op, op.samples[0]).arrays)
]


def scalar(call):
    """Return a number computed from every float of a call's result, on terms that tell entries apart."""

    def f(*arrays):
        total = 0.0
        for part in parts(call.function(*arrays)):
            t = type_of(part)
            if t.dtype.kind in "fc" and t.size:
                weights = np.cos(np.arange(1.0, t.size + 1)).reshape(t.shape)
                total = total + np.sum(np.real(part) * weights)
        return total

    return f


def worth(formula):
    """Compute what a formula of numbers says; None where it holds something without a value."""
    if not isinstance(formula, Call):
        return formula.value
    values = [worth(a) for a in formula.arguments]
    if formula.name not in TABLE or any(v is None for v in values):
        return None
    return TABLE[formula.name].numpy(*values)


def assert_formulas_are_worth_their_numbers(explanation):
    for edge in explanation.graph.edges:
        with np.errstate(all="ignore"):
            found = worth(edge.formula)
        if found is not None:
            np.testing.assert_allclose(float(found), edge.local, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_every_op_is_explained(op, sample):
    call = draw(op, sample)
    f = scalar(call)
    try:
        e = cr.explain(f, *call.arrays)
    except NotDifferentiableError:  # one of several arguments has no derivative
        with pytest.raises(NotDifferentiableError):
            cr.grad(f, argnums=tuple(range(len(call.arrays))))(*call.arrays)
        return
    except ArgumentError as error:
        assert "depends on none" in str(error)  # noqa: PT017  a derivative that is zero everywhere
        assert not any(np.any(g) for g in cr.grad(f, tuple(range(len(call.arrays))))(*call.arrays))
        return
    gradients = cr.grad(f, argnums=tuple(range(len(call.arrays))))(*call.arrays)
    for found, expected in zip(e.gradient.values(), gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert "backward" in str(e)
    assert e.latex().count("{") == e.latex().count("}")
    for i, x in enumerate(call.arrays):
        if np.size(x):
            index = ",".join("0" * np.ndim(x))
            name = list(e.gradient)[i]
            try:
                entry = cr.explain(f, *call.arrays, wrt=f"{name}[{index}]" if index else name)
            except ArgumentError as error:
                assert "complex numbers lie between" in str(error)  # noqa: PT017  told, not wrong
                continue
            assert_formulas_are_worth_their_numbers(entry)
            first = np.ravel(gradients[i])[0]
            np.testing.assert_allclose(entry.graph.wires[0].total, first, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(entry.paths().total, first, rtol=1e-9, atol=1e-12)


STEPS = (np.add, np.multiply, np.subtract, lambda a, b: np.sin(a) * 0.5 + b, np.maximum)


@st.composite
def programs(draw):
    """Draw a program of random steps, each of which reads two values computed before."""
    count = draw(st.integers(1, 12))
    plan = [
        (draw(st.sampled_from(STEPS)), draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1)))
        for i in range(count)
    ]

    def f(x, y):
        values = [x, y]
        for step, a, b in plan:
            values.append(step(values[a], values[b]))
        return values[-1] + values[-2] * 0.1 + x

    return f


@settings(max_examples=60, deadline=None)
@given(programs(), st.floats(-1, 1), st.floats(-1, 1))
def test_all_paths_of_a_random_program_add_up_to_the_gradient(f, x, y):
    e = cr.explain(f, x, y)
    for name, g in zip("xy", cr.grad(f, (0, 1))(x, y), strict=True):
        assert e.gradient[name] == g
        if name not in {wire.name for wire in e.forward()}:
            assert g == 0
            continue
        paths = e.paths(name, top=5_000)
        size = sum(abs(p.product) for p in paths.strongest) + 1
        assert len(paths.strongest) == min(paths.count, 5_000)
        if paths.count <= 5_000:
            assert abs(sum(p.product for p in paths.strongest) - g) <= 1e-12 * size
        assert abs(paths.total - g) <= 1e-12 * size
        sizes = [abs(p.product) for p in paths.strongest]
        assert all(a >= b * (1 - 1e-12) for a, b in itertools.pairwise(sizes))
        assert sum(r.contribution for r in e.records(name)) == pytest.approx(
            g, rel=1e-12, abs=1e-15
        )


def test_an_array_program_adds_up_entry_by_entry(rng):
    def f(p, x):
        h = np.tanh(x @ p["W"] + p["b"])
        return np.sum(h * h) / np.max(h) + np.prod(h[0])

    p = {"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    x = rng.standard_normal((2, 3))
    e = cr.explain(f, p, x)
    for name, g in e.gradient_by_entry.items():
        paths = e.paths(name)
        np.testing.assert_allclose(paths.total, g, rtol=1e-11)
        assert paths.count >= len(paths.strongest) == 5


def test_the_derivatives_of_softmax_are_written_entry_by_entry():
    def loss(z):
        return -np.log(nn.softmax(z)[1])

    e = cr.explain(loss, np.array([1.0, 2.0, 0.5]), wrt="z[0]")
    assert e.records("z[0]")[0].local_formula == "-(softmax(z)[0] * softmax(z)[1])"
    same = cr.explain(loss, np.array([1.0, 2.0, 0.5]), wrt="z[1]")
    assert same.records("z[1]")[0].local_formula == "softmax(z)[1] * (1 - softmax(z)[1])"
    other = cr.explain(lambda z: nn.log_softmax(z)[1], np.array([1.0, 2.0, 0.5]), wrt="z[0]")
    assert other.records("z[0]")[0].local_formula == "-softmax(z)[0]"


def test_a_derivative_without_a_formula_has_a_name():
    e = cr.explain(np.linalg.det, np.array([[2.0, 1.0], [1.0, 3.0]]), wrt="a[0,0]")
    (line,) = e.records()
    assert (line.local_formula, line.local) == ("∂det(a)/∂a[0,0]", pytest.approx(3))


def test_there_may_be_very_many_paths():
    def f(x):
        for _ in range(100):
            x = x * 0.5 + x * 0.5
        return x

    paths = cr.explain(f, 2.0).paths(top=3)
    assert paths.count == 2**100
    assert len(paths.strongest) == 3
    assert paths.total == 1
    assert "1,267,650,600,228,229,401,496,703,205,376 paths, the strongest 3:" in str(paths)


def test_the_gradient_is_that_of_grad(rng):
    def f(p, x):
        for w, b in p:
            x = np.tanh(x @ w + b)
        return np.mean(x**2)

    p = [(rng.standard_normal((4, 4)), rng.standard_normal(4)) for _ in range(3)]
    x = rng.standard_normal((5, 4))
    e = cr.explain(f, p, x)
    expected = [g for layer in cr.grad(f)(p, x) for g in layer]
    assert list(e.gradient) == [*(f"p[{i}][{j}]" for i in range(3) for j in range(2)), "x"]
    for found, g in zip(e.gradient.values(), expected, strict=False):
        np.testing.assert_array_equal(found, g)
    assert dict(e.facts)["reduction"] == "mean over 20 entries"
    assert dict(e.facts)["output activation"].startswith("tanh")
    assert [entry.verdict for _, entry in e.checks] == ["good"] * 7


def test_values_have_the_users_names():
    def f(x):
        h = np.sin(x)
        h = h * 2
        a, b = h + 1, h - 1
        a += b
        return a * b

    e = cr.explain(f, 1.0)
    named = [w.label.name for w in e.forward() if isinstance(w.label, Symbol)]
    assert named == ["x", "h", "h_2", "a", "b", "a_2"]
    assert [r.position.text for r in e.records()][-1] == "h = np.sin(x)"


def test_a_loop_names_each_value():
    def f(x):
        for _ in range(3):
            x = np.sin(x)
        return x

    assert [r.name for r in cr.explain(f, 1.0).records()] == ["x_4", "x_3", "x_2"]


def test_the_header_names_reduction_and_activation():
    facts = dict(cr.explain(network.hse, network.PARAMETERS, network.X, network.TARGET).facts)
    assert facts["reduction"] == "sum over 2 entries, times 0.5"
    assert facts["output activation"] == "sigmoid (y)"


def test_the_text_writes_sums_products_and_paths():
    e = cr.explain(network.hse, network.PARAMETERS, network.X, network.TARGET, wrt="W1[0,0]")
    text = e.text(paths=True)
    assert "= x[0]·W1[0,0] + x[1]·W1[0,1] + b1[0]" in text
    assert "= 1·1 + (−1)·(−2) + 1" in text
    assert "= −0.0915258 + (−0.110321)  ≈ −0.201847" in text
    assert "∂C/∂z1[0] = σ(z1[0])·(1 − σ(z1[0]))·∂C/∂a1[0] ≈ 0.0176627·(−0.201847) ≈" in text
    assert "2·(−0.0457629) + (−2)·0.0551606 ≈ −0.201847" in text
    assert "W1[0,0] → z1[0] → a1[0] → z2[1] → a2[1] → z3[1] → y[1]" in text


def test_only_the_arguments_asked_for_are_differentiated():
    e = cr.explain(lambda x, y, z: x * y + z, 2.0, 3.0, 5.0, argnums=(0, -1))
    assert e.gradient == {"x": 3, "z": 1}
    assert [entry.verdict for _, entry in e.checks] == ["good", "good"]
    with pytest.raises(ArgumentError, match="argnums"):
        cr.explain(lambda x: x, 2.0, argnums=1)


def test_constant_arguments_keep_their_names():
    def f(w, data):
        q = w @ data["x"]
        return np.sum((q - data["t"]) ** 2)

    w, data = np.array([[1.0, 2.0]]), {"x": np.array([3.0, -1.0]), "t": np.array([0.5])}
    e = cr.explain(f, w, data, argnums=0)
    assert list(e.gradient) == ["w"]
    assert "(q − t)^2" in str(e)
    assert e.records("w")[0].local_formula == "outer(g, x)"
    entry = cr.explain(f, w, data, argnums=0, wrt="w[0,1]")
    assert entry.records("w[0,1]")[0].local_formula == "x[1]"
    assert "= x[0]·w[0,0] + x[1]·w[0,1]" in str(entry)


def test_a_seed_scales_everything():
    e = cr.explain(lambda x: x**3, 2.0, seed=-0.5)
    assert e.gradient == {"x": -6}
    assert e.chain().value == e.paths().total == -6
    assert [entry.verdict for _, entry in e.checks] == ["good"]
    assert "∂f/∂f = −0.5" in str(e)


def test_entries_of_the_gradient_have_names():
    e = cr.explain(lambda p: p["b"] * np.sum(p["w"] ** 2), {"b": 2.0, "w": np.array([[1.0, 3.0]])})
    assert e.gradient_by_entry == {"b": 10, "w[0,0]": 4, "w[0,1]": 12}


def test_records_of_one_argument():
    e = cr.explain(lambda x, y: x * y + x, 2.0, 5.0)
    assert sorted(r.contribution for r in e.records("x")) == [1, 5]
    assert len(e.records()) == 4


def test_softmax_and_cross_entropy_fuse_to_output_minus_target(rng):
    def loss(z, t):
        return np.sum(nn.functional.softmax_cross_entropy(z, t))

    z, t = rng.standard_normal((3, 4)), np.eye(4)[[0, 3, 1]]
    chain = cr.explain(loss, z, t, argnums=0).chain("z", depth=9)
    np.testing.assert_allclose(chain.value, nn.softmax(z) - t, atol=1e-15)

    def plain(z, t):
        return -np.sum(t * nn.log_softmax(z, axis=1))

    chain = cr.explain(plain, z, t, argnums=0).chain("z", depth=9)
    assert chain.symbolic() == "softmax(z, axis=1) − t"
    assert chain.given == ("sum(t, axis=1) = 1",)
    unnormalised = cr.explain(plain, z, 2 * t, argnums=0).chain("z", depth=9)
    assert unnormalised.symbolic() == "softmax(z, axis=1)·sum(t, axis=1) − t"
    assert not unnormalised.given


def test_an_array_has_a_chain_too():
    def f(w, x):
        q = w @ x
        return np.sum(q**2)

    w, x = np.array([[0.1, 0.5], [-0.3, 0.8]]), np.array([0.2, 0.4])
    chain = cr.explain(f, w, x).chain("x", depth=3)
    assert chain.symbolic() == "wᵀ @ (2·q)"
    np.testing.assert_allclose(chain.value, (-0.112, 0.636))


def test_calls_show_what_they_need():
    def f(x):
        a = np.sum(x[:, 1:], axis=1)
        b = np.concatenate([a, a * 2])
        return np.sum(b * np.max(x))

    text = str(cr.explain(f, np.arange(6.0).reshape(2, 3)))
    assert "= sum(x[:, 1:], axis=1)" in text
    assert "= concatenate(a, a·2, axis=0)" in text
    assert "max(x)" in text


def test_an_array_result_needs_a_choice():
    with pytest.raises(ShapeError, match=r"array of shape \(2,\)\. Expected one number"):
        cr.explain(np.sin, np.ones(2))
    e = cr.explain(np.sin, np.array([0.0, 1.0]), entry=1)
    assert e.gradient["x"].tolist() == [0, np.cos(1.0)]
    with pytest.raises(ArgumentError, match="does not fit"):
        cr.explain(np.sin, np.ones(2), entry=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wrt": "v"}, "'v' is none of the values"),
        ({"wrt": "w[2]"}, "index that does not fit"),
        ({"wrt": "w[0,0]"}, "index that does not fit"),
    ],
)
def test_what_is_asked_for_must_exist(options, message):
    with pytest.raises(ArgumentError, match=message):
        cr.explain(lambda w: np.sum(w * w), np.ones(2), **options)


def test_paths_need_an_entry():
    e = cr.explain(lambda w: np.sum(w * w), np.ones(2))
    with pytest.raises(ArgumentError, match="no single entry is named"):
        e.paths()
    with pytest.raises(ArgumentError, match="no single entry is named"):
        e.paths("w")
    assert e.paths("w[0]").count == 2


def test_results_that_cannot_be_explained():
    with pytest.raises(ArgumentError, match="depends on none of the inputs"):
        cr.explain(lambda x: 1.0, 2.0)
    with pytest.raises(ArgumentError, match="returned no number"):
        cr.explain(lambda x: None, 2.0)
    with pytest.raises(ArgumentError, match="container of 2"):
        cr.explain(lambda x: (x, x), 2.0)
    with pytest.raises(DTypeError, match="complex"):
        cr.explain(lambda x: x * 1j, 2.0)


def test_an_error_half_way_tells_how_far_it_came():
    def f(x):
        h = np.sin(x)
        h = h * 2
        raise RuntimeError("out of cheese")

    with pytest.raises(RuntimeError, match="out of cheese") as caught:
        cr.explain(f, 1.0)
    (note,) = caught.value.__notes__
    assert "chainrule had recorded 2 ops of f; the last:" in note
    assert "sin(x)" in note
    assert "h_2  multiply(h, 2)" in note


def test_a_tape_shows_calls_values_and_lines():
    def f(x, n):
        y = x * n
        return np.sum(y)

    text = str(cr.trace(f, np.array([1.0, 2.0]), 3))
    assert [line.split("  ")[0] for line in text.splitlines()] == ["x", "y", "v2"]
    assert "multiply(x, 3)" in text
    assert "[3. 6.]" in text
    assert "y = x * n" in text


def test_a_large_program_is_cut_with_a_way_on():
    def f(x):
        for _ in range(300):
            x = np.sin(x)
        return x

    text = str(cr.explain(f, 1.0))
    assert "… 101 more values; wrt and only-nonzero show a part, records() has all" in text
    assert len(text.splitlines()) < 700


def test_rounded_numbers_say_so():
    def f(w, x):
        return w * x

    rounded, whole = (cr.explain(f, w, 2.0).text(digits=2) for w in (0.196611933, 0.5))
    assert "≈" in rounded
    assert "≈" not in whole


def test_text_fits_a_width_and_zeros_left_out():
    e = cr.explain(lambda x, y: np.maximum(x, y) * 2, 1.0, 2.0)
    assert max(map(len, e.text(width=40).splitlines())) <= 40
    assert len(e.text(only_nonzero=True).splitlines()) == len(e.text().splitlines()) - 1


def test_latex_is_balanced_and_stands_alone():
    e = cr.explain(lambda x, y: (x + y) / np.exp(-x), -2.0, 5.0)
    text = e.latex(standalone=True)
    assert text.count("{") == text.count("}")
    assert text.startswith(r"\documentclass{article}")
    assert r"\begin{align*}" in text
    assert r"\frac{\partial f}{\partial x}" in text
    assert r"e^{-x}" in text
    assert "(-" in cr.explain(lambda x, y: x * y, -2.0, 5.0).latex()


def test_an_entry_is_checked_too():
    def f(w, n):
        h = np.zeros(2)
        h[0] = w[0] * n[0]
        h[1] = w[1] ** 2
        n[0] = 7
        return np.sum(h)

    n = np.array([3])
    ((name, entry),) = cr.explain(f, np.array([1.0, 2.0]), n, wrt="w[0]").checks
    assert (name, entry.analytic, entry.verdict) == ("w[0]", 3, "good")
    assert n.tolist() == [3]


def test_arguments_are_left_alone():
    def f(x, n):
        x[0] = 5.0
        n[0] = 7
        return np.sum(x * n)

    x, n = np.ones(2), np.array([1, 2])
    assert cr.explain(f, x, n).gradient["x"].tolist() == [0, 2]
    assert (x.tolist(), n.tolist()) == ([1, 1], [1, 2])


def test_a_tape_of_ten_thousand_nodes_is_explained():
    def f(x, y):
        for _ in range(3333):
            x = np.sin(x) * 0.9 + y
        return np.sum(x)

    e = cr.explain(f, np.ones(2), np.ones(2))
    assert len(e.tape.nodes) == 10_000
    assert len(e.records()) == 4 * 3333 + 1
    assert len(str(e).splitlines()) < 1_000
    entry = cr.explain(f, np.ones(2), np.ones(2), wrt="y[0]")
    assert entry.paths().count == 3333
    assert len(entry.text(width=80).splitlines()) < 1_500


def test_a_plain_gradient_knows_nothing_of_explanations():
    program = (
        "import sys, numpy as np, chainrule as cr; cr.grad(np.sin)(1.0); "
        "sys.exit(any(name.startswith('chainrule.explanation') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_plain_gradient_keeps_no_more_than_it_reads():
    level = ReverseLevel()
    assert not hasattr(level, "nodes")
    assert not level.keep_all
    x = np.ones(1000)
    tape = cr.trace(lambda x: np.sum(np.exp(x) + x), x)
    kept = [sum(a is not None for a in node.args) for node in tape.nodes]
    assert kept == [1, 2, 1]


@pytest.mark.parametrize("width", [30, 60, 80, 100, 140])
@pytest.mark.parametrize("wrt", [None, "W1[0,1]"])
def test_text_fits_every_width(width, wrt):
    e = cr.explain(network.bce, network.PARAMETERS, network.X, network.TARGET, wrt=wrt)
    text = e.text(width=width, paths=wrt is not None)
    assert max(map(len, text.splitlines())) <= width
    wide = e.text(paths=wrt is not None)
    for number in ("0.829124", "−0.0210935"):
        assert number in text
        assert number in wide


def test_colours_are_for_terminals():
    e = cr.explain(lambda x, y: x * y, 2.0, 3.0)
    coloured = e.text(colour=True)
    assert "\x1b[" in coloured
    assert "\x1b[" not in str(e)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == str(e)


def test_users_formulas_are_shown_as_they_are():
    def f(x, y):
        a = (x - 0.0) * 1.0
        return a + y * x**1

    text = str(cr.explain(f, 2.0, 3.0))
    assert "x − 0" in text
    assert "·1" in text


def test_long_sums_name_how_many_terms_they_leave_out():
    def f(x):
        return sum(np.sin(x * k) for k in range(20))

    e = cr.explain(f, 0.5)
    assert "… 12 more" in str(e)
    assert "12 more" in e.latex()


def test_wide_names_keep_columns_aligned():
    e = cr.explain(lambda p: p["損失"] * 2.0 + p["a"], {"損失": 1.0, "a": 2.0})
    rows = [line for line in str(e).splitlines() if " input " in line]
    columns = [width_of(row[: row.index("input")]) for row in rows]
    assert len(columns) == 2
    assert columns[0] == columns[1]


def test_a_difference_that_is_not_finite_is_told():
    with np.errstate(all="ignore"):
        ((_, entry),) = cr.explain(lambda x: np.log(x) * 0, -1.0).checks
    assert entry.verdict == "not finite"


def test_empty_arrays_are_explained():
    e = cr.explain(lambda x: np.sum(x * 2) + 1, np.zeros((0, 3)))
    assert e.value == 1
    assert e.gradient["x"].shape == (0, 3)
    assert e.checks == ()
    assert "(0, 3)" in str(e)
    assert dict(e.facts)["reduction"] == "sum over 0 entries"
    whole = cr.explain(lambda x, y: np.sum(x) * y, np.zeros(0), 3.0, wrt="x")
    assert "x" in str(whole)


def test_a_result_that_is_an_input_keeps_its_name():
    text = str(cr.explain(lambda x: x, 2.0))
    assert "x  input  = 2" in text
    assert "∂f/∂x  = 1" in text


def test_a_part_that_goes_back_into_its_array_says_where():
    (line, _) = cr.explain(lambda x: np.sum(x[1:] ** 2), np.arange(3.0)).records()[-1:] * 2
    assert line.local_formula == "zeros with g at [1:]"
