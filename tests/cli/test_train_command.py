"""The commands train, evaluate and predict, as a user sees them."""

import csv
import io
import json
import signal

import numpy as np
import pytest
from rich.console import Console

import chainrule.cli.train
from chainrule.cli import main
from chainrule.cli.data_tables import show_confusion
from chainrule.cli.terminal import console, fits, show_table
from chainrule.train.predictor import ClassScores

QUICK = ("--epochs", "2", "--batch-size", "128", "--hidden", "16")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def line_csv(folder, rng):
    """A target that is linear in two features, one of which is missing once."""
    x = rng.normal(size=(60, 2))
    rows = [f"{a:.4f},{b:.4f},{3 * a - b + 10:.4f}" for a, b in x]
    rows[7] = ",0.5,10"
    path = folder / "line.csv"
    path.write_text("\n".join(["a,b,y [m]", *rows]) + "\n")
    return path


def written(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_training_on_digits_learns_and_keeps_a_run(folder, capsys):
    assert main(["train", "digits", "--epochs", "6", "--learning-rate", "0.003"]) == 0
    printed = capsys.readouterr().out
    assert "1,797 rows, 64 features: classification of digit into 10 classes" in printed
    assert "1,257 to train, 270 to stop by, 270 to test (seed 0)" in printed
    assert "network 64-128-10, relu, 9,610 parameters\n" in printed
    assert "adam, learning rate 0.003, batches of 32\n" in printed
    assert not any(line.endswith(" ") for line in printed.splitlines())
    assert printed.count("\nepoch ") == 6
    assert "confusion matrix" in printed
    assert printed.rstrip().endswith("run folder: runs/digits-001")
    result = json.loads((folder / "runs/digits-001/result.json").read_text())
    assert result["test"]["accuracy"] > 0.93
    assert np.sum(result["test"]["confusion"]) == 270
    assert f"test: accuracy {result['test']['accuracy']:.2%}" in printed


def test_a_run_holds_four_files_and_nothing_else(folder):
    main(["train", "digits", *QUICK])
    names = ("config.json", "metrics.jsonl", "result.json", "weights.safetensors")
    expected = ["runs", "runs/digits-001", *(f"runs/digits-001/{name}" for name in names)]
    assert written(folder) == expected


def test_one_seed_gives_one_run(folder):
    for _ in range(2):
        main(["train", "digits", *QUICK, "--seed", "7"])
    for name in ("config.json", "metrics.jsonl", "weights.safetensors", "result.json"):
        first, again = (folder / f"runs/digits-00{i}" / name for i in (1, 2))
        assert first.read_bytes() == again.read_bytes()


def test_a_digits_run_is_evaluated_as_it_was_tested(folder, capsys):
    main(["train", "digits", *QUICK])
    trained = capsys.readouterr().out
    assert main(["evaluate", "runs/digits-001"]) == 0
    evaluated = capsys.readouterr().out
    line = evaluated.splitlines()[0]
    assert line.startswith("test part: accuracy")
    assert line.removeprefix("test part: ") in trained


def test_a_digits_run_predicts_its_test_part(folder, capsys):
    main(["train", "digits", *QUICK])
    capsys.readouterr()
    assert main(["predict", "runs/digits-001"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 270
    assert list(rows[0]) == ["row", "digit", "predicted_digit", "probability"]
    right = sum(row["digit"] == row["predicted_digit"] for row in rows)
    result = json.loads((folder / "runs/digits-001/result.json").read_text())
    assert right / 270 == pytest.approx(result["test"]["accuracy"])
    assert all(0 < float(row["probability"]) <= 1 for row in rows)


def test_of_too_many_classes_only_the_mistakes_are_shown(capsys):
    classes = [str(100 * i) for i in range(40)]
    confusion = np.eye(40, dtype=int)
    confusion[3, 7], confusion[0, 1] = 5, 2
    show_confusion(console(), ClassScores(0.8, confusion), classes)
    printed = capsys.readouterr().out
    assert "the whole confusion matrix of 40 classes needs a wider screen" in printed
    assert [line.split() for line in printed.splitlines()[-2:]] == [
        ["300", "700", "5"],
        ["0", "100", "2"],
    ]


@pytest.mark.parametrize("width", [10, 40, 80])
def test_numbers_are_not_cut_in_a_narrow_table(width):
    screen = Console(width=width, file=io.StringIO(), markup=False)
    show_table(
        screen, ("name", "count"), [("a rather long name of a column", "123456")], right=("count",)
    )
    assert "123456" in screen.file.getvalue()
    assert fits(screen, ("12345", "123"), [("1", "12")]) == (width > 10)


def test_a_regression_tells_rmse_and_r_squared(line_csv, folder, capsys):
    options = ("--target", "y [m]", "--epochs", "60", "--batch-size", "8", "--hidden", "")
    assert main(["train", "line.csv", *options, "--learning-rate", "0.02"]) == 0
    printed = capsys.readouterr().out
    assert "60 rows, 2 features: regression of y [m]" in printed
    assert "(in units of y [m]), R²" in printed
    test = json.loads((folder / "runs/line-001/result.json").read_text())["test"]
    assert test["r_squared"] > 0.9
    assert main(["evaluate", "runs/line-001"]) == 0
    assert capsys.readouterr().out.startswith("test part: RMSE")


def test_a_test_part_of_one_row_has_no_r_squared(folder, capsys):
    (folder / "few.csv").write_text("x,y\n" + "".join(f"{i},{i / 3}\n" for i in range(5)))
    assert main(["train", "few.csv", "--target", "y", "--epochs", "2"]) == 0
    assert "no R² (the target does not vary), on 1 row" in capsys.readouterr().out
    assert (
        json.loads((folder / "runs/few-001/result.json").read_text())["test"]["r_squared"] is None
    )


def test_new_rows_are_predicted_into_a_file(line_csv, folder, capsys):
    main(["train", "line.csv", "--target", "y [m]", *QUICK])
    capsys.readouterr()
    (folder / "new.csv").write_text("id,b,a\nx17,1,0\nx18,,2\n")
    assert main(["predict", "runs/line-001", "new.csv", "--out", "answer.csv"]) == 0
    assert capsys.readouterr().out == "2 predictions written to answer.csv\n"
    rows = list(csv.DictReader(io.StringIO((folder / "answer.csv").read_text())))
    assert [row["row"] for row in rows] == ["2", "3"]
    assert all(np.isfinite(float(row["predicted_y [m]"])) for row in rows)


def test_a_file_can_be_evaluated(line_csv, folder, capsys):
    main(["train", "line.csv", "--target", "y [m]", *QUICK])
    capsys.readouterr()
    assert main(["evaluate", "runs/line-001", "line.csv"]) == 0
    assert "on 60 rows" in capsys.readouterr().out


def test_the_task_can_be_said(folder, capsys):
    rows = [f"{i % 7},{i % 2}" for i in range(40)]
    (folder / "data.csv").write_text("\n".join(["a,y", *rows]) + "\n")
    main(["train", "data.csv", "--target", "y", *QUICK])
    assert "classification of y into 2 classes" in capsys.readouterr().out
    main(["train", "data.csv", "--target", "y", *QUICK, "--task", "regression"])
    assert "regression of y" in capsys.readouterr().out


def test_without_a_test_part_there_is_no_score(folder, capsys):
    assert main(["train", "digits", *QUICK, "--test", "0", "--validation", "0"]) == 0
    assert "no rows were kept for a test" in capsys.readouterr().out
    assert json.loads((folder / "runs/digits-001/result.json").read_text())["test"] is None


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("epochs_before", [0, 1])
def test_an_interrupt_ends_with_130_and_a_consistent_folder(
    folder, capsys, monkeypatch, epochs_before
):
    display = chainrule.cli.train.display

    def interrupting(console, **options):
        shown = display(console, **options)
        watched = 0

        def watch(batches):
            nonlocal watched
            watched += 1
            for batch in batches:
                if watched > epochs_before:
                    signal.raise_signal(signal.SIGINT)
                yield batch

        shown.watch = watch
        return shown

    monkeypatch.setattr(chainrule.cli.train, "display", interrupting)
    assert main(["train", "digits", *QUICK]) == 130
    told = capsys.readouterr().err
    if epochs_before:
        assert told == "Stopped: the best weights so far are in runs/digits-001.\n"
        monkeypatch.undo()
        monkeypatch.chdir(folder)
        assert main(["evaluate", "runs/digits-001"]) == 0
    else:
        assert told == "Stopped: no run was kept.\n"
        assert written(folder) == []


def test_diagnose_shows_how_each_layer_fares(folder, capsys):
    assert main(["train", "digits", *QUICK, "--diagnose"]) == 0
    printed = capsys.readouterr().out
    assert printed.rstrip().endswith("run folder: runs/digits-001")
    _, _, health = printed.partition("health after the last step")
    rows = [line.split() for line in health.splitlines() if line.startswith("layers[")]
    assert [row[0] for row in rows] == [
        f"layers[{i}].{name}" for i in (0, 1) for name in ("weight", "bias")
    ]
    assert all(float(row[2]) >= 0 and float(row[3]) > 0 for row in rows)
    assert rows[0][1] == "64×16"
    assert rows[0][5:] == ["0", "of", "16"]
    kept = json.loads((folder / "runs/digits-001/result.json").read_text())["health"]
    assert [row["parameter"] for row in kept] == [row[0] for row in rows]
    for row, shown in zip(kept, rows, strict=True):
        assert [f"{row['weight']:.4g}", f"{row['gradient']:.4g}"] == shown[2:4]
        assert f"{row['update_ratio']:.2e}" == shown[4]
    lines = (folder / "runs/digits-001/metrics.jsonl").read_text().splitlines()
    assert all(json.loads(line)["gradient_norm"] > 0 for line in lines)


def test_diagnose_names_the_line_where_a_training_broke(folder, capsys):
    assert main(["train", "digits", *QUICK, "--diagnose", "--learning-rate", "1e38"]) == 3
    told = capsys.readouterr().err
    assert "Error: training: step 2 gave NaN or an infinity. Expected finite numbers." in told
    assert "matmul gives" in told
    assert "layers.py:" in told
    assert "z = x @ self.weight" in told
    assert "Hint: overflow: " in told
    assert not (folder / "runs").exists()
    capsys.readouterr()
    assert main(["train", "digits", *QUICK, "--learning-rate", "1e38"]) == 2
    assert "chainrule train --diagnose" in capsys.readouterr().err
