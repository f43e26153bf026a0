"""The command explain."""

import numpy as np
import pytest

from chainrule.cli import main

MODEL = """
import numpy as np

def loss(W1, x):
    h = np.tanh(W1 @ x)
    return np.sum(h ** 2)

def rows(w=np.array([1.0, 2.0])):
    return w * 2

def fails(w=np.ones(2)):
    h = np.sin(w)
    raise RuntimeError("out of cheese")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_to_explain.py").write_text(MODEL)
    np.savez("args.npz", W1=np.array([[1.0, -1.0]]), x=np.array([0.5, 0.25]))
    return tmp_path


def test_an_expression_is_explained(capsys):
    assert main(["explain", "(x+y)*z", "x=-2", "y=5", "z=-4"]) == 0
    printed = capsys.readouterr().out
    assert "= (x + y)·z" in printed
    assert "= (−2 + 5)·(−4)  = −12" in printed
    assert "∂f/∂x  = −4  difference −4  good" in printed


def test_known_functions_and_constants(capsys):
    assert main(["explain", "sigmoid(x)*max(x, 1/pi) + e**x", "x=0", "--wrt", "x", "--path"]) == 0
    printed = capsys.readouterr().out
    assert "σ(x)·(1 − σ(x))" in printed
    assert "3 paths" in printed


def test_a_function_is_explained_and_written_as_latex(folder, capsys):
    command = ["explain", "model_to_explain.py:loss", "--args", "args.npz", "--wrt", "W1[0,1]"]
    assert main([*command, "--tex", "out.tex", "--digits", "3"]) == 0
    printed = capsys.readouterr().out
    assert "∂loss/∂W1[0,1] = x[1]·" in printed
    assert "h = np.tanh(W1 @ x)" in printed
    text = (folder / "out.tex").read_text(encoding="utf-8")
    assert text.startswith(r"\documentclass")
    assert text.count("{") == text.count("}")


def test_an_entry_of_an_array_result(folder, capsys):
    assert main(["explain", "model_to_explain.py:rows", "--entry", "1"]) == 0
    assert "[0, 2]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x +", "x=1"], "cannot be parsed"),
        (["__import__('os').system('true')"], "no plain arithmetic"),
        (["x.real", "x=1"], "no plain arithmetic"),
        (["[x for x in y]", "y=1"], "no plain arithmetic"),
        (["lambda: 1"], "no plain arithmetic"),
        (["open(x)", "x=1"], "calls 'open'; the functions are"),
        (["sin", "x=1"], "uses the function 'sin' without arguments"),
        (["max(x)", "x=1"], "gives 'max' 1 arguments, it takes 2"),
        (["'a'*x", "x=1"], "no plain arithmetic"),
        (["x if x else 1", "x=1"], "no plain arithmetic"),
        (["x+y", "x=1"], "has no value for y"),
        (["x", "x=one"], "NAME=NUMBER"),
        (["x", "1"], "NAME=NUMBER"),
        (["x", "x=1", "y=2"], "a name in the expression: x"),
        (["x", "x=1", "x=2"], "it has one already"),
        (["x*" * 1500 + "x", "x=1"], "at most 2000 are read"),
        (["(" * 500 + "x" + ")" * 500, "x=1"], "cannot be parsed"),
        (["9**9", "--args", "args.npz"], "MODULE:FUNCTION with --args"),
        (["1" + "0" * 400 + "*x", "x=1"], "too large"),
        (["x", "x=1", "--wrt", "w"], "'w' is none of the values"),
        (["1+1"], "depends on none of the inputs"),
        (["model_to_explain.py:loss", "x=1"], "a function takes --args or --shape"),
        (["model_to_explain.py:rows"], "array of shape (2,)"),
        (["model_to_explain.py:rows", "--entry", "one"], "an index such as 0 or 1,2"),
        (["model_to_explain.py:nothing"], "has no function 'nothing'"),
        (
            ["model_to_explain.py:rows", "--entry", "0", "--tex", "no/such/out.tex"],
            "cannot be written",
        ),
    ],
)
def test_bad_input_is_told(folder, capsys, words, message):
    assert main(["explain", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Hint:" in error
    assert "Traceback" not in error


def test_a_function_that_fails_half_way_shows_how_far_it_came(folder, capsys):
    assert main(["explain", "model_to_explain.py:fails"]) == 2
    error = capsys.readouterr().err
    assert "out of cheese" in error
    assert "sin(w)" in error
    assert "h = np.sin(w)" in error


def test_infinities_are_shown(capsys):
    assert main(["explain", "log(x)", "x=0"]) == 0
    assert "−inf" in capsys.readouterr().out


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    table = ["a,b,kind,size"]
    rng = np.random.default_rng(0)
    for _ in range(40):
        a, b = rng.standard_normal(2)
        table.append(f"{a:.4f},{b:.4f},{int(a < b)},{a + 2 * b:.4f}")
    (folder / "data.csv").write_text("\n".join(table) + "\n")
    common = ["--epochs", "2", "--hidden", "3", "--out", str(folder)]
    assert main(["train", str(folder / "data.csv"), "--target", "kind", *common]) == 0
    assert main(["train", str(folder / "data.csv"), "--target", "size", *common]) == 0
    return folder


def test_an_example_of_a_run_is_explained(runs, capsys):
    capsys.readouterr()
    assert main(["explain", str(runs / "data-001"), "--sample", "3"]) == 0
    printed = capsys.readouterr().out
    assert "example 3 of the test part of" in printed
    assert "with probability" in printed
    assert "sample.py" in printed
    assert "∂loss/∂layers[0].weight" in printed
    assert "good" in printed
    assert "wrong" not in printed
    weight = ["--wrt", "layers[1].weight[0,1]", "--path"]
    assert main(["explain", str(runs / "data-001"), *weight]) == 0
    assert "the chain rule" in capsys.readouterr().out


def test_an_example_of_a_regression_is_explained(runs, capsys):
    capsys.readouterr()
    assert main(["explain", str(runs / "data-002"), "--sample", "0", "--wrt", "prediction"]) == 0
    printed = capsys.readouterr().out
    assert "size is" in printed
    assert "2·(prediction − " in printed


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["{runs}/data-001", "--sample", "999"], 2, "a number from 0 to"),
        (["{runs}/data-001", "--sample", "-1"], 2, "a number from 0 to"),
        (["{runs}/data-001", "x=1"], 2, "a run folder takes --sample"),
        (["{runs}/data-001", "--args", "a.npz"], 2, "a run folder takes --sample"),
        (["{runs}/data-001", "--shape", "3"], 2, "a run folder takes --sample"),
        (["{runs}/nothing", "--sample", "1"], 3, "config.json"),
        (["{runs}", "--sample", "1"], 3, "config.json"),
        (["x*y", "x=1", "y=2", "--svg", "no/such.svg"], 2, "cannot be written"),
        (["x*y", "x=1", "y=2", "--svg", "a.svg", "--view", "flower"], 2, "'graph'"),
    ],
)
def test_bad_input_about_runs_and_files_is_told(folder, runs, capsys, words, code, message):
    capsys.readouterr()
    assert main(["explain", *(word.format(runs=runs) for word in words)]) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_page_is_written(folder, capsys):
    assert main(["explain", "(x+y)*z", "x=-2", "y=5", "z=-4", "--html", "out.html"]) == 0
    text = (folder / "out.html").read_text(encoding="utf-8")
    assert text.lower().startswith("<!doctype html>")
    assert main(["explain", "x*y", "x=1", "y=2", "--html", "no/such.html"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_picture_is_written(folder, capsys):
    files = ["--svg", "out.svg", "--html", "out.html"]
    assert main(["explain", "(x+y)*z", "x=-2", "y=5", "z=-4", *files]) == 0
    assert (folder / "out.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert (folder / "out.svg").read_text(encoding="utf-8").startswith("<svg")
