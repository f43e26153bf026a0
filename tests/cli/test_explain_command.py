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
