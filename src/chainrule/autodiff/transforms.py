"""Gradients, Jacobians, Hessians: built on the two modes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.autodiff.arguments import (
    borrowed,
    check_tuples,
    enter,
    map_result,
    normalized_argnums,
    plain_result,
)
from chainrule.autodiff.modes import belongs, gradients_of, jvp, trace_reverse, vjp
from chainrule.autodiff.reverse import zeros_for
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ContainerError, DTypeError, ShapeError

Argnums = int | Sequence[int]


def value_and_grad(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,  # noqa: FBT001, FBT002  the fixed signature
    *,
    strong_zero: bool = False,
) -> Callable[..., Any]:
    """Return a function that computes `f` and its gradient.

    Args:
        f: returns one real number; with `has_aux` a pair of that number and anything else.
        argnums: the positional argument, or a tuple of them, to differentiate with respect to.
        has_aux: whether `f` returns such a pair.
        strong_zero: let a zero cotangent stop at once (0 · inf = 0). It cures the NaN that an untaken branch of
            `np.where` makes: `np.where(x > 0, np.log(x), 0.0)` at 0.

    Returns:
        A function with the arguments of `f` that returns `(value, gradient)`; with `has_aux`
        `((value, aux), gradient)`. The gradient has the container, shapes and dtypes of the
        argument; with a tuple of `argnums` it is a tuple. For complex arguments it is ∂f/∂Re −
        i·∂f/∂Im.

    Raises:
        ShapeError: `f` returned something else than one number.
        DTypeError: `f` returned a complex number, or the argument holds integers.
        EscapedValueError: a traced value left the trace, for example through `float()` or
            `math.sin`.

    Examples:
        >>> import numpy as np
        >>> value_and_grad(lambda w: np.sum(w**2))(np.array([1.0, 2.0]))
        (np.float64(5.0), array([2., 4.]))
    """

    @functools.wraps(f, updated=())
    def value_and_gradient(*args: Any, **options: Any) -> Any:
        positions = normalized_argnums("grad", argnums, len(args))
        entered = [enter("grad", args[i], f"argument {i}") for i in positions]
        out, inputs, level = trace_reverse(f, positions, args, entered, options)
        aux = None
        if has_aux:
            out, aux = _pair(out)
            aux = map_result(plain_result, aux)
        _check_scalar(out)
        mine = belongs(out, level)
        value = plain_result(out.out if mine else out)
        seed = type_of(out).dtype.type(1)
        gradients = gradients_of(
            seed, out.node if mine else None, inputs, entered, strong_zero=strong_zero
        )
        gradient = gradients[0] if isinstance(argnums, (int, np.integer)) else tuple(gradients)
        return ((value, aux), gradient) if has_aux else (value, gradient)

    return value_and_gradient


def grad(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,  # noqa: FBT001, FBT002  the fixed signature
    *,
    strong_zero: bool = False,
) -> Callable[..., Any]:
    """Return a function that computes the gradient of `f`.

    Arguments, results and errors are those of `value_and_grad`, without the value; with `has_aux`
    the function returns `(gradient, aux)`.

    Examples:
        >>> grad(lambda x: x**3)(2.0)
        12.0
        >>> grad(grad(lambda x: x**3))(2.0)
        12.0
    """
    both = value_and_grad(f, argnums, has_aux, strong_zero=strong_zero)

    @functools.wraps(f, updated=())
    def gradient(*args: Any, **options: Any) -> Any:
        value, g = both(*args, **options)
        return (g, value[1]) if has_aux else g

    return gradient


def _pair(out: Any) -> tuple[Any, Any]:
    if not isinstance(out, tuple) or len(out) != 2:
        raise ContainerError.from_mismatch("has_aux", type(out).__name__, "a tuple (value, aux)")
    return out


def _check_scalar(out: Any) -> None:
    if not tree.is_leaf(out) and not isinstance(out, bool):
        raise ShapeError.from_no_number(
            "grad", "None" if out is None else f"a {type(out).__name__}"
        )
    t = type_of(out)
    if t.shape != ():
        raise ShapeError.from_non_scalar("grad", t.shape)
    if t.dtype.kind == "c":
        raise DTypeError.from_complex_output("grad", t.dtype)


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> Callable[..., Any]:
    """Return a function that computes every partial derivative of every element of the result.

    Args:
        f: a function of arrays or containers of arrays, with a result of the same kind.
        argnums: the positional argument, or a tuple of them, to differentiate with respect to.
        mode: `"reverse"` sweeps once per element of the result, `"forward"` runs once per element
            of the argument, `"auto"` does what is fewer.

    Returns:
        A function with the arguments of `f`. Its result has the container of `f`'s result; in the
        place of each array of shape `r` stands the container of the argument, and in the place of
        each of its arrays, of shape `s`, one of shape `r + s`.

    Examples:
        >>> import numpy as np
        >>> jacobian(lambda x: x**2)(np.array([1.0, 3.0]))
        array([[2., 0.],
               [0., 6.]])
    """
    if mode not in {"auto", "reverse", "forward"}:
        raise ArgumentError.from_choice("jacobian", "mode", mode, ("auto", "reverse", "forward"))

    @functools.wraps(f, updated=())
    def full_jacobian(*args: Any, **options: Any) -> Any:
        positions = normalized_argnums("jacobian", argnums, len(args))
        single = isinstance(argnums, (int, np.integer))

        @functools.wraps(f, updated=())
        def of_selected(*selected: Any) -> Any:
            given, plain = borrowed(args, options)
            for i, x in zip(positions, selected, strict=True):
                given[i] = x
            return f(*given, **plain)

        chosen = tuple(args[i] for i in positions)
        if mode == "forward":
            if _has_complex(chosen):
                raise DTypeError.from_complex_jacobian("forward", "reverse", "complex arguments")
            return _forward_jacobian(of_selected, chosen, single=single)
        out, pullback = vjp(of_selected, *chosen)
        is_wider = _has_complex(out) and not _has_complex(chosen)
        if (
            mode == "auto"
            and (is_wider or _count(out) > _count(chosen))
            and not _has_complex(chosen)
        ):
            return _forward_jacobian(of_selected, chosen, single=single)
        if is_wider:
            raise DTypeError.from_complex_jacobian(
                "reverse", "forward", "a complex result of real arguments"
            )
        return _reverse_jacobian(out, pullback, single=single)

    return full_jacobian


def _reverse_jacobian(out: Any, pullback: Callable[[Any], tuple[Any, ...]], *, single: bool) -> Any:
    leaves, structure = tree.flatten(out)
    blocks = []
    for i, leaf in enumerate(leaves):
        rows = []
        for unit in _units(leaf):
            g = [unit if j == i else zeros_for(x) for j, x in enumerate(leaves)]
            row = pullback(tree.unflatten(structure, g))
            rows.append(row[0] if single else row)
        shape = type_of(leaf).shape
        if not rows:
            row = pullback(tree.unflatten(structure, [zeros_for(x) for x in leaves]))
            empty = tree.map(
                lambda x, shape=shape: np.zeros(shape + type_of(x).shape, type_of(x).dtype),
                row[0] if single else row,
            )
            blocks.append(empty)
            continue
        blocks.append(
            tree.map(lambda *parts, shape=shape: _stacked(parts, shape, first=True), *rows)
        )
    return tree.unflatten(structure, blocks)


def _forward_jacobian(f: Callable[..., Any], args: tuple[Any, ...], *, single: bool) -> Any:
    leaves, structure = tree.flatten(args)
    out = None
    columns: list[list[list[Any]]] = []
    for i, leaf in enumerate(leaves):
        moved = []
        for unit in _units(leaf):
            tangent = [unit if j == i else zeros_for(x) for j, x in enumerate(leaves)]
            out, tangent_out = jvp(f, args, tree.unflatten(structure, tangent))
            moved.append(tree.leaves(tangent_out))
        columns.append(moved)
    if out is None:
        out = f(*args)
    results, out_structure = tree.flatten(out)
    blocks = []
    for k, result in enumerate(results):
        per_leaf = []
        for leaf, moved in zip(leaves, columns, strict=True):
            shape = type_of(leaf).shape
            if moved:
                per_leaf.append(_stacked([m[k] for m in moved], shape, first=False))
            else:
                t = type_of(result)
                per_leaf.append(np.zeros(t.shape + shape, t.dtype))
        block = tree.unflatten(structure, per_leaf)
        blocks.append(block[0] if single else block)
    return tree.unflatten(out_structure, blocks)


def _units(x: Value) -> list[Any]:
    """Return one array per element of `x`: 1 there and 0 elsewhere."""
    t = type_of(x)
    units = []
    for i in range(t.size):
        unit = np.zeros(t.size, t.dtype)
        unit[i] = 1
        units.append(unit.reshape(t.shape)[()])
    return units


def _stacked(parts: Sequence[Value], shape: tuple[int, ...], *, first: bool) -> Value:
    """Stack parts along new axes of `shape`, in front of the parts' own or behind them."""
    if shape == ():
        return parts[0]
    inner = type_of(parts[0]).shape
    stacked = FRONTS["stack"](list(parts), 0 if first else -1)
    return FRONTS["reshape"](stacked, shape + inner if first else inner + shape)


def _has_complex(container: Any) -> bool:
    return any(type_of(x).dtype.kind == "c" for x in tree.leaves(container))


def _count(container: Any) -> int:
    return sum(type_of(x).size for x in tree.leaves(container))


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return a function that computes the matrix of second derivatives of `f`, which returns one real number.

    The result has the container of the argument twice, one inside the other; an array of shape `s`
    gives one of shape `s + s`.

    Examples:
        >>> import numpy as np
        >>> hessian(lambda x: x[0] * x[1] ** 2)(np.array([3.0, 5.0]))
        array([[ 0., 10.],
               [10.,  6.]])
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(
    f: Callable[..., Any], args: Sequence[Any], vectors: Sequence[Any], **options: Any
) -> tuple[Any, ...]:
    """Return the Hessian of `f` times a vector, without the Hessian: forward mode over reverse mode.

    Args:
        f: returns one real number.
        args: a tuple of arguments.
        vectors: a tuple with one vector per argument, in its container and shapes.
        **options: passed to `f` as they are.

    Returns:
        A tuple with one product per argument, in its container and shapes.

    Examples:
        >>> import numpy as np
        >>> hvp(lambda x: x[0] * x[1] ** 2, (np.array([3.0, 5.0]),), (np.array([1.0, 0.0]),))
        (array([ 0., 10.]),)
    """
    check_tuples("hvp", args, vectors)
    every = tuple(range(len(args)))
    _, product = jvp(grad(f, every), args, vectors, **options)
    return tuple(product)
