"""The commands check and ops."""

import numpy as np
import pytest

from chainrule.cli import main
from chainrule.cli.functions import parse_shape
from chainrule.core.op import BY_NUMPY
from chainrule.errors import UsageError

MODEL = """
import numpy as np

SIZE = 3

def loss(w, x, y=2.0):
    return np.mean((np.tanh(x @ w) - y) ** 2)

def ready(w=np.array([1.0, 2.0])):
    return np.sum(np.exp(w))

def cut(w=np.array([1.0, 2.0])):
    import chainrule as cr
    return np.sum(w * cr.stop_gradient(w))

def fails(w=np.ones(2)):
    raise RuntimeError("out of cheese")

def escapes(w=1.0):
    import math
    return math.sin(w)

def many(w=np.ones(3)):
    return w * 2

def words(text="a", count=3):
    return 1.0

def _own():
    pass
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_to_check.py").write_text(MODEL)
    (tmp_path / "broken_to_check.py").write_text("1 / 0\n")
    return tmp_path


def test_a_right_gradient_is_confirmed(folder, capsys):
    assert main(["check", "model_to_check.py:loss", "--shape", "4", "--shape", "5,4"]) == 0
    printed = capsys.readouterr().out
    assert "w" in printed
    assert "x" in printed


def test_a_module_of_this_folder_is_found_and_defaults_are_used(folder, capsys):
    assert main(["check", "model_to_check:ready"]) == 0
    assert "w" in capsys.readouterr().out


def test_a_wrong_gradient_ends_with_1(folder, capsys):
    assert main(["check", "model_to_check.py:cut"]) == 1


@pytest.mark.parametrize("named", [True, False])
def test_arguments_come_from_a_file(folder, capsys, rng, named):
    w, x = rng.normal(size=4), rng.normal(size=(2, 4))
    np.savez("args.npz", **({"w": w, "x": x} if named else {"arr_0": w, "arr_1": x}))
    assert main(["check", "model_to_check.py:loss", "--args", "args.npz"]) == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["model"], "model: is not the name of a function"),
        (["nothing_like_it:loss"], "importing nothing_like_it failed: ModuleNotFoundError"),
        (["none.py:loss"], "importing none.py failed: FileNotFoundError"),
        (["broken_to_check.py:f"], "importing broken_to_check.py failed: ZeroDivisionError"),
        (
            ["model_to_check.py:los"],
            "has no function 'los'; its functions: cut, escapes, fails, loss, many, ",
        ),
        (["model_to_check.py:SIZE"], "has no function 'SIZE'"),
        (["model_to_check.py:loss"], "parameter 'w' has no value"),
        (["model_to_check.py:loss", "--shape", "4"], "parameter 'x' has no value"),
        (["model_to_check.py:loss", *4 * ["--shape", "4"]], "got 4 shapes for 3 parameters"),
        (["model_to_check.py:loss", "--shape", "4x"], "--shape: got '4x'. Expected sizes"),
        (["model_to_check.py:loss", "--args", "none.npz"], "--args: got 'none.npz'. Expected"),
        (["model_to_check.py:loss", "--args", "text.npz"], "--args: got 'text.npz'. Expected"),
        (["model_to_check.py:loss", "--args", "other.npz"], "arrays named w, x, y; not z"),
        (["model_to_check.py:loss", "--args", "a.npz", "--shape", "4"], "both --args and --shape"),
        (
            ["model_to_check.py:loss", "--shape", "4", "--shape", "3"],
            "(at model_to_check.py:7: return np.mean((np.tanh(x @ w) - y) ** 2))",
        ),
        (
            ["model_to_check.py:fails"],
            "RuntimeError: out of cheese (at model_to_check.py:17: raise Run",
        ),
        (["model_to_check.py:escapes"], "(at model_to_check.py:21: return math.sin(w))"),
        (["model_to_check.py:many"], "A gradient needs one number (at model_to_check.py:23: def m"),
        (["model_to_check.py:words"], "no argument holds floats only. Expected a float number or"),
        (["model_to_check.py:_own"], "check_gradients: the function was called without arguments"),
    ],
)
def test_mistakes_are_told_without_a_traceback(folder, capsys, argv, message):
    (folder / "text.npz").write_text("no archive")
    np.savez("other.npz", z=np.ones(3))
    assert main(["check", *argv]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Hint: " in captured.err


def test_shapes_are_read():
    assert [parse_shape(text) for text in ("3,4", "(3,)", "0,2")] == [(3, 4), (3,), (0, 2)]
    with pytest.raises(UsageError, match="--shape: got '-1'"):
        parse_shape("-1")


def test_ops_lists_the_table(capsys):
    assert main(["ops"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["exp", "elementwise"] for line in lines)


def test_ops_shows_one(capsys):
    assert main(["ops", "np.exp"]) == 0
    printed = capsys.readouterr().out
    assert "elementwise" in printed
    assert "np.exp" in printed


def test_an_unknown_op_is_told_with_those_near(capsys):
    assert main(["ops", "exq"]) == 2
    told = capsys.readouterr().err
    assert "exq: is not an operation with a rule" in told
    assert "did you mean exp" in told


def test_missing_functions_are_numpys_without_a_rule(capsys, monkeypatch):
    assert main(["ops", "--missing"]) == 0
    assert "np.exp" not in capsys.readouterr().out.split()
    monkeypatch.delitem(BY_NUMPY, np.exp)
    assert main(["ops", "--missing"]) == 0
    assert "np.exp" in capsys.readouterr().out.split()
