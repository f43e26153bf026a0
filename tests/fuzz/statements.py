"""Statements of the random programs that write into arrays, or share their memory."""

from __future__ import annotations

import math

from tests.fuzz.expressions import number, value
from tests.fuzz.sketch import Shape, Sketch, Variable


def _target(sketch: Sketch, least: int = 1) -> Variable:
    """Choose an array to write to, and note when the write is seen through another name."""
    target = sketch.array(least)
    if sketch.shares(target):
        sketch.use("write that a view or a base sees")
    if target.name in {"x", "y", "p"}:
        sketch.use("write to an argument")
    return target


def _slice(sketch: Sketch, n: int) -> tuple[str, int]:
    """Write a slice of an axis that is not empty, and say how long it is."""
    i = sketch.random.randrange(n)
    j = sketch.random.randrange(i + 1, n + 1)
    step = sketch.pick((None, None, 1, 2, -1))
    if step == -1:
        return f"{j - 1}:{i - 1 if i else ''}:-1", j - i
    return f"{i or ''}:{j - n if j < n else ''}" + (f":{step}" if step else ""), -(
        -(j - i) // (step or 1)
    )


def _cut(sketch: Sketch, shape: Shape) -> tuple[str, Shape]:
    """Write a basic index that keeps at least one axis, and say the shape of the part."""
    parts, kept = [], []
    for axis, n in enumerate(shape):
        is_last_chance = axis == len(shape) - 1 and not kept
        if not is_last_chance and sketch.chance(30):
            parts.append(sketch.position(n))
        elif sketch.chance(30):
            parts.append(":")
            kept.append(n)
        else:
            code, length = _slice(sketch, n)
            parts.append(code)
            kept.append(length)
    if sketch.chance(15):
        parts = ["...", parts[-1]]
        kept = [*shape[:-1], *kept[len(kept) - (":" in parts[-1]) :]]
    elif sketch.chance(10):
        parts.append("None")
        kept.append(1)
    return ", ".join(parts), tuple(kept)


def _written(sketch: Sketch, shape: Shape) -> str:
    """Write a value that fits into a part of a shape, by broadcasting too."""
    options = (shape, shape, (), shape[1:], (1, *shape[1:]) if shape else ())
    return value(sketch, sketch.pick(options))


def write_an_item(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("write by index")
    if len(target.shape) > 1 and sketch.chance(40):
        row = value(sketch, target.shape[1:])
        sketch.emit(f"{target.name}[{sketch.position(target.shape[0])}] = {row}")
        return
    places = ", ".join(sketch.position(n) for n in target.shape)
    sketch.emit(f"{target.name}[{places}] = {number(sketch)}")


def write_a_slice(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("write by slice")
    index, shape = _cut(sketch, target.shape)
    sketch.emit(f"{target.name}[{index}] = {_written(sketch, shape)}")


def write_by_mask(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("write by mask")
    name, limit = target.name, sketch.number()
    if sketch.chance(50):
        sketch.emit(f"{name}[{name} > {limit}] = {number(sketch)}")
        return
    mask = sketch.fresh()
    sketch.emit(f"{mask} = {value(sketch, target.shape, 1)} > {limit}")
    sketch.emit(f"{name}[{mask}] {sketch.pick(('', '+'))}= ({value(sketch, target.shape)})[{mask}]")


def write_by_index_array(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("write by index array")
    n, rest = target.shape[0], target.shape[1:]
    count = sketch.random.randrange(1, 4)
    places = sketch.positions(n, count)
    if len(target.shape) == 2 and sketch.chance(40):
        pair = f"{places}, {sketch.positions(rest[0], count)}"
        sketch.emit(f"{target.name}[{pair}] = {_written(sketch, (count,))}")
        return
    operator = sketch.pick(("", "", "+", "*"))
    sketch.emit(f"{target.name}[{places}] {operator}= {_written(sketch, (count, *rest))}")


def view(sketch: Sketch) -> None:
    base = sketch.array()
    sketch.use("view")
    index, shape = _cut(sketch, base.shape)
    name = base.name
    n, last = base.shape[0], len(base.shape) - 1
    options: list[tuple[str, Shape]] = [
        (f"{name}[{index}]", shape),
        (f"{name}[{index}]", shape),
        (f"{name}.T", base.shape[::-1]),
        (f"{name}.reshape(-1)", (base.size,)),
        (f"{name}.ravel()", (base.size,)),
        (f"{name}[::-1]", base.shape),
        (f"np.flip({name})", base.shape),
        (f"{name}[..., None]", (*base.shape, 1)),
        (f"np.expand_dims({name}, 0)", (1, *base.shape)),
        (f"np.moveaxis({name}, 0, -1)", (*base.shape[1:], n)),
        (f"np.swapaxes({name}, 0, {last})", _swapped(base.shape)),
        (f"np.asarray({name})", base.shape),
        (f"np.atleast_2d({name})", base.shape if last else (1, n)),
        (f"np.array_split({name}, 2)[0]", ((n + 1) // 2, *base.shape[1:])),
        (f"{name}.view()", base.shape),
        (f"np.real({name})", base.shape),
        (f"{name}.squeeze()", tuple(m for m in base.shape if m > 1)),
    ]
    code, shape = sketch.pick([o for o in options if math.prod(o[1]) > 0 and o[1]])
    sketch.define(code, shape, base.memory)
    if sketch.chance(50):
        write_a_slice(sketch)


def _swapped(shape: Shape) -> Shape:
    return (shape[-1], *shape[1:-1], shape[0]) if len(shape) > 1 else shape


def views_in_a_container(sketch: Sketch) -> None:
    base = _target(sketch)
    sketch.use("views in a container")
    rows = sketch.fresh()
    how = sketch.pick(
        ("list({})", "[row for row in {}]", "np.split({0}, len({0}))", "dict(enumerate({}))")
    )
    sketch.emit(f"{rows} = {how.format(base.name)}")
    i = sketch.random.randrange(base.shape[0])
    if len(base.shape) > 1 or how.startswith("np.split"):
        sketch.emit(f"{rows}[{i}][...] = {number(sketch)}")
    else:
        sketch.emit(f"{rows}[{i}] = {rows}[{i}] * {number(sketch)}")
        sketch.emit(f"{base.name}[0] = {rows}[{i}]")


def in_place_operator(sketch: Sketch) -> None:
    sketch.use("in-place operator")
    operator = sketch.pick(("+", "-", "*", "/"))
    if sketch.chance(20):
        numbers = [v for v in sketch.variables if not v.is_array]
        if numbers:
            sketch.emit(
                f"{sketch.pick(numbers).name} {operator}= {_moderate(sketch, (), operator)}"
            )
            return
    target = _target(sketch)
    if sketch.chance(40):
        index, shape = _cut(sketch, target.shape)
        sketch.emit(f"{target.name}[{index}] {operator}= {_moderate(sketch, shape, operator)}")
        return
    sketch.emit(f"{target.name} {operator}= {_moderate(sketch, target.shape, operator)}")


def _moderate(sketch: Sketch, shape: Shape, operator: str) -> str:
    code = _written(sketch, shape)
    return code if operator in "+-" else f"(1.3 + np.tanh({code}) / 4)"


def out(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("out=")
    name, shape = target.name, target.shape
    x, y = value(sketch, shape), _written(sketch, shape)
    options = [
        f"np.add({x}, {y}, out={name})",
        f"np.tanh({x}, out={name})",
        f"np.sin({name}, {name})",
        f"np.multiply(np.tanh({x}), {y}, out={name})",
        f"np.subtract({x}, {y}, out={name}, where={name} > {sketch.number()})",
        f"np.cumsum({x}, axis=0, out={name})",
        f"np.clip({x}, -0.8, 0.9, out={name})",
        f"np.mean([{x}, {x}], axis=0, out={name})",
        f"np.sum(np.stack([{x}, np.cos({x})]), axis=0, out={name})",
    ]
    if len(shape) == 2 and shape[0] == shape[1]:
        options += [
            f"np.matmul(np.tanh({x}), {x}, out={name})",
            f"np.dot({x}, np.cos({x}), out={name})",
        ]
    sketch.emit(sketch.pick(options))


def ufunc_at(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("ufunc.at")
    places = sketch.positions(target.shape[0], 3)
    shape = (3, *target.shape[1:])
    how = sketch.pick(("add", "add", "subtract", "multiply"))
    code = _moderate(sketch, shape, "*" if how == "multiply" else "+")
    sketch.emit(f"np.{how}.at({target.name}, {places}, {code})")


def put(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("np.put")
    values = value(sketch, sketch.pick(((2,), ())))
    how = ("np.put({0}, {1}, {2})", "{0}.put({1}, {2})", "np.put({0}, {1}, {2}, mode='wrap')")
    sketch.emit(sketch.pick(how).format(target.name, sketch.positions(target.size, 2), values))


def copyto(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("np.copyto")
    where = sketch.pick(("", f", where={target.name} > {sketch.number()}"))
    sketch.emit(f"np.copyto({target.name}, {_written(sketch, target.shape)}{where})")


def fill_diagonal(sketch: Sketch) -> None:
    wide = [v for v in sketch.variables if len(v.shape) == 2]
    target = sketch.pick(wide)
    sketch.use("np.fill_diagonal")
    sketch.emit(f"np.fill_diagonal({target.name}, {value(sketch, sketch.pick(((), (2,))))})")


def sort_in_place(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("sort in place")
    axis = sketch.random.randrange(-len(target.shape), len(target.shape))
    sketch.emit(f"{target.name}.sort({sketch.pick(('', f'axis={axis}'))})")


def writing_function(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("other writing function")
    name = target.name
    mask = f"{name} > {sketch.number()}"
    how = (
        f"{name}.fill({number(sketch)})",
        f"np.putmask({name}, {mask}, {value(sketch, (2,))})",
        f"np.place({name}, {mask}, {value(sketch, (2,))})",
        f"{name}.flat[{sketch.random.randrange(target.size)}] = {number(sketch)}",
        f"np.put_along_axis({name}, np.argsort({name}, axis=0)[:1], {number(sketch)}, axis=0)",
        f"{name}.partition(0, axis=0)",
        f"np.nan_to_num({name}, copy=False)",
    )
    sketch.emit(sketch.pick(how))


def complex_parts(sketch: Sketch) -> None:
    sketch.use("parts of complex arrays")
    shape = sketch.array().shape
    z, index = sketch.fresh(), sketch.position(shape[0])
    sketch.emit(f"{z} = {value(sketch, shape)} + 1j * {value(sketch, shape)}")
    sketch.emit(f"{z}.{sketch.pick(('real', 'imag'))}[{index}] = {_written(sketch, shape[1:])}")
    sketch.emit(f"{z}.{sketch.pick(('real', 'imag'))} *= {_moderate(sketch, (), '*')}")
    sketch.define(f"{z}.{sketch.pick(('real', 'imag'))} + np.abs({z} + 2.5j) / 3", shape)


def iterate(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("iteration")
    item, i, name = sketch.fresh(), sketch.fresh(), target.name
    if len(target.shape) > 1 and sketch.chance(50):
        with sketch.block(f"for {item} in {sketch.pick(('{}', '{}.T', '{}[::-1]')).format(name)}:"):
            sketch.emit(f"{item} {sketch.pick(('+', '-'))}= {number(sketch)}")
        return
    how = ("{0}[{1}] = np.sin({2}) + {3}", "{0}[{1}] += {3} * {0}[{1}] / 2", "{0}[{1}] = {3} - {2}")
    line = sketch.pick(how).format(name, i, item, number(sketch))
    loops = (
        f"for {i}, {item} in enumerate({name}):",
        f"for {i}, {item} in np.ndenumerate({name}):",
    )
    loops += (f"for {i}, {item} in zip(range({target.shape[0]}), {name}):",)
    with sketch.block(sketch.pick(loops)):
        sketch.emit(line)


def swap(sketch: Sketch) -> None:
    target = _target(sketch)
    sketch.use("swap")
    name, n = target.name, target.shape[0]
    i, j = sketch.position(n), sketch.position(n)
    if sketch.chance(50):
        sketch.emit(f"{name}[[{i}, {j}]] = {name}[[{j}, {i}]]")
    elif len(target.shape) == 1 or sketch.chance(50):
        sketch.emit(
            f"{name}[{i}], {name}[{j}] = {name}[{j}], {name}[{i}]"
        )  # of rows, a classic trap
    else:
        sketch.emit(f"{name}[{i}], {name}[{j}] = {name}[{j}].copy(), {name}[{i}].copy()")


def overlap(sketch: Sketch) -> None:
    """Read from the memory that is written to."""
    target = _target(sketch)
    sketch.use("overlapping write")
    name, n = target.name, target.shape[0]
    shift = 1 if n > 1 else 0
    how = (
        f"{name}[{shift}:] = {name}[: {n - shift}]",
        f"{name}[: {n - shift}] += {name}[{shift}:]",
        f"{name}[:] = {name}[::-1]",
        f"{name} -= {name}[0] / 2",
        f"np.add({name}[{shift}:], {name}[: {n - shift}], out={name}[{shift}:])",
    )
    sketch.emit(sketch.pick(how))


STATEMENTS = (
    *(write_an_item, write_a_slice, write_by_mask, write_by_index_array, view, view),
    *(views_in_a_container, in_place_operator, in_place_operator, out, ufunc_at),
    *(put, copyto, fill_diagonal, sort_in_place, writing_function, swap, overlap),
    *(complex_parts, iterate),
)
