"""The functions of `scipy.special` that return several arrays, most of them solutions of a differential equation.

Each is declared by the slopes of its results with respect to its last argument; the arguments before are orders.
Source: NIST Digital Library of Mathematical Functions (DLMF) 9, 10.61, 12.2, 22.13, 28.2, 30.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from chainrule.core.cells import is_traced, type_of
from chainrule.core.op import Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type, broadcast_shapes
from chainrule.errors import NotDifferentiableError
from chainrule.ops.broadcasting import broadcast_to, sum_to
from chainrule.ops.canonical import array_like
from chainrule.ops.kinds import general
from chainrule.ops.special import call, named, refuse_complex, scipy_function, special_ufunc
from chainrule.ops.special_elliptic import incomplete_slope

Slopes = Callable[..., Sequence[Value]]

_POSITIVE = (0.5, 2.0)
_INSIDE = (0.2, 0.8)
_DEGREE = math.pi / 180


def several(
    name: str,
    *slopes: Slopes,
    samples: tuple[Sample, ...],
    real: bool = False,
) -> None:
    """Declare a function with several results.

    Args:
        name: its name in `scipy.special`.
        *slopes: for each of the last arguments the slopes of all results, `slopes(outs, *args)`.
        samples: calls for the generated tests.
        real: whether the rules are wrong for complex numbers, which are refused then.
    """
    count = len(samples[0].arguments)
    orders = count - len(slopes)

    def rolled(args: Sequence[Value]) -> tuple[Value, ...]:
        """The op's arguments as the function takes them: the op has those that move in front."""
        return (*args[len(slopes) :], *args[: len(slopes)])

    def numpy(*args: Any) -> Any:
        return scipy_function(name)(*rolled(args))

    def infer(*args: ArrayType) -> tuple[ArrayType, ...]:
        ufunc = scipy_function(name)
        shape = broadcast_shapes(name, *(t.shape for t in args))
        keys = [_key(t) for t in rolled(args)]
        dtypes = ufunc.resolve_dtypes((*keys, *(None,) * ufunc.nout))[ufunc.nin :]
        return tuple(array_type(shape, dtype) for dtype in dtypes)

    def vjp(g: Any, out: Any, *args: Value) -> Any:
        terms = [
            sum_to(reduce(add, map(_times, g, s(out, *rolled(args)))), type_of(x).shape)
            for s, x in zip(slopes, args, strict=False)
        ]
        return terms[0] if len(terms) == 1 else tuple(terms)

    def jvp(tangents: Any, out: Any, *args: Value) -> Any:
        moves = [s(out, *rolled(args)) for s in slopes]
        return tuple(
            broadcast_to(
                reduce(add, [_times(t, m[i]) for t, m in zip(tangents, moves, strict=True)]),
                type_of(o).shape,
            )
            for i, o in enumerate(out)
        )

    def front(*args: Value) -> Any:
        values = [array_like(x) for x in args]
        for x in values[:orders]:
            if is_traced(x):
                raise NotDifferentiableError.from_reason(
                    name, "its derivative with respect to the order is not known"
                )
        if real:
            refuse_complex(name, values[-1])
        return apply(op, *values[orders:], *values[:orders])

    op = general(
        name,
        numpy,
        vjp=vjp,
        jvp=jvp,
        infer=infer,
        front=front,
        names=(),
        arity=len(slopes),
        samples=samples,
        ufunc=special_ufunc(name, rolled(range(count))),
    )
    named(name)


def _key(t: ArrayType) -> Any:
    return {"f": float, "i": int, "c": complex}[t.dtype.kind] if t.weak else t.dtype


def _times(x: Value, y: Value) -> Value:
    return x * y


_ONE = (Sample((2, 3), domain=_POSITIVE), Sample((), domain=_POSITIVE))

# integrals

several("sici", lambda out, x: (np.sinc(x / math.pi), np.cos(x) / x), samples=_ONE)
several("shichi", lambda out, x: (np.sinh(x) / x, np.cosh(x) / x), samples=_ONE)
several(
    "fresnel",
    lambda out, x: (np.sin(math.pi / 2 * x * x), np.cos(math.pi / 2 * x * x)),
    samples=_ONE,
)
_TURN = complex(math.cos(math.pi / 4), math.sin(math.pi / 4)) / math.sqrt(math.pi)
several(
    "modfresnelp",
    lambda out, x: (-np.exp(1j * x * x), -2j * x * out[1] - _TURN.conjugate()),
    samples=_ONE,
)
several(
    "modfresnelm",
    lambda out, x: (-np.exp(-1j * x * x), 2j * x * out[1] - _TURN),
    samples=_ONE,
)
several("iti0k0", lambda out, x: (np.i0(x), call("k0", x)), samples=_ONE)
several("itj0y0", lambda out, x: (call("j0", x), call("y0", x)), samples=_ONE)
several("it2i0k0", lambda out, x: ((np.i0(x) - 1) / x, -call("k0", x) / x), samples=_ONE)
several("it2j0y0", lambda out, x: ((1 - call("j0", x)) / x, -call("y0", x) / x), samples=_ONE)

# Airy and Kelvin functions


def _scaled_airy(out: Any, x: Value) -> Sequence[Value]:
    """Those of growth are scaled by exp(∓2/3 x√x), which on the negative side has no real part."""
    root = np.sqrt(np.maximum(x, 0.0))
    a, da, b, db = out
    return da + root * a, x * a + root * da, db - root * b, x * b - root * db


several("airy", lambda out, x: (out[1], x * out[0], out[3], x * out[2]), samples=_ONE)
several("airye", _scaled_airy, samples=_ONE, real=True)


def _airy_integrals(out: Any, x: Value) -> Sequence[Value]:
    right, left = call("airy", x), call("airy", -x)
    return right[0], right[2], left[0], left[2]


several("itairy", _airy_integrals, samples=_ONE)
several(
    "kelvin",
    lambda out, x: (
        out[2],
        out[3],
        1j * out[0] - out[2] / x,
        1j * out[1] - out[3] / x,
    ),
    samples=_ONE,
)

# parabolic cylinder functions: y'' = (x²/4 + a) y

_CYLINDER = (Sample(1.5, (2, 3), domain=_POSITIVE), Sample(0.5, (), domain=_POSITIVE))

several("pbdv", lambda out, v, x: (out[1], (x * x / 4 - v - 0.5) * out[0]), samples=_CYLINDER)
several("pbvv", lambda out, v, x: (out[1], (x * x / 4 - v - 0.5) * out[0]), samples=_CYLINDER)
several("pbwa", lambda out, a, x: (out[1], (a - x * x / 4) * out[0]), samples=_CYLINDER)

# Jacobi's elliptic functions: the amplitude φ solves F(φ, m) = u


def _elliptic_by_argument(out: Any, u: Value, m: Value) -> Sequence[Value]:
    sn, cn, dn, _ = out
    return cn * dn, -sn * dn, -m * sn * cn, dn


def _elliptic_by_parameter(out: Any, u: Value, m: Value) -> Sequence[Value]:
    sn, cn, dn, phi = out
    turn = -dn * incomplete_slope(phi, m)
    return cn * turn, -sn * turn, -(sn * sn + 2 * m * sn * cn * turn) / (2 * dn), turn


several(
    "ellipj",
    _elliptic_by_argument,
    _elliptic_by_parameter,
    samples=(
        Sample((2, 3), (3,), domain=_INSIDE),
        Sample((), (), domain=_INSIDE),
        Sample((3,), (3,), domain=_INSIDE, prepare=lambda u, m: (u, m / 40)),
    ),
)
