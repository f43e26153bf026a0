"""The page in a browser: what it shows step by step, what it computes, and that it asks nobody for anything."""

import functools
import itertools
import json

import numpy as np
import pytest
from examples import gpt
from tests import lecture
from tests.explanation import browser

import chainrule as cr
from chainrule import nn
from chainrule.core.op import TABLE
from chainrule.explanation.formula import call
from chainrule.explanation.javascript import Code, NotInJavaScriptError, javascript
from chainrule.explanation.terms import Symbol

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=browser.missing() or "runs")


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as running:
        yield running


@pytest.fixture
def opened(chromium, tmp_path):
    """Open explanations as pages; at the end none of them has asked for anything or complained."""
    pages = []

    def open_page(explanation, mark="", **options):
        path = tmp_path / f"page{len(pages)}.html"
        explanation.html(path)
        pages.append((path, browser.Page(chromium, path, mark=mark, **options)))
        return pages[-1][1]

    yield open_page
    for path, page in pages:
        assert [r.partition("#")[0] for r in page.requests] == [path.as_uri()]
        assert page.complaints == []
        page.close()


def circuit(x, y, z):
    q = x + y
    return q * z


def fork(s):
    x = s**2
    y = s**3
    z = x * y
    return z  # noqa: RET504  the name is what the page shows


def clipped(x, y):
    a = np.maximum(x * y, 0.5) + np.minimum(x, y) ** 2
    b = np.tanh(a) * nn.softplus(x) + nn.sigmoid(y) * nn.silu(x)
    return np.sqrt(np.abs(b)) + np.arctan2(x, y) + nn.elu(x - 3) + nn.relu(y)


def simple():
    return cr.explain(circuit, -2.0, 5.0, -4.0)


@functools.cache
def language_model():
    rng = np.random.default_rng(0)
    return cr.explain(gpt.loss, gpt.created(rng), *gpt.batch(rng, 2))


@functools.cache
def digits_classifier():
    rng = np.random.default_rng(0)
    images, labels = rng.random((16, 64)), rng.integers(0, 10, 16)
    model = nn.MLP.create([64, 16, 10], rng=rng, dtype=float)
    return cr.explain(
        lambda m: np.mean(nn.functional.softmax_cross_entropy(m(images), labels)), model
    )


def test_both_passes_go_one_gate_at_a_time(opened):  # 4.17
    page = opened(simple())
    page.press("Home")
    assert page.numbers("value") == {"x": "−2", "y": "5", "z": "−4", "q": "", "v4": ""}
    assert set(page.numbers("gradient").values()) == {""}
    page.press("ArrowRight")
    assert page.numbers("value")["q"] == "3"
    assert page.numbers("value")["v4"] == ""
    page.press("ArrowRight")
    assert page.numbers("value")["v4"] == "−12"
    page.press("ArrowRight")
    assert page.numbers("gradient") == {"x": "", "y": "", "z": "3", "q": "−4", "v4": "1"}
    page.press("ArrowRight")
    assert page.numbers("gradient") == {"x": "−4", "y": "−4", "z": "3", "q": "−4", "v4": "1"}
    page.press("ArrowRight", "ArrowLeft")
    assert page.run("step") == 3
    assert "Backward 1 of 2" in page.page.inner_text("#cr-said")


def test_the_slider_takes_the_same_steps(opened):
    page = opened(simple())
    assert page.page.get_attribute("#cr-slider", "max") == "4"
    page.page.fill("#cr-slider", "3")
    assert page.numbers("gradient")["x"] == ""
    assert page.numbers("gradient")["z"] == "3"
    page.page.click("#cr-next")
    assert page.numbers("gradient")["x"] == "−4"
    page.page.click("#cr-first")
    assert page.numbers("value")["q"] == ""


def test_where_paths_meet_the_sum_grows(opened):
    page = opened(cr.explain(fork, 2.0))
    page.page.fill("#cr-slider", "5")
    assert page.numbers("gradient")["s"] == "48 + …"
    page.page.fill("#cr-slider", "6")
    assert page.numbers("gradient")["s"] == "80"


def test_a_click_shows_the_formula_with_the_numbers_plugged_in(opened):
    page = opened(cr.explain(fork, 2.0))
    page.page.click('[data-item="0"]')
    text = " ".join(page.panel().split())
    for part in ("12", "48", "32", "80", "where 2 paths meet they add up"):
        assert part in text
    rows = page.run(
        "[...document.querySelectorAll('#cr-panel table tr')].map(r => [...r.cells].map(c => c.innerText))"
    )
    assert [row[0] for row in rows] == ["from", "y", "x", "where 2 paths meet they add up"]
    assert [row[-1] for row in rows[1:]] == ["48", "32", "80"]
    equations = page.run(
        "[...document.querySelectorAll('.cr-equations div')].map(d => d.textContent)"
    )
    assert equations[-2:] == ["=12·4+4·8", "=80"]
    page.press("Escape")
    assert "Gradients of the inputs".upper() in page.panel().upper()


def test_negative_numbers_stand_in_parentheses(opened):
    page = opened(simple())
    page.page.click('[data-item="4"]')
    equations = page.run(
        "[...document.querySelectorAll('.cr-equations div')].map(d => d.textContent)"
    )
    assert equations[:2] == ["q·z=3·(−4)", "=−12"]


def test_hovering_lights_the_paths_to_a_value_and_from_it(opened):
    page = opened(cr.explain(fork, 2.0))
    page.page.hover('[data-item="1"]')
    lit = page.run(
        "[...drawn.nodes].filter(([, n]) => n.made.classList.contains('cr-lit')).map(([i]) => wires[i].id)"
    )
    assert lit == ["s", "x", "z"]
    assert page.run("document.querySelectorAll('.cr-edge.cr-lit').length") == 2
    page.page.mouse.move(5, 5)
    assert page.run("document.querySelectorAll('.cr-lit').length") == 0


EDITS = {
    "circuit": (circuit, (-2.0, 5.0, -4.0), (3.0, -1.5, 0.25)),
    "fork": (fork, (2.0,), (-1.5,)),
    "forks": (lambda x, y: lecture.forks(x, y)["f"], (3.0, -4.0), (-0.7, 1.9)),
    "switches": (
        lambda x, y, z, w: lecture.circuit(x, y, z, w)["f"],
        (3.0, -4.0, 2.0, -1.0),
        (1.0, 2.0, -3.0, 5.0),
    ),
    "functions": (clipped, (1.2, 0.7), (-0.4, 1.6)),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_input_gives_the_numbers_of_a_new_explanation(opened, name):
    f, before, after = EDITS[name]
    page = opened(cr.explain(f, *map(np.float64, before)))
    for i, value in enumerate(after):
        page.page.fill(f'[data-input="{i}"]', str(value))
    expected = cr.explain(f, *map(np.float64, after)).graph
    assert page.run("edited")
    np.testing.assert_allclose(page.run("values"), [w.value for w in expected.wires], rtol=1e-12)
    np.testing.assert_allclose(
        page.run("gradients"), [w.total for w in expected.wires], rtol=1e-12, atol=1e-15
    )
    np.testing.assert_allclose(
        page.run("locals"), [e.local for e in expected.edges], rtol=1e-12, atol=1e-15
    )
    page.page.click("#cr-reset")
    np.testing.assert_allclose(page.run("values[data.output]"), float(f(*before)), rtol=1e-12)


def test_an_entry_of_a_network_can_be_edited(opened):
    page = opened(cr.explain(lecture.half_squared_error, lecture.PARAMETERS, wrt="W1[0,0]"))
    page.page.fill('[data-input="0"]', "0.25")
    moved = {**lecture.PARAMETERS, "W1": np.array([[0.25, -2.0], [-1.0, 1.0]])}
    expected = cr.explain(lecture.half_squared_error, moved, wrt="W1[0,0]")
    np.testing.assert_allclose(page.run("values[data.output]"), expected.value, rtol=1e-12)
    np.testing.assert_allclose(page.run("gradients[0]"), expected.graph.wires[0].total, rtol=1e-12)


def test_numbers_that_are_none_are_shown(opened):
    page = opened(cr.explain(lambda x, y: x / y, np.float64(1), np.float64(2)))
    page.page.fill('[data-input="1"]', "0")
    assert page.numbers("value")["v2"] == "inf"
    assert page.numbers("gradient")["y"] == "−inf"
    page.page.fill('[data-input="0"]', "0")
    assert page.numbers("value")["v2"] == "nan"


def test_a_branch_is_not_edited_and_the_reader_is_told_why(opened):
    page = opened(cr.explain(lambda x: x * x if x > 0 else -x, 2.0))
    assert "greater decides by a value" in page.page.inner_text("#cr-inputs")
    assert page.page.query_selector("[data-input]") is None


def test_every_op_in_javascript_computes_what_numpy_does(chromium, tmp_path, rng):
    found = {}
    for op in TABLE.values():
        if op.kind != "elementwise" or op.name in found:
            continue
        names = [Symbol(str(i)) for i in range(len(op.partials))]
        try:
            code = javascript(call(op.name, *names), lambda s: Code(f"v[{s.name}]"))
        except NotInJavaScriptError:
            continue
        low, high = op.samples[0].domain or (-2.0, 2.0)
        points = [list(rng.uniform(low, high, len(op.partials))) for _ in range(5)]
        found[op.name] = (code, points, [float(op.numpy(*p)) for p in points])
    assert len(found) >= 45
    page = browser.Page(chromium, page_of(simple(), tmp_path))
    program = ",".join(f"{json.dumps(n)}: v => {code}" for n, (code, _, _) in found.items())
    points = json.dumps({name: p for name, (_, p, _) in found.items()})
    got = page.run(
        f"((cr, points) => {{ const ops = {{{program}}}; return Object.fromEntries(Object.entries(ops)"
        f".map(([name, f]) => [name, points[name].map((v) => Number(f(v)))])); }})(helpers, {points})"
    )
    page.close()
    for name, (_, _, expected) in found.items():
        np.testing.assert_allclose(got[name], expected, rtol=1e-13, atol=1e-15, err_msg=name)


def page_of(explanation, tmp_path):
    path = tmp_path / "plain.html"
    explanation.html(path)
    return path


def test_a_link_leads_to_a_value(opened):
    page = opened(simple(), mark="#q")
    assert page.run("wires[selected].id") == "q"
    page.page.click('[data-item="0"]')
    assert page.run("location.hash") == "#x"


def test_search_finds_and_unfolds(opened):
    page = opened(language_model())
    before = page.run("drawn.items.length")
    page.press("/")
    page.page.keyboard.type("hidden")
    page.press("Enter")
    assert "hidden" in page.run("wires[selected].id")
    assert page.run("drawn.nodes.has(selected)")
    assert page.run("drawn.items.length") > before
    assert page.run("location.hash") == f"#{page.run('wires[selected].id')}"


def test_folds_open_one_at_a_time_and_close(opened):
    page = opened(language_model())
    page.page.click("#cr-fold-all")
    folded = page.run("drawn.items.length")
    loop = page.run("drawn.items.find(i => isFold(i) && foldOf(i).title.includes('× 4'))")
    page.page.click(f'[data-item="{loop}"]')
    assert page.run("drawn.items.length") == folded + 3
    assert page.run("document.activeElement.dataset.fold") == str(loop)
    assert page.page.get_attribute(f'[data-fold="{loop}"]', "aria-expanded") == "true"
    page.press("Enter")
    assert page.run("drawn.items.length") == folded


def test_never_more_than_two_hundred_values_are_visible(opened):
    def long(x):
        for _ in range(400):
            x = np.sin(x) * 1.01
            x = np.tanh(x + 0.1)
        return x

    page = opened(cr.explain(long, 0.3))
    assert page.run("count") == 1601
    for _ in range(12):
        page.run("unfoldable().length && byId('cr-unfold').click()")
        page.run("(() => { const f = drawn.items.filter(isFold)[0]; if (f) toggle(f); })()")
        assert page.run("drawn.items.length") <= 200
    assert page.run("drawn.items.length") > 100


def test_stepping_through_folds_ends_with_every_number(opened):
    page = opened(language_model())
    full = page.numbers("gradient")
    assert all(full.values())
    page.press("Home")
    count = page.run("gates.length")
    for _ in range(2 * count):
        page.press("ArrowRight")
    assert page.numbers("gradient") == full


def test_the_strip_shows_a_norm_per_parameter(opened):
    page = opened(cr.explain(lecture.half_squared_error, lecture.PARAMETERS))
    labels = page.run(
        "[...document.querySelectorAll('#cr-strip button')].map(b => b.getAttribute('aria-label'))"
    )
    assert labels[0] == "W1: norm of the gradient 0.005231"
    assert len(labels) == 6
    heights = page.run("[...document.querySelectorAll('#cr-strip i')].map(b => b.offsetHeight)")
    assert heights[0] < heights[2] < heights[4]
    page.page.click("#cr-strip button")
    assert page.run("wires[selected].id") == "W1"


def test_the_network_and_its_reverse_are_views_of_the_page(opened):
    page = opened(cr.explain(lecture.half_squared_error, lecture.PARAMETERS))
    page.page.click('[data-view="reverse"]')
    assert page.page.is_visible("#cr-view-reverse svg")
    assert page.run("document.querySelectorAll('#cr-view-reverse .cr-triangle').length") == 6
    page.page.click('[data-view="graph"]')
    assert not page.page.is_visible("#cr-view-reverse svg")
    assert opened(simple()).page.query_selector("[data-view]") is None


def test_the_page_is_usable_by_keyboard_and_said_in_words(opened):
    page = opened(simple())
    page.run("document.querySelector('[data-item]').focus()")
    page.press("Enter")
    assert page.run("wires[selected].id") == "x"
    page.press("Tab", "Enter")
    assert page.run("wires[selected].id") != "x"
    labels = page.run(
        "[...document.querySelectorAll('.cr-node')].map(n => n.getAttribute('aria-label'))"
    )
    assert "q, value 3, gradient −4" in labels
    assert page.run(
        "[...document.querySelectorAll('button, input')]"
        ".every(b => b.textContent.trim() || b.ariaLabel || b.labels?.length)"
    )
    assert page.page.get_attribute("#cr-said", "aria-live") == "polite"


def test_on_paper_there_are_no_controls(opened):
    page = opened(simple())
    page.page.emulate_media(media="print")
    assert not page.page.is_visible("#cr-search")
    assert not page.page.is_visible("#cr-next")
    assert page.page.is_visible("#cr-graph")
    assert page.page.is_visible("#cr-panel")


GATES = """[...document.querySelectorAll(".cr-node .cr-gate")].map((gate) => {
    const box = gate.getBBox();
    return [box.x, box.y, box.x + box.width, box.y + box.height];
})"""
ROOM = """[...document.querySelectorAll(".cr-node")].map((node) => {
    const width = (kind) => node.querySelector(kind).getBBox().width;
    const numbers = Math.max(width(".cr-value"), width(".cr-gradient"));
    return [width(".cr-gate") - width(".cr-symbol"), width(".cr-stub") - numbers];
})"""
PICTURES = {
    "circuit": simple,
    "lecture": lambda: cr.explain(lecture.half_squared_error, lecture.PARAMETERS),
    "digits": digits_classifier,
    "language model": language_model,
}


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 420)])
@pytest.mark.parametrize("name", PICTURES)
def test_nothing_overlaps_and_texts_fit(opened, name, scheme, width):
    page = opened(PICTURES[name](), scheme=scheme, width=width, height=900)
    for _ in range(2):
        gates = page.run(GATES)
        for a, b in itertools.combinations(gates, 2):
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        room = page.run(ROOM)
        assert min(min(r) for r in room) > 0
        page.run("byId('cr-unfold').hidden || byId('cr-unfold').click()")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    picture = page.page.screenshot()
    assert len(picture) > 10_000
