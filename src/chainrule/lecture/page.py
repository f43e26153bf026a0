"""Pages of the lecture: per row the claim, the program, what it prints, and its numbers."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.lecture.programs import network
from chainrule.lecture.row import PRELUDE, Comparison, Order, Outcome, Row
from chainrule.lecture.rows import CHAPTERS, Chapter


@dataclass(frozen=True)
class Language:
    """The words of a page in one language.

    Attributes:
        folder: where its pages are, below `docs/lecture`.
        is_chinese: whether claims are taken in Traditional Chinese.
    """

    folder: str
    is_chinese: bool
    title: str
    introduction: str
    start: str
    network: str
    prints: str
    numbers: str
    expected: str
    found: str
    order: str
    within: str
    picture: str
    other: str
    chapters: str
    gallery: str

    def claim(self, row: Row) -> str:
        """Return a row's claim in this language."""
        return row.claim_zh if self.is_chinese else row.claim

    def name(self, chapter: Chapter) -> str:
        """Return a chapter's title in this language."""
        return chapter.title_zh if self.is_chinese else chapter.title


ENGLISH = Language(
    folder="",
    is_chinese=False,
    title="The lecture, runnable",
    introduction=(
        "These pages walk through a lecture on backpropagation that five sets of notes in Chinese and English "
        "retell, and through the worked examples of course notes on computation graphs. Every claim is a row: what "
        "is claimed, a program that shows it, what the program prints, and the numbers that must come out. "
        "`chainrule lecture` lists the rows, `chainrule lecture 0.2` runs one, `chainrule lecture --all` runs and "
        "checks them all. The pages are written by the programs themselves, and a test compares them.\n\n"
        "The notes count neurons from 1, NumPy counts from 0: what they call w₁₁ of the first layer is `W1[0,0]` here."
    ),
    start="Every program starts with these lines:",
    network="The network that most rows use, in `chainrule/lecture/programs/network.py`:",
    prints="prints",
    numbers="Its numbers",
    expected="expected",
    found="found",
    order="about {}",
    within="within {}",
    picture="The picture it draws",
    other="[繁體中文](zh-TW/{})",
    chapters="Chapters",
    gallery="Gallery",
)
CHINESE = Language(
    folder="zh-TW",
    is_chinese=True,
    title="可以執行的課程",
    introduction=(
        "這些頁面逐條走過一堂反向傳播的課（有五份中英文筆記記錄了它），以及一份計算圖課程筆記裡的實例。"
        "每個主張是一條：主張的內容、展示它的程式、程式印出的結果，以及必須得到的數字。"
        "`chainrule lecture` 列出所有條目，`chainrule lecture 0.2` 執行一條，`chainrule lecture --all` 執行並核對全部。"
        "頁面由程式自己寫成，並由測試比對。\n\n"
        "筆記從 1 開始數神經元，NumPy 從 0 開始：筆記中第一層的 w₁₁ 在這裡是 `W1[0,0]`。"
    ),
    start="每個程式都以這幾行開頭：",
    network="大多數條目所用的網路，在 `chainrule/lecture/programs/network.py`：",
    prints="印出",
    numbers="得到的數字",
    expected="應為",
    found="得到",
    order="約 {}",
    within="容許誤差 {}",
    picture="畫出的圖",
    other="[English](../{})",
    chapters="章節",
    gallery="圖集",
)
LANGUAGES = (ENGLISH, CHINESE)
PICTURES = "pictures"


def index_page(language: Language) -> str:
    """Return the first page: what this is, the prelude, the network, the chapters."""
    listed = [
        f"- [{language.name(c)}]({c.name}.md): {c.rows[0].id} – {c.rows[-1].id}" for c in CHAPTERS
    ]
    listed.append(f"- [{language.gallery}](gallery.md)")
    source = inspect.getsource(network).rstrip()
    return "\n".join(
        [
            f"# {language.title}",
            "",
            language.other.format("index.md"),
            "",
            language.introduction,
            "",
            f"## {language.chapters}",
            "",
            *listed,
            "",
            language.start,
            "",
            _fenced(PRELUDE, "python"),
            "",
            language.network,
            "",
            _fenced(source, "python"),
            "",
        ]
    )


def chapter_page(chapter: Chapter, outcomes: Sequence[Outcome], language: Language) -> str:
    """Return the page of a chapter."""
    parts = [f"# {language.name(chapter)}", "", language.other.format(f"{chapter.name}.md"), ""]
    for outcome in outcomes:
        parts += [_section(outcome, language), ""]
    return "\n".join(parts)


def gallery_page(outcomes: Sequence[Outcome], language: Language) -> str:
    """Return the page of all pictures, each below the claim it belongs to."""
    parts = [f"# {language.gallery}", "", language.other.format("gallery.md"), ""]
    seen: set[str] = set()
    for outcome in outcomes:
        if outcome.picture and outcome.picture not in seen:
            seen.add(outcome.picture)
            row = outcome.row
            parts += [f"## {row.id}", "", language.claim(row), "", _picture(row, language), ""]
    return "\n".join(parts)


def shown(value: Any) -> str:
    """Write a number, a text or a container of them for a reader."""
    if isinstance(value, Order):
        return f"{value.value:.0e}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {shown(v)}" for k, v in value.items())
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(shown, value))
        return f"[{inside}]"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real):
        return f"{float(value):.12g}" if not isinstance(value, numbers.Integral) else f"{value:,}"
    return str(value)


def _section(outcome: Outcome, language: Language) -> str:
    row = outcome.row
    parts = [f"## {row.id}", "", language.claim(row), "", _fenced(row.program, "python"), ""]
    if outcome.output:
        parts += [f"{language.prints}", "", _fenced(outcome.output, "text"), ""]
    if outcome.picture:
        parts += [_picture(row, language), ""]
    parts += [f"| {language.numbers} | {language.expected} |", "| --- | --- |"]
    parts += [
        f"| {_cell(c.name)} | {_cell(_wanted(c, row, language))} |" for c in outcome.comparisons
    ]
    return "\n".join(parts)


def _picture(row: Row, language: Language) -> str:
    up = "../" if language.folder else ""
    return f"![{language.picture}: {language.claim(row)}]({up}{PICTURES}/{row.id}.svg)"


def _wanted(comparison: Comparison, row: Row, language: Language) -> str:
    text = shown(comparison.expected)
    if isinstance(comparison.expected, Order):
        return language.order.format(text)
    if _is_measured(comparison.expected):
        return f"{text}, {language.within.format(f'{row.tolerance:.0e}')}"
    return text


def _is_measured(x: Any) -> bool:
    """Say whether floats are compared."""
    if isinstance(x, Mapping):
        return any(map(_is_measured, x.values()))
    if isinstance(x, (list, tuple)):
        return any(map(_is_measured, x))
    return isinstance(x, float)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _fenced(text: str, kind: str) -> str:
    return f"```{kind}\n{text.rstrip()}\n```"
