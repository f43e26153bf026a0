"""chainrule: backpropagation for the NumPy code people already have.

>>> import numpy as np
>>> import chainrule as cr
>>> cr.grad(lambda x: np.sin(x) ** 2)(0.5)
0.8414709848078965
"""

import functools
import importlib
from typing import TYPE_CHECKING, Any

from chainrule.collector import promote, without_collector

with without_collector():
    import chainrule.ops  # noqa: F401  fills the table
    from chainrule.autodiff.custom import custom_rule, stop_gradient
    from chainrule.autodiff.modes import jvp, vjp
    from chainrule.autodiff.transforms import grad, hessian, hvp, jacobian, value_and_grad
    from chainrule.compiler.compiled import compile  # noqa: A004  the fixed public name
    from chainrule.core.interchange import register_namespace
    from chainrule.core.reroute import STAND_INS
    from chainrule.forks import forks_wait
promote()

if TYPE_CHECKING:
    from chainrule import data, nn, numpy, optim, scipy, train
    from chainrule.autodiff.check import check_gradients
    from chainrule.explanation.diagnose import diagnose
    from chainrule.explanation.explanation import explain
    from chainrule.explanation.tape import trace

__all__ = [
    "check_gradients",
    "compile",
    "custom_rule",
    "data",
    "diagnose",
    "explain",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "nn",
    "numpy",
    "optim",
    "scipy",
    "stop_gradient",
    "trace",
    "train",
    "value_and_grad",
    "vjp",
]

_PACKAGES = frozenset({"data", "nn", "numpy", "optim", "scipy", "train"})
_FUNCTIONS = {
    "check_gradients": "autodiff.check",
    "diagnose": "explanation.diagnose",
    "explain": "explanation.explanation",
    "trace": "explanation.tape",
}
_OF_SCIPY = ("integrate", "interpolate", "linalg", "optimize", "sparse", "sparse.linalg", "special")
STAND_INS.update({f"scipy.{name}": f"chainrule.scipy.{name}" for name in _OF_SCIPY})


def __getattr__(name: str) -> Any:
    """Import a package at its first use: who wants a gradient does not wait for the trainer."""
    if name not in _PACKAGES and name not in _FUNCTIONS:
        message = f"module 'chainrule' has no attribute {name!r}"
        raise AttributeError(message)
    with forks_wait(), without_collector():
        module = importlib.import_module(f"chainrule.{_FUNCTIONS.get(name, name)}")
        promote()
    found = getattr(module, name) if name in _FUNCTIONS else module
    globals()[name] = (
        found  # to promote what is young each time would keep the collector from all of it
    )
    return found


register_namespace(functools.partial(__getattr__, "numpy"))


def __dir__() -> list[str]:
    return sorted(__all__)
