"""The emitter that writes LLVM's text: a method for every op, by the op's name."""

from __future__ import annotations

from typing import Any

from chainrule.compiler.arithmetic import Arithmetic
from chainrule.compiler.integers import Integers
from chainrule.compiler.maths import exponentials
from chainrule.compiler.values import AnyValue, Pair


class LlvmEmitter(Integers, Arithmetic):
    """Writes what an op computes into a function."""

    def exp(self, x: AnyValue) -> Any:
        return self._of_float(exponentials.exp, x)

    def _of_float(self, function: Any, *args: Any) -> Any:
        values = self.matched(*args)
        if any(isinstance(v, Pair) or v.dtype.kind != "f" for v in values):
            raise self.unsupported(function.__name__, *values)
        return function(self, *values)
