"""Lists, tuples and dictionaries are taken apart and put together as optree does it."""

import collections
import contextlib
import dataclasses
import subprocess
import sys
import threading
import time

import numpy as np
import optree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import tree
from chainrule.nests import Nest, take_apart

LEAVES = st.one_of(
    st.floats(allow_nan=False),
    st.integers(),
    st.booleans(),
    st.none(),
    st.text(max_size=2),
    st.sampled_from([len, np.float64(2), int, object(), frozenset({1}), np.random.default_rng(1)]),
)
NESTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.dictionaries(st.integers(-3, 3), inner, max_size=3),
    ),
    max_leaves=8,
)


def by_optree(x):
    return optree.tree_flatten(x, tree.is_leaf, none_is_leaf=True, namespace="chainrule")


@given(NESTS)
def test_leaves_shape_and_text_are_those_of_optree(x):
    leaves, nest = take_apart(x, tree.is_leaf)
    expected, spec = by_optree(x)
    assert leaves == expected
    assert str(nest) == str(spec).removeprefix("PyTreeSpec(").removesuffix(", NoneIsLeaf)")
    again = nest.unflatten(leaves)
    assert repr(again) == repr(x)  # the order of keys too
    assert nest.num_leaves == spec.num_leaves


@given(NESTS, NESTS)
def test_shapes_are_equal_where_those_of_optree_are(x, y):
    (_, a), (_, b) = take_apart(x, tree.is_leaf), take_apart(y, tree.is_leaf)
    assert (a == b) == (by_optree(x)[1] == by_optree(y)[1])
    if a == b:
        assert hash(a) == hash(b)


def test_the_order_of_keys_is_kept_but_not_compared():
    x, y = {"b": 1.0, "a": 2.0}, {"a": 2.0, "b": 1.0}
    leaves, structure = tree.flatten(x)
    assert leaves == [2.0, 1.0]
    assert structure == tree.flatten(y)[1]
    assert list(tree.unflatten(structure, leaves)) == ["b", "a"]


Pair = collections.namedtuple("Pair", "one other")  # noqa: PYI024  as users write it


@dataclasses.dataclass
class Weights:
    """Two of them."""

    first: float = 1.0
    second: float = 2.0


class Registered:
    """A class that its author has registered with optree."""

    def __init__(self, x):
        self.x = x

    def __repr__(self):
        return f"Registered({self.x})"


everywhere = optree.registry.__GLOBAL_NAMESPACE
optree.register_pytree_node(
    Registered, lambda r: ((r.x,), None, None), lambda _, xs: Registered(*xs), namespace=everywhere
)


@pytest.mark.parametrize(
    "x",
    [
        collections.OrderedDict(a=1.0),
        collections.deque([1.0]),
        collections.defaultdict(list, a=1.0),
        Pair(1.0, 2.0),
        time.gmtime(0),
        Weights(),
        Registered(1.0),
        {1: 1.0, "a": 2.0},
        {1.5: 1.0},
    ],
)
def test_other_containers_are_left_to_optree(x):
    assert take_apart([x], tree.is_leaf) is None
    leaves, structure = tree.flatten([x])
    assert not isinstance(structure.spec, Nest)
    assert repr(tree.unflatten(structure, leaves)) == repr([x])


def test_a_wrong_number_of_leaves_is_refused():
    _, nest = take_apart([1.0, 2.0], tree.is_leaf)
    for count in (1, 3):
        with pytest.raises(ValueError, match=f"{count} leaves for a container of 2"):
            nest.unflatten([0.0] * count)


def test_gradients_of_builtin_containers_do_without_optree():
    script = (
        "import sys, numpy as np, chainrule as cr\n"
        "f = lambda p: np.sum(p['w'] * p['b'][0]) + (0.0 if p['name'] is None else 1.0)\n"
        "p = {'w': np.ones(2), 'b': [3.0], 'name': None, 'of': object()}\n"
        "print(cr.grad(f)(p)['b'], 'optree' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith(" False\n")


@dataclasses.dataclass
class MetAtOnce:
    value: float


def test_threads_that_meet_a_dataclass_at_once_register_it_once(monkeypatch):
    together, fields, found = threading.Barrier(2), dataclasses.fields, []

    def meeting(kind):
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.2)
        return fields(kind)

    def work():
        found.append(tree.leaves(MetAtOnce(1.0)))

    monkeypatch.setattr(dataclasses, "fields", meeting)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[1.0], [1.0]]
