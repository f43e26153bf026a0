"""A model in a notebook: its parameters with their shapes, and how many numbers they are."""

from __future__ import annotations

from typing import Any

from chainrule import tree
from chainrule.core.cells import type_of
from chainrule.markup import table


def summary_html(model: Any) -> str:
    """Return a table of a model's parameters; a model shows it as its `_repr_html_`.

    >>> from chainrule.nn.layers import Linear
    >>> import numpy as np
    >>> "weight" in summary_html(Linear(np.ones((2, 3))))
    True
    """
    leaves = zip(tree.paths(model, "model"), tree.leaves(model), strict=True)
    known = [(path.removeprefix("model."), type_of(x)) for path, x in leaves if x is not None]
    rows = [(path, str(t), f"{t.size:,}") for path, t in known]
    total = sum(t.size for _, t in known)
    caption = f"{type(model).__name__}: {total:,} parameters"
    return table(caption, ("parameter", "type", "numbers"), rows)
