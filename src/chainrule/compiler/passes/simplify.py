"""The pass `simplify`, and its rules."""

from __future__ import annotations

import numpy as np

from chainrule.compiler.passes.rewrite import Rewrite, first_of, rewritten
from chainrule.core.graph import Graph

RULES = (
    Rewrite(lambda x: x * 1, lambda x: x, kinds="fiu"),
    Rewrite(lambda x: x * -1, lambda x: -x, kinds="fi"),
    Rewrite(lambda x: x / 1, lambda x: x),
    Rewrite(lambda x: x / -1, lambda x: -x),
    Rewrite(lambda x: x - 0.0, lambda x: x, kinds="fc"),
    Rewrite(lambda x: x - 0, lambda x: x, kinds="iu"),
    Rewrite(lambda x: x + 0, lambda x: x, kinds="iu"),
    Rewrite(lambda x: x + -0.0, lambda x: x),
    Rewrite(lambda x: -(-x), lambda x: x, kinds="fci"),
    Rewrite(lambda x, y: x + (-y), lambda x, y: x - y, kinds="fciu"),
    Rewrite(lambda x, y: x - (-y), lambda x, y: x + y, kinds="fciu"),
    Rewrite(lambda x, y: (-x) * (-y), lambda x, y: x * y, kinds="fiu"),
    Rewrite(lambda x, y: (-x) / (-y), lambda x, y: x / y),
    Rewrite(lambda x: np.abs(-x), lambda x: np.abs(x)),
    Rewrite(lambda x: np.abs(np.abs(x)), lambda x: np.abs(x), kinds="fiu"),
    Rewrite(lambda x: np.square(-x), lambda x: np.square(x), kinds="fci"),
    Rewrite(lambda x: np.square(np.abs(x)), lambda x: np.square(x), kinds="fi"),
    Rewrite(lambda x: np.maximum(x, x), lambda x: x, kinds="fiub"),
    Rewrite(lambda x: np.minimum(x, x), lambda x: x, kinds="fiub"),
    Rewrite(lambda x: x**1, lambda x: x, kinds="fiu"),
    Rewrite(lambda condition, x: np.where(condition, x, x), lambda condition, x: x, kinds="fciub"),
    Rewrite(lambda condition: ~~condition, lambda condition: condition, kinds="b"),
)
"""Rules that give the same bits, but for which NaN it is.

Absent on purpose: `x + 0.0` (-0.0 becomes 0.0), `x * 0` (inf, NaN), `-(x - y)` (0.0 becomes -0.0), `x ** 0.5` (-0.0 and
-inf; but see `take_roots`), and complex products and quotients (inf * 1 has a NaN part).
"""


def simplify(graph: Graph) -> Graph:
    """Apply identities of arithmetic that hold for NaN, infinities and signed zeros too.

        a = negative(y)
        b = add(x, a)          b = subtract(x, y)
        c = multiply(b, 1)
        return c        ->     return b

    >>> from chainrule.compiler.passes.drop_unused import drop_unused
    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> print(drop_unused(simplify(recorded(lambda x, y: (x + -y) * 1))))
    input x0: float64[]
    input x1: float64[]
    v0 = subtract(x0, x1)  : float64[]
    return v0
    """
    return rewritten(graph, _RULE)


_RULE = first_of(RULES)
