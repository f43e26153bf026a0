"""Random convolutions and what else goes over windows: of the library, and cut by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from tests.fuzz.contraction import Contraction, Sum, looked_at

from chainrule.errors import ChainruleError
from chainrule.nn import functional

_CHANNELS = (1, 2, 3, 5, 8, 8, 12, 16, 33)
_FEW_GROUPS = 3


def numbered_convolution(seed: object, number: int) -> Contraction:
    """Return the convolution of a number: always the same."""
    random = Random(f"convolution/{seed}/{number}")  # noqa: S311  nothing secret
    while True:
        made = looked_at(random, random.choice(_KINDS)(random))
        try:
            with np.errstate(all="ignore"):
                made.arguments()
        except (ChainruleError, ValueError):  # the window fits nowhere
            continue
        return made


def _library(random: Random) -> Sum:
    name = random.choice(("conv1d", "conv2d", "conv2d", "conv2d", "conv_transpose2d"))
    axes = 1 if name == "conv1d" else 2
    groups = random.choice((1, 1, 1, 2, 3, 0))
    channels = random.choice(_CHANNELS) * (groups or 1)
    groups = groups or channels
    outputs = random.choice(_CHANNELS if groups <= _FEW_GROUPS else (1, 2, 8)) * groups
    sizes = [random.randrange(1, 6) for _ in range(axes)]
    options: dict[str, Any] = {"groups": groups}
    for option in ("strides", "dilation"):
        if random.random() < 0.4:
            options[option] = tuple(random.randrange(1, 4) for _ in range(axes))
    pairs = [(random.randrange(3), random.randrange(3)) for _ in range(axes)]
    options["padding"] = random.choice(("same", "valid", pairs))
    batch = random.choice((0, *(1, 2, 3, 5) * 5))
    image = [random.randrange(2, 12) for _ in range(axes)]
    f = getattr(functional, name)
    shapes = (batch, *image, channels), (*sizes, channels // groups, outputs)
    return Sum(f"{name} {options}", lambda x, k: f(x, k, **options), shapes)


def _pooling(random: Random) -> Sum:
    name = random.choice(("avg_pool2d", "max_pool2d"))
    size = tuple(random.randrange(1, 4) for _ in range(2))
    options: dict[str, Any] = {"padding": random.choice(("same", "valid"))}
    if random.random() < 0.5:
        options["strides"] = tuple(random.randrange(1, 4) for _ in range(2))
    f = getattr(functional, name)
    shape = (random.randrange(1, 4), *(random.randrange(1, 9) for _ in range(2)))
    channels = random.choice(_CHANNELS)
    shapes = ((*shape, channels), (channels, 8))
    return Sum(
        f"{name} {size} {options}",
        lambda x, k: f(x, size, **options) @ k,
        shapes,
        is_exact=name == "max_pool2d",
    )


def _attention(random: Random) -> Sum:
    heads, places, width = random.randrange(1, 4), random.randrange(1, 20), random.choice(_CHANNELS)
    shape = (2, heads, places, width)

    def attended(x: Any, k: Any) -> Any:
        return functional.attention(0.1 * x, 0.1 * k, x * k)

    return Sum("attention", attended, (shape, shape), is_exact=False)


def _by_hand(random: Random) -> Sum:
    batch, height, width = random.randrange(1, 4), random.randrange(1, 8), random.randrange(1, 8)
    channels, outputs = random.choice(_CHANNELS), random.choice(_CHANNELS)
    rows, columns = random.randrange(1, 4), random.randrange(1, 4)
    gap, step = random.randrange(1, 3), random.randrange(1, 3)
    image = (
        batch,
        (height - 1) * step + (rows - 1) * gap + 1,
        (width - 1) * step + (columns - 1) * gap + 1,
        channels,
    )
    window = _Window(rows, columns, height, width, gap, step)
    name = random.choice(tuple(_WAYS))
    shapes = (image, (rows, columns, channels, outputs))
    if name.startswith("painted"):
        shapes = ((batch, height, width, channels), (rows, columns, channels, outputs))
    return Sum(f"{name}, {window}", lambda x, k: _WAYS[name](window, x, k), shapes)


@dataclass(frozen=True)
class _Window:
    rows: int
    columns: int
    height: int
    width: int
    gap: int
    step: int

    def places(self) -> list[tuple[int, int, Any]]:
        """Return for each number of the window which part of an image it meets."""
        return [
            (i, j, (slice(None), self._met(i, self.height), self._met(j, self.width)))
            for i, j in itertools.product(range(self.rows), range(self.columns))
        ]

    def _met(self, i: int, count: int) -> slice:
        start = i * self.gap
        return slice(start, start + (count - 1) * self.step + 1, self.step)


def _added(w: _Window, x: Any, k: Any) -> Any:
    return sum(x[place] @ k[i, j] for i, j, place in w.places())


def _joined(w: _Window, x: Any, k: Any) -> Any:
    met = np.concatenate([x[place] for _, _, place in w.places()], axis=-1)
    flat = met.reshape(-1, met.shape[-1]) @ k.reshape(-1, k.shape[-1])
    return flat.reshape(*met.shape[:-1], k.shape[-1])


def _joined_turned(w: _Window, x: Any, k: Any) -> Any:
    met = np.concatenate([x[place] for _, _, place in w.places()], axis=-1)
    return (k.reshape(-1, k.shape[-1]).T @ met.reshape(-1, met.shape[-1]).T).T


def _stacked(w: _Window, x: Any, k: Any) -> Any:
    met = np.stack([x[place] for _, _, place in w.places()], axis=3)
    return met.reshape(*met.shape[:3], -1) @ k.reshape(-1, k.shape[-1])


def _a_batch_per_number(w: _Window, x: Any, k: Any) -> Any:
    met = np.stack([x[place].reshape(-1, x.shape[-1]) for _, _, place in w.places()])
    return met @ k.reshape(-1, *k.shape[2:])


def _a_kernel_for_all(w: _Window, x: Any, k: Any) -> Any:
    met = np.stack([x[place].reshape(-1, x.shape[-1]) for _, _, place in w.places()])
    return met @ k[:1, 0]


def _slid(w: _Window, x: Any, k: Any) -> Any:
    spans = ((w.rows - 1) * w.gap + 1, (w.columns - 1) * w.gap + 1)
    seen = np.lib.stride_tricks.sliding_window_view(x, spans, axis=(1, 2))
    seen = seen[:, :: w.step, :: w.step, :, :: w.gap, :: w.gap]
    return np.einsum("bhwcij,ijco->bhwo", seen, k)


def _slid_and_multiplied(w: _Window, x: Any, k: Any) -> Any:
    spans = ((w.rows - 1) * w.gap + 1, (w.columns - 1) * w.gap + 1)
    seen = np.lib.stride_tricks.sliding_window_view(x, spans, axis=(1, 2))
    seen = seen[:, :: w.step, :: w.step, :, :: w.gap, :: w.gap].transpose(0, 1, 2, 4, 5, 3)
    count = k.shape[0] * k.shape[1] * k.shape[2]
    return seen.reshape(*seen.shape[:3], count) @ k.reshape(count, -1)


def _shared_kernel(w: _Window, x: Any, k: Any) -> Any:
    """Two images of which one is part of the other, and one kernel."""
    return _joined(w, x, k) + _joined(w, x[:, ::-1, ::-1] * x.dtype.type(2), k)


def _two_layers(w: _Window, x: Any, k: Any) -> Any:
    """A second layer goes over an image to which what the first one made of it was added."""
    channels = x.shape[-1]
    first = _joined(w, x, k)[..., :channels]
    y = x * x.dtype.type(1)
    y[:, : w.height, : w.width, : first.shape[-1]] += first
    return _joined(w, y, k)


def _canvas(w: _Window, x: Any, k: Any) -> Any:
    size = (
        x.shape[0],
        (w.height - 1) * w.step + (w.rows - 1) * w.gap + 1,
        (w.width - 1) * w.step + (w.columns - 1) * w.gap + 1,
        k.shape[-1],
    )
    return np.zeros(size, np.result_type(x, k))


def _painted(w: _Window, x: Any, k: Any) -> Any:
    out = _canvas(w, x, k)
    for i, j, place in w.places():
        out[place] += x @ k[i, j]
    return out


def _painted_by_one_product(w: _Window, x: Any, k: Any) -> Any:
    out, outputs = _canvas(w, x, k), k.shape[-1]
    matrix = np.transpose(k, (2, 0, 1, 3)).reshape(k.shape[2], -1)
    flat = x.reshape(-1, x.shape[-1]) @ matrix
    made = flat.reshape(*x.shape[:-1], -1)
    for i, j, place in w.places():
        at = (i * w.columns + j) * outputs
        out[place] += made[..., at : at + outputs]
    return out


_WAYS: dict[str, Callable[[_Window, Any, Any], Any]] = {
    "added": _added,
    "joined": _joined,
    "joined, turned": _joined_turned,
    "stacked": _stacked,
    "a batch per number": _a_batch_per_number,
    "a kernel for all": _a_kernel_for_all,
    "slid": _slid,
    "slid and multiplied": _slid_and_multiplied,
    "a shared kernel": _shared_kernel,
    "two layers": _two_layers,
    "painted": _painted,
    "painted by one product": _painted_by_one_product,
}
_KINDS = (*(_library, _by_hand) * 3, _pooling, _attention)
