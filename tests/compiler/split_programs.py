"""Random steps that mix arithmetic with views, second names, writes, branches, text, random draws, and errors."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr

_HEAD = "def step(a, b, table, flag):\n"
_INDENT = "    "


class _Writer:
    """Writes the statements of one program; all arrays have three elements, so that everything fits everything."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  to make programs of
        self._count = 0

    def program(self) -> str:
        """Return the source of a step."""
        names = ["a", "b"]
        lines = self._block(names, self._random.randint(4, 9), 1, in_loop=False)
        chosen = [self._random.choice(names) for _ in range(3)]
        last = f"return {', '.join(chosen)}, np.sum({self._array(names)}), table"
        return _HEAD + "\n".join([*lines, _INDENT + last]) + "\n"

    def _new(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _array(self, names: list[str]) -> str:
        """Return an expression for an array."""
        x, y = self._random.choice(names), self._random.choice(names)
        forms = (
            f"np.tanh({x}) * 0.7 + {y}",
            f"np.sin({x} + 0.3) - 0.2 * {y} * {x}",
            f"{x} / (1 + {y} * {y})",
            f"np.where({x} > {y}, {x}, 0.5 * {y})",
            f"np.exp(-{x} * {x}) + np.mean({y})",
        )
        return self._random.choice(forms)

    def _block(self, names: list[str], count: int, depth: int, *, in_loop: bool) -> list[str]:
        """Return statements; `names` grows by those that are bound for sure behind them."""
        lines: list[str] = []
        for _ in range(count):
            write = self._random.choice(self._kinds(depth, in_loop=in_loop))
            lines += [_INDENT * depth + line for line in write(names, depth)]
        return lines

    def _kinds(self, depth: int, *, in_loop: bool) -> list[Callable[[list[str], int], list[str]]]:
        plain = [self._compute] * 5 + [self._write] * 2 + [self._second_name, self._view]
        pythons = [self._text, self._draw, self._container, self._select, self._listed]
        kinds = [*plain, *plain, *pythons, self._gradient, self._keep]
        if depth < 3:
            kinds += [self._branch, self._branch, self._loop, self._try]
        if depth > 1:
            kinds += [self._leave] if in_loop else [self._return, self._raise]
        return kinds

    def _compute(self, names: list[str], _: int) -> list[str]:
        name = self._new() if self._random.random() < 0.7 else self._random.choice(names)
        line = f"{name} = {self._array(names)}"
        if name not in names:
            names.append(name)
        return [line]

    def _write(self, names: list[str], _: int) -> list[str]:
        x, y = self._random.choice(names), self._random.choice(names)
        forms = (
            f"{x} += 0.5 * {y}",
            f"{x}[1:] = {y}[:-1]",
            f"{x}[0] = 0.25",
            f"{x}[{y} > 0] *= 0.5",
            f"{x} *= 0.9",
        )
        return [self._random.choice(forms)]

    def _second_name(self, names: list[str], _: int) -> list[str]:
        new, x = self._new(), self._random.choice(names)
        names.append(new)
        return [f"{new} = {x}"]

    def _view(self, names: list[str], _: int) -> list[str]:
        new, x = self._new(), self._random.choice(names)
        names.append(new)
        form = self._random.choice(("[::-1]", ".reshape(3)", "[:]", ".ravel()", ".T", "[None][0]"))
        return [f"{new} = {x}{form}"]

    def _text(self, names: list[str], _: int) -> list[str]:
        return [f'print(f"{{np.sum({self._array(names)} + 0 * a):.4g}}")']

    def _draw(self, names: list[str], _: int) -> list[str]:
        new = self._new()
        names.append(new)
        return [f"{new} = rng.normal(size=3) * 0.1"]

    def _container(self, names: list[str], _: int) -> list[str]:
        new, x = self._new(), self._random.choice(names)
        key = self._random.choice(("p", "q"))
        forms = (
            [f'table["{key}"] = {self._array(names)}', f'{new} = table["{key}"]'],
            ['table["p"] = table["q"] * 0.5', f'{new} = table["p"] + {x}'],
            [f"pair = [{x}, {self._array(names)}]", f"pair[0] = {x} * 2", f"{new} = pair[1]"],
            [
                f'both = {{"x": {x}}}',
                "same = both",
                'same["x"] = 2 * both["x"]',
                f'{new} = both["x"]',
            ],
        )
        lines = self._random.choice(forms)
        names.append(new)
        return lines

    def _select(self, names: list[str], _: int) -> list[str]:
        new, x = self._new(), self._random.choice(names)
        names.append(new)
        return [f"chosen = {x}[{x} > 0]", f"{new} = {x} * len(chosen) + np.sum(chosen)"]

    def _listed(self, names: list[str], _: int) -> list[str]:
        new, x = self._new(), self._random.choice(names)
        names.append(new)
        return [f"numbers = {x}.tolist()", f"{new} = np.array([0.5 * n for n in numbers])"]

    def _gradient(self, names: list[str], _: int) -> list[str]:
        f, new = self._new(), self._new()
        x = self._random.choice(names)
        lines = [
            f"def {f}(z):",
            f"{_INDENT}return np.sum({self._array([*names, 'z'])} * z)",
            f"{new} = cr.grad({f})({x})",
        ]
        names.append(new)
        return lines

    def _keep(self, names: list[str], _: int) -> list[str]:
        return [f"kept.append({self._array(names)})"]

    def _branch(self, names: list[str], depth: int) -> list[str]:
        test = self._random.choice(("flag", f"np.sum({self._random.choice(names)}) > 0.1"))
        one, other = list(names), list(names)
        lines = [f"if {test}:", *self._inner(one, depth)]
        if self._random.random() < 0.6:
            lines += ["else:", *self._inner(other, depth)]
        else:
            other = []
        names += [n for n in one if n in other and n not in names]
        return lines

    def _loop(self, names: list[str], depth: int) -> list[str]:
        k = self._new()
        if self._random.random() < 0.6:
            return [
                f"for {k} in range({self._random.randint(0, 3)}):",
                *self._inner(list(names), depth, in_loop=True),
            ]
        return [
            f"{k} = 0",
            f"while {k} < 4 and np.sum({self._random.choice(names)}) < 3:",
            f"{_INDENT}{k} += 1",
            *self._inner(list(names), depth, in_loop=True),
        ]

    def _try(self, names: list[str], depth: int) -> list[str]:
        x = self._random.choice(names)
        return [
            "try:",
            *self._inner(list(names), depth),
            f"{_INDENT}if np.sum({x}) > 0.5:",
            f"{_INDENT * 2}raise KeyError('caught')",
            "except KeyError:",
            f"{_INDENT}{x} *= 0.3",
        ]

    def _inner(self, names: list[str], depth: int, *, in_loop: bool = False) -> list[str]:
        lines = self._block(names, self._random.randint(1, 3), depth + 1, in_loop=in_loop)
        return [line[len(_INDENT) * depth :] for line in lines]

    def _leave(self, names: list[str], _: int) -> list[str]:
        word = self._random.choice(("break", "continue"))
        return [f"if np.sum({self._random.choice(names)}) > 1:", f"{_INDENT}{word}"]

    def _return(self, names: list[str], _: int) -> list[str]:
        x = self._random.choice(names)
        return [f"if np.max({x}) > 1.5:", f"{_INDENT}return {self._array(names)}, {x}"]

    def _raise(self, names: list[str], _: int) -> list[str]:
        x = self._random.choice(names)
        return [f"if np.min({x}) < -1.5:", f"{_INDENT}raise ValueError(f'{{np.min({x}):.3g}}')"]


class Program:
    """A random step, and a world of its own that it draws from and writes to.

    Attributes:
        source: its text.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.source = _Writer(seed).program()
        self._file = folder / f"program_{seed}.py"
        self._file.write_text(self.source)

    def function(self) -> Callable[..., Any]:
        """Return the step in a new world."""
        world: dict[str, Any] = {"np": np, "cr": cr, "rng": np.random.default_rng(0), "kept": []}
        world["__name__"] = self._file.stem
        exec(compile(self.source, str(self._file), "exec"), world)  # noqa: S102  the program
        step: Callable[..., Any] = world["step"]
        return step


def arguments(seed: int) -> tuple[Any, ...]:
    """Return arguments for a step."""
    rng = np.random.default_rng(seed)
    a, b, p, q = rng.normal(size=(4, 3))
    return a.copy(), b.copy(), {"p": p.copy(), "q": q.copy()}, bool(seed % 3)
