"""What rules compute with: an emitter, and whether there are instructions for an op.

An op is lowered by an emitter's method of the op's name, or where it has none by the rule that the op's entry in the
table states, `lower(e, *args)`, in the methods of an emitter `e` and Python's operators. There are several emitters:
`llvm_emitter` writes LLVM's text, `numpy_emitter` computes at once.

Every emitter has, besides the methods by the names of ops:

- `number(value, like)`: a number in the dtype of another value;
- `cast(x, dtype)`: `x` in another dtype, as `astype` does;
- `exactly()`: within it every sum and product is rounded on its own;

and its values have a `dtype` and take the operators `+ - * / < <= > >= & | ^ ~`, with Python numbers as well. The
arguments of a method are of the dtypes that NumPy's loop for it works on; `where` takes a bool and two of one dtype.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.costs import written
from chainrule.compiler.emission.llvm_emitter import LlvmEmitter
from chainrule.compiler.emission.values import is_supported
from chainrule.core.op import Op

DType = np.dtype[Any]


def rule_of(op: Op) -> Callable[..., Any] | None:
    """Return the rule by which an op is lowered, or None: it is no function of single elements."""
    if op.kind != "composite" and hasattr(LlvmEmitter, op.name):
        return _methods(op.name)
    return op.lower


@functools.cache
def _methods(name: str) -> Callable[..., Any]:
    def method(e: Any, *args: Any, **params: Any) -> Any:
        return getattr(e, name)(*args, **params)

    method.__name__ = name
    return method


def supports(op: Op, dtypes: Sequence[DType], params: Mapping[str, Any] | None = None) -> bool:
    """Say whether there are instructions for an op on arguments of these dtypes, cast already for its loop."""
    return result_dtype(op, dtypes, params) is not None


def result_dtype(
    op: Op, dtypes: Sequence[DType], params: Mapping[str, Any] | None = None
) -> DType | None:
    """Return the dtype of what an op's rule computes of arguments of these dtypes, or None: it cannot."""
    rule = rule_of(op)
    if rule is None or not all(map(is_supported, dtypes)):
        return None
    if params:
        return _tried(functools.partial(rule, **params), tuple(dtypes))
    return _remembered(rule, tuple(dtypes))


def _tried(rule: Callable[..., Any], dtypes: tuple[DType, ...]) -> DType | None:
    """Run a rule on an emitter whose text nobody reads."""
    tried = written(rule, dtypes)
    return tried[0] if tried else None


_remembered = functools.lru_cache(maxsize=4096)(_tried)
