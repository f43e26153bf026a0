"""Code that is put together again does what it did, jumps and catches as it did, and knows the same positions."""

import argparse
import ast
import asyncio
import dataclasses
import difflib
import inspect
import json
import tarfile
import traceback
from dis import opmap
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from chainrule.core.assembly import reassembled, targets
from chainrule.core.bytecode import instructions, with_inner_codes
from chainrule.core.comparisons import comparing_originals

_MODULES = [
    argparse,
    ast,
    asyncio.base_events,
    dataclasses,
    difflib,
    inspect,
    tarfile,
    json.decoder,
]


def _codes_of(module: ModuleType) -> list[CodeType]:
    return list(with_inner_codes(compile(inspect.getsource(module), module.__name__, "exec")))


@pytest.mark.parametrize("module", _MODULES)
def test_code_put_together_as_it_was_is_what_it_was(module: ModuleType) -> None:
    for code in _codes_of(module):
        made = reassembled(code, {}, code.co_consts)
        assert made.co_code == code.co_code
        assert made.co_exceptiontable == code.co_exceptiontable
        assert list(made.co_positions()) == list(code.co_positions())


@pytest.mark.parametrize("module", _MODULES)
def test_jumps_and_positions_follow_what_is_put_in_between(module: ModuleType) -> None:
    for code in _codes_of(module):
        made = comparing_originals(code)
        if made is code:
            continue
        after = iter(_placed(made))
        for what, position in _placed(code):
            now = next(after)
            if what == opmap["IS_OP"] and now[0] != what:
                now = (what, now[1]) if now[1] == next(after)[1] == next(after)[1] else now
            assert now == (what, position)
        assert not list(after)
        assert len(targets(made)) == len(targets(code))


def _placed(code: CodeType) -> list[Any]:
    positions = list(code.co_positions())
    return [(what, positions[start // 2]) for start, _, what, _ in instructions(code)]


def _comparing(module: ModuleType) -> ModuleType:
    """Return a module all of whose functions compare originals, those outside of functions included."""
    made = ModuleType(module.__name__)
    code = compile(inspect.getsource(module), module.__name__, "exec")
    exec(comparing_originals(code), vars(made))  # noqa: S102
    return made


def test_modules_of_pythons_work_as_they_did() -> None:
    text = inspect.getsource(difflib)
    tree = _comparing(ast).parse(text)
    assert _comparing(ast).unparse(tree) == ast.unparse(ast.parse(text))
    lines = text.splitlines()[:60]
    other = [line for i, line in enumerate(lines) if i % 7]
    assert list(_comparing(difflib).unified_diff(lines, other)) == list(
        difflib.unified_diff(lines, other)
    )
    signature = _comparing(inspect).signature(inspect.signature)
    assert str(signature) == str(inspect.signature(inspect.signature))


@pytest.mark.parametrize("count", [1, 20, 80, 300, 20_000])
def test_jumps_of_any_length_find_their_way(count: int) -> None:
    tests = "\n".join(f"            if x is y: n += {i % 7}" for i in range(count))
    source = f"""
def f(x, y, turns):
    n = 0
    for turn in range(turns):
        try:
{tests}
            if turn is not None and turn == 2: raise ValueError(n)
        except ValueError as e:
            n = -e.args[0]
    return n if x is (y if turns else None) else (n, "other")
"""
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102
    f = names["f"]
    made = FunctionType(comparing_originals(f.__code__), names)
    assert made.__code__ is not f.__code__
    for x, y in [(made, made), (made, f), (None, None)]:
        for turns in (0, 1, 5):
            assert made(x, y, turns) == f(x, y, turns)


def test_an_error_names_the_line_it_came_from() -> None:
    def f(x: Any, y: Any) -> Any:
        if x is y:
            x = [z for z in x if z is y]
        return x / 0

    made = FunctionType(comparing_originals(f.__code__), globals())
    with pytest.raises(ZeroDivisionError) as found:
        made(1, 2)
    frame = traceback.extract_tb(found.value.__traceback__)[-1]
    assert frame.line == "return x / 0"
    assert frame.colno == len("        return ")
