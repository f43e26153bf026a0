"""Functions of `numpy.random`, such as `np.random.rand`: a capture is told what they draw, see `draws.py`.

They are methods of one generator. Stand-ins for them are put into NumPy's module while a step is captured, if that
module has been imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.compiler.generators import DRAWING


def _telling(name: str) -> Callable[..., Any]:
    def drawn(*args: Any, **options: Any) -> Any:
        capture = DRAWING.get()
        if capture is None:
            return getattr(OF_MODULE, name)(*args, **options)
        return capture.draw(OF_MODULE, name, args, options)

    return drawn


OF_MODULE: Any = np.random.mtrand._rand  # noqa: SLF001  it has no other name
"""The generator of the module's functions."""
STAND_INS = [
    (np.random, name, _telling(name))
    for name, x in vars(np.random).items()
    if callable(x) and getattr(x, "__self__", None) is OF_MODULE and hasattr(OF_MODULE, name)
]
"""Rows as `Rerouting` takes them."""
