"""The functions of `scipy.special` that have no rule, each with its reason, and those that are constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import Value
from chainrule.ops.kinds import constant
from chainrule.ops.special import named, scipy_function, special_ufunc, type_rule

_INEXACT = (
    "SciPy finds it to about five digits only, so that a derivative would not be that of its values"
)
_ROUGH = (
    "SciPy finds it to about seven digits, so that a derivative would not be that of its values"
)


def _refused(reason: str, *arguments: Any, names: tuple[str, ...]) -> None:
    """Declare functions without derivative; the arguments are those of the sample."""
    for name in names:
        constant(
            name,
            _calling(name),
            infer=type_rule(name),
            names=(),
            undefined=reason,
            ufunc=special_ufunc(name),
            arity=len(arguments),
            samples=(Sample(*arguments, domain=(0.3, 0.7), prepare=_double),),
        )
        named(name)


def _double(x: Value) -> Value:
    return np.astype(x, np.float64)  # in single precision SciPy's pro_cv and obl_cv do not return


def _calling(name: str) -> Any:
    return lambda *args: scipy_function(name)(*args)


_refused(_ROUGH, 2.0, (2,), 0.5, names=("nctdtridf",))
_refused(_INEXACT, 3.0, 5.0, (2,), 0.8, names=("ncfdtrinc",))
_refused(_INEXACT, (2,), 3.0, 0.5, 0.8, names=("ncfdtridfd", "ncfdtridfn"))

constant(
    "gammasgn",
    _calling("gammasgn"),
    infer=type_rule("gammasgn"),
    names=(),
    ufunc=special_ufunc("gammasgn"),
    samples=(Sample((2, 3)), Sample(())),
)
named("gammasgn")
