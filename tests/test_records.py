"""Records behave as dataclasses do, those made before their method is written and those made behind that."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chainrule.records import fresh, mutable_record, record, replaced

MANY = 400


@record
class Point:
    x: int
    y: int = 0


@mutable_record
class Basket:
    owner: str
    fruit: list[str] = fresh(default_factory=list)
    size: int = 3


@dataclass(frozen=True)
class DataPoint:
    x: int
    y: int = 0


@dataclass(eq=False)
class DataBasket:
    owner: str
    fruit: list[str] = field(default_factory=list)
    size: int = 3


CALLS = [
    ((1,), {}),
    ((1, 2), {}),
    ((1,), {"y": 2}),
    ((), {"y": 2, "x": 1}),
    ((), {}),
    ((1, 2, 3), {}),
    ((1,), {"x": 2}),
    ((1,), {"z": 2}),
    ((1, 2), {"z": 2}),
]


def outcome(make, args, options):
    """Return what is made, or the error's text, with the names of the methods left out."""
    try:
        made = make(*args, **options)
    except TypeError as error:
        return str(error).partition("__init__")[2].replace("_self", "self")
    return tuple(vars(made)[name] for name in ("x", "y"))


@pytest.mark.parametrize(("args", "options"), CALLS)
def test_records_are_made_of_what_dataclasses_are_made_of(args, options):
    @record
    class Same:
        x: int
        y: int = 0

    expected = outcome(DataPoint, args, options)
    for _ in range(MANY):
        assert outcome(Same, args, options) == expected


def test_early_and_late_records_are_alike():
    points = [Point(3, y=i % 2) for i in range(MANY)]
    for i, point in enumerate(points):
        assert point == Point(y=i % 2, x=3)
        assert hash(point) == hash(Point(3, i % 2))
        assert repr(point) == f"Point(x=3, y={i % 2})"
        assert replaced(point, x=1) == Point(1, i % 2)
        with pytest.raises(AttributeError, match="fixed"):
            point.x = 2


def test_defaults_are_made_for_each_record():
    baskets = [Basket("Ann") for _ in range(MANY)]
    lists = {id(basket.fruit) for basket in baskets}
    assert len(lists) == MANY
    given = ["pear"]
    for _ in range(MANY):
        basket, expected = Basket("Bob", given, size=1), DataBasket("Bob", given, size=1)
        assert vars(basket) == vars(expected)
        assert basket.fruit is given
