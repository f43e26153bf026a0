"""What the tape promises: depth, memory, no cycles, undone on every exit, values used are values kept."""

import gc
import threading
import tracemalloc

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.op import TABLE
from chainrule.core.trace import Node, ReverseLevel, scope, topological


def test_a_chain_of_100_000_nodes_differentiates() -> None:
    def chain(x: float) -> float:
        for _ in range(100_000):
            x = x * 1.00001
        return x

    assert cr.grad(chain)(1.0) == pytest.approx(1.00001**100_000, rel=1e-9)


def test_a_chain_of_100_000_nodes_differentiates_twice() -> None:
    def chain(x: float) -> float:
        y = x * x
        for _ in range(50_000):
            y = y + 1.0
        return y * x

    assert cr.grad(cr.grad(chain))(2.0) == pytest.approx(12.0)


def test_additions_keep_no_arrays() -> None:
    x = np.ones(131_072)

    def chain(x: np.ndarray) -> np.ndarray:
        for _ in range(1000):
            x = x + x
            x = x - 1.0
        return np.sum(x)

    gradient = cr.grad(chain)
    tracemalloc.start()
    gradient(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_the_sweep_releases_what_the_tape_kept() -> None:
    x = np.ones(131_072)

    def chain(x: np.ndarray) -> np.ndarray:
        for _ in range(10):
            x = np.sin(x)
        return np.sum(x)

    kept: list[object] = []
    value, gradient = cr.value_and_grad(lambda x: kept.append(y := chain(x)) or y)(x)
    leaked = kept[0].node  # type: ignore[attr-defined]
    assert leaked.args == ()
    assert leaked.parents == ()
    assert float(value) == float(kept[0])  # type: ignore[arg-type]
    assert gradient.shape == x.shape


def test_a_gradient_leaves_no_reference_cycles() -> None:
    def nodes() -> int:
        return sum(type(o) in (Node, ReverseLevel) for o in gc.get_objects())

    cr.grad(lambda x: np.sum(np.sin(x) * x[0]))(np.ones(3))
    gc.collect()
    gc.disable()
    try:
        before = nodes()
        cr.grad(lambda x: np.sum(np.sin(x) * x[0]))(np.ones(3))
        assert nodes() == before
    finally:
        gc.enable()


def test_an_exception_ends_the_trace() -> None:
    seen: list[object] = []

    def f(x: float) -> float:
        seen.append(x * 2.0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cr.grad(f)(3.0)
    assert float(seen[0]) == 6.0  # type: ignore[arg-type]


def test_a_value_that_outlives_its_trace_is_its_number() -> None:
    seen: list[object] = []
    cr.grad(lambda x: seen.append(x * x) or x)(3.0)
    (leaked,) = seen
    assert leaked + 1 == 10.0  # type: ignore[operator]
    assert np.sin(leaked) == np.sin(9.0)  # type: ignore[call-overload]
    assert type(np.sqrt(leaked)) is np.float64  # type: ignore[call-overload]
    assert np.array([leaked]).dtype == float
    assert f"{leaked:.1f}" == "9.0"


def test_a_leaked_value_does_not_disturb_a_later_trace() -> None:
    seen: list[object] = []

    def f(x: float) -> float:
        seen.append(x * x)
        return x * seen[0]  # type: ignore[operator, no-any-return]

    assert cr.grad(f)(3.0) == 27.0
    assert cr.grad(f)(5.0) == 9.0


def test_a_plain_operand_changed_later_keeps_the_value_it_had() -> None:
    t = np.arange(3.0)

    def f(x: np.ndarray) -> np.ndarray:
        y = x * t
        t[:] = 100.0
        return np.sum(y)

    assert cr.grad(f)(np.ones(3)).tolist() == [0.0, 1.0, 2.0]


def test_a_large_plain_operand_changed_between_uses_keeps_both_values() -> None:
    t = np.ones(10_000)

    def f(x: np.ndarray) -> np.ndarray:
        y = x * t
        t[:] = 5.0
        return np.sum(y + x * t)

    assert cr.grad(f)(np.ones(10_000))[0] == 6.0


def test_the_caller_may_change_an_argument_before_the_pullback() -> None:
    x = np.array([2.0, 3.0])
    _, pullback = cr.vjp(lambda x: x * x, x)
    x[:] = 0.0
    assert pullback(np.ones(2))[0].tolist() == [4.0, 6.0]


def test_a_pullback_may_be_called_again() -> None:
    _, pullback = cr.vjp(np.sin, np.zeros(2))
    assert pullback(np.ones(2))[0].tolist() == pullback(np.ones(2))[0].tolist() == [1.0, 1.0]


def test_results_share_no_memory() -> None:
    out, pullback = cr.vjp(lambda x: x, np.ones(2))
    out[:] = 7.0
    (g,) = pullback(seed := np.ones(2))
    g[:] = 9.0
    assert seed.tolist() == [1.0, 1.0]
    assert pullback(np.ones(2))[0].tolist() == [1.0, 1.0]


def test_threads_trace_independently() -> None:
    results: dict[int, float] = {}
    barrier = threading.Barrier(4)

    def work(n: int) -> None:
        def f(x: float) -> float:
            for _ in range(50):
                x = np.sin(x) * n
            barrier.wait()
            return x

        results[n] = cr.grad(f)(0.3)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def alone(n: int, x: float) -> float:
        for _ in range(50):
            x = np.sin(x) * n
        return x

    for n, got in results.items():
        assert got == cr.grad(lambda x, n=n: alone(n, x))(0.3)


def test_the_inner_of_two_levels_does_not_see_the_outer_variable() -> None:
    def outer(x: float) -> float:
        return x * cr.grad(lambda y: x + y)(1.0)

    assert cr.grad(outer)(1.0) == 1.0


def test_a_node_knows_the_user_line() -> None:
    with ReverseLevel() as level:
        y = np.sin(level.input(np.ones(2)))
    position = y.node.position
    assert position is not None
    assert position.text == "y = np.sin(level.input(np.ones(2)))"


def test_a_node_knows_the_layer_it_belongs_to() -> None:
    model = cr.nn.MLP.create((2, 3, 1), rng=np.random.default_rng(0))
    with ReverseLevel() as level, scope("model"):
        y = model(level.input(np.ones(2, np.float32)))
    scopes = [node.scope for node in topological([y.node]) if node.op is not None]
    assert sorted(set(scopes)) == ["model.layers[0]", "model.layers[1]"]
    assert scopes == sorted(scopes)


def test_what_rules_read_is_not_asked_of_values_that_are_types_alone() -> None:
    known = TABLE["hypot"].known_reads
    known.clear()
    compiled = cr.compile(cr.grad(lambda x: np.sum(np.hypot(x, 2 * x))))
    np.testing.assert_allclose(compiled(np.arange(1.0, 4)), np.full(3, 5**0.5))
    assert not known
    cr.grad(lambda x: np.hypot(x, 2.0))(1.0)
    assert known
