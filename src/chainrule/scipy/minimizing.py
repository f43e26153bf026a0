"""`minimize`: SciPy's optimisers with exact gradients and Hessian products, for parameters in any container."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.autodiff.transforms import hvp, value_and_grad
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Shape, Value
from chainrule.errors import ArgumentError
from chainrule.scipy import optimize
from chainrule.scipy.calls import plain

_WITH_GRADIENT = ("BFGS", "L-BFGS-B", "CG", "SLSQP", "TNC")
_WITH_HESSIAN = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")
_METHODS = _WITH_GRADIENT + _WITH_HESSIAN


def minimize(
    f: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    *,
    method: str = "L-BFGS-B",
    **options: Any,
) -> Any:
    """Minimise a function of parameters in any container, from its exact gradient.

    Args:
        f: returns one number for parameters in the container of `x0`, and `args`.
        x0: where the search starts: an array or a nest of dicts, lists, tuples and dataclasses of arrays.
        args: further arguments of `f`.
        method: "L-BFGS-B", "BFGS", "CG", "SLSQP" or "TNC", which use gradients; or "Newton-CG", "trust-ncg",
            "trust-krylov" or "trust-constr", which use products with the Hessian as well.
        **options: SciPy's `bounds`, `constraints`, `tol`, `callback` and `options`; they see the parameters as one
            vector, bounds may also be a pair of containers like `x0`.

    Returns:
        SciPy's result; `x` and `jac` are in the container of `x0`.

    Raises:
        ArgumentError: the method is none of these.

    Example:
        >>> import numpy as np
        >>> result = minimize(
        ...     lambda p: (p["a"] - 3.0) ** 2 + np.sum(p["b"] ** 2), {"a": 0.0, "b": np.ones(2)}
        ... )
        >>> round(float(result.x["a"]), 6), result.x["b"].shape
        (3.0, (2,))
    """
    known = {name.lower(): name for name in _METHODS}
    if method.lower() not in known:
        raise ArgumentError.from_choice("minimize", "method", method, _METHODS)
    leaves, structure = tree.flatten(x0)
    shapes = [type_of(x).shape for x in leaves]

    def packed(x: Value) -> Any:
        return tree.unflatten(structure, _split(x, shapes))

    def of_vector(x: Value) -> Value:
        return f(packed(x), *args)

    start = np.concatenate([np.zeros(0), *(np.ravel(plain(x)) for x in leaves)])
    if method.lower() in {name.lower() for name in _WITH_HESSIAN}:
        options["hessp"] = lambda x, p: hvp(of_vector, (x,), (p,))[0]
    if _is_pair_of(structure, options.get("bounds")):
        low, high = map(_flattened, options["bounds"])
        options["bounds"] = list(zip(low, high, strict=True))
    result = optimize.minimize(
        of_vector,
        start,
        method=method,
        jac=lambda x: value_and_grad(of_vector)(x)[1],
        **options,
    )
    result["x"] = packed(result["x"])
    # Of trust-constr, jac holds those of the constraints.
    for name in {"jac", "grad"} & set(result):
        if type(result[name]) is np.ndarray:
            result[name] = packed(result[name])
    return result


def _split(x: Value, shapes: Sequence[Shape]) -> list[Value]:
    """Return the parts of a vector in their shapes."""
    parts, start = [], 0
    for shape in shapes:
        count = int(np.prod(shape, dtype=int))
        part = FRONTS["getitem"](x, slice(start, start + count))
        parts.append(FRONTS["reshape"](part, shape) if shape else part[0])
        start += count
    return parts


def _is_pair_of(structure: Any, bounds: Any) -> bool:
    """Say whether the bounds are two containers like the parameters', rather than SciPy's list of pairs."""
    if structure.is_leaf or not isinstance(bounds, tuple) or len(bounds) != 2:
        return False
    return all(tree.flatten(side)[1] == structure for side in bounds)


def _flattened(container: Any) -> Any:
    return np.concatenate([np.ravel(x) for x in tree.leaves(container)])
