"""The names users rely on: adding one is a decision, losing one is a bug."""

import gc
import subprocess
import sys
import weakref

import chainrule as cr

NAMES = """
    check_gradients compile custom_rule data diagnose explain grad hessian hvp jacobian jvp nn numpy optim scipy
    stop_gradient trace train value_and_grad vjp
"""
HEAVY = ("scipy", "llvmlite", "rich", "typer", "safetensors", "chainrule.train", "chainrule.cli")


def test_the_public_names_are_these():
    assert cr.__all__ == NAMES.split()


def test_every_public_name_is_there():
    assert all(getattr(cr, name) is not None for name in cr.__all__)
    assert set(cr.__all__) == set(dir(cr))


def test_naming_a_function_again_does_not_keep_what_is_young_from_the_collector():
    class Cycle:
        def __init__(self):
            self.itself = self

    assert cr.compile
    lives = weakref.ref(Cycle())
    assert cr.compile
    gc.collect(0)
    assert lives() is None


def test_importing_chainrule_loads_nothing_heavy():
    code = "import sys, chainrule; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(HEAVY) & set(loaded.stdout.split())
