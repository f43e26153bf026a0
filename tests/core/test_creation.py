"""Arrays made inside a traced function follow the trace, in this context, while it runs."""

import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy import full as filled
from numpy import zeros

import chainrule as cr
from chainrule.core.lists import is_handle
from chainrule.core.reroute import plain_creation
from chainrule.errors import DTypeError, EscapedValueError

PLAINLY = {"asarray": np.asarray}
"""The real function: rerouting does not look into dictionaries."""


def make() -> Any:
    return zeros(3)


def write_into_zeros(x: Any) -> Any:
    a = np.zeros(3)
    a[0] = x
    a[1] = a[0] * x
    return np.sum(a)


def write_into_an_imported_name(x: Any) -> Any:
    a = make()
    a[2] = x * x
    return a[2] * a[1] + a[2]


def write_into_empty(x: Any) -> Any:
    a = np.empty((2, 2))
    a[:] = x
    a[0] = x * x
    return np.sum(a)


def write_through_a_view(x: Any) -> Any:
    a = np.zeros((2, 3))
    row = a[1]
    row[:2] = x
    a.T[2] = x * x
    return np.sum(a * a)


def write_into_a_result(x: Any) -> Any:
    a = np.ones(3) + 1.0
    a[0] = x
    return np.prod(a)


def add_in_place(x: Any) -> Any:
    a = np.ones(3)
    a += x
    a *= a
    return np.sum(a)


def stack_a_list(x: Any) -> Any:
    return np.sum(np.array([[x, 1.0], [x * x, x]]) ** 2)


def as_array(x: Any) -> Any:
    return np.asarray(x) * np.asarray([x, 2.0])[0]


def full_of(x: Any) -> Any:
    return np.sum(np.full(3, x) * filled(3, x * x))


def like(x: Any) -> Any:
    return np.sum(np.full_like(np.ones(2), x) * x)


def joined(x: Any) -> Any:
    return np.sum(np.r_[x, 1.0, x * x] * np.r_[0:3]) + np.sum(np.c_[np.array([x, x]), np.ones(2)])


def vectorized(x: Any) -> Any:
    return np.sum(np.vectorize(lambda y: y * y if y > 1 else y)(np.array([x, 0.5 * x])))


def of_lists(x: Any) -> Any:
    return np.dot([1.0, 2.0], [x, x * x]) + np.average([1.0, 3.0], weights=[x, 2.0]) + np.sum(a=[x])


def by_out(x: Any) -> Any:
    a = np.zeros(2)
    np.multiply(x, np.ones(2), out=a)
    return np.sum(a * x)


def loop(x: Any) -> Any:
    a = np.zeros(5)
    a[0] = 1.0
    for i in range(1, 5):
        a[i] = a[i - 1] * x
    return a[-1]


PROGRAMS = [
    *(write_into_zeros, write_into_an_imported_name, write_into_empty, write_through_a_view),
    *(write_into_a_result, add_in_place, stack_a_list, as_array, full_of, like, joined),
    *(vectorized, of_lists, by_out, loop),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_value_and_derivatives_are_those_of_numpy(program: Callable[[Any], Any]) -> None:
    value, gradient = cr.value_and_grad(program)(1.5)
    assert value == pytest.approx(program(1.5), rel=1e-14)
    assert gradient == pytest.approx((program(1.5 + 1e-6) - program(1.5 - 1e-6)) / 2e-6, rel=1e-8)
    assert cr.jvp(program, (1.5,), (1.0,))[1] == pytest.approx(gradient, rel=1e-12)
    change = (cr.grad(program)(1.5 + 1e-6) - cr.grad(program)(1.5 - 1e-6)) / 2e-6
    assert cr.grad(cr.grad(program))(1.5) == pytest.approx(change, rel=1e-7, abs=1e-7)


def test_results_are_plain_arrays() -> None:
    value, _ = cr.vjp(lambda x: (np.zeros(2), x * np.ones(2)), 1.0)
    assert [type(v) for v in value] == [np.ndarray, np.ndarray]


def test_everything_is_as_before_after_the_trace() -> None:
    before = (np, np.zeros, zeros)
    cr.grad(write_into_zeros)(1.0)
    with pytest.raises(ZeroDivisionError):
        cr.grad(lambda x: make()[0] + x / 0)(1.0)
    assert (np, np.zeros, zeros) == before
    assert type(make()) is np.ndarray


def test_another_thread_sees_plain_numpy() -> None:
    inside, seen = threading.Event(), threading.Event()
    types: list[type] = []
    followed: list[bool] = []

    def elsewhere() -> None:
        inside.wait()
        types.extend([type(np.zeros(2)), type(make()), type(np.array([1.0]))])
        seen.set()

    def f(x: Any) -> Any:
        inside.set()
        seen.wait()
        followed.append(is_handle(np.zeros(2)))
        return x

    other = threading.Thread(target=elsewhere)
    other.start()
    cr.grad(f)(1.0)
    other.join()
    assert types == [np.ndarray] * 3
    assert followed == [True]


def test_rerouting_can_be_switched_off() -> None:
    with plain_creation(), pytest.raises(EscapedValueError):
        cr.grad(write_into_zeros)(1.0)


def test_a_traced_value_is_not_written_into_an_integer_array() -> None:
    def f(x: Any) -> Any:
        a = np.zeros(2, dtype=int)
        a[0] = x
        return np.sum(a)

    with pytest.raises(DTypeError, match="cannot be written into an array of dtype int64"):
        cr.grad(f)(1.5)


def test_code_with_nothing_traced_runs_as_before() -> None:
    def f(x: Any) -> Any:
        a = np.arange(6.0).reshape(2, 3)
        order = np.lexsort((a[0], a[1]))
        counts = np.bincount(np.array([0, 1, 1]))
        text = ",".join(str(v) for v in a.ravel())
        b = np.random.default_rng(0).permutation(np.arange(4))
        return x * (
            order[0]
            + counts[1]
            + len(text)
            + a.max()
            + float(a[1, 2])
            + b[0]
            + np.linalg.matrix_rank(a)
        )

    assert cr.grad(f)(2.0) == f(2.0) / 2.0


def test_an_argument_that_is_not_differentiated_is_written_to_and_left_as_it_was() -> None:
    def f(x: Any, state: Any, *, more: Any) -> Any:
        state[0] = x * 2.0
        more += 1.0
        return np.sum(state * more)

    state, more = np.ones(2), np.ones(2)
    assert cr.grad(f)(3.0, state, more=more) == 4.0
    assert state.tolist() == more.tolist() == [1.0, 1.0]


def test_plain_code_that_writes_into_a_cell_is_seen() -> None:
    def f(x: Any) -> Any:
        a = np.zeros(3)
        memory = PLAINLY["asarray"](a)
        memory[1] = 5.0
        a[2] = 7.0
        return x * a[1] * memory[2]

    assert cr.grad(f)(1.0) == 35.0


def test_a_traced_write_that_plain_code_would_not_see_is_refused() -> None:
    def f(x: Any) -> Any:
        a = np.zeros(3)
        memory = PLAINLY["asarray"](a)
        a[0] = x
        return x * memory[0]

    with pytest.raises(EscapedValueError, match="memory that plain code holds"):
        cr.grad(f)(1.0)


def test_a_traced_write_after_plain_code_is_done_is_followed() -> None:
    def f(x: Any) -> Any:
        a = np.zeros(3)
        count = len(PLAINLY["asarray"](a))
        a[0] = x
        return a[0] * count

    assert cr.grad(f)(1.0) == 3.0


def test_a_cell_has_what_plain_arrays_have() -> None:
    def f(x: Any) -> Any:
        a = np.arange(3.0)
        assert a.tobytes() == bytes(a.data) == np.frombuffer(a.tobytes()).tobytes()
        assert a.flags.c_contiguous
        assert a.tolist() == [0.0, 1.0, 2.0]
        assert repr(a) == "array([0., 1., 2.])"
        return x

    assert cr.grad(f)(1.0) == 1.0
    with pytest.raises(EscapedValueError, match=r"\.tobytes would turn"):
        cr.grad(lambda x: len((x * np.ones(2)).tobytes()) * x)(1.0)


def test_a_part_of_a_plain_array_stays_one_with_it() -> None:
    plain = np.zeros((3, 3))

    def wrong_if_lost(x: Any) -> Any:
        np.frombuffer(plain)[...] = x
        return np.sum(plain)

    with pytest.raises(cr.errors.EscapedValueError):
        cr.grad(wrong_if_lost)(2.0)

    def f(x: Any) -> Any:
        column = np.array(plain[0], copy=None, ndmin=2)
        column[0, 1] = 5.0
        return x * np.sum(plain)

    assert cr.grad(f)(2.0) == 5.0
    with pytest.raises(ValueError, match="read-only"):
        cr.grad(lambda x: (np.diag(plain).fill(1.0), x)[1])(2.0)


def test_more_axes_are_a_view_where_nothing_is_copied() -> None:
    def f(x: Any) -> Any:
        a, b = np.zeros(3), x * np.ones(3)
        np.array(a, copy=None, ndmin=2)[0, 1] = x
        np.array(b, copy=None, ndmin=2)[0, 2] = x * x
        return np.sum(a) + np.sum(b)

    assert cr.grad(f)(2.0) == pytest.approx(1 + 2 + 4)


def test_a_name_that_is_bound_anew_stands_for_what_it_names_now(monkeypatch):
    def f(x):
        made = rebound(2)
        made[0] = x
        return np.sum(made * x)

    assert cr.grad(f)(3.0) == 6.0
    monkeypatch.setitem(globals(), "rebound", np.ones)
    assert cr.grad(f)(3.0) == 7.0


rebound: Any = np.zeros


def test_a_namespace_where_another_one_lay_is_looked_at_anew() -> None:
    programs = (
        "other = None\ndef f(x):\n    return x * x",
        "import numpy as np\ndef f(x):\n    a = np.zeros(1)\n    a[0] = x * x\n    return a[0]",
    )
    for i in range(100):
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(programs[i % 2], names)  # noqa: S102  as a notebook or a test of documentation does
        assert cr.grad(names["f"])(3.0) == 6.0
        names.clear()


def test_a_module_that_replaces_another_follows_and_so_does_the_other(monkeypatch):
    code = (
        "import numpy as np\ndef f(x):\n    a = np.zeros(2)\n    a[0] = x\n    return a[0] * FACTOR"
    )
    modules = []
    for factor in (2.0, 3.0):
        module = types.ModuleType("module_that_is_replaced")
        module.FACTOR = factor
        exec(code, vars(module))  # noqa: S102  another module of the same name
        modules.append(module)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        for one in modules:
            assert cr.grad(lambda x, one=one: one.f(x))(1.0) == one.FACTOR
