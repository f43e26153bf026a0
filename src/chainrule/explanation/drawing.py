"""SVG, element by element: escaped, deterministic, with a title and a description."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

Point = tuple[float, float]


def number(x: float) -> str:
    """Write a coordinate, to a tenth.

    >>> number(3.0), number(2.449)
    ('3', '2.4')
    """
    return f"{x:.1f}".removesuffix(".0")


def element(name: str, *inside: str, text: str | None = None, **attributes: object) -> str:
    """Return an element; `class_` stands for `class`, `_` for `-`, and a number is written short.

    >>> element("text", text="a < b", x=1.0, class_="cr-name")
    '<text x="1" class="cr-name">a &lt; b</text>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    content = "".join(inside) + (escape(text, quote=False) if text is not None else "")
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _attribute(value: object) -> str:
    return number(value) if isinstance(value, float) else escape(str(value))


def group(*inside: str, **attributes: object) -> str:
    """Return a `g`."""
    return element("g", *inside, text=None, **attributes)


def label(text: str, x: float, y: float, class_: str) -> str:
    """Return a text."""
    return element("text", text=text, x=x, y=y, class_=class_)


def curve(points: Sequence[Point]) -> str:
    """Return the path through points that leaves and enters each of them level.

    >>> curve([(0.0, 0.0), (10.0, 0.0), (20.0, 5.0)])
    'M0 0H10C15 0 15 5 20 5'
    """
    x, y = points[0]
    path = [f"M{number(x)} {number(y)}"]
    for a, b in points[1:]:
        if abs(b - y) < 0.05:
            path.append(f"H{number(a)}")
        else:
            middle = number((x + a) / 2)
            path.append(f"C{middle} {number(y)} {middle} {number(b)} {number(a)} {number(b)}")
        x, y = a, b
    return "".join(path)


@functools.cache
def asset(name: str) -> str:
    """Return the text of a file that comes with the package."""
    return (resources.files("chainrule.explanation") / "assets" / name).read_text(encoding="utf-8")


def document(
    inside: Iterable[str], *, width: float, height: float, title: str, description: str
) -> str:
    """Return a whole SVG: drawn on paper, styled by itself, readable to those who cannot see it."""
    mark = f"{zlib.crc32((title + description).encode()):08x}"  # several may stand in one notebook
    return element(
        "svg",
        element("title", text=title, id=f"cr-title-{mark}"),
        element("desc", text=description, id=f"cr-description-{mark}"),
        f"<style>{asset('picture.css')}</style>",
        element("rect", class_="cr-paper", width="100%", height="100%", rx=10),
        *inside,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        class_="cr-picture",
        role="img",
        aria_labelledby=f"cr-title-{mark} cr-description-{mark}",
    )
