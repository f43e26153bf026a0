"""docs/supported.md says what the table says."""

import warnings

import numpy as np
import pytest
from tools import gen_supported

from chainrule.core.op import TABLE
from chainrule.ops.coverage import dispatched, special_ufuncs


def test_the_page_is_in_step():
    written = gen_supported.PAGE.read_text(encoding="utf-8")
    if gen_supported.VERSIONS not in written:
        pytest.skip("the page was written with other versions of NumPy and SciPy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert written == gen_supported.page(), "run: python tools/gen_supported.py"


@pytest.mark.parametrize("functions", [dispatched, special_ufuncs])
def test_nearly_all_functions_of_floats_have_rules_of_both_modes(functions):
    with_rules, zero, none = gen_supported.counts(functions())
    assert with_rules >= 0.95 * (with_rules + zero + none)


def test_a_row_shows_kind_modes_and_keywords():
    assert gen_supported.row("np.sum", np.sum) == (
        "| `np.sum` | linear | both | yes | yes | native | "
        "`a`, `axis`, `dtype`, `out`, `keepdims`, `initial`, `where` |  |"
    )
    assert "| constant | none |" in gen_supported.row("np.nextafter", np.nextafter)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("tanh", "native"),
        ("matmul", "native"),
        ("sort", "NumPy: it sorts"),
        ("unique", "NumPy: the shape of the result depends on numbers"),
    ],
)
def test_a_row_shows_how_it_is_compiled(name, how):
    assert gen_supported.compiled(TABLE[name]) == how
