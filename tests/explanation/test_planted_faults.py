"""A mistake planted in a line of a GPT's training step is found, in that line."""

import linecache
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from tests import gpt

import chainrule as cr

SOURCE = Path(gpt.__file__).read_text(encoding="utf-8")


class Plant(NamedTuple):
    """A line of the GPT, what stands there instead, and what must be found there."""

    name: str
    line: str
    planted: str
    phase: str
    op: str
    pattern: str


PLANTS = (
    Plant(
        "log of zero",
        "logarithms = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))",
        "logarithms = np.log(np.maximum(z + 1e-3, 0.0))",
        "forward",
        "log",
        "log of 0",
    ),
    Plant(
        "slope of a root at 0",
        "bent = 0.5 * wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))",
        "bent = np.sqrt(np.maximum(wide, 0.0))",
        "backward",
        "sqrt",
        "square root at 0",
    ),
    Plant(
        "dead branch of where",
        "bent = 0.5 * wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))",
        "bent = np.where(wide > 0, np.sqrt(wide), 0.0)",
        "backward",
        "sqrt",
        "where with a bad branch not taken",
    ),
    Plant(
        "overflow of exp",
        "weights = np.exp(scores)",
        "weights = np.exp(scores + 1e4)",
        "forward",
        "exp",
        "softmax without its maximum",
    ),
    Plant(
        "division by zero",
        'return centred / deviation * p["scale"] + p["offset"]',
        'return centred / np.round(deviation * 1e-3) * p["scale"] + p["offset"]',
        "forward",
        "divide",
        "division by 0",
    ),
    Plant(
        "0 · inf",
        'return bent @ p["narrow"]',
        'return (np.maximum(bent, 0.0) * np.inf) @ p["narrow"]',
        "forward",
        "multiply",
        "0 · inf",
    ),
    Plant(
        "slope of a power at 0",
        'wide = x @ p["wide"]',
        'wide = np.maximum(x @ p["wide"], 0.0) ** 0.25',
        "backward",
        "power",
        "power with an exponent below 1 at 0",
    ),
    Plant(
        "norm of zeros",
        "variance = np.mean(centred**2, axis=-1, keepdims=True)",
        "variance = np.sqrt(np.sum((centred * 0.0) ** 2, axis=-1, keepdims=True))",
        "backward",
        "sqrt",
        "norm at 0",
    ),
    Plant(
        "sigmoid written out",
        "bent = 0.5 * wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))",
        "bent = wide / (1 + np.exp(-3000 * wide))",
        "backward",
        "exp",
        "overflow of exp in a sigmoid that is written out",
    ),
    Plant(
        "arccos beyond its border",
        'h = p["tokens"][x] + p["places"]',
        'h = np.arccos(1.0 + p["tokens"][x] ** 2) + p["places"]',
        "forward",
        "arccos",
        "inverse sine or cosine outside −1 to 1",
    ),
    Plant(
        "overflow of a product",
        "scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width // HEADS)",
        "scores = (q * 1e200) @ (k * 1e200).transpose(0, 1, 3, 2)",
        "forward",
        "matmul",
        "overflow",
    ),
)  # fmt: skip


def planted(line, replacement):
    """Return the GPT with one line replaced, and the number of that line."""
    assert SOURCE.count(line) == 1
    text = SOURCE.replace(line, replacement)
    number = text[: text.index(replacement)].count("\n") + 1
    name = f"/planted/gpt-{number}-{abs(hash(replacement))}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace = {"__name__": "planted"}
    exec(compile(text, name, "exec"), namespace)  # noqa: S102  our own file with a line of ours
    return SimpleNamespace(**namespace), number


@pytest.fixture
def inputs(rng):
    return gpt.create(rng), gpt.create_batch(rng)


def diagnosed(model, inputs, *, whole_step):
    """Diagnose the loss, or the training step that takes the gradient itself."""
    return cr.diagnose(model.step if whole_step else model.loss, *inputs).origin


def test_the_gpt_without_a_mistake_is_finite(inputs):
    assert cr.diagnose(gpt.loss, *inputs).is_finite
    assert cr.diagnose(gpt.step, *inputs).is_finite


@pytest.mark.parametrize("whole_step", [False, True], ids=["loss", "step"])
@pytest.mark.parametrize("plant", PLANTS, ids=[p.name for p in PLANTS])
def test_a_planted_mistake_is_found_in_its_line(plant, whole_step, inputs):
    model, number = planted(plant.line, plant.planted)
    found = diagnosed(model, inputs, whole_step=whole_step)
    assert (found.position.line, found.position.text) == (number, plant.planted)
    assert (found.phase, found.op, found.pattern) == (plant.phase, plant.op, plant.pattern)
    assert found.rewrite
    assert found.path


@pytest.mark.parametrize("whole_step", [False, True], ids=["loss", "step"])
def test_a_row_in_which_all_is_masked_is_found_where_it_becomes_nan(whole_step, inputs):
    masking = "scores = np.where(mask & (np.arange(length) > 0), scores, -np.inf)"
    model, number = planted("scores = np.where(mask, scores, -np.inf)", masking)
    found = diagnosed(model, inputs, whole_step=whole_step)
    assert found.position.line == number + 1
    assert found.position.text == "scores = scores - np.max(scores, axis=-1, keepdims=True)"
    assert (found.op, found.pattern) == ("subtract", "a row in which everything is masked")
    assert found.source.startswith("−inf was put in at ")
    assert found.source.endswith(f":{number}: {masking}")


@pytest.mark.parametrize("whole_step", [False, True], ids=["loss", "step"])
def test_nan_in_the_data_is_found(whole_step, inputs):
    inputs[1]["weights"][1, 2] = np.nan
    found = diagnosed(gpt, inputs, whole_step=whole_step)
    assert (found.op, found.name, found.entry) == ("input", "weights", (1, 2))
    assert found.position.text == 'return -np.mean(batch["weights"] * chosen)'
    assert found.pattern == "NaN in an argument"


@pytest.mark.parametrize("whole_step", [False, True], ids=["loss", "step"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_parameter_that_is_not_finite_is_found(whole_step, value, inputs):
    inputs[0]["blocks"][1]["wide"][3, 4] = value
    found = diagnosed(gpt, inputs, whole_step=whole_step)
    assert (found.op, found.name, found.entry) == ("input", "blocks[1]['wide']", (3, 4))
    assert found.position.text == 'wide = x @ p["wide"]'


def test_a_mask_of_minus_infinity_that_the_loss_does_not_feel_is_no_mistake(inputs):
    found = cr.diagnose(gpt.loss, *inputs)
    assert found.is_finite
    assert {a.op for a in found.harmless} == {"constant"}
    assert {a.position.text for a in found.harmless} == {"scores = np.where(mask, scores, -np.inf)"}


def test_a_compiled_step_is_diagnosed_as_the_step_that_was_compiled(inputs):
    plant = PLANTS[0]
    model, number = planted(plant.line, plant.planted)
    found = cr.diagnose(cr.compile(model.step), *inputs).origin
    assert (found.position.line, found.op) == (number, plant.op)
