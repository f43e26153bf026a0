"""Lines of random steps that write into arrays, and the indices they write by."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from tests.fuzz.step_draft import Draft
from tests.fuzz.step_expressions import expression, pick_array, pick_value


def index(draft: Draft, x: Any, *, fancy: bool = True) -> str:
    """Write an index into an array."""
    r = draft.random
    if not x.ndim:
        return r.choice(("()", "..."))
    n = x.shape[0]
    options = [str(r.randrange(-n, n) if n else 0), "1:", ":-1", "::2", "::-1", "...", ":", "None"]
    options += [f"{r.randrange(0, n + 1)}:{r.randrange(0, n + 2)}", "-2:", "..., 0", "..., ::-1"]
    options += [k for k in draft.values if k.startswith("k")] * 2
    options += [name for name, v in draft.values.items() if type(v) is int and name[0] == "a"]
    if x.ndim > 1:
        options += [":, 1:", "0, ::-1", ":, None", "1:, :-1", ":, -1", "0, 1", ":, ::2"]
    if fancy and n:
        places = [r.randrange(-n, n) for _ in range(r.randrange(1, 4))]
        options += [str(places), f"np.array({places})"]
        for name, v in draft.values.items():
            if isinstance(v, np.ndarray) and v.dtype.kind in "iu" and v.size < 9:
                options += [f"{name} % {n}"] * 2
            if isinstance(v, np.ndarray) and v.dtype.kind == "b" and v.shape == x.shape[: v.ndim]:
                options += [name] * 3
    return r.choice(options)


def number(r: Random) -> str:
    return str(r.choice((0, 1, 2, -1, 0.5, -0.25, 1.5, 0.0)))


def write_by_index(draft: Draft) -> bool:
    name, x = pick_array(draft, "any")
    if name is None:
        return False
    r = draft.random
    where = index(draft, x)
    if r.random() < 0.25:
        where = f"{name} {r.choice(('>', '<', '!=', '>='))} {number(r)}"
    value = pick_value(draft)
    if r.random() < 0.3:
        value = expression(draft)[0]
    operator = r.choice(("", "", "", "+", "-", "*", "/", "//", "**", "|", "%"))
    done = draft.attempt(f"{name}[{where}] {operator}= {value}", "write by index")
    if done:
        kind = "fancy" if "[" in where or where[0] in "va" else "slice" if ":" in where else "item"
        draft.features.add(f"write: {kind}" if " " not in where else "write: mask")
    return done


def write_in_place(draft: Draft) -> bool:
    name, _ = pick_array(draft, "any")
    if name is None:
        return False
    operator = draft.random.choice(("+", "-", "*", "/", "**", "//", "%", "@", "&", "|", "^"))
    value = pick_value(draft) if draft.chance(0.6) else number(draft.random)
    return draft.attempt(f"{name} {operator}= {value}", "in-place operator")


def write_by_function(draft: Draft) -> bool:
    name, x = pick_array(draft, "any")
    if name is None:
        return False
    other, third = pick_value(draft), pick_value(draft)
    where = f", where={name} > {number(draft.random)}" if draft.chance(0.3) else ""
    part = f"{name}[{index(draft, x, fancy=False)}]"
    text = draft.random.choice(
        (
            f"np.add({other}, {third}, out={name}{where})",
            f"np.multiply({name}, {other}, out={name}{where})",
            f"np.sin({name}, out={name}{where})",
            f"np.subtract({other}, {name}, out={part})",
            f"np.negative({part}, out={part})",
            f"np.maximum({other}, {third}, {name})",
            f"np.cumsum({name}, axis=0, out={name})",
            f"np.sum({other}, axis=0, out={part})",
            f"np.clip({name}, -0.5, 0.5, out={name})",
            f"np.matmul({other}, {third}, out={name})",
            f"np.add.at({name}, {index(draft, x)}, {other})",
            f"np.copyto({name}, {other}{where})",
            f"{name}.fill({number(draft.random)})",
            f"np.put({name}, [0, -1], {other})",
            f"np.putmask({name}, {name} > 0, {other})",
            f"{name}.sort()",
            f"{name}.sort(axis=0)",
            f"np.fill_diagonal({name}, {other})",
            f"halve({name})",
            f"halve({part})",
            f"{name}.flat[{draft.random.randrange(3)}] = {other}",
            f"{name}.real[{index(draft, x)}] = {number(draft.random)}",
            f"{part}[...] = {other}",
            f"np.nan_to_num({name}, copy=False)",
        )
    )
    done = draft.attempt(text, "writing function")
    if done and "out=" in text:
        draft.features.add("out=")
    if done:
        draft.round(name)
    return done
