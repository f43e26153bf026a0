"""The lines of random steps: each is drawn from what a user writes, tried on the values at hand, and kept if it ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from tests.fuzz.step_draft import Draft
from tests.fuzz.step_expressions import condition, expression, pick_array, pick_value
from tests.fuzz.step_gradients import gradient, gradient_of_writes, optimizer
from tests.fuzz.step_writes import index, number, write_by_function, write_by_index, write_in_place


def write_lines(draft: Draft) -> None:
    """Write the body of a step."""
    some(draft, draft.random.randrange(3, 10))
    if draft.chance(0.1):
        text = condition(draft)
        if text:
            draft.write(f"if {text}:")
            draft.write(f"    return {_returned(draft)}")
            draft.features.add("early return")
            some(draft, 2)
    draft.write(f"return {_returned(draft)}")


def some(draft: Draft, count: int) -> None:
    """Write so many statements, if as many are found."""
    for _ in range(count):
        for _ in range(6):
            if draft.random.choices(_STATEMENTS, _OFTEN)[0](draft):
                break


def _returned(draft: Draft) -> str:
    names = [n for n in draft.values if not n.startswith("k")]
    late = [n for n in names if n.startswith("v")]
    chosen = draft.random.sample(late, min(len(late), draft.random.randrange(1, 5)))
    if not chosen or draft.chance(0.25):
        chosen.append(draft.random.choice(names))
    if len(chosen) == 1 and draft.chance(0.5):
        return chosen[0]
    if draft.chance(0.15):
        return "{" + ", ".join(f"{n!r}: {n}" for n in chosen) + "}"
    if draft.chance(0.1):
        return f"Pair({chosen[0]}, {chosen[-1]})"
    if draft.chance(0.1):
        return f"Two({chosen[0]}, [{chosen[-1]}])"
    return "(" + ", ".join(chosen) + ",)"


def _define(draft: Draft) -> bool:
    text, features = expression(draft)
    again = [n for n, v in draft.values.items() if n.startswith("v") and np.ndim(v)]
    if (draft.depth or draft.chance(0.12)) and again:
        return draft.attempt(f"{draft.random.choice(again)} = {text}", *features)
    return draft.attempt(f"{draft.fresh()} = {text}", *features)


def _read(draft: Draft) -> bool:
    name, x = pick_array(draft, "any")
    if name is None:
        return False
    return draft.attempt(f"{draft.fresh()} = {name}[{index(draft, x)}]", "view or read")


def _block(draft: Draft, header: str, count: int, *features: str) -> None:
    """Write a block; what it defines is out of sight behind it, but the values remain those of a run."""
    names = set(draft.values)
    draft.write(header)
    draft.indent += 1
    draft.depth += 1
    lines = len(draft.lines)
    some(draft, count)
    if len(draft.lines) == lines:
        draft.write("pass")
    draft.indent -= 1
    draft.depth -= 1
    draft.values = {n: v for n, v in draft.values.items() if n in names}
    draft.features.update(features)


def _branch(draft: Draft) -> bool:
    text = condition(draft)
    if text is None or draft.depth > 1:
        return False
    _block(draft, f"if {text}:", draft.random.randrange(1, 3), "branch on values")
    if draft.chance(0.2):
        second = condition(draft)
        if second:
            _block(draft, f"elif {second}:", 1)
    if draft.chance(0.5):
        _block(draft, "else:", draft.random.randrange(1, 3))
    return True


def _for_loop(draft: Draft) -> bool:
    if draft.depth > 1:
        return False
    k = f"k{draft.depth}"
    integers = [n for n, v in draft.values.items() if type(v) is int and n[0] == "a"]
    turns = draft.random.choice(("2", "3", "5"))
    if integers and draft.chance(0.3):
        turns = f"abs({draft.random.choice(integers)}) % 4"
    name, x = pick_array(draft, "any")
    header = f"for {k} in range({turns}):"
    if name and x.ndim and len(x) and draft.chance(0.2):
        header = f"for {k} in range(len({name})):"
    draft.values[k] = 0
    _block(draft, header, draft.random.randrange(1, 3), "for loop")
    draft.values.pop(k, None)
    return True


def _row_loop(draft: Draft) -> bool:
    name, x = pick_array(draft, "any")
    if name is None or not x.ndim or not len(x) or draft.depth > 1:
        return False
    row, total = draft.fresh(), draft.fresh()
    start = draft.random.choice(("0.0", "0", f"np.zeros_like({name}[0])"))
    body = draft.random.choice(
        (
            f"{total} = {total} * 0.5 + {row}",
            f"{total} = {total} + np.sum({row} * {row})",
            f"if np.sum({row}) > {number(draft.random)}:\n        break\n    {total} = {total} + {row}",
            f"{row} *= 0.5\n    {total} = {total} + {row}",
            f"if np.max({row}) < 0:\n        continue\n    {total} = {total} - {row}",
        )
    )
    text = f"{total} = {start}\nfor {row} in {name}:\n    {body}"
    return draft.attempt(text, "loop over rows")


def _while_loop(draft: Draft) -> bool:
    name, _ = pick_array(draft, "fc")
    if name is None or draft.depth > 1:
        return False
    n, limit = draft.fresh(), draft.random.choice((0.1, 0.5, 1.0, 2.0))
    measure = draft.random.choice(
        ("np.sum(np.abs({}))", "np.max(np.abs({}))", "np.linalg.norm({})")
    )
    step = draft.random.choice(
        ("{0} = {0} * 0.7", "{0} *= 0.5", "{0} = {0} - 0.3 * np.sin({0}) - 0.1 * {0}")
    )
    text = f"{n} = 0\nwhile {measure.format(name)} > {limit} and {n} < 6:\n    {step.format(name)}\n    {n} += 1"
    done = draft.attempt(text, "while loop with a count of its own")
    if done:
        draft.round(name)
    return done


def _container(draft: Draft) -> bool:
    a, b, d = pick_value(draft), pick_value(draft), draft.fresh()
    r = draft.random
    options = (
        f"{d} = {{'x': {a}, 'y': [{b}, 2.0]}}\n{d}['x'] = {d}['x'] * 2\n{d} = {d}['x'] + {d}['y'][1]",
        f"{d} = [{a}, {b}]\n{d}.append({a})\n{d}[0] = {d}[-1] * {d}[1]\n{d} = {d}[0]",
        f"{d} = Pair({a}, {b})\n{d} = {d}.first - {d}.second",
        f"{d} = Two({a}, {b})\n{d} = {d}.left * {d}.right",
        f"{d} = [v * 2 for v in ({a}, {b})]\n{d} = {d}[1]",
        f"{d} = max({a}, {b})",
        f"{d} = min({a}, {b}, 0.5)",
        f"{d} = sum([{a}, {b}])",
        f"{d} = sorted([np.sum({a}), np.sum({b}), 0.1])[1]",
        f"{d} = {a} if np.all({b}) else {b}",
        f"{d} = {a} if np.any({b} > 0) and np.sum({a}) < 1 else {b}",
        f"{d} = np.array([np.sum({a}), 1.0, np.sum({b})])",
        f"{d} = {{k: v * 0.5 for k, v in zip('pq', ({a}, {b}))}}\n{d} = {d}['p']",
        f"{d} = {a} * MODEL.scale",
        f"{d} = {a} * RATE + TABLE['rate']",
        f"{d} = TABLE['rows'][0] * {a} ** TABLE['rows'][1]",
        f"{d} = np.concatenate([G, np.ravel({a})])",
        f"{d} = [np.sin, np.cos, np.tanh][int({r.randrange(3)})]({a})",
    )
    settings = [n for n, v in draft.values.items() if isinstance(v, dict) and "name" in v]
    if settings and r.random() < 0.5:
        line = f"{d} = {{'tanh': np.tanh, 'sin': np.sin}}[{settings[0]}['name']]({a})"
        return draft.attempt(line, "settings decide")
    return draft.attempt(r.choice(options), "containers, builtins, surroundings")


def _raising(draft: Draft) -> bool:
    text = condition(draft)
    if text is None:
        return False
    value, d = pick_value(draft), draft.fresh()
    line = draft.random.choice(
        (
            f"if {text}:\n    raise ValueError('so it is')",
            f"assert not ({text}), 'so it is'",
            f"try:\n    {d} = np.linalg.solve({value}, {value})\nexcept np.linalg.LinAlgError:\n    {d} = 0.5",
            f"try:\n    if {text}:\n        raise KeyError('a')\n    {d} = 1.0\nexcept KeyError:\n    {d} = {value}",
            f"{d} = np.linalg.inv({value})",
            f"{d} = np.linalg.cholesky({value})",
            f"{d} = {value}[np.argmax({value}) + 1]",
        )
    )
    return draft.attempt(line, "raises for some numbers")


_Statement = Callable[[Draft], bool]
_WEIGHTED: Sequence[tuple[_Statement, int]] = (
    (_define, 30),
    (_read, 8),
    (write_by_index, 14),
    (write_in_place, 8),
    (write_by_function, 8),
    (_branch, 7),
    (_for_loop, 5),
    (_row_loop, 3),
    (_while_loop, 4),
    (gradient, 6),
    (gradient_of_writes, 3),
    (optimizer, 2),
    (_container, 6),
    (_raising, 2),
)
_STATEMENTS = [s for s, _ in _WEIGHTED]
_OFTEN = [w for _, w in _WEIGHTED]
