"""The rows of the lecture: every one gives its numbers, and the pages show what the programs print."""

import dataclasses
import functools
import importlib.util
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from chainrule.cli import main
from chainrule.lecture.row import Order, run
from chainrule.lecture.rows import CHAPTERS, all_rows

ROOT = Path(__file__).parent.parent
ROWS = {row.id: row for row in all_rows()}
NUMBER = re.compile(r"[-−]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


@functools.cache
def outcome(name):
    return run(ROWS[name])


@functools.cache
def files():
    """Return what the tool that writes the pages would write now."""
    spec = importlib.util.spec_from_file_location("gen_lecture", ROOT / "tools" / "gen_lecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.run = lambda row: outcome(row.id)
    return dict(module.files())


def test_every_claim_of_the_lecture_has_its_row():
    counted = {"0": 12, "1": 12, "2": 9, "3": 6, "4": 17, "C": 24}
    expected = [f"{part}.{i}" for part, n in counted.items() for i in range(1, n + 1)]
    examples = ["1", "2a", "2b", "2c", "2d", "3a", "3b", "3c", "4", "5", "6", "7", "8", "9", "10"]
    expected[-24:-24] = [f"B.{name}" for name in examples]
    assert list(ROWS) == expected
    assert len(list(all_rows())) == len(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_gives_its_numbers(name):
    found = outcome(name)
    assert found.comparisons
    assert {c.name: c.found for c in found.comparisons if not c.ok} == {}
    assert found.output or found.picture


@pytest.mark.parametrize(
    ("expected", "is_near"),
    [(80.0, True), (80.0 + 2e-9, False), (79.0, False), (Order(9.0), True), (Order(7.0), False)],
)
def test_a_number_that_is_off_is_noticed(expected, is_near):
    altered = dataclasses.replace(ROWS["0.3"], expected={**ROWS["0.3"].expected, "dz/ds": expected})
    assert run(altered).ok is is_near


@pytest.mark.parametrize(
    "expected",
    [["x[0]", 2.0], ["x[1]", 1.0], ["x[0]"], {"x[0]": 1.0}, "x[0]"],
)
def test_what_is_no_plain_number_is_compared_item_by_item(expected):
    row = ROWS["0.9"]
    altered = dataclasses.replace(row, expected={**row.expected, "W1[0,0]": expected})
    assert not run(altered).ok


def test_a_row_must_give_all_its_numbers():
    row = ROWS["0.3"]
    with pytest.raises(AssertionError, match=r"row 0\.3 gives"):
        run(dataclasses.replace(row, expected={"dz/ds": 80.0}))


def parts(text):
    """Return the text between numbers, and the numbers that are not said to be rough."""
    rough = re.sub(r"about (\S+)", "about", text)
    values = [
        float(x.replace("−", "-").replace(",", "").rstrip(".")) for x in NUMBER.findall(rough)
    ]
    return NUMBER.sub("#", rough), np.array(values)


@pytest.mark.parametrize("chapter", [c.name for c in CHAPTERS] + ["index", "gallery"])
@pytest.mark.parametrize("folder", ["", "zh-TW"])
def test_a_page_shows_what_its_programs_print(chapter, folder):
    name = str(Path(folder) / f"{chapter}.md")
    expected, expected_numbers = parts(files()[name])
    found, numbers = parts((ROOT / "docs" / "lecture" / name).read_text(encoding="utf-8"))
    assert found == expected, "python tools/gen_lecture.py writes the pages anew"
    # Another machine may round the last digits of an output otherwise.
    np.testing.assert_allclose(numbers, expected_numbers, rtol=1e-3, atol=1e-6)


def test_every_picture_is_there():
    folder = ROOT / "docs" / "lecture"
    expected = {name for name in files() if name.endswith(".svg")}
    assert {str(p.relative_to(folder)) for p in folder.rglob("*.svg")} == expected
    assert len(expected) >= 8


def test_claims_are_written_in_both_languages():
    for row in ROWS.values():
        assert re.search(r"[\u4e00-\u9fff]", row.claim_zh)
        assert not re.search(r"[\u4e00-\u9fff]", row.claim)


def test_a_program_can_be_pasted():
    for row in ROWS.values():
        assert not row.program.startswith((" ", "\n"))
        assert re.search(r"^found = ", row.program, re.MULTILINE)
        assert "noqa" not in row.program


def test_the_command_lists_and_runs_rows(capsys, tmp_path):
    assert main(["lecture"]) == 0
    listed = capsys.readouterr().out
    assert all(row.id in listed for row in ROWS.values())
    picture = tmp_path / "fork.svg"
    assert main(["lecture", "0.4", "--picture", str(picture)]) == 0
    assert "s → y" in capsys.readouterr().out
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert main(["lecture", "0.2", "2.5", "--zh"]) == 0
    printed = capsys.readouterr().out
    assert "情況一" in printed
    assert printed.count("as expected") == 6


def test_all_rows_at_once(monkeypatch, capsys):
    monkeypatch.setattr("chainrule.lecture.rows.CHAPTERS", CHAPTERS[3:4])
    assert main(["lecture", "--all"]) == 0
    assert "6 of 6 rows give the numbers of the lecture." in capsys.readouterr().out


def test_a_wrong_number_ends_the_command_with_1(monkeypatch, capsys):
    chapter = CHAPTERS[3]
    wrong = dataclasses.replace(
        chapter.rows[0], expected={**chapter.rows[0].expected, "weights": 13}
    )
    altered = dataclasses.replace(chapter, rows=(wrong, *chapter.rows[1:]))
    monkeypatch.setattr("chainrule.lecture.rows.CHAPTERS", (altered,))
    assert main(["lecture", "--all"]) == 1
    printed = capsys.readouterr().out
    assert "weights: expected 13, found 12" in printed
    assert "5 of 6 rows" in printed
    assert main(["lecture", "3.1"]) == 1
    assert "NOT as expected" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["0.13"], "one of the rows: 0.1, 0.2"),
        (["nonsense"], "one of the rows"),
        (["0.2", "--picture", "x.svg"], "a row that draws a picture"),
        (["--all", "--picture", "x.svg"], "one row that draws a picture"),
        (["0.4", "--picture", "no/such/x.svg"], "cannot be written"),
    ],
)
def test_bad_input_is_told(capsys, words, message):
    assert main(["lecture", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Hint:" in error


def test_pages_are_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    names = [name for name in files() if name.endswith(".md")]
    assert all(f"lecture/{name}" in text for name in names)
    for (_, title), chapter in itertools.product(
        [("title", "title"), ("title_zh", "title_zh")], CHAPTERS
    ):
        assert getattr(chapter, title) in text
