"""Numbers that a step writes into a text are those of each call."""

import numpy as np
import pytest

import chainrule as cr


def inside_a_gradient(x):
    texts = []

    def loss(y):
        texts.append(str(y))
        return y * 2.0

    cr.grad(loss)(x)
    return texts[0]


WRITERS = {
    "str": str,
    "repr": repr,
    "format": lambda x: f"{x:.3f}",
    "in a list": lambda x: str([x]),
    "inside a gradient": inside_a_gradient,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))
def test_a_text_holds_the_numbers_of_its_call(write):
    def step(w):
        return w * 2.0, write(np.sum(w))

    compiled = cr.compile(step)
    for w in (np.ones(3), np.arange(3.0), np.full(3, -0.5)):
        assert compiled(w)[1] == step(w)[1]
    assert "runs eagerly: a number would be written or printed" in compiled.report()
    assert "test_texts.py:" in compiled.report()


def test_what_is_printed_are_the_numbers_of_each_call(capsys):
    def step(w):
        print(np.sum(w))  # noqa: T201  that it is printed is what is asked
        return w * 2.0

    compiled = cr.compile(step)
    compiled(np.ones(3))
    compiled(np.arange(4.0)[1:])
    assert capsys.readouterr().out.split() == ["3.0", "6.0"]
