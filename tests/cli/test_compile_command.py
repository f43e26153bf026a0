"""The command compile."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import main
from chainrule.cli.compile import SHOWN
from chainrule.compiler.passes import PASSES

MODEL = """
import numpy as np

def loss(w, x):
    unused = np.exp(x)
    return np.mean(np.tanh(x @ w) ** 2)

def branches(x=np.array([1.0, -2.0])):
    if np.sum(x) > 0:
        return x
    return np.sort(np.outer(x, x))

def escapes(x=np.array([1.0, -2.0])):
    return float(str(x[0]))

def fails(w=np.ones(2)):
    raise RuntimeError("out of cheese")

def misfits(w=np.ones(2), x=np.ones(3)):
    return w + x
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAINRULE_CACHE", "off")
    (tmp_path / "model_to_compile.py").write_text(MODEL)
    np.savez("args.npz", w=rng.normal(size=3), x=rng.normal(size=(4, 3)))
    return tmp_path


def shown(capsys, name, *options):
    assert main(["compile", f"model_to_compile.py:{name}", *options]) == 0
    return capsys.readouterr().out


def test_the_report_is_shown_if_nothing_else_is_asked_for(folder, capsys):
    report = shown(capsys, "loss", "--args", "args.npz")
    assert report == "specialization 0: 5 nodes, 4 statements\n"
    assert shown(capsys, "loss", "--args", "args.npz", "--show", "report") == report


def test_the_report_tells_guards_and_what_numpy_computes(folder, capsys):
    report = shown(capsys, "branches")
    assert "1 guard," in report
    assert "argsort" in report
    assert "is computed by NumPy" in report


def test_the_report_tells_why_a_function_runs_eagerly(folder, capsys):
    assert "runs eagerly: " in shown(capsys, "escapes")


@pytest.mark.parametrize("what", [name for name in SHOWN if name != "asm"])
def test_what_is_shown_is_what_the_compiled_function_says(folder, capsys, what):
    printed = shown(capsys, "loss", "--args", "args.npz", "--show", what)
    namespace = {}
    exec(MODEL, namespace)  # noqa: S102  our own text
    compiled = cr.compile(namespace["loss"])
    with np.load("args.npz") as arguments:
        compiled(arguments["w"], arguments["x"])
    said = compiled.report() if what == "report" else getattr(compiled, what)
    assert printed == f"{said}\n"


def test_machine_code_is_shown_as_text(folder, capsys):
    assert "step0" in shown(capsys, "loss", "--args", "args.npz", "--show", "asm")


@pytest.mark.parametrize("name", sorted({p.__name__ for p in PASSES}))
def test_the_graph_after_every_run_of_a_pass_is_shown(folder, capsys, name):
    printed = shown(capsys, "loss", "--args", "args.npz", "--show", name)
    places = [i for i, p in enumerate(PASSES, 1) if p.__name__ == name]
    heads = [line for line in printed.splitlines() if line.startswith("after ")]
    assert heads == [f"after {name}, pass {i} of {len(PASSES)}" for i in places]
    assert "tanh(" in printed


def test_a_pass_is_shown_with_those_before_it_and_without_those_after(folder, capsys):
    first = shown(capsys, "loss", "--args", "args.npz", "--show", "drop_unused").split("after ")[1]
    assert "power(" in first
    assert "exp(" not in first
    last = shown(capsys, "loss", "--args", "args.npz", "--show", "collect_additions")
    assert "square(" in last


def test_arguments_may_be_random(folder, capsys):
    printed = shown(
        capsys, "loss", "--shape", "2", "--shape", "5,2", "--seed", "3", "--show", "graph"
    )
    assert "float64[5, 2]" in printed


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["model"], "model: is not the name of a function"),
        (["model_to_compile.py:los"], "has no function 'los'"),
        (["model_to_compile.py:loss"], "parameter 'w' has no value"),
        (["model_to_compile.py:loss", "--args", "none.npz"], "--args: got 'none.npz'. Expected"),
        (["model_to_compile.py:loss", "--args", "text.npz"], "--args: got 'text.npz'. Expected"),
        (["model_to_compile.py:branches", "--show", "tree"], "--show: got 'tree'. Expected one of"),
        (["model_to_compile.py:branches", "--show", ""], "--show: got ''. Expected one of"),
        (
            ["model_to_compile.py:fails"],
            "RuntimeError: out of cheese (at model_to_compile.py:17: raise Run",
        ),
        (["model_to_compile.py:misfits"], "(at model_to_compile.py:20: return w + x)"),
    ],
)
def test_mistakes_are_told_without_a_traceback(folder, capsys, argv, message):
    (folder / "text.npz").write_text("no archive")
    assert main(["compile", *argv]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert "Hint: " in told.err
    assert "Traceback" not in told.err
    assert not told.out


def test_there_is_no_machine_code_of_a_function_that_runs_eagerly(folder, capsys):
    assert main(["compile", "model_to_compile.py:escapes", "--show", "llvm"]) == 1
    told = capsys.readouterr().err
    assert "there is nothing to show" in told
    assert "runs eagerly: " in told
