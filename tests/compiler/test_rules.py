"""Algebraic rules: both sides are equal on numbers, NaN, infinities and signed zeros among them."""

import inspect
import itertools

import numpy as np
import pytest

from chainrule.compiler.passes.reduce_strength import RULES as POWERS
from chainrule.compiler.passes.reduce_strength import reduce_strength
from chainrule.compiler.passes.rewrite import (
    Rewrite,
    first_of,
    is_constant_equal,
    recorded,
    rewritten,
)
from chainrule.compiler.passes.simplify import RULES as IDENTITIES
from chainrule.core.graph import capture
from chainrule.core.types import array_type

RULES = [*IDENTITIES, *POWERS]
SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1.5, -2.75, 3e-310, -1e300, 1e-160, 7.0]
)
DTYPES = {"f": (np.float64, np.float32), "i": (np.int64, np.int8), "u": (np.uint8,), "b": (bool,)}


def named(rule):
    left, right = (str(g).splitlines()[-2] for g in (rule.pattern, rule.replacement))
    return f"{left} -> {right}".replace("  ", "")


def numbers(dtype):
    if np.dtype(dtype).kind == "f":
        with np.errstate(all="ignore"):
            return SPECIAL.astype(dtype)
    if np.dtype(dtype).kind == "c":
        return np.array([complex(x, y) for x, y in itertools.product(SPECIAL, SPECIAL)], dtype)
    if dtype is bool:
        return np.array([False, True])
    limits = np.iinfo(dtype)
    return np.array([0, 1, 2, 3, 7, limits.min, limits.max, limits.max - 1], dtype)


CASES = [
    (rule, dtype)
    for rule in RULES
    for kind in rule.kinds
    for dtype in (DTYPES.get(kind) or (np.complex128,))
]


def same_bits(a, b):
    """Equal but for which NaN it is; a complex number part by part."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind == "c":
        return same_bits(a.real, b.real) and same_bits(a.imag, b.imag)
    if a.dtype.kind == "f":
        signs = np.signbit(a) == np.signbit(b)
        return np.array_equal(a, b, equal_nan=True) and np.all(signs | np.isnan(a))
    return np.array_equal(a, b)


@pytest.mark.parametrize(
    ("rule", "dtype"), CASES, ids=[f"{named(r)} [{np.dtype(d).name}]" for r, d in CASES]
)
def test_both_sides_are_equal(rule, dtype):
    grids = [
        numbers(bool if name == "condition" else dtype)
        for name in inspect.signature(rule.before).parameters
    ]
    values = [x.ravel() for x in np.meshgrid(*grids, indexing="ij")]
    with np.errstate(all="ignore"):
        before, after = rule.before(*values), rule.after(*values)
    assert before.dtype == np.asarray(after).dtype
    if rule.is_exact:
        assert same_bits(after, before)
        return
    is_number = np.isfinite(before) & (before != 0)
    assert same_bits(np.asarray(after)[~is_number], before[~is_number])
    within = 4 * np.finfo(before.dtype).eps if before.dtype.kind == "f" else 0
    subnormal = np.finfo(before.dtype).tiny if before.dtype.kind == "f" else 0
    np.testing.assert_allclose(after, before, rtol=within, atol=subnormal * within)


@pytest.mark.parametrize("rule", RULES, ids=map(named, RULES))
def test_a_rule_is_applied_to_what_it_was_written_for(rule):
    dtype = np.dtype({"f": float, "i": int, "b": bool}[rule.kinds[0]])
    names = inspect.signature(rule.before).parameters
    types = [array_type((2,), np.dtype(bool) if n == "condition" else dtype) for n in names]
    graph = capture(rule.before, *types)
    assert rewritten(graph, first_of([rule])).outputs[0] is not graph.outputs[0]


def apply_rules(f, *types):
    return rewritten(capture(f, *types), first_of(RULES))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
@pytest.mark.parametrize("number", [0.0, -0.0, 0, 1, 1.0, -1, -1.0, 2])
@pytest.mark.parametrize("op", [np.add, np.subtract, np.multiply, np.divide])
def test_rules_with_numbers_keep_every_bit_and_dtype(op, number, dtype):
    x = numbers(dtype)
    t = array_type(x.shape, x.dtype)
    for f in (lambda x: op(x, number), lambda x: op(number, x)):
        with np.errstate(all="ignore"):
            wanted, (got,) = f(x), apply_rules(f, t).run(x)
        assert got.dtype == wanted.dtype
        assert same_bits(got, wanted)


def test_a_rule_that_would_change_the_shape_is_not_applied():
    graph = apply_rules(lambda x: x * np.ones((2, 3)), array_type((3,), np.dtype(float)))
    assert [n.op.name for n in graph.nodes] == ["multiply"]


def test_python_numbers_stay_python_numbers():
    graph = apply_rules(lambda x: x * -1.0, array_type((), np.dtype(float), weak=True))
    assert graph.run(2.5) == (-2.5,)
    assert type(graph.run(2.5)[0]) is float


@pytest.mark.parametrize(
    ("divisor", "is_product"),
    [(8, True), (-0.5, True), (3.0, False), (5e-324, False), (0.0, False), (np.inf, False)],
)
def test_a_quotient_becomes_a_product_only_where_it_is_exact(divisor, is_product):
    graph = capture(lambda x: x / divisor, array_type(SPECIAL.shape, np.dtype(float)))
    after = reduce_strength(graph)
    assert (after.nodes[0].op.name == "multiply") is is_product
    with np.errstate(all="ignore"):
        assert same_bits(after.run(SPECIAL)[0], graph.run(SPECIAL)[0])


def test_an_array_of_powers_of_two_is_inverted_as_a_whole():
    powers = np.array([2.0, 4.0, -8.0], np.float32)
    graph = reduce_strength(capture(lambda x: x / powers, array_type((3,), np.dtype(np.float32))))
    assert graph.nodes[0].op.name == "multiply"
    assert graph.nodes[0].type.dtype == np.float32


@pytest.mark.parametrize(
    ("constant", "number", "is_equal"),
    [
        (0.0, -0.0, False),
        (0, 0.0, True),
        (np.array([1, 1]), 1, True),
        (np.array([1, 2]), 1, False),
        (np.array([0.0, -0.0]), 0.0, False),
        (np.zeros(0), 0.0, False),
        (True, 1, True),
        (1j, 1, False),
        ("1", 1, False),
    ],
)
def test_constants_are_compared_with_their_sign(constant, number, is_equal):
    assert is_constant_equal(constant, number) is is_equal


def test_arguments_of_sums_and_products_match_in_either_order():
    rule = Rewrite(lambda x, y: x * np.exp(y), lambda x, y: x - y)
    for f in (lambda x, y: x * np.exp(y), lambda x, y: np.exp(y) * x):
        graph = rewritten(recorded(f), first_of([rule]))
        assert graph.run(5.0, 2.0) == (3.0,)


def test_an_argument_that_stands_twice_must_be_the_same():
    graph = apply_rules(lambda x, y: np.maximum(x, y), *[array_type((), np.dtype(float))] * 2)
    assert graph.nodes[0].op.name == "maximum"
