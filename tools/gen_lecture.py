"""Write docs/lecture/ from the rows of the lecture: `python tools/gen_lecture.py`.

Every program is run once; its output and its picture stand on the pages of both languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chainrule.lecture.page import LANGUAGES, PICTURES, chapter_page, gallery_page, index_page
from chainrule.lecture.row import run
from chainrule.lecture.rows import CHAPTERS, all_rows

FOLDER = Path(__file__).parent.parent / "docs" / "lecture"


def files() -> Iterator[tuple[str, str]]:
    """Yield the path of every file below `docs/lecture`, and its content."""
    for language in LANGUAGES:
        yield str(Path(language.folder) / "index.md"), index_page(language)
    outcomes = {row.id: run(row) for row in all_rows()}
    for language in LANGUAGES:
        for chapter in CHAPTERS:
            page = chapter_page(chapter, [outcomes[row.id] for row in chapter.rows], language)
            yield str(Path(language.folder) / f"{chapter.name}.md"), page
        page = gallery_page(list(outcomes.values()), language)
        yield str(Path(language.folder) / "gallery.md"), page
    for name, outcome in outcomes.items():
        if outcome.picture:
            yield f"{PICTURES}/{name}.svg", outcome.picture


def main() -> None:
    """Write the pages and pictures."""
    for name, content in files():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
