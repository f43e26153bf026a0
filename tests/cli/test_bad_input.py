"""What cannot be done ends with a message on stderr, an exit code, and nothing left behind."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.cli import main

ROWS = [f"{i % 7},{i % 5},{i % 2}" for i in range(40)]
GOOD = "\n".join(["a,b,y", *ROWS]) + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(GOOD)
    return tmp_path


def run(*argv, cwd):
    return subprocess.run(
        [sys.executable, "-m", "chainrule", *argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["digitz"], 2, "digitz: is neither a file nor a data set. Expected a CSV file or one of"),
        (["data.csv"], 2, "data.csv: no target is named. Expected one of its columns: 'a', 'b'"),
        (["digits", "--optimizer", "eve"], 2, "optimizer='eve'. Expected one of 'sgd'"),
        (["digits", "--activation", "step"], 2, "activation='step'. Expected one of 'relu'"),
        (["digits", "--task", "ranking"], 2, "task='ranking'. Expected one of 'classification'"),
        (["digits", "--epochs", "0"], 2, "epochs=0. Expected at least 1"),
        (["digits", "--epochs", "many"], 2, "Invalid value for '--epochs'"),
        (["digits", "--hidden", "12;8"], 2, "--hidden: got '12;8'. Expected whole numbers"),
        (["digits", "--hidden", "99999999999"], 2, "train: there is not enough memory"),
        (["digits", "--test", "1"], 2, "test=1.0. Expected a fraction"),
        (["digits", "--learning-rate", "-1"], 2, "learning_rate=-1.0. Expected more than 0"),
        (
            ["data.csv", "--target", "y", "--target", "a"],
            2,
            "--target: got 'y, a'. Expected it once",
        ),
        (["digits", "--colour"], 2, "--colour"),
        (["digits", "--out", "data.csv"], 2, "data.csv: cannot be written"),
        (["none.csv", "--target", "y"], 3, "none.csv: cannot be read: No such file"),
        (["data.csv", "--target", "z"], 3, "has no column 'z'. Its columns are 'a', 'b', 'y'."),
    ],
)
def test_mistakes_on_the_command_line_are_told(folder, capfd, argv, code, message):
    assert main(["train", *argv]) == code
    captured = capfd.readouterr()
    assert message in captured.err
    assert "Hint: " in captured.err or "--help" in captured.err
    assert "Traceback" not in captured.err
    assert [path.name for path in folder.iterdir()] == ["data.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "1,x,0\n", "row 42, column 'b': 'x' is not a number"),
        (GOOD + "1,2,\n", "row 42, column 'y': the target is missing or NaN"),
        (GOOD + "1,2,nan\n", "row 42, column 'y': the target is missing or NaN"),
        (GOOD + "1,2\n", "row 42 has 2 cells. Expected 3"),
        (GOOD.replace(",1\n", ",0\n"), "column 'y' is 0 in every row"),
        ("a,b,y\n1,2,3\n", "column 'y' is 3 in every row"),
        ("a,b,y\n1,2,3\n2,3,4\n", "the test part would have 0 rows. Expected at least 1"),
        ("a,b,y\n", "has no rows of data"),
        ("", "has no rows of data"),
    ],
)
def test_mistakes_in_the_data_are_told(folder, capsys, text, message):
    (folder / "data.csv").write_text(text)
    assert main(["train", "data.csv", "--target", "y"]) == 3
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Hint: " in captured.err
    assert [path.name for path in folder.iterdir()] == ["data.csv"]


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_folder_that_is_no_run_is_told(folder, capsys, command):
    assert main([command, "runs/none-001"]) == 3
    assert "is not a complete run folder" in capsys.readouterr().err


def test_files_that_do_not_fit_a_run_are_told(folder, capsys):
    quick = ("--target", "y", "--epochs", "1", "--hidden", "2")
    main(["train", "data.csv", *quick])
    (folder / "new.csv").write_text("a,c\n1,2\n")
    assert main(["predict", "runs/data-001", "new.csv"]) == 3
    assert "new.csv: has no column 'b'. Its columns are 'a', 'c'." in capsys.readouterr().err
    (folder / "new.csv").write_text("a,b,y\n1,2,5\n")
    assert main(["evaluate", "runs/data-001", "new.csv"]) == 3
    assert "row 2, column 'y': 5 is not a class" in capsys.readouterr().err
    (folder / "new.csv").write_text("a,b,y\n1,2,1\n1e99,2,1\n")
    for command in ("evaluate", "predict"):
        assert main([command, "runs/data-001", "new.csv"]) == 3
        assert "row 3: the network's answer is not a finite number" in capsys.readouterr().err
    assert main(["predict", "runs/data-001", "data.csv", "--out", "no/such/place.csv"]) == 2
    assert "place.csv: cannot be written: No such file" in capsys.readouterr().err


def test_a_loss_that_diverges_is_told_and_leaves_nothing(folder, capsys):
    (folder / "data.csv").write_text("\n".join(["a,y", *(f"{i},{i}" for i in range(40))]) + "\n")
    wild = ("--optimizer", "sgd", "--learning-rate", "1e6")
    assert main(["train", "data.csv", "--target", "y", *wild]) == 2
    captured = capsys.readouterr()
    assert "Error: training: the loss is" in captured.err
    assert "Warning" not in captured.err
    assert [path.name for path in folder.iterdir()] == ["data.csv"]


def test_exit_codes_reach_the_shell(folder):
    unknown = run("train", "digitz", cwd=folder)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("Error: digitz: is neither a file nor a data set.")
    assert "'digits'" in unknown.stderr
    unreadable = run("train", "none.csv", cwd=folder)
    assert unreadable.returncode == 3
    assert "Traceback" not in unknown.stderr + unreadable.stderr


def test_help_lists_the_commands(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for command in ("train", "evaluate", "predict", "check", "ops"):
        assert f"\n  {command} " in printed


def test_the_versions_are_told(capsys):
    assert main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["chainrule", "NumPy", "Python"]
    assert lines[1].split()[1] == np.__version__


def test_no_command_shows_the_help(capfd):
    assert main([]) == 2
    captured = capfd.readouterr()
    assert "Usage: chainrule" in captured.out + captured.err


def test_a_reader_that_leaves_early_is_no_failure(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "ops", "--missing"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait() in {0, 1}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("argv", [["ops"], ["ops", "exp"], ["train", "data.csv", "--target", "y"]])
def test_an_output_that_cannot_be_written_is_told_and_leaves_nothing(folder, argv):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "chainrule", *argv],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: the output cannot be written: No space left on device.")
    assert len(ended.stderr.splitlines()) == 2
    assert [path.name for path in folder.iterdir()] == ["data.csv"]
