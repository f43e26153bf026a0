"""Products and sums in one instruction: which are fused, and that what is computed is rounded once."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.compiler.emission.fusing import fuse
from chainrule.compiler.emission.instructions import Declarations, Function
from chainrule.compiler.machine_code.machine import Machine

numbers = st.floats(-1e3, 1e3, allow_subnormal=False).filter(lambda x: abs(x) > 1e-3)


def fused(*lines, machine="avx2"):
    f, declarations = Function("f", [], result="void"), Declarations()
    f.lines = [line if line.endswith(":") else f"  {line}" for line in lines]
    fuse(f, declarations, Machine.named(machine))
    return [line.strip() for line in f.lines]


@pytest.mark.parametrize(
    ("combined", "written"),
    [
        ("fadd contract float %t1, %x", ["@(float %a, float %b, float %x)"]),
        ("fadd contract float 0x3FF0000000000000, %t1", ["@(float %a, float %b, float 0x3FF0000000000000)"]),
        ("fsub contract float %t1, %x", ["%t2.s = fneg float %x", "@(float %a, float %b, float %t2.s)"]),
        ("fsub contract float %x, %t1", ["%t2.p = fneg float %a", "@(float %t2.p, float %b, float %x)"]),
    ],
)  # fmt: skip
def test_a_product_that_is_used_once_becomes_part_of_the_sum(combined, written):
    lines = fused("%t1 = fmul contract float %a, %b", f"%t2 = {combined}", "ret float %t2")
    expected = [w.replace("@", "%t2 = call float @llvm.fma.f32") for w in written]
    assert lines == [*expected, "ret float %t2"]


def test_a_negated_product_is_fused_with_its_sign():
    lines = fused(
        "%t1 = fmul contract <4 x double> %a, %b",
        "%t2 = fneg <4 x double> %t1",
        "%t3 = fsub contract <4 x double> %x, %t2",
        "%t4 = fmul contract <4 x double> %a, %b",
        "%t5 = fneg <4 x double> %t4",
        "%t6 = fadd contract <4 x double> %t5, %t3",
    )
    kind = "<4 x double>"
    assert lines == [
        f"%t3 = call {kind} @llvm.fma.v4f64({kind} %a, {kind} %b, {kind} %x)",
        f"%t6.p = fneg {kind} %a",
        f"%t6 = call {kind} @llvm.fma.v4f64({kind} %t6.p, {kind} %b, {kind} %t3)",
    ]


@pytest.mark.parametrize(
    "between",
    [
        ["%t2 = fadd contract float %t1, %x", "%t3 = fsub contract float %t1, %x"],  # used twice
        ["%t2 = fsub contract float %t1, %t1"],
        ["br label %next", "next:", "%t2 = fadd contract float %t1, %x"],  # in another block
        ["%t2 = fadd float %t1, %x"],  # rounded twice on purpose
    ],
)
def test_other_products_stay_as_they_are(between):
    lines = ["%t1 = fmul contract float %a, %b", *between]
    assert fused(*lines) == [line.replace("contract ", "") for line in lines]


def test_a_machine_without_the_instruction_rounds_twice():
    lines = ["%t1 = fmul contract float %a, %b", "%t2 = fadd contract float %t1, %x"]
    assert fused(*lines, machine="sse2") == [line.replace("contract ", "") for line in lines]


SUMS = [
    lambda x, y, z: x * y + z,
    lambda x, y, z: x * y - z,
    lambda x, y, z: z - x * y,
    lambda x, y, z: -(x * y) - z,
]
STEPS = [cr.compile(f) for f in SUMS]


@given(numbers, numbers, numbers)
def test_sums_of_products_are_rounded_once(x, y, z):
    if not Machine.host().has_fma:
        pytest.skip("this machine has no such instruction")
    arrays = [np.array([v]) for v in (x, y, z)]
    for f, step in zip(SUMS, STEPS, strict=True):
        assert step(*arrays)[0] == float(f(*map(Fraction, (x, y, z))))


def test_equal_products_cancel(rng):
    x, y = rng.normal(size=(2, 100))
    same = cr.compile(lambda x, y: (x * y - x * y, np.sqrt(x * x * y * y - (x * x) * y * y)))
    for made in same(x, y):
        np.testing.assert_array_equal(made, 0)
