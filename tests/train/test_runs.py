"""Run folders and weights: whole or not at all."""

import json
import os

import numpy as np
import pytest

from chainrule import nn, tree
from chainrule.errors import DataError, UsageError
from chainrule.train import load_run, load_weights, new_run, save_weights
from chainrule.train.experiment import prepare, record, unseen
from chainrule.train.files import write_atomically
from chainrule.train.settings import Settings


def small_settings(**options):
    return Settings("digits", epochs=1, hidden=(4,), batch_size=256, **options)


def train_once(root, settings=None):
    experiment = prepare(settings or small_settings())
    with new_run(root, experiment.name) as folder:
        (epoch,) = experiment.train(folder)
    return experiment, folder, epoch


@pytest.fixture
def csv_file(tmp_path, rng):
    path = tmp_path / "line.csv"
    x = rng.normal(size=(40, 2))
    rows = [f"{a},{b},{3 * a - b + 10}" for a, b in x]
    path.write_text("\n".join(["a,b,y", *rows]) + "\n")
    return path


def test_weights_come_back_as_they_were(tmp_path, rng):
    model = nn.MLP.create((3, 5, 2), rng=rng)
    save_weights(tmp_path / "w.safetensors", model)
    back = load_weights(tmp_path / "w.safetensors", nn.MLP.create((3, 5, 2), rng=rng))
    for one, other in zip(tree.leaves(back), tree.leaves(model), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_weights_of_any_container_are_named_by_their_place(tmp_path):
    from safetensors.numpy import load_file

    params = {"b": [np.ones((2, 3)).T, 0.5]}
    save_weights(tmp_path / "w.safetensors", params)
    stored = load_file(tmp_path / "w.safetensors")
    assert {name: array.shape for name, array in stored.items()} == {
        "['b'][0]": (3, 2),
        "['b'][1]": (),
    }
    assert float(load_weights(tmp_path / "w.safetensors", params)["b"][1]) == 0.5


def test_weights_of_another_model_are_refused(tmp_path, rng):
    save_weights(tmp_path / "w.safetensors", {"w": np.ones(2)})
    with pytest.raises(DataError, match=r"does not hold the weights.*\(2,\).*the model.*\(3,\)"):
        load_weights(tmp_path / "w.safetensors", {"w": np.ones(3)})


@pytest.mark.parametrize("content", [b"", b"not safetensors at all"])
def test_a_damaged_weights_file_is_told(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="does not hold the weights"):
        load_weights(tmp_path / "w.safetensors", {"w": np.ones(3)})


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UsageError, match="cannot be written: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_run_folders_count_up(tmp_path):
    (tmp_path / "digits-007").mkdir()
    (tmp_path / "digits-old").mkdir()
    names = []
    for name in ("digits", "digits", "other"):
        with new_run(tmp_path, name) as folder:
            names.append(folder.path.name)
    assert names == ["digits-008", "digits-009", "other-001"]


def test_an_error_leaves_no_folder(tmp_path):
    def failing():
        with new_run(tmp_path / "runs", "x") as folder:
            folder.write_config({})
            folder.save_weights({"w": np.ones(2)})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert not (tmp_path / "runs").exists()


def test_an_error_leaves_the_runs_of_others(tmp_path):
    with new_run(tmp_path / "runs", "x"):
        pass
    with pytest.raises(ZeroDivisionError), new_run(tmp_path / "runs", "x"):
        raise ZeroDivisionError
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["x-001"]


@pytest.mark.parametrize("has_weights", [True, False])
def test_an_interrupt_keeps_a_folder_with_weights_only(tmp_path, has_weights):
    def interrupted():
        with new_run(tmp_path, "x") as folder:
            folder.write_config({})
            if has_weights:
                folder.save_weights({"w": np.ones(2)})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "x-001").exists() == has_weights


def test_a_place_that_cannot_hold_runs_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UsageError, match=r"file: cannot be written.*") as caught,
        new_run(tmp_path / "file", "x"),
    ):
        pass
    assert "--out" in caught.value.hint


def test_a_run_is_loaded_back(tmp_path):
    experiment, folder, epoch = train_once(tmp_path)
    run = load_run(folder.path)
    assert run.settings == experiment.settings
    test = experiment.parts.test
    given = (test.x, test.source, test.rows)
    expected = experiment.trained(epoch.best_params).outputs(*given)
    np.testing.assert_array_equal(run.predictor.outputs(*given), expected)
    assert unseen(run).rows == test.rows


def test_every_epoch_is_a_line_of_metrics(tmp_path):
    _, folder, epoch = train_once(tmp_path)
    (line,) = (folder.path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line) == record(epoch)
    assert list(json.loads(line)) == [
        "epoch",
        "loss",
        "gradient_norm",
        "accuracy",
        "validation_loss",
        "validation_accuracy",
        "best_epoch",
    ]


def test_lines_can_be_read_while_the_training_goes_on(tmp_path):
    experiment = prepare(Settings("digits", epochs=3, hidden=(2,), batch_size=512))
    with new_run(tmp_path, "x") as folder:
        for epoch in experiment.train(folder):
            lines = (folder.path / "metrics.jsonl").read_text().splitlines()
            assert len(lines) == epoch.number
            assert folder.is_usable


def test_scales_are_measured_on_the_training_part_only():
    experiment = prepare(small_settings())
    train = experiment.parts.train
    np.testing.assert_allclose(experiment.predictor.x_scaling.mean, train.x.mean(axis=0))
    assert np.any(experiment.predictor.x_scaling.mean != experiment.table.values[:, :64].mean(0))


def test_a_regression_predicts_in_the_unit_of_its_target(tmp_path, csv_file):
    options = {"epochs": 80, "batch_size": 4, "learning_rate": 0.02, "hidden": ()}
    settings = Settings(str(csv_file), target="y", **options)
    experiment = prepare(settings)
    with new_run(tmp_path, experiment.name) as folder:
        *_, last = experiment.train(folder)
    scores = load_run(folder.path).predictor.score(experiment.parts.test)
    assert folder.path.name == "line-001"
    assert last.validation.keys() == {"loss"}
    assert scores.r_squared > 0.99
    assert scores.root_mean_squared_error < 0.3


def test_changed_data_has_no_unseen_part(tmp_path, csv_file):
    _, folder, _ = train_once(tmp_path, Settings(str(csv_file), target="y", epochs=1))
    csv_file.write_text(csv_file.read_text() + "0,0,10\n")
    with pytest.raises(DataError, match="is not the data the run was trained on"):
        unseen(load_run(folder.path))


def test_a_run_without_a_test_part_has_nothing_unseen(tmp_path):
    _, folder, _ = train_once(tmp_path, small_settings(test=0.0))
    with pytest.raises(DataError, match="the test part would have 0 rows"):
        unseen(load_run(folder.path))


def test_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(DataError, match=r"is not a complete run folder: config.json: No such"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("field", "damaged"),
    [
        ("features", ["one"]),
        ("classes", ["0", "1"]),
        ("sizes", [64, 10, 3]),
        ("x_scaling", {"mean": [0.0], "spread": [1.0]}),
        ("x_scaling", {"mean": 64 * [0.0], "spread": 64 * ["wide"]}),
        ("y_scaling", {"mean": [0.0], "spread": 1.0}),
        ("activation", "step"),
    ],
)
def test_a_predictor_that_does_not_fit_together_is_told(tmp_path, field, damaged):
    _, folder, _ = train_once(tmp_path)
    path = folder.path / "config.json"
    config = json.loads(path.read_text())
    config["predictor"][field] = damaged
    path.write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"config.json is damaged"):
        load_run(folder.path)


def test_damaged_runs_are_told(tmp_path):
    _, folder, _ = train_once(tmp_path)
    config = folder.path / "config.json"
    text = config.read_text()
    for damaged in ("", "{}", "[]", text.replace('"adam"', '"eve"')):
        config.write_text(damaged)
        with pytest.raises(DataError, match=r"config.json is damaged"):
            load_run(folder.path)
    config.write_text(text)
    (folder.path / "weights.safetensors").unlink()
    with pytest.raises(DataError, match=r"weights.safetensors is missing"):
        load_run(folder.path)
