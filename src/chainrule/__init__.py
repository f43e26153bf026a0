"""chainrule: backpropagation for the NumPy code people already have.

>>> import numpy as np
>>> import chainrule as cr
>>> cr.grad(lambda x: np.sin(x) ** 2)(0.5)
0.8414709848078965
"""

import importlib
from typing import TYPE_CHECKING, Any

import chainrule.ops  # noqa: F401  fills the table
from chainrule.autodiff.check import check_gradients
from chainrule.autodiff.custom import custom_rule, stop_gradient
from chainrule.autodiff.modes import jvp, vjp
from chainrule.autodiff.transforms import grad, hessian, hvp, jacobian, value_and_grad

if TYPE_CHECKING:
    from chainrule import data, nn, optim, train

__all__ = [
    "check_gradients",
    "custom_rule",
    "data",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "nn",
    "optim",
    "stop_gradient",
    "train",
    "value_and_grad",
    "vjp",
]

_PACKAGES = frozenset({"data", "nn", "optim", "train"})


def __getattr__(name: str) -> Any:
    """Import a package at its first use: who wants a gradient does not wait for the trainer."""
    if name in _PACKAGES:
        return importlib.import_module(f"chainrule.{name}")
    message = f"module 'chainrule' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
