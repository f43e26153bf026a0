"""Graph: what capture records, how it prints, what the checker refuses, and that it runs."""

import numpy as np
import pytest

from chainrule.core.graph import Graph, capture
from chainrule.core.types import array_type
from chainrule.errors import EscapedValueError, GraphError, ShapeError
from chainrule.records import replaced

FLOAT = np.dtype(np.float64)
VECTOR = array_type((3,), FLOAT)
MATRIX = array_type((2, 3), FLOAT)


def affine(a, x, b):
    return np.tanh(a * x + b)


@pytest.fixture
def graph():
    return capture(affine, MATRIX, VECTOR, VECTOR)


def test_it_prints_one_line_per_node(graph):
    assert str(graph).splitlines() == [
        "input x0: float64[2, 3]",
        "input x1: float64[3]",
        "input x2: float64[3]",
        "v0 = multiply(x0, x1)  : float64[2, 3]",
        "v1 = add(v0, x2)  : float64[2, 3]",
        "v2 = tanh(v1)  : float64[2, 3]",
        "return v2",
    ]


def test_it_passes_its_own_check(graph):
    graph.check()


def test_it_runs_to_the_same_value(graph, rng):
    values = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=3)
    (out,) = graph.run(*values)
    np.testing.assert_array_equal(out, affine(*values))


def test_it_may_have_several_results_and_plain_ones(rng):
    graph = capture(lambda x: (x * 2, 5.0, x), VECTOR)
    x = rng.normal(size=3)
    twice, five, same = graph.run(x)
    np.testing.assert_array_equal(twice, 2 * x)
    assert five == 5
    assert same is x


def test_what_no_result_needs_is_left_out():
    def f(x):
        np.exp(x)
        return np.sin(x)

    (node,) = capture(f, VECTOR).nodes
    assert node.op.name == "sin"


def test_constants_are_kept_as_they_were():
    factor = np.array([1.0, 2.0, 3.0])
    graph = capture(lambda x: x * factor, VECTOR)
    factor[:] = 0
    np.testing.assert_array_equal(graph.run(np.ones(3))[0], [1, 2, 3])


def test_constants_of_several_rows_print_on_one_line():
    graph = capture(lambda x: x * np.ones((2, 3)), VECTOR)
    assert len(str(graph).splitlines()) == 3


def test_shapes_that_do_not_fit_are_refused_at_capture():
    with pytest.raises(ShapeError, match=r"cannot combine shapes \(2, 3\) and \(2,\)"):
        capture(lambda x, y: x + y, MATRIX, array_type((2,), FLOAT))


def test_a_decision_on_numbers_is_refused():
    with pytest.raises(EscapedValueError, match="a decision on numbers that are not known yet"):
        capture(lambda x: -x if x > 0 else x, array_type((), FLOAT))


def test_the_checker_refuses_a_node_before_its_argument(graph):
    backwards = replaced(graph, nodes=graph.nodes[::-1])
    with pytest.raises(GraphError, match="comes before one of its arguments"):
        backwards.check()


def test_the_checker_refuses_a_wrong_type(graph):
    graph.nodes[-1].type = VECTOR
    with pytest.raises(GraphError, match=r"has type float64\[3\], its op infers float64\[2, 3\]"):
        graph.check()


def test_the_checker_refuses_an_input_among_the_nodes(graph):
    with pytest.raises(GraphError, match="is an input among the nodes"):
        Graph((), graph.inputs, ()).check()


def test_the_checker_refuses_a_result_from_elsewhere(graph):
    with pytest.raises(GraphError, match="is not a node of the graph"):
        Graph(graph.inputs, graph.nodes[:-1], graph.outputs).check()


def _writes(x):
    x[0] = 2.0
    x *= 3
    return x + 1


def _returns_what_it_wrote(x):
    part = x[1:]
    part *= 2
    return x, part


@pytest.mark.parametrize("f", [_writes, _returns_what_it_wrote])
def test_a_function_that_writes_to_its_arguments_is_captured_from_what_they_were(f):
    graph = capture(f, array_type((3,), np.dtype(float)))
    graph.check()
    x = np.array([1.0, 5.0, 7.0])
    results = graph.run(x.copy())
    expected = f(x.copy())
    expected = expected if isinstance(expected, tuple) else (expected,)
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, value)
