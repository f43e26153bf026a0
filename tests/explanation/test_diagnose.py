"""What a diagnosis says of gradients that are finite, and of those that are not."""

import math
import sys

import numpy as np
import pytest
from tests import lecture

import chainrule as cr
from chainrule import nn
from chainrule.core.op import TABLE
from chainrule.errors import ArgumentError, DTypeError, EscapedValueError, NotDifferentiableError

EDGES = (0.0, -1.0, 1.0, 2.5, 710.0)
UP_TO_TWO = [
    op.name for op in TABLE.values() if op.kind == "elementwise" and len(op.partials) in {1, 2}
]


def sentence(found, subject):
    """Return what the one finding of a subject says."""
    (text,) = [f.text for f in found.findings if f.subject == subject]
    return text


@pytest.mark.parametrize("name", UP_TO_TWO)
def test_a_diagnosis_is_finite_where_value_and_gradient_are(name):
    op = TABLE[name]
    every = tuple(range(len(op.partials)))

    def f(*xs):
        return np.sum(op.front(*xs))

    for point in np.stack(np.meshgrid(*[EDGES] * len(every)), -1).reshape(-1, len(every)):
        args = [np.array([x]) for x in point]
        with np.errstate(all="ignore"):
            try:
                value, gradients = cr.value_and_grad(f, every)(*args)
            except (NotDifferentiableError, DTypeError):  # wofz is complex
                return
        found = cr.diagnose(f, *args, argnums=every)
        is_finite = bool(np.isfinite(value) and np.isfinite(gradients).all())
        assert found.is_finite == is_finite, point
        if not is_finite:
            assert found.origin.op == name
            assert found.origin.rewrite
            assert found.origin.place.startswith("test_diagnose.py:")


def test_vanishing_in_the_network_of_the_lecture():  # C.11
    found = cr.diagnose(lecture.half_squared_error, lecture.PARAMETERS, lecture.X, lecture.TARGET)
    weights = [p for p in found.parameters if p.name.startswith("W")]
    gradients = [p.gradient for p in weights]
    assert [f"{g:.6g}" for g in gradients] == ["0.00523143", "0.0708999", "0.128979"]
    printed = [np.linalg.norm(w) for loss, _, w in lecture.WEIGHTS if loss == "HSE"]
    lecture.assert_printed(gradients, printed)
    assert [p.sigmoids for p in weights] == [3, 2, 1]
    assert [p.bound for p in weights] == [0.015625, 0.0625, 0.25]


def test_the_amplifiers_of_the_lecture_are_the_slopes_of_its_sigmoids():  # 1.7
    found = cr.diagnose(lecture.half_squared_error, lecture.PARAMETERS, lecture.X, lecture.TARGET)
    for units, (_, slopes, _) in zip(found.units, lecture.SLOPES, strict=True):
        assert units.kind == "sigmoid"
        lecture.assert_printed([units.slopes[0], units.slopes[2]], sorted(slopes))


def test_the_loser_of_a_maximum_gets_no_gradient_and_the_reason():  # C.21
    def f(x, y, z, w):
        return 2 * (x * y + np.maximum(z, w))

    found = cr.diagnose(f, 3.0, -4.0, 2.0, -1.0, argnums=(0, 1, 2, 3))
    assert {p.name: p.gradient for p in found.parameters} == {"x": 8, "y": 6, "z": 2, "w": 0}
    assert "the other side of the maximum wins everywhere" in sentence(found, "no gradient")


def test_ten_sigmoids_in_a_row_pass_on_their_bound_at_most():  # C.11
    def chained(x, count):
        for _ in range(count):
            x = lecture.sigmoid(x)
        return x

    found = cr.diagnose(chained, 0.5, 10, argnums=0)
    (x,) = found.parameters
    assert (x.sigmoids, x.bound) == (10, 9.5367431640625e-7)
    assert x.gradient == pytest.approx(3.483115610e-7, abs=1e-16)
    assert "10 sigmoids in a row pass on (1/4)^10 = 9.53674316e-07 at most" in sentence(
        found, "vanishing"
    )
    (x,) = cr.diagnose(chained, 0.5, 20, argnums=0).parameters
    assert x.bound == pytest.approx(9.094947e-13, rel=1e-7)


def test_saturated_units_are_counted_with_their_amplifiers():  # C.12
    found = cr.diagnose(lambda z: np.sum(nn.sigmoid(z)), np.array([[5.0, 10.0], [5.0, -10.0]]))
    (units,) = found.units
    assert units.slopes[2] == pytest.approx(0.006648057, abs=1e-9)
    assert units.slopes[0] == pytest.approx(4.53958e-5, abs=1e-10)
    assert (units.saturated, units.stuck, units.count) == (1.0, 2, 2)
    assert "100% of the entries are saturated" in sentence(found, "saturated")


@pytest.mark.parametrize(
    "relu",
    [
        nn.relu,
        lambda z: np.maximum(z, 0),
        lambda z: np.maximum(0.0, z),
        lambda z: np.where(z > 0, z, 0),
        lambda z: z * (z > 0),
    ],
)
def test_units_that_are_zero_over_the_batch_are_dead(relu):
    weight = np.array([[1.0, -1.0, 1.0], [1.0, -1.0, -1.0]])
    x = np.array([[1.0, 1.0], [2.0, 1.0], [1.0, 2.0]])
    found = cr.diagnose(lambda w: np.sum(relu(x @ w)), weight)
    (units,) = found.units
    assert (units.kind, units.dead, units.count, units.examples) == ("relu", 1, 3, 3)
    assert "1 of 3 units are 0 over the whole batch of 3" in sentence(found, "dead")


def test_the_calls_of_one_line_in_a_loop_are_told_together():
    def f(x):
        for _ in range(50):
            x = np.tanh(9 * x)
        return np.sum(x)

    found = cr.diagnose(f, np.ones((2, 3)))
    assert len(found.units) == 50
    assert ", 50 calls: 100% of the entries are saturated" in sentence(found, "saturated")
    assert str(found).count("tanh x") == 2
    assert "tanh x_2 and 49 more " in str(found)


def test_a_choice_that_is_no_relu_is_no_activation():
    found = cr.diagnose(
        lambda x: np.sum(np.where(x > 1, np.log(x), 0.0)), np.array([0.5, 1.5, 2.5])
    )
    assert found.units == ()


@pytest.mark.parametrize(("name", "expected"), [("W1", 0.001347), ("W2", 0.01352), ("W3", 0.0153)])
def test_the_ratio_of_update_to_weight(name, expected):  # C.10
    found = cr.diagnose(
        lecture.binary_cross_entropy,
        lecture.PARAMETERS,
        lecture.X,
        lecture.TARGET,
        optimizer=cr.optim.sgd(0.1),
    )
    (parameter,) = [p for p in found.parameters if p.name == name]
    digits = len(f"{expected}".rstrip("0").split(".")[1])
    assert round(parameter.ratio, digits) == expected
    assert "update/weight" in str(found)


def softmax_op(z, y):
    return np.mean(nn.functional.softmax_cross_entropy(z, y))


def softmax_written_out(z, y):
    return -np.mean(np.sum(np.eye(z.shape[1])[y] * (z - np.log(np.sum(np.exp(z), -1, keepdims=True))), -1))  # fmt: skip


def softmax_of_probabilities(z, y):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    p = e / np.sum(e, axis=-1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def hinge(z, y):
    return np.mean(nn.functional.hinge(z, y))


@pytest.mark.parametrize(
    ("loss", "classes", "level"),
    [
        (softmax_op, 10, 2.302585093),
        (softmax_op, 3, 1.098612289),
        (softmax_written_out, 10, 2.302585093),
        (softmax_of_probabilities, 3, 1.098612289),
        (lambda z, y: 6 * softmax_op(z, y), 10, 2.302585093),  # a sum over the examples
        (hinge, 10, 9),
    ],
)
def test_the_loss_of_guessing_is_recognised(loss, classes, level):  # C.8
    y = np.arange(6) % classes
    found = cr.diagnose(loss, np.zeros((6, classes)), y)
    assert found.chance.classes == classes
    lecture.assert_printed([found.chance.level, found.chance.loss], level)
    assert "at chance level" in sentence(found, "chance")
    sure = 50 * np.eye(classes)[y]
    assert not cr.diagnose(loss, sure, y).chance.is_at_chance


def test_two_classes_by_a_sigmoid_cost_ln_2_by_guessing():
    y = np.array([0, 1, 1])
    logits = np.zeros(3)
    loss = nn.functional.sigmoid_binary_cross_entropy
    assert cr.diagnose(lambda z: np.mean(loss(z, y)), logits).chance.level == math.log(2)
    found = cr.diagnose(lambda z: -np.mean(np.log(lecture.sigmoid(z))), logits)
    assert found.chance.is_at_chance


def test_an_attention_within_is_not_taken_for_the_end_of_a_classifier():
    found = cr.diagnose(lambda x: np.sum((nn.softmax(x) @ x) ** 2), np.zeros((3, 3)))
    assert found.chance is None


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (lambda p: p["w"] * 2.0, "the function does not use it"),
        (lambda p: p["w"] + np.sum(cr.stop_gradient(p["v"]) * 3), "it is behind stop_gradient"),
        (lambda p: p["w"] * np.sum(np.round(p["v"])), "it is behind round, whose derivative is 0"),
        (lambda p: p["w"] * np.argmax(p["v"] * 2), "it is behind argmax, whose derivative is 0"),
        (lambda p: p["w"] * np.sum(p["v"] > 0), "it is behind greater, whose derivative is 0"),
        (lambda p: (p["w"], np.sum(p["v"]))[0], "does not reach the result; the last is sum"),
        (lambda p: p["w"] + np.sum(nn.relu(p["v"] - 9)), "every unit on the way is 0"),
        (lambda p: p["w"] + np.sum(np.maximum(p["v"] - 9, 0)), "every unit on the way is 0"),
        (lambda p: p["w"] + np.sum(p["v"] * 0.0), "it is multiplied by 0"),
        (lambda p: p["w"] + np.sum(np.where(p["v"] > 9, p["v"], 1.0)), "takes the other branch"),
        (lambda p: p["w"] + np.sum(np.clip(p["v"], 5, 6)), "everything is outside the limits"),
        (lambda p: p["w"] + np.sum(p["v"] - p["v"]), "what several paths bring back cancels"),
        (lambda p: p["w"] + np.sum(np.sqrt(p["v"] - p["v"])), "the gradient is NaN"),
        (lambda p: p["w"] + np.sum(np.sqrt(p["v"] - [1, 2, 3])), "is infinite"),
    ],
)
def test_a_parameter_without_a_gradient_comes_with_the_reason(f, reason):
    found = cr.diagnose(f, {"w": 2.0, "v": np.array([1.0, 2.0, 3.0])})
    reasons = {p.name: p.reason for p in found.parameters}
    assert reason in reasons["v"]
    assert reasons["w"] == ""


def test_an_exploding_gradient_comes_with_its_rate():
    weight = 3.0 * np.eye(4)

    def f(x):
        for _ in range(8):
            x = x @ weight
        return np.sum(x)

    found = cr.diagnose(f, np.ones((2, 4)))
    assert found.growth.rate == pytest.approx(3)
    assert found.growth.total == pytest.approx(3**7)
    assert "grows ×3 per layer" in sentence(found, "exploding")


def test_a_zero_that_stops_at_once_cures_the_branch_not_taken():
    def f(x):
        return np.sum(np.where(x > 0, np.log(x), 0.0))

    x = np.array([0.0, 4.0])
    assert cr.diagnose(f, x).backward.pattern == "where with a bad branch not taken"
    assert cr.diagnose(f, x, strong_zero=True).is_finite


def test_only_the_gradients_that_are_asked_for_count():
    def f(w, x):
        return np.sum(w * np.sqrt(x))

    args = np.ones(2), np.array([0.0, 1.0])
    assert cr.diagnose(f, *args).is_finite
    assert cr.diagnose(f, *args, argnums=1).backward.op == "sqrt"
    assert cr.diagnose(f, *args, argnums=(0, 1)).backward.op == "sqrt"


def test_numpy_does_not_warn_and_raises_where_it_was_told_to():
    def f(x):
        return np.sum(np.log(x))

    def g(x):
        return np.sum(np.sqrt(x))

    assert cr.diagnose(f, np.zeros(2)).forward.op == "log"  # warnings are errors here
    with np.errstate(divide="raise"):
        with pytest.raises(FloatingPointError):
            cr.diagnose(f, np.zeros(2))
        with pytest.raises(FloatingPointError) as caught:
            cr.diagnose(g, np.zeros(2))
    assert "chainrule was in the derivative of sqrt at test_diagnose.py" in caught.value.__notes__[-1]  # fmt: skip


def test_a_sweep_that_breaks_off_does_not_hide_where_it_began():
    def refused(g, out, x):
        raise np.linalg.LinAlgError

    @cr.custom_rule(vjp=refused)
    def logarithm(x):
        return np.log(x)

    def f(x):
        return logarithm(np.sum(x))

    with np.errstate(divide="ignore"):
        found = cr.diagnose(f, np.zeros((2, 2)))
        assert (found.origin.op, found.origin.value) == ("logarithm", -np.inf)
        assert found.parameters[0].reason == "the reverse sweep broke off"
        with pytest.raises(np.linalg.LinAlgError) as caught:
            cr.diagnose(lambda x: np.maximum(f(x), 0.0), np.zeros((2, 2)))
    assert "chainrule was in the derivative of logarithm at" in caught.value.__notes__[-1]


def test_data_that_is_converted_to_a_number_is_left_alone():
    def f(w, scale):
        return np.sum(w) * float(scale)

    assert cr.diagnose(f, np.ones(2), np.array(3.0)).value == 6.0
    with pytest.raises(EscapedValueError):
        cr.diagnose(lambda w: float(w), 1.0)


def test_a_pair_of_loss_and_anything_else():
    found = cr.diagnose(lambda w: (np.sum(w), {"all": w * np.nan}), np.ones(2), has_aux=True)
    assert found.is_finite
    assert found.value == 2.0


def test_what_cannot_be_diagnosed_is_an_error():
    with pytest.raises(ArgumentError, match="diagnose: no argument holds floats only"):
        cr.diagnose(lambda n: n * 2.0, 3)
    with pytest.raises(ArgumentError, match="diagnose: argnums=1"):
        cr.diagnose(lambda x: x, 1.0, argnums=1)
    with pytest.raises(DTypeError, match="complex"):
        cr.diagnose(lambda x: x * 1j, 1.0)
    with pytest.raises(ArgumentError, match="diagnose: the function returned no number"):
        cr.diagnose(lambda x: None, 1.0)


def test_empty_and_other_dtypes():
    assert cr.diagnose(lambda x: np.sum(np.log(x)), np.zeros((0, 3))).is_finite
    found = cr.diagnose(lambda x: np.sum(np.exp(x)), np.float32([1.0, 89.0]))
    assert (found.forward.pattern, found.forward.entry) == ("overflow of exp", (1,))
    found = cr.diagnose(lambda z: np.abs(z) ** 2, 1 + 2j)
    assert found.is_finite
    found = cr.diagnose(lambda x: np.sqrt(x), np.array([0.0, 1.0]))
    assert found.backward.entry == (0,)
    assert "of which the sum is differentiated" in str(found)


def test_a_sum_of_paths_that_overflows_is_found():
    found = cr.diagnose(lambda x: (x * 1e308) + (x * 1e308), 0.5)
    assert (found.backward.op, found.backward.name) == ("the sum of paths", "x")
    assert found.backward.pattern == "overflow of the gradient"


def test_a_program_deeper_than_pythons_stack():
    def f(x):
        y = x
        for _ in range(3 * sys.getrecursionlimit()):
            y = y * 1.0
        return np.sqrt(y - y)

    found = cr.diagnose(f, 2.0)
    assert found.backward.op == "sqrt"
    assert "more …" in cr.diagnose(lambda x: np.log(f(x)), 2.0).text() or found.backward.path == ()


def test_an_optimiser_that_overflows_is_found_in_a_whole_step():
    def loss(w):
        return np.sum(w**2)

    def step(w, rate):
        g = cr.grad(loss)(w)
        return w - rate * g**40

    found = cr.diagnose(lambda w, rate: (step(w, rate), 0.0), np.float32([1e3]), 1.0)
    assert (found.forward.op, found.forward.phase) == ("power", "forward")
    assert found.forward.position.text == "return w - rate * g**40"


def test_everything_that_was_found_is_there_as_records_text_and_html():
    def f(p, x):
        return np.sum(np.sqrt(nn.relu(x @ p["W1"]) @ p["W2"]))

    p = {"W1": -np.ones((2, 3)), "W2": np.ones((3, 1))}
    found = cr.diagnose(f, p, np.ones((4, 2)))
    records = found.records()
    assert found.backward in records
    assert {type(r).__name__ for r in records} == {"Anomaly", "Finding", "Parameter", "Units"}
    text = str(found)
    assert "the derivative of sqrt gives" in text
    assert "test_diagnose.py" in text
    assert all(len(line) <= 60 for line in found.text(width=60).splitlines())
    page = found._repr_html_()
    assert page.count("<table>") == 3
    assert "<script" not in page
    assert cr.diagnose(lambda x: x, 1.0)._repr_html_().startswith("<p><b>")
