"""Statements of the random programs that would lose a derivative in a peer: each must raise, or be right."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.expressions import number, value
from tests.fuzz.sketch import Sketch


def _define(sketch: Sketch, code: str) -> None:
    sketch.define(code, ())


def pythons_float(sketch: Sketch) -> None:
    how = ("float({})", "int(10 * {}) / 7", "complex({}).real", "float(round({} + 0.0, 2))")
    _define(sketch, sketch.pick(how).format(number(sketch)))


def pythons_math(sketch: Sketch) -> None:
    how = (
        "math.sin({})",
        "math.exp(-abs({}))",
        "math.hypot({}, 1.0)",
        "math.fsum([{}, 1.0])",
        "math.floor({})",
    )
    _define(sketch, sketch.pick(how).format(number(sketch)))


def number_type(sketch: Sketch) -> None:
    how = ("np.float64({})", "np.double({})", "np.sum([{}], dtype=float)", "np.complex128({}).real")
    _define(sketch, sketch.pick(how).format(number(sketch)))


def method_of_a_plain_array(sketch: Sketch) -> None:
    how = (
        "G3.dot({1})",
        "G3.clip({0}, 9.0).sum()",
        "(G3 * 1.0).searchsorted({0}) + {0}",
        "np.random.default_rng(0).normal({0})",
        "G33.dot({1}).sum()",
        "G4.take(np.array({0}, dtype=int) % 2)",
    )
    _define(sketch, sketch.pick(how).format(number(sketch), value(sketch, (3,))))


def out_into_a_plain_array(sketch: Sketch) -> None:
    sketch.emit("H = G3 * 1.0")
    how = (
        "np.add({0}, 1.0, out=H)",
        "H += {0}",
        "np.sum([{0}, {0}], axis=0, out=H)",
        "np.add.at(H, [0, 0, 1], {0})",
    )
    sketch.emit(sketch.pick(how).format(value(sketch, (3,))))
    sketch.know("H", (3,))


def write_into_a_plain_array(sketch: Sketch) -> None:
    sketch.emit("H = G3 * 1.0")
    how = (
        "H[0] = {0}",
        "H[:] = {1}",
        "H.fill({0})",
        "H[[0, 1]] = {0}",
        "H.put([0], {0})",
        "H.flat[0] = {0}",
    )
    how += (
        "np.copyto(H, {1})",
        "np.put(H, [0], {0})",
        "np.fill_diagonal(H[:, None], {0})",
        "H[H > 0] = {0}",
    )
    how += ("np.frombuffer(H)[...] = {1}", "memoryview(H)[0] = {0}", "H.setfield({0}, float)")
    sketch.emit(sketch.pick(how).format(number(sketch), value(sketch, (3,))))
    sketch.know("H", (3,))


def swallowed(sketch: Sketch) -> None:
    name = sketch.fresh()
    how = ("float({0})", "math.cos({0})", "G3.dot({1})", "np.float64({0})")
    code = sketch.pick(how).format(number(sketch), value(sketch, (3,)))
    with sketch.block("try:"):
        sketch.emit(f"{name} = {code}")
    with sketch.block(
        f"except {sketch.pick(('Exception', '(TypeError, ValueError, RuntimeError)', 'BaseException'))}:"
    ):
        sketch.emit(f"{name} = 0.5")
    sketch.know(name, ())


ESCAPES: tuple[tuple[str, Callable[[Sketch], None]], ...] = (
    ("float() and its kind", pythons_float),
    ("math", pythons_math),
    ("np.float64() and its kind", number_type),
    ("method of a plain array", method_of_a_plain_array),
    ("out= into a plain array", out_into_a_plain_array),
    ("write into a plain array", write_into_a_plain_array),
    ("swallowed exception", swallowed),
)
