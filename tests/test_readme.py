"""README.md and the pages are programs: their Python blocks run, and show what they say they show."""

import ast
import contextlib
import doctest
import io
import linecache
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(r"# -> *(.*)$")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A Python block, the line it starts at, and the text block right after it, if there is one."""

    source: str
    line: int
    printed: str


def blocks(text):
    fences = list(FENCED.finditer(text))
    following = [*fences[1:], None]
    return [
        Block(
            source=fence[2],
            line=text.count("\n", 0, fence.start(2)),
            printed=after[2] if is_output(text, fence, after) else "",
        )
        for fence, after in zip(fences, following, strict=True)
        if fence[1] == "python"
    ]


def is_output(text, fence, after):
    return (
        after is not None and after[1] == "text" and not text[fence.end() : after.start()].strip()
    )


def run(block, namespace=None, file=README):
    """Run a block; yield (line, what it says, what it shows) per claim, the printed text last."""
    namespace = {"__name__": "readme"} if namespace is None else namespace
    lines = block.source.splitlines()
    printed = io.StringIO()
    for statement in ast.parse("\n" * block.line + block.source).body:
        claim = SHOWN.search(lines[statement.end_lineno - 1 - block.line])
        with contextlib.redirect_stdout(printed):
            shown = execute(statement, namespace, file, is_shown=claim is not None)
        if claim is not None:
            yield statement.lineno, claim[1], shown
    if block.printed:
        yield block.line, block.printed, printed.getvalue()


def execute(statement, namespace, file, *, is_shown):
    if is_shown:
        code = compile(ast.Expression(statement.value), str(file), "eval")
        return str(eval(code, namespace))  # noqa: S307  our own README
    code = compile(ast.Module([statement], []), str(file), "exec")
    exec(code, namespace)  # noqa: S102  our own README
    return ""


def is_same(said, shown):
    return doctest.OutputChecker().check_output(said.strip() + "\n", shown.strip() + "\n", FLAGS)


@pytest.mark.parametrize("block", blocks(TEXT), ids=lambda block: f"line {block.line}")
def test_a_block_shows_what_it_says(block):
    claims = 0
    for line, said, shown in run(block):
        assert is_same(said, shown), f"README.md:{line} says {said}, and shows {shown}"
        claims += 1
    assert claims == block.source.count("# ->") + bool(block.printed), "a claim was not read"


@pytest.mark.parametrize("page", ["docs/index.md", "docs/conventions.md"])
def test_a_page_shows_what_it_says(page):
    namespace = {"np": np, "cr": cr}  # its first lines say so
    read = blocks((ROOT / page).read_text(encoding="utf-8"))
    assert read
    for block in read:
        claims = 0
        for line, said, shown in run(block, namespace):
            assert is_same(said, shown), f"{page}:{line} says {said}, and shows {shown}"
            claims += 1
        assert claims == block.source.count("# ->") + bool(block.printed), "a claim was not read"


@pytest.mark.parametrize(
    "page", ["docs/compile.md", "docs/diagnose.md", "docs/explain.md", "docs/pictures.md"]
)
def test_a_page_that_names_its_lines_shows_what_it_says(page):
    """All its blocks together are a file, model.py, whose lines its output names."""
    namespace = {"np": np, "cr": cr}
    read = blocks((ROOT / page).read_text(encoding="utf-8"))
    lines = [line + "\n" for block in read for line in block.source.splitlines()]
    name = f"/{page}/model.py"
    linecache.cache[name] = (len(lines), None, lines, name)
    start = 0
    for block in read:
        for line, said, shown in run(replace(block, line=start), namespace, name):
            assert is_same(said, shown), f"{page}, line {line} of its code, shows {shown}"
        start += len(block.source.splitlines())
    assert start


def test_a_wrong_claim_is_found():
    (block,) = blocks("```python\nprint('on')\n1 + 1  # -> 3\n```\n\n```text\noff\n```\n")
    assert [is_same(said, shown) for _, said, shown in run(block)] == [False, False]


def test_a_right_claim_is_accepted():
    (block,) = blocks("```python\nprint('on')\n1 + 1  # -> 2\n```\n\n```text\non\n```\n")
    assert [is_same(said, shown) for _, said, shown in run(block)] == [True, True]


def test_ellipses_and_spacing_do_not_matter():
    (block,) = blocks("```python\nlist(range(9))  # ->  [0, 1, ...,   8]\n```\n")
    assert [is_same(said, shown) for _, said, shown in run(block)] == [True]
