"""Make the pictures of the documentation: SVG by the library itself, PNG of the page by a headless Chromium.

Run it with `python tools/make_pictures.py`; the PNG need `pip install playwright` and a `chromium`.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from examples import gpt  # noqa: E402  the repository's own
from tests import lecture  # noqa: E402
from tests.explanation import browser  # noqa: E402

import chainrule as cr  # noqa: E402
from chainrule import nn  # noqa: E402

IMAGES = ROOT / "docs" / "images"


def circuit(x: Any, y: Any, z: Any) -> Any:
    """Compute the first example of every course."""
    q = x + y
    f = q * z
    return f  # noqa: RET504  the name is what the picture shows


def lecture_network(p: dict[str, Any], x: Any, target: Any) -> Any:
    """Compute the loss of the lecture's network."""
    z1 = p["W1"] @ x + p["b1"]
    a1 = nn.sigmoid(z1)
    z2 = p["W2"] @ a1 + p["b2"]
    a2 = nn.sigmoid(z2)
    z3 = p["W3"] @ a2 + p["b3"]
    y = nn.sigmoid(z3)
    C = 0.5 * np.sum((y - target) ** 2)
    return C  # noqa: RET504  the name is what the picture shows


def simple() -> Any:
    """Explain `(x + y) z`."""
    return cr.explain(circuit, -2.0, 5.0, -4.0)


def forks() -> Any:
    """Explain a function whose inputs are read more than once."""

    def f(x: Any, y: Any) -> Any:
        s = nn.sigmoid(y)
        t = nn.sigmoid(x)
        top = x + s
        bottom = t + (x + y) ** 2
        return top / bottom

    return cr.explain(f, 3.0, -4.0)


def network() -> Any:
    """Explain the lecture's network."""
    return cr.explain(lecture_network, lecture.PARAMETERS, lecture.X, lecture.TARGET)


def digits() -> Any:
    """Explain the loss of one training step of a classifier of handwritten digits."""
    data = cr.data.digits()
    rng = np.random.default_rng(0)
    model = nn.MLP.create([64, 32, 10], rng=rng, dtype=float)
    images, labels = data.x[:32] / 16, data.y[:32]

    def loss(model: Any) -> Any:
        scores = model(images)
        return np.mean(nn.functional.softmax_cross_entropy(scores, labels))

    return cr.explain(loss, model)


def language_model() -> Any:
    """Explain the loss of a language model of four layers."""
    rng = np.random.default_rng(0)
    return cr.explain(gpt.loss, gpt.created(rng), *gpt.batch(rng, 2))


DRAWN: dict[str, Callable[[], str]] = {
    "circuit.svg": lambda: simple().svg(),
    "forks.svg": lambda: forks().svg(),
    "network.svg": lambda: network().svg("network"),
    "reverse.svg": lambda: network().svg("reverse"),
    "digits-reverse.svg": lambda: digits().svg("reverse"),
    "language-model.svg": lambda: language_model().svg(),
}
CHOSEN = "choose(wires.findIndex((w) => w.id === '{}'))"
SHOTS: dict[str, tuple[Callable[[], Any], str, int, str]] = {
    # file: what is explained, light or dark, how wide, what is done before
    "page-circuit.png": (simple, "light", 1280, "goTo(3)"),
    "page-circuit-narrow.png": (simple, "dark", 420, CHOSEN.format("q")),
    "page-network.png": (network, "dark", 1280, CHOSEN.format("a1")),
    "page-reverse.png": (
        network,
        "dark",
        1280,
        "document.querySelector('[data-view=reverse]').click()",
    ),
    "page-digits.png": (digits, "light", 1280, CHOSEN.format("scores")),
    "page-language-model.png": (
        language_model,
        "light",
        1280,
        "toggle(drawn.items.find((i) => isFold(i) && foldOf(i).title === 'pass 2 of 4')); fit()",
    ),
}


def main() -> None:
    """Write every picture."""
    IMAGES.mkdir(exist_ok=True)
    for name, made in DRAWN.items():
        (IMAGES / name).write_text(made() + "\n", encoding="utf-8")
        print(name)
    reason = browser.missing()
    if reason:
        print(reason)
        return
    with browser.chromium() as chromium, tempfile.TemporaryDirectory() as folder:
        for name, (explained, scheme, width, action) in SHOTS.items():
            path = Path(folder) / "page.html"
            explained().html(path)
            page = browser.Page(chromium, path, width=width, height=760, scheme=scheme)
            page.run(f"(() => {{ {action} }})()")
            page.page.mouse.move(1, 1)
            page.page.wait_for_timeout(300)
            page.page.screenshot(path=IMAGES / name)
            page.close()
            print(name)


if __name__ == "__main__":
    main()
