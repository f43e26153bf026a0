"""The layered layout: nothing overlaps, edges go to the right, and equal graphs are laid out equally."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chainrule.explanation.layout import Box, Gaps, layered

GAPS = Gaps(column=40, row=10)


@st.composite
def graphs(draw):
    """Boxes and edges from a smaller to a larger index: no cycle."""
    count = draw(st.integers(1, 14))
    sizes = st.floats(5, 80)
    boxes = tuple(Box(draw(sizes), draw(sizes)) for _ in range(count))
    pairs = list(itertools.combinations(range(count), 2))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=24)) if pairs else []
    return boxes, tuple(edges)


def sides(layout, boxes, i):
    (x, y), box = layout.centers[i], boxes[i]
    return x - box.width / 2, x + box.width / 2, y - box.height / 2, y + box.height / 2


@given(graphs())
def test_no_two_boxes_overlap_and_all_lie_on_the_page(graph):
    boxes, edges = graph
    layout = layered(boxes, edges, GAPS)
    places = [sides(layout, boxes, i) for i in range(len(boxes))]
    for left, right, top, bottom in places:
        assert left >= -1e-6
        assert right <= layout.width + 1e-6
        assert top >= -1e-6
        assert bottom <= layout.height + 1e-6
    for a, b in itertools.combinations(places, 2):
        apart = a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] + 1e-6 or b[3] <= a[2] + 1e-6
        assert apart


@given(graphs())
def test_an_edge_leaves_its_source_on_the_right_and_reaches_its_target_on_the_left(graph):
    boxes, edges = graph
    layout = layered(boxes, edges, GAPS)
    for (u, v), route in zip(edges, layout.routes, strict=True):
        assert abs(route[0][0] - sides(layout, boxes, u)[1]) < 1e-6
        assert abs(route[-1][0] - sides(layout, boxes, v)[0]) < 1e-6
        _, _, top, bottom = sides(layout, boxes, v)
        assert top <= route[-1][1] <= bottom
        xs = [x for x, _ in route]
        assert xs == sorted(xs)


@given(graphs())
def test_a_long_edge_passes_between_the_boxes_of_a_layer(graph):
    boxes, edges = graph
    layout = layered(boxes, edges, GAPS)
    for route in layout.routes:
        for (x, y), (a, b) in itertools.pairwise(route[1:-1]):
            if y != b:
                continue  # between two layers
            for i in range(len(boxes)):
                left, right, top, bottom = sides(layout, boxes, i)
                assert a <= left or x >= right or not top + 1e-6 < y < bottom - 1e-6


@given(graphs())
def test_equal_graphs_are_laid_out_equally(graph):
    boxes, edges = graph
    first = layered(boxes, edges, GAPS)
    layered.cache_clear()
    assert layered(boxes, edges, GAPS) == first


def test_two_crossed_chains_are_uncrossed():
    boxes = (Box(10, 10),) * 4
    layout = layered(boxes, ((0, 3), (1, 2)), GAPS)
    (a, b, c, d) = (y for _, y in layout.centers)
    assert (a < b) == (d < c)


def test_borders_are_the_first_and_the_last_layer():
    boxes = (Box(0, 4, -1), Box(10, 10), Box(10, 10), Box(0, 4, 1))
    layout = layered(boxes, ((0, 2), (1, 2), (1, 3)), GAPS)
    xs = [x for x, _ in layout.centers]
    assert xs[0] == 0 < xs[1] < xs[2] < xs[3] == layout.width


def test_a_source_stands_just_before_its_first_reader():
    boxes = (Box(10, 10),) * 5
    layout = layered(boxes, ((0, 1), (1, 2), (2, 3), (4, 3)), GAPS)
    assert layout.centers[4][0] == layout.centers[2][0]


def test_no_box_takes_no_room():
    assert layered((), ()) == layered((), ())
    assert layered((), ()).width == 0
