"""Numbers outside of a step that change from call to call: inputs of one native step, or compiled for by value."""

import dataclasses
import functools
import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.places import Cell, Name, exchange, place_key

RATE = 0.5
X = np.array([0.3, -0.2, 0.1])
SINGLE = X.astype(np.float32)


@dataclasses.dataclass
class Settings:
    rate: float = 0.5
    other: float = 2.0


class Model:
    scale = 2.0

    def __init__(self):
        self.rate = 0.5
        self.same = self.rate
        self.turn = 1 + 2j
        self.single = np.float32(0.5)
        self.settings = Settings()
        self.w = np.ones(3)

    @property
    def half(self):
        return self.rate / 2

    def scaled(self, x):
        return x * self.rate


def multiplied(m, x):
    return x * m.rate


def kept_narrow(m, x):
    return SINGLE * m.rate + x.astype(np.float32)


def of_numpy(m, x):
    return SINGLE * m.single, m.single + 1


def of_complex_numbers(m, x):
    return x * m.turn


def by_a_property(m, x):
    return x * m.half


def by_a_method(m, x):
    return m.scaled(x) + 1


def by_its_name(m, x):
    return x * getattr(m, "ra" + "te")


def among_the_values(m, x):
    return x * sum(v for v in vars(m).values() if isinstance(v, float))


def copied_values(m, x):
    return x * dict(vars(m))["rate"] + sum(
        {k: v for k, v in vars(m).items() if k in {"rate", "same"}}.values()
    )


def decided(m, x):
    return x + 1 if m.rate > 0.52 else x - m.rate


def returned(m, x):
    return m.rate, m.rate * 2, m.same, x


def descent(m, x):
    loss, slope = cr.value_and_grad(lambda w: np.sum((w * x) ** 2))(m.w)
    m.w -= m.rate * slope
    return loss


def in_a_gradient(m, x):
    return cr.grad(lambda w: np.sum(np.tanh(w * m.rate) * x))(m.w)


def beside_another_that_is_the_same(m, x):
    return x * m.rate - m.same * 3


def in_powers(m, x):
    return (
        np.abs(x) ** m.rate,
        math.sqrt(m.rate),
        divmod(m.rate, 0.3),
        round(m.rate, 1),
        abs(-m.rate),
        bool(m.rate),
    )


def of_settings(m, x):
    return x * m.settings.rate


NATIVE = [
    *(
        multiplied,
        kept_narrow,
        of_numpy,
        of_complex_numbers,
        by_a_property,
        by_a_method,
        decided,
        returned,
    ),
    *(descent, in_a_gradient, beside_another_that_is_the_same, by_its_name),
]
OTHERS = [among_the_values, copied_values, in_powers, of_settings]


def written_as_text(m, x):
    return f"{m.rate:.3f}", x * 2


def counted_by(m, x):
    return x[: int(m.rate * 4)]


def looked_up(m, x):
    return {0.5: x, 0.75: x * 2}.get(m.rate, x * 3)


def of_a_class(m, x):
    return x * m.scale


def set_by_the_step(m, x):
    m.rate = m.rate * 0.9
    return x * m.rate


@functools.lru_cache
def cached(k):
    return RATE * k


def read_by_a_cache(m, x):
    return x * cached(1.0) * m.rate


def given_as_a_field(m, x):
    return (
        x * dataclasses.replace(m.settings, other=3.0).rate * dataclasses.asdict(m.settings)["rate"]
    )


BY_VALUE = [
    written_as_text,
    counted_by,
    looked_up,
    of_a_class,
    set_by_the_step,
    read_by_a_cache,
    given_as_a_field,
]


def assert_same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, tuple):
        assert len(got) == len(expected)
        for x, y in zip(got, expected, strict=True):
            assert_same(x, y)
    elif isinstance(expected, np.ndarray | np.generic | float | complex):
        assert np.asarray(got).dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    else:
        assert got == expected


def changed(m, i):
    m.rate *= 1.1
    m.settings.rate = m.rate
    m.turn += 1
    m.single = np.float32(m.single * 1.1)
    if i == 4:
        m.same = m.rate
    if i == 6:
        m.rate = np.float64(m.rate)
    if i == 8:
        m.rate, m.same = 0.25, 0.5
    if i == 9:
        m.rate = -0.0


def called_alike(f, calls=12):
    """Call a function and its compiled twin, each with a model of its own that changes alike; return the twin."""
    plain, other = Model(), Model()
    step = cr.compile(lambda x: f(other, x))
    for i in range(calls):
        assert_same(step(X), f(plain, X))
        assert_same(other.rate, plain.rate)
        assert_same(other.w, plain.w)
        changed(plain, i)
        changed(other, i)
    return step


@pytest.mark.parametrize("f", NATIVE, ids=lambda f: f.__name__)
def test_a_number_that_changes_becomes_an_input(f):
    step = called_alike(f)
    assert "eagerly" not in step.report()
    assert len(step._known) <= 7


@pytest.mark.parametrize("f", [*OTHERS, *BY_VALUE], ids=lambda f: f.__name__)
def test_what_cannot_be_an_input_is_what_it_is_in_each_call(f):
    called_alike(f)


def scheduled(kind):
    """Return a compiled step, and what changes the number that it reads."""
    if kind == "global":

        def step(x):
            return x * RATE

        def change(rate):
            global RATE  # noqa: PLW0603
            RATE = rate

        return cr.compile(step), change
    if kind == "closure":
        rate = 0.5

        def set_rate(other):
            nonlocal rate
            rate = other

        return cr.compile(lambda x: x * rate), set_rate
    m = Model()
    return cr.compile(m.scaled), functools.partial(setattr, m, "rate")


@pytest.mark.parametrize("kind", ["global", "closure", "attribute"])
def test_one_step_serves_a_schedule(kind):
    step, change = scheduled(kind)
    for i in range(40):
        rate = 0.5 * 0.9**i
        change(rate)  # `rate` holds the number, too
        np.testing.assert_array_equal(step(X), X * rate)
    assert len(step._known) == 2
    change(0.5)


def test_a_number_that_is_an_input_may_become_anything():
    m = Model()
    step = cr.compile(functools.partial(multiplied, m))
    for rate in (
        0.5,
        0.25,
        1,
        True,
        np.float64(3.0),
        None,
        X,
        np.float32(2.0),
        2j,
        math.nan,
        -math.inf,
        -0.0,
        0.0,
        "a",
        0.5,
    ):
        m.rate = rate
        if rate is None or isinstance(rate, str):
            with pytest.raises((TypeError, np._core._exceptions._UFuncNoLoopError)):
                step(X)
        else:
            assert_same(step(X), X * rate)
            np.testing.assert_array_equal(
                np.signbit(np.real(step(X))), np.signbit(np.real(X * rate))
            )


def test_another_object_that_gets_the_same_number_is_not_meant():
    one, other = Model(), Model()
    step = cr.compile(lambda x: x * one.rate - other.rate)
    for i in range(8):
        one.rate = 0.1 * i
        if i == 3:
            other.rate = one.rate
        np.testing.assert_allclose(step(X), X * one.rate - other.rate, rtol=1e-14)


def test_more_kinds_than_usual_are_compiled_when_they_are_met_again():
    step = cr.compile(lambda x: x * 2)
    for n in range(1, 30):
        np.testing.assert_array_equal(step(np.ones(n)), np.full(n, 2.0))
    assert step.report().count("met once") == 13
    for n in range(1, 30):
        np.testing.assert_array_equal(step(np.ones(n)), np.full(n, 2.0))
    assert "met once" not in step.report()


def test_what_lies_elsewhere_by_now_is_not_exchanged():
    held = {"a": 0.5}
    x = held["a"]
    place = Name(held, "a")
    assert exchange(place, x, 1.5)
    assert held == {"a": 1.5}
    assert not exchange(place, x, 2.5)
    assert held == {"a": 1.5}
    cell = Cell((lambda: x).__closure__[0])
    assert not exchange(cell, 3.0, 4.0)
    assert exchange(cell, x, 4.0)
    assert x == 4.0


def test_numbers_of_many_objects_that_come_and_go_become_inputs():
    class Scaled:
        def __init__(self):
            self.rate = 1.0

        @cr.compile
        def __call__(self, x):
            return x * self.rate

    step = Scaled.__call__
    for i in range(80):
        scaled = Scaled()
        for scaled.rate in (1.0, 2.0 + i, 3.0 + i):
            np.testing.assert_array_equal(scaled(X), X * scaled.rate)
    assert place_key(Name(vars(scaled), "rate")) in step._calls._moving.places
