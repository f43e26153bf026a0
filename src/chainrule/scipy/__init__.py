"""SciPy with the right rule: the same names and the same values, and derivatives where an argument is traced.

Calls of `scipy.linalg.solve` and the like inside a function that is differentiated come here by themselves, whatever
way the function was imported; these modules are for code that prefers to say so. `minimize` is the other way round:
SciPy's optimisers, fed with exact gradients.
"""

import importlib
from typing import TYPE_CHECKING, Any

from chainrule.forks import forks_wait

if TYPE_CHECKING:
    from chainrule.scipy import integrate, interpolate, linalg, optimize, sparse, special
    from chainrule.scipy.minimizing import minimize

__all__ = ["integrate", "interpolate", "linalg", "minimize", "optimize", "sparse", "special"]

_MODULES = frozenset(__all__) - {"minimize"}


def __getattr__(name: str) -> Any:
    """Import a module, and the part of SciPy it needs, at its first use."""
    with forks_wait():
        if name in _MODULES:
            return importlib.import_module(f"chainrule.scipy.{name}")
        if name == "minimize":
            return importlib.import_module("chainrule.scipy.minimizing").minimize
    message = f"module 'chainrule.scipy' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
