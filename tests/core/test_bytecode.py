"""Code taken apart has to be what `dis` sees in it."""

from __future__ import annotations

import argparse
import ast
import dis
import inspect
import typing

import pytest

from chainrule.core.bytecode import instructions, with_inner_codes


def many_names() -> str:
    """Return a program whose later names have numbers of more than one byte."""
    return "\n".join(["def f(x):", *[f"    x = g{i}(x.a{i})" for i in range(40_000)]])


@pytest.mark.parametrize(
    "source",
    [many_names(), *[inspect.getsource(m) for m in (argparse, ast, dis, typing)]],
    ids=["many names", "argparse", "ast", "dis", "typing"],
)
def test_instructions_are_those_of_dis(source: str) -> None:
    checked = 0
    for code in with_inner_codes(compile(source, "source", "exec")):
        expected = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
        found = instructions(code)
        assert [(what, number) for _, _, what, number in found] == [
            (i.opcode, i.arg or 0) for i in expected if i.opname != "CACHE"
        ]
        assert [start for start, _, _, _ in found] == [0, *[end for _, end, _, _ in found[:-1]]]
        assert found[-1][1] == len(code.co_code)
        checked += len(found)
    assert checked > 1_000
