"""Random convolutions and products do the same compiled as eagerly, and a mistake of the compiler's would be seen."""

import pytest
from tests.fuzz.contraction import judge_contraction
from tests.fuzz.convolutions import numbered_convolution
from tests.fuzz.products import numbered_product

from chainrule.compiler.emission import tiles
from chainrule.compiler.planning import parts


@pytest.mark.parametrize("number", range(40))
@pytest.mark.parametrize("numbered", [numbered_convolution, numbered_product])
def test_a_sum_of_products_is_the_same_compiled(numbered, number):
    made = numbered("ci", number)
    verdict = judge_contraction(made)
    assert verdict.outcome != "wrong", f"{made}\n{verdict.why}"


def assigned_parts(added):
    def assigned(*args):
        product = added(*args)
        product.add = False
        return product

    return assigned


def without_products(multiplied):
    return lambda f, declarations, kind, x, y, total: total


@pytest.mark.parametrize(
    ("owner", "name", "planted", "numbered"),
    [
        (parts, "added", assigned_parts, numbered_convolution),
        (tiles, "_multiplied_and_added", without_products, numbered_product),
    ],
)
def test_a_mistake_is_found(owner, name, planted, numbered, monkeypatch):
    monkeypatch.setattr(owner, name, planted(getattr(owner, name)))
    assert any(judge_contraction(numbered("planted", n)).outcome == "wrong" for n in range(50))
