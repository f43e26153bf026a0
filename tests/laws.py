"""What holds for every op, as functions of an entry and one of its samples. Nothing here knows an op by name."""

import warnings

import numpy as np
from tests.calls import (
    COMPLEX,
    REAL,
    SINGLE,
    answer,
    draw,
    has_numpy_name,
    parts,
    targets,
    traced,
    with_lists,
    with_others,
)
from tests.closeness import (
    assert_close,
    assert_paired,
    assert_same,
    coarsest,
    difference,
    directions,
    shape_and_dtype,
    tolerance,
    wide,
)

from chainrule.autodiff.arguments import enter
from chainrule.autodiff.modes import jvp, trace_reverse, vjp
from chainrule.autodiff.reverse import sweep
from chainrule.core.cells import cell, type_of
from chainrule.core.graph import capture, reads_by_symbols
from chainrule.core.lists import is_handle
from chainrule.core.op import READS_OUT, Op, Sample, reads_argument
from chainrule.core.trace import OUTPUT, Node, ReverseLevel, topological
from chainrule.core.types import PYTHON_NUMBERS, ArrayType
from chainrule.errors import (
    ChainruleError,
    EscapedValueError,
    NotDifferentiableError,
    ShapeError,
)


def check_each(law, op, samples=None):
    """Check a law on every sample of an entry; an error says on which."""
    for i, sample in enumerate(op.samples if samples is None else samples):
        try:
            law(op, sample)
        except Exception as error:
            error.add_note(f"on sample {i} of {op.name}: {sample}")
            raise


# Laws of values and types


def check_value(op: Op, sample: Sample, dtype, *, weak=False):
    """Under a trace a call has NumPy's value, dtype and kind of result."""
    call = draw(op, sample, dtype, weak=weak)
    expected = call.function(*call.arrays)
    if op.undefined:
        _must_refuse(op, call)
        return
    result = traced(call)
    assert type(result) is type(expected) or not isinstance(expected, (tuple, list))
    got = parts(result)
    if op.is_constant:
        assert not any(is_handle(p) for p in got), "the result of a constant op is traced"
    for p, value in zip(got, parts(expected), strict=True):
        leaf = p.leaf() if is_handle(p) else p
        assert isinstance(leaf, np.ndarray) == isinstance(value, np.ndarray), "array or number"
        assert_same(leaf, value)


def check_others(op: Op, sample: Sample, make, kind):
    """Of other values a trace gives NumPy's kinds of results, and no answer where NumPy has none."""
    given = with_others(op, sample, make)
    if given is None:
        return
    call, expected = given
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = answer(lambda *_: traced(call), ())
    assert_as_numpys(got, expected, kind)


def assert_as_numpys(got, expected, of):
    """What is answered has NumPy's kinds, shapes and dtypes; more may be refused."""
    if isinstance(got, Exception):
        return
    assert not isinstance(expected, Exception), f"of {of} NumPy raises {expected!r}"
    for p, value in zip(parts(got), parts(expected), strict=True):
        leaf = p.leaf() if is_handle(p) else p
        assert isinstance(leaf, np.ndarray) == isinstance(value, np.ndarray), of
        assert shape_and_dtype(leaf) == shape_and_dtype(value), of
        assert_same(leaf, value)


def check_names(op: Op, sample: Sample):
    """Every NumPy function that the entry answers for reaches it: the same value under a trace."""
    for i in range(1, len(targets(op))):
        call = draw(op, sample, name=i)
        try:
            expected = call.function(*call.arrays)
        except TypeError:
            continue  # one with fewer options, such as a method of a ufunc
        if op.undefined:
            _must_refuse(op, call)
            continue
        got = parts(traced(call))
        assert op.is_constant or any(is_handle(p) for p in got), "the result is not traced"
        for p, value in zip(got, parts(expected), strict=True):
            assert_same(p.leaf() if is_handle(p) else p, value)


def check_out(op: Op, sample: Sample):
    """What is accepted as `out=` NumPy accepts too, and fills likewise: a traced result, and a traced target."""
    if op.undefined:
        return
    for name in range(len(targets(op))):
        call = draw(op, sample, name=name)
        try:
            (result, *others) = parts(call.function(*call.arrays))
        except TypeError:
            continue  # a name with fewer options, such as a method of a ufunc
        if others or not isinstance(result, (np.ndarray, np.generic)):
            return
        accepted = [_check_out_of(op, sample, name, out) for out in _outs(result)]
        assert accepted[0] is not False, "an out= of the result's own shape was refused"


def _outs(result):
    """Return zeros like a result, zeros that it may be spread or cast into, and such as it does not fit."""
    shape, dtype = result.shape, result.dtype
    stretched = tuple(2 if n == 1 else n for n in shape)
    larger = ((1, *shape), (2, *shape), stretched, (*shape, 1), tuple(n + 1 for n in shape))
    return (
        np.zeros(shape, dtype),
        np.zeros(shape, dtype, order="F"),
        *(np.zeros(shape, other) for other in (SINGLE, COMPLEX) if other != dtype),
        *(np.zeros(s, dtype) for s in larger if s != shape),
    )


def _check_out_of(op, sample, name, out):
    """Return whether we fill an `out` that NumPy fills; None where NumPy refuses."""
    call = draw(op, sample, name=name)
    expected = out.copy(order="K")
    try:
        if call.function(*call.arrays, out=expected) is not expected:
            return None  # NumPy takes no notice of it, by a mistake of its own
    except (TypeError, ValueError, np.exceptions.ComplexWarning):
        expected = None
    filled = [_filled(call, out, is_traced) for is_traced in (True, False)]
    for got in filled:
        if got is not None:
            assert expected is not None, f"NumPy refuses an out= {out.dtype}{out.shape}"
            assert_same(got, expected)
    return None if expected is None else all(got is not None for got in filled)


def _filled(call, out, is_traced):
    """Return what `out=` holds after a call with traced arguments, or with plain ones; None if that is refused."""
    try:
        with ReverseLevel() as level:
            target = cell(out.copy(order="K"))
            call.function(*(level.input(x) if is_traced else x for x in call.arrays), out=target)
            return target.leaf()
    except (ChainruleError, TypeError):
        return None


def _must_refuse(op, call):
    try:
        traced(call)
    except NotDifferentiableError as error:
        assert op.undefined in error.message  # noqa: PT017  laws run without pytest as well
    else:
        message = "an op without derivative did not refuse"
        raise AssertionError(message)


def check_capture(op: Op, sample: Sample, dtype, *, weak=False):
    """The type inferred is NumPy's, the captured graph is legal, runs to the same value and prints."""
    call = draw(op, sample, dtype, weak=weak)
    if op.undefined:
        return
    expected = parts(call.function(*call.arrays))
    try:
        graph = capture(lambda *xs: parts(call.function(*xs)), *map(type_of, call.arrays))
    except (ShapeError, EscapedValueError) as error:
        if needs_numbers(error):
            return
        raise
    graph.check()
    for node, value in zip(graph.outputs, expected, strict=True):
        t = node.type if type(node) is Node else type_of(node)
        wanted = type_of(value)
        assert (t.shape, t.dtype) == (wanted.shape, wanted.dtype), (
            f"inferred {t}, NumPy gives {wanted}"
        )
    for got, value in zip(graph.run(*call.arrays), expected, strict=True):
        assert_same(got, value)
    assert len(str(graph).splitlines()) == len(graph.inputs) + len(graph.nodes) + 1
    for node in graph.nodes:
        if node.op is not OUTPUT:
            assert node.op.notation.template.format(*(f"x{i}" for i in range(9)))


def needs_numbers(error):
    """Say whether an error means that this call cannot be captured on types alone."""
    return (
        "depends on numbers" in error.message or "numbers that are not known yet" in error.message
    )


def check_rejects(op: Op, sample: Sample):
    """A call that cannot work raises ShapeError, eagerly and under capture."""
    call = draw(op, sample)
    for run in (traced, lambda c: capture(c.function, *map(type_of, c.arrays))):
        try:
            run(call)
        except ShapeError:
            continue
        message = f"{sample} was not rejected"
        raise AssertionError(message)


def check_reads(op: Op, sample: Sample):
    """Nodes keep the values that their rules read, and no others."""
    if op.is_constant:
        return
    ends = [p.node for p in parts(traced(draw(op, sample))) if is_handle(p)]
    for node in topological(ends):
        if node.op is None or node.op is OUTPUT:
            continue
        mask = sum(1 << i for i, parent in enumerate(node.parents) if parent is not None)
        reads = reads_by_symbols(node.op, mask, list(map(type_of, node.args)), node.params)
        for i, kept in enumerate(node.args):
            is_free = type(kept) in {ArrayType, *PYTHON_NUMBERS}
            assert is_free or reads & reads_argument(i), f"argument {i} is kept, never read"
        out = node.out[0] if type(node.out) is tuple else node.out
        assert type(out) is ArrayType or reads & READS_OUT, "the result is kept, never read"


# Laws of derivatives


def check_constant(op: Op, sample: Sample):
    """A NumPy function declared constant does not move with its arguments."""
    if not has_numpy_name(op) or op.undefined:
        return
    call = draw(op, sample)
    if not all(type_of(x).is_inexact for x in call.arrays):
        return
    for moved in difference(call.inexact, call.arrays, directions(call.arrays, 1)):
        assert not np.any(moved), "the value moves, so its derivative is not zero"


def check_first(op: Op, sample: Sample, dtype, in_double=None):
    """Both modes agree with each other and with central differences; gradients are of their argument's type.

    `in_double` is what this returns for double precision, which single precision is compared with instead.
    """
    call = draw(op, sample, dtype)
    f, xs = call.inexact, call.arrays
    t = directions(xs, 1)
    out, moved = jvp(f, xs, t)
    for tangent, value in zip(moved, out, strict=True):
        assert shape_and_dtype(tangent) == shape_and_dtype(value), "type of the tangent"
    w = directions(out, 2)
    for g, x in zip(_cotangents(f, xs, w), xs, strict=True):
        assert g is None or shape_and_dtype(g) == shape_and_dtype(x), "type of the gradient"
    _, pullback = vjp(f, *xs)
    precision = coarsest(dtype, out)
    assert_paired(w, moved, pullback(w), t, tolerance(precision, 1))
    if in_double is not None:
        _assert_as_in_double(out, (moved,), in_double, precision)
    elif _has_difference(f, xs, out):
        _assert_difference(moved, f, xs, t, precision, 1)
        return out, (moved,)
    return None


def check_lists(op: Op, sample: Sample):
    """Nested lists of traced numbers are taken as the arrays that NumPy makes of them: same values, same gradients."""
    call, listed = draw(op, sample), with_lists(op, sample)
    whole, pullback_of_arrays = vjp(call.inexact, *call.arrays)
    try:
        expected = listed.inexact(*listed.arrays)
    except (TypeError, ValueError, AttributeError):
        return  # NumPy's own function takes no lists
    if [np.shape(x) for x in expected] != [np.shape(x) for x in whole]:
        return  # a list has another meaning there, or is handed back
    out, pullback = vjp(listed.inexact, *listed.arrays)
    assert_close(out, expected, tolerance(REAL, 1), "value of lists")
    w = directions(out, 2)
    assert_close(pullback(w), pullback_of_arrays(w), tolerance(REAL, 1), "gradient of lists")


def _has_difference(f, xs, out):
    """Say whether a difference in double precision has a meaning: nothing rounds, the shapes do not depend on it."""
    exact = f(*wide(xs))
    shapes = [type_of(p).shape for p in exact]
    return coarsest(REAL, exact) != SINGLE and shapes == [type_of(p).shape for p in out]


def _assert_difference(derivative, f, xs, t, precision, order):
    """A derivative is the central difference, taken in double precision, of the one below it."""
    xs, t = wide(xs), wide(t)
    within = max(tolerance(precision, order), tolerance(REAL, order, difference=True))
    assert_close(derivative, difference(f, xs, t), within, f"derivative {order}")


def _assert_as_in_double(out, derivatives, in_double, precision, lowest=1):
    """Derivatives of rising orders in single precision are those in double precision, which differences confirmed."""
    of, exact = in_double
    if [type_of(p).shape for p in out] != [type_of(p).shape for p in of]:
        return  # they depend on the numbers
    for order, (got, expected) in enumerate(zip(derivatives, exact, strict=True), lowest):
        within = max(tolerance(precision, order), tolerance(REAL, order, difference=True))
        assert_close(got, expected, within, f"derivative {order}")


def _cotangents(f, xs, w):
    """Return what the sweep itself hands to the inputs, before it is given the form of the arguments."""
    entered = [enter("laws", x, "argument") for x in xs]
    out, inputs, level = trace_reverse(f, range(len(xs)), xs, entered, {})
    seeds = [(p.node, g) for p, g in zip(out, w, strict=True) if is_handle(p) and p.level is level]
    return sweep(seeds, inputs, release=False)


def check_higher(op: Op, sample: Sample, dtype, in_double=None):
    """The second derivative is the same by all four ways; it and the third are differences of the one below.

    `in_double` is what this returns for double precision, which single precision is compared with instead.
    """
    call = draw(op, sample, dtype)
    f, xs = call.inexact, call.arrays
    out = f(*xs)
    t, u, w = directions(xs, 1), directions(xs, 3), directions(out, 2)

    def gradient(*xs):
        return vjp(f, *xs)[1](w)

    def tangent(*xs):
        return jvp(f, xs, t)[1]

    def second(*xs):
        return jvp(gradient, xs, t)[1]

    try:
        forward_over_reverse = second(*xs)
    except NotDifferentiableError:
        assert dtype.kind == "c", "a function of real numbers has no second derivative"
        return None
    precision = coarsest(dtype, out)
    exact = tolerance(precision, 2)
    assert_close(vjp(gradient, *xs)[1](t), forward_over_reverse, exact, "reverse over reverse")
    assert_close(vjp(tangent, *xs)[1](w), forward_over_reverse, exact, "reverse over forward")
    assert_paired(w, jvp(tangent, xs, u)[1], forward_over_reverse, u, exact)
    third = jvp(second, xs, u)[1]
    if in_double is not None:
        _assert_as_in_double(out, (forward_over_reverse, third), in_double, precision, lowest=2)
    elif _has_difference(f, xs, out):
        _assert_difference(forward_over_reverse, gradient, xs, t, precision, 2)
        _assert_difference(third, second, xs, u, precision, 3)
        return out, (forward_over_reverse, third)
    return None
