"""Steps that draw random numbers: the numbers, and the generators afterwards, are those of eager runs."""

import copy
import dataclasses
import functools
import pickle
import random
import statistics
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.random import rand

import chainrule as cr
from chainrule.compiler.draws import Draw, drawing
from chainrule.compiler.entry.signature import MISMATCH
from chainrule.compiler.generators import state_of

CALLS = 6
shared = np.random.default_rng(7)
shared_too = shared


def with_dropout(x, rng):
    def loss(w):
        hidden = np.tanh(w * x)
        keep = rng.random(hidden.shape) < 0.7
        return np.sum((hidden * keep / 0.7) ** 2)

    value, gradient = cr.value_and_grad(loss)(np.linspace(0.1, 1.0, x.size))
    return value, gradient


def with_noise_of_a_second_order(x, rng):
    def energy(x):
        return np.sum(np.sin(x + rng.normal(0.0, 0.1, size=x.shape)) * x)

    return cr.hvp(energy, (x,), (np.ones(x.size),))


def with_numbers(x, rng):
    return rng.random(), rng.integers(5), rng.integers(0, 5, 3, dtype=np.int32), x * rng.uniform()


def with_a_choice(x, rng):
    weights = [0.2, 0.3, 0.5]
    first = rng.choice(3, (), p=weights)
    weights[0], weights[2] = weights[2], weights[0]
    return x[rng.permutation(3)], x[first], x[rng.choice(3, 2, replace=False, p=weights)]


def with_a_branch(x, rng):
    y = rng.normal(size=3)
    return x * y if rng.random() < 0.5 else x + rng.standard_normal(3) * y


def with_a_selection(x, rng):
    return cr.grad(lambda x: np.sum(x[rng.random(3) < 0.5] ** 2))(x)


def with_writes(x, rng):
    noise = rng.random(3, dtype=np.float32)
    noise *= 2
    noise[0] = 1
    x += noise
    return noise, x * 2


def with_a_child(x, rng):
    return x + np.random.default_rng(rng.integers(2)).random(3)


def with_two_names(x, rng):
    return x + shared.random(3) * shared_too.random(3) + rng.random()


def with_two_generators(x, rng):
    other = pair.of(rng)
    return x + rng.random(3) * other.random(3) + rng.random(3)


pair = SimpleNamespace(of=lambda rng: rng)


def with_functions_of_the_module(x, rng):
    def loss(w):
        return np.sum((w * x * (np.random.rand(*x.shape) < 0.6)) ** 2)  # noqa: NPY002

    gradient = cr.grad(loss)(np.linspace(0.1, 1.0, 3))
    return gradient + rand(3) * np.random.normal(0, 0.1, size=3) + rng.random(3)  # noqa: NPY002


FOLLOWED = [
    with_functions_of_the_module,
    with_dropout,
    with_noise_of_a_second_order,
    with_numbers,
    with_a_choice,
    with_a_branch,
    with_a_selection,
    with_writes,
    with_two_names,
    with_two_generators,
]


def with_shuffling(x, rng):
    order = np.arange(3)
    rng.shuffle(order)
    return x[order] + rng.random(3)


def with_out(x, rng):
    noise = np.empty(3)
    rng.random(out=noise)
    return x + noise


def with_bytes(x, rng):
    return x * len(rng.bytes(3)) + rng.random(3)


def with_spawning(x, rng):
    return x + rng.spawn(1)[0].random(3) + rng.random(3)


def with_the_state(x, rng):
    return x + rng.random(3), float(rng.bit_generator.state["state"]["state"] % 1000)


def with_a_copy(x, rng):
    return x + rng.random(3) + copy.deepcopy(rng).random(3)


def with_a_pickle(x, rng):
    return x + rng.random(3) + pickle.loads(pickle.dumps(rng)).random(3)


def with_errors_swallowed(x, rng):
    try:
        y = copy.deepcopy(rng).random(3)
    except Exception:  # noqa: BLE001  as users write it
        y = np.zeros(3)
    return x + y + rng.random(3)


def with_many(x, rng):
    for _ in range(70):
        x = x + rng.random(3)
    return x


def with_bound_methods(x, rng):
    return x + rng.random(3) + bound(3)


bound = shared.random


def with_a_seed(x, rng):
    np.random.seed(3)  # noqa: NPY002
    return x + np.random.rand(3) + rng.random(3)  # noqa: NPY002


def with_an_alias(x, rng):
    return x + np.random.sample(3) + rng.random(3)  # noqa: NPY002


def with_integers_of_python(x, rng):
    return x * rng.choice(3) + rng.random(3)


REFUSED = [
    with_a_seed,
    with_an_alias,
    with_a_child,
    with_integers_of_python,
    with_shuffling,
    with_out,
    with_bytes,
    with_spawning,
    with_the_state,
    with_a_copy,
    with_a_pickle,
    with_errors_swallowed,
    with_many,
    with_bound_methods,
]


def states(*generators):
    return [str(state_of(g)) for g in generators]


def runs(f, rng, calls=CALLS):
    """Return what calls give, what they leave of their argument, and the states of generators behind each."""
    np.random.seed(5)  # noqa: NPY002
    shared.bit_generator.state = np.random.default_rng(11).bit_generator.state
    found = []
    for i in range(calls):
        x = np.linspace(0.5, 1.5, 3) + i
        results = f(x, rng)
        found.append(
            (
                results if type(results) is tuple else (results,),
                x,
                states(rng, shared, np.random.mtrand._rand),
            )
        )
    return found


def assert_same(found, expected):
    for (a, x, after), (b, y, right) in zip(found, expected, strict=True):
        assert [(type(r), np.asarray(r).dtype) for r in a] == [
            (type(r), np.asarray(r).dtype) for r in b
        ]
        for one, other in zip((*a, x), (*b, y), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)
        assert after == right


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
@pytest.mark.parametrize("f", FOLLOWED, ids=lambda f: f.__name__)
def test_numbers_and_generators_are_as_in_eager_runs(f, bits):
    compiled = cr.compile(f)
    expected = runs(f, np.random.Generator(bits(3)))
    assert_same(runs(compiled, np.random.Generator(bits(3))), expected)
    assert "drawn before" in compiled.report()
    assert "eagerly" not in compiled.report()
    assert "parts" not in compiled.report()


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_what_is_drawn_otherwise_is_left_to_python(f):
    compiled = cr.compile(f)
    assert_same(runs(compiled, np.random.default_rng(3)), runs(f, np.random.default_rng(3)))
    assert "drawn before" not in compiled.report().splitlines()[0]
    assert "eagerly" in compiled.report() or "in parts" in compiled.report()


class Noisy:
    """Has a generator of its own."""

    def __init__(self):
        self.rng = np.random.default_rng(5)

    def __call__(self, x, rng):
        return x * self.rng.normal(size=3) + rng.random(3)


def test_generators_are_found_in_attributes_closures_and_keyword_arguments():
    models = Noisy(), Noisy()
    found = runs(cr.compile(models[0]), np.random.default_rng(3))
    assert_same(found, runs(models[1], np.random.default_rng(3)))
    assert states(models[0].rng) == states(models[1].rng)

    def step(x, *, given):
        return x + inner.random(3) * given.random(3)

    compiled = cr.compile(step)
    outcomes = []
    for f in (step, compiled):
        inner = np.random.default_rng(4)
        outcomes.append(runs(lambda x, rng, f=f: f(x, given=rng), np.random.default_rng(3)))
    assert_same(*outcomes[::-1])
    assert "drawn before" in compiled.report()


def test_another_generator_in_the_same_place_is_drawn_from():
    holder = SimpleNamespace(rng=np.random.default_rng(1))
    compiled = cr.compile(lambda x: x + holder.rng.random(3))
    for seed in (1, 2, 1, 3):
        holder.rng = np.random.default_rng(seed)
        right = np.random.default_rng(seed)
        for _ in range(3):
            assert compiled(np.zeros(3)).tolist() == right.random(3).tolist()
        assert states(holder.rng) == states(right)


@pytest.mark.parametrize("size", [3, 5])
def test_errors_leave_generators_as_they_do_eagerly(size):
    def step(x, rng):
        picked = x[rng.integers(0, 5)]
        return picked + 1 / (rng.random() // 0.1) + rng.random()

    compiled, generators = cr.compile(step), [np.random.default_rng(3) for _ in range(2)]
    raised = []
    for _ in range(40):
        outcomes = []
        for f, rng in zip((step, compiled), generators, strict=True):
            try:
                outcomes.append(f(np.arange(float(size)), rng))
            except (IndexError, ZeroDivisionError) as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1]
        assert states(generators[0]) == states(generators[1])
        raised += [x for x in outcomes if isinstance(x, type)]
    assert size == 5 or IndexError in raised


def test_donated_memory_takes_results_of_steps_that_draw():
    def step(w, rng):
        return w + rng.random(3), rng.random()

    compiled, rng, right = cr.compile(step, donate=0), *[np.random.default_rng(3) for _ in "ab"]
    w = before = np.zeros(3)
    for _ in range(5):
        expected = w + right.random(3)
        w, _ = compiled(w, rng)
        assert w.tolist() == expected.tolist()
        right.random()
    assert w is before
    assert states(rng) == states(right)


def test_a_step_in_parts_draws_in_its_loss():
    texts = []

    def step(x, rng):
        value, gradient = with_dropout(x, rng)
        texts.append(f"{value:.6f}")
        return value, gradient * 2 + x

    compiled = cr.compile(step)
    expected = runs(step, np.random.default_rng(3))
    assert_same(runs(compiled, np.random.default_rng(3)), expected)
    assert texts[:CALLS] == texts[CALLS:]
    assert "drawn before" in compiled.report()


def test_values_that_are_kept_are_those_of_the_numbers_drawn():
    def step(x, rng, kept):
        y = x + rng.random(3)
        kept.append(y)
        return y * rng.random()

    lists = [], []
    f = functools.partial(step, kept=lists[0])
    expected = runs(f, np.random.default_rng(3))
    found = runs(cr.compile(functools.partial(step, kept=lists[1])), np.random.default_rng(3))
    assert_same(found, expected)
    np.testing.assert_allclose(lists[1], lists[0], rtol=1e-13)


def test_generators_stand_in_their_places_again():
    names, functions = globals(), dict(vars(np.random))
    cr.compile(with_two_names)(np.ones(3), np.random.default_rng(1))
    assert vars(np.random) == functions
    assert names["rand"] is np.random.rand
    assert type(names["shared"]) is np.random.Generator
    assert names["shared"] is names["shared_too"]


legacy = np.random.RandomState(1)


def endless():
    while True:
        yield from range(10)


class Outside:
    """What gives something else each time it is asked."""

    python = random.Random(1)  # noqa: S311
    bits = np.random.PCG64(1)
    rows = iter([float(i) for i in range(100)])
    numbers = endless()


OUTSIDE = {
    "functions of a module": lambda x: x + np.random.bytes(1)[0],  # noqa: NPY002
    "a generator of Python's": lambda x: x + Outside.python.random(),
    "a method of one": lambda x: x + gauss() + uniform(0.0, 2.0),
    "bits": lambda x: x + float(Outside.bits.random_raw() % 64),
    "an iterator": lambda x: x + next(Outside.rows),
    "a method of an iterator": lambda x: x * following(),
    "a generator function": lambda x: (
        x + sum(n for n, _ in zip(Outside.numbers, range(3), strict=False))
    ),
    "the system": lambda x: x * 0 + (random.SystemRandom().random() < 2),
}
uniform, gauss = random.Random(2).uniform, random.Random(3).random  # noqa: S311
following = Outside.numbers.__next__


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_gives_something_else_each_time_is_asked_in_each_call(name):
    step, x = OUTSIDE[name], np.zeros(3) + 1
    compiled = cr.compile(step)
    found = [float(np.sum(compiled(x))) for _ in range(7)]
    assert name == "the system" or len(set(found)) > 3


def test_an_iterator_is_not_read_in_vain():
    rows = iter(range(10))
    compiled = cr.compile(lambda x: x + next(rows))
    assert [float(compiled(0.0)) for _ in range(10)] == list(range(10))
    assert "may read from an iterator" in compiled.report()


def test_random_states_are_drawn_from_as_generators_are():
    def step(x, rng):
        noise = rng.randn(3) * rng.rand() + legacy.normal(size=3)
        return x * noise, x[rng.randint(0, 3, 2)]

    compiled, right, rng = cr.compile(step), *[np.random.RandomState(4) for _ in "ab"]
    outside = legacy.get_state()
    expected = [step(np.arange(3.0), right) for _ in range(5)]
    last = str(legacy.get_state())
    legacy.set_state(outside)
    for results in expected:
        for one, other in zip(compiled(np.arange(3.0), rng), results, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14)
    assert str(legacy.get_state()) == last
    assert str(rng.get_state()) == str(right.get_state())
    assert "drawn before" in compiled.report()


def test_nothing_of_random_numbers_is_loaded_for_steps_without():
    program = "import sys, chainrule as cr; cr.compile(lambda x: x + 1)(1.0); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert b"numpy.random" not in done.stdout.split()


def test_another_generator_in_each_call_is_left_to_python(monkeypatch):
    compiled = cr.compile(with_dropout)
    for seed in range(12):
        value, gradient = compiled(np.ones(3), np.random.default_rng(seed))
        right, slope = with_dropout(np.ones(3), np.random.default_rng(seed))
        np.testing.assert_allclose([value, *gradient], [right, *slope], rtol=1e-9)
    assert "more than 8 generators" in compiled.report()
    monkeypatch.setattr("chainrule.compiler.making.capture_step", None)
    for seed in range(12, 20):
        value, _ = compiled(np.ones(3), np.random.default_rng(seed))
        np.testing.assert_allclose(value, with_dropout(np.ones(3), np.random.default_rng(seed))[0])


@pytest.mark.parametrize(
    "kinds", [[np.random.default_rng], [np.random.default_rng, np.random.RandomState]]
)
def test_no_other_thread_draws_what_a_vain_call_puts_back(kinds):
    generators, threads, found = [kind(1) for kind in kinds], [], []

    def declines(*_):
        for g in generators:
            threads.append(threading.Thread(target=lambda g=g: found.append((g, g.normal()))))
            threads[-1].start()
            threads[-1].join(0.1)
        return MISMATCH

    assert (
        drawing([Draw(g, "normal", (), {}) for g in generators], declines, is_safe=True)()
        is MISMATCH
    )
    for thread in threads:
        thread.join(60)
    first = {id(g): kind(1).normal() for g, kind in zip(generators, kinds, strict=True)}
    assert {id(g): x for g, x in found} == first
    for g, kind in zip(generators, kinds, strict=True):
        again = kind(1)
        again.normal()
        assert g.normal() == again.normal()


def test_two_threads_take_the_locks_of_the_same_generators_in_any_order():
    one, other = np.random.default_rng(1), np.random.default_rng(2)
    draws = [Draw(one, "random", (), {}), Draw(other, "random", (), {})]
    found = []

    def work(draws):
        entry = drawing(draws, lambda drawn: drawn, is_safe=True)
        found.extend([tuple(sorted(entry())) for _ in range(2000)])

    threads = [threading.Thread(target=work, args=(d,), daemon=True) for d in (draws, draws[::-1])]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    one, other = np.random.default_rng(1), np.random.default_rng(2)
    assert sorted(found) == sorted(
        [tuple(sorted((one.random(), other.random()))) for _ in range(4000)]
    )


class Told:
    """Does something when a step prints: a capture does not see what."""

    def __init__(self, does):
        self.does = does

    def write(self, text):
        if text.strip():
            self.does()

    def flush(self):
        pass


def test_a_capture_takes_no_draws_of_another_threads_for_its_own(monkeypatch):
    rng, is_inside, may_go_on = np.random.default_rng(1), threading.Event(), threading.Event()
    monkeypatch.setattr(sys, "stdout", Told(lambda: [is_inside.set(), may_go_on.wait(60)]))

    def one(x):
        y = x + rng.normal(size=3)
        print("inside")  # noqa: T201  it lets the other thread go on
        return y

    def other(x):
        rng.random(5)
        return x * 2

    thread = threading.Thread(target=cr.compile(one), args=(np.ones(3),))
    thread.start()
    is_inside.wait(60)
    try:
        drawn = rng.chainrule[1]  # of the stand-in that is in its place meanwhile
        cr.compile(other)(np.ones(3))
        assert len(drawn.draws) == 1
    finally:
        may_go_on.set()
        thread.join(60)


@dataclasses.dataclass
class Holding:
    rng: Any


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (lambda rng: rng, lambda x: x),
        (lambda rng: {"of": [rng, 1.0]}, lambda x: x["of"][0]),
        (Holding, lambda x: x.rng),
    ],
)
def test_a_call_leaves_the_generator_of_another_call_alone(made, found):
    def step(x, of):
        rng = found(of)
        return x + rng.random(3)

    one, other = np.random.default_rng(1), np.random.default_rng(2)
    compiled, results = cr.compile(step), []
    for _ in range(3):
        compiled(np.ones(3), made(one))
    thread = threading.Thread(
        target=lambda: results.append(compiled(np.ones(3), made(other))), daemon=True
    )
    with one.bit_generator.lock:  # who holds it may give it another state
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
    np.testing.assert_allclose(results[0], 1 + np.random.default_rng(2).random(3))
    assert "random numbers are drawn before it" in compiled.report()


def test_threads_draw_from_generators_of_their_own():
    compiled, found = cr.compile(with_dropout), {}
    expected = {i: runs(with_dropout, np.random.default_rng(i), 10) for i in range(4)}

    def work(i):
        rng = np.random.default_rng(i)
        found[i] = [(compiled(np.linspace(0.5, 1.5, 3) + k, rng), states(rng)) for k in range(10)]

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for i in range(4):
        for (results, after), (right, _, (state, *_)) in zip(found[i], expected[i], strict=True):
            for one, other in zip(results, right, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
            assert after == [state]


@dataclasses.dataclass
class Noise:
    """Holds a generator that is no part of what is differentiated."""

    scale: float
    rng: object = dataclasses.field(metadata={"static": True})


def test_generators_in_static_fields_are_drawn_from_in_each_call():
    def step(noise, x):
        return Noise(noise.scale * 2, noise.rng), noise.rng.random(3) * noise.scale + x

    compiled = cr.compile(step)
    first, second = [Noise(1.0, np.random.default_rng(1)) for _ in range(2)]
    for _ in range(5):
        first, expected = step(first, np.ones(3))
        second, found = compiled(second, np.ones(3))
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        assert first.scale == second.scale
        assert states(first.rng) == states(second.rng)


@pytest.mark.parametrize("made", [lambda rng: rng, lambda rng: [rng], lambda rng: Noise(1.0, rng)])
def test_a_generator_that_comes_back_is_the_callers(made):
    compiled, rng = cr.compile(lambda x: (x + shared.random(), made(shared))), shared
    for _ in range(3):
        _, held = compiled(1.0)
        held = held[0] if isinstance(held, list) else getattr(held, "rng", held)
        assert held is rng


def test_draws_of_another_thread_leave_a_step_to_python_for_one_call_only(monkeypatch):
    begun, drawn = threading.Event(), threading.Event()
    monkeypatch.setattr(sys, "stdout", Told(lambda: [begun.set(), drawn.wait(60)]))

    def other():
        begun.wait(60)
        np.random.rand()  # noqa: NPY002
        drawn.set()

    def step(x):
        print("begun")  # noqa: T201  it lets the other thread go on
        return x * 2

    thread = threading.Thread(target=other)
    thread.start()
    compiled = cr.compile(step)
    assert compiled(3.0) == 6
    thread.join(60)
    assert "eager" not in compiled.report()
    assert compiled(4.0) == 8
    assert compiled.report().startswith("specialization 0: 1 node, ")


def test_what_a_library_draws_is_drawn_in_each_call():
    def step(x):
        return x * 2 + statistics.NormalDist().samples(1)[0]

    random.seed(5)
    expected = [step(1.0) for _ in range(6)]
    random.seed(5)
    compiled = cr.compile(step)
    assert [compiled(1.0) for _ in range(6)] == expected
    assert "from a generator that the step does not name" in compiled.report()
