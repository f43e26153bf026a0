"""All rows of the lecture, by chapter, in reading order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from chainrule.lecture.programs import (
    chapter_0,
    chapter_1,
    chapter_2,
    chapter_3,
    chapter_4,
    examples,
    training,
)
from chainrule.lecture.row import Row


@dataclass(frozen=True)
class Chapter:
    """A page of the lecture.

    Attributes:
        name: the name of its file.
        title: in English.
        title_zh: in Traditional Chinese.
        rows: in reading order.
    """

    name: str
    title: str
    title_zh: str
    rows: tuple[Row, ...]


def _chapter(module: ModuleType, name: str, title: str, title_zh: str) -> Chapter:
    rows = tuple(x for x in vars(module).values() if isinstance(x, Row))
    return Chapter(name, title, title_zh, rows)


CHAPTERS = (
    _chapter(chapter_0, "chain-rule", "The chain rule and the two passes", "連鎖律與兩種傳遞"),
    _chapter(chapter_1, "passes", "Gradient descent, forward and backward", "梯度下降、前向與反向"),
    _chapter(chapter_2, "neurons", "Neuron by neuron", "逐個神經元"),
    _chapter(chapter_3, "vector", "The gradient as one vector", "把梯度寫成一個向量"),
    _chapter(chapter_4, "graphs", "Computation graphs", "計算圖"),
    _chapter(examples, "examples", "Worked examples", "實例演算"),
    _chapter(training, "training", "Checking and training", "檢查與訓練"),
)


def all_rows() -> Iterator[Row]:
    """Yield every row."""
    for chapter in CHAPTERS:
        yield from chapter.rows
