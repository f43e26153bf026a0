"""What the pages say of the code holds: errors, paths, layers, kinds, commands."""

import re
import tomllib
from pathlib import Path

import pytest
from tools.gen_docs import PAGE, error_classes, example, page, run

from chainrule.core.op import TABLE

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")))
PLACES = (ROOT, ROOT / "src" / "chainrule", ROOT / "docs")
PATH = re.compile(r"`([\w./-]+(?:\.(?:py|md|toml|txt)|/))`|\]\((?!http)([^)#]+)[^)]*\)")
OF_ONE_SUBJECT = (
    "compiler/passes/",
    "compiler/splitting/",
    "compiler/rolling/taping/",
    "compiler/rolling/array_loops/",
    "compiler/emission/maths/",
)
"""Folders of the compiler that a page names as a whole."""
WITH_CODE = [error for error in error_classes() if example(error).is_python]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def layers_of(text):
    return [[name.strip(" `()\n") for name in layer.split("|")] for layer in text.split(">")]


def test_the_page_of_errors_is_in_step():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tools/gen_docs.py"


@pytest.mark.parametrize("error", WITH_CODE)
def test_the_failing_code_of_an_error_fails_and_the_fix_does_not(error):
    shown = example(error)
    with pytest.raises(error) as caught:
        run(shown.failing)
    assert type(caught.value) is error
    run(shown.fixed)


@pytest.mark.parametrize("name", PAGES)
def test_paths_on_a_page_are_there(name):
    paths = [quoted or linked for quoted, linked in PATH.findall(text_of(name))]
    made = {"site/"}  # by the documentation's build
    missing = {
        path for path in paths if not any((place / path).exists() for place in PLACES)
    } - made
    assert not missing


def test_every_file_of_the_compiler_is_named_by_the_page_of_its_design():
    compiler = ROOT / "src" / "chainrule" / "compiler"
    files = {p.relative_to(compiler.parent).as_posix() for p in compiler.rglob("*.py")}
    named = set(re.findall(r"`(compiler/[\w./]+)`", text_of("docs/design.md")))
    missing = {
        file
        for file in files - named
        if not file.endswith("__init__.py") and not file.startswith(OF_ONE_SUBJECT)
    }
    assert not missing
    assert {*OF_ONE_SUBJECT} <= named


def test_the_order_of_the_layers_is_the_contract():
    (said,) = re.findall(
        r"^```\n(cli >.*?)^```", text_of("docs/design.md"), re.DOTALL | re.MULTILINE
    )
    (contract,) = (
        contract["layers"]
        for contract in tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"][
            "contracts"
        ]
        if contract["id"] == "layers"
    )
    assert layers_of(said) == layers_of(" > ".join(contract))


def test_every_kind_of_op_is_in_the_table_of_kinds():
    named = re.findall(r"^\| `(\w+)` \|", text_of("docs/style.md"), re.MULTILINE)
    assert {op.kind for op in TABLE.values()} == set(named)


def test_every_recipe_is_in_the_list_of_commands():
    recipes = set(re.findall(r"^([a-z][\w-]*)\b(?! *:=).*:$", text_of("justfile"), re.MULTILINE))
    named = set(re.findall(r"^\| `just ([\w-]+)` \|", text_of("CONTRIBUTING.md"), re.MULTILINE))
    assert recipes - {"default"} == named
