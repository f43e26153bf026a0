"""Break every derivative rule of the table on purpose, one mistake at a time, and see that the generated tests notice.

    python -m tools.mutate_rules [--op NAME]

Two kinds of mistake: the sign of a rule's result is flipped, and one factor of one product inside a rule is replaced
by ones. A mistake that no law notices is a survivor; it is a gap in the samples, or has its reason in REASONS.
"""

import argparse
import dataclasses
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from types import CellType, FunctionType
from typing import Any

import numpy as np
from tests import calls, laws

import chainrule.ops  # noqa: F401  fills the table
from chainrule.core.cells import HANDLES, type_of
from chainrule.core.op import TABLE, Op
from chainrule.core.trace import Level, apply, wrap
from chainrule.core.types import ArrayType

_OWN_VECTOR = "what moves an eigenvector along itself is taken out by keeping its length and phase"
_LAST_NODE = "the last node's cosine is next to 0, where its sinc is next to 1"
REASONS: dict[tuple[str, str, str], str] = {
    (
        "svd",
        "jvp",
        "factor 1 of product 3 dropped",
    ): "the diagonal of the gaps divides nothing but zeros",
    ("eig", "vjp", "factor 1 of product 9 dropped"): _OWN_VECTOR,
    ("eig", "jvp", "factor 1 of product 1 dropped"): _OWN_VECTOR,
    ("it2struve0", "partials[0]", "factor 0 of product 18 dropped"): _LAST_NODE,
    ("it2struve0", "partials[0]", "factor 1 of product 19 dropped"): _LAST_NODE,
}
"""Why a survivor is no gap: (op, rule, mutation) to the reason. A reason that no survivor needs is reported."""

PRODUCTS = frozenset(
    {"multiply", "divide", "matmul", "dot", "einsum", "inner", "outer", "tensordot"}
)
RULE_CELLS = ("partials", "transposes", "vjp", "jvp")
"""What the kinds call the rules of an entry."""


@dataclasses.dataclass
class Product:
    """A mistake: in each run of a rule, the factor `argument` of the product numbered `number` becomes ones.

    Attributes:
        number: counts the products of one run from 0.
        argument: which factor.
        was_reached: whether the rule has so many products.
        has_changed: whether the factor was anything but ones already, as the 1 in `1 / x` is.
    """

    number: int
    argument: int
    was_reached: bool = False
    has_changed: bool = False

    def __str__(self) -> str:
        return f"factor {self.argument} of product {self.number} dropped"


class MutatingLevel(Level):
    """Runs a rule as it is, but for one factor of one product."""

    __slots__ = ("product", "seen")

    def __init__(self, product: Product) -> None:
        super().__init__()
        self.product = product
        self.seen = 0

    def record(self, op: Op, args: Any, params: Any) -> Any:
        """Apply `op` one level down, with the mistake if it is the product in question."""
        inner = [a.out if type(a) in HANDLES and a.level is self else a for a in args]
        if op.name in PRODUCTS:
            if self.seen == self.product.number:
                self.drop(inner)
            self.seen += 1
        out = apply(op, *inner, **params)
        if type(out) is tuple:
            return tuple(self.entered(o) for o in out)
        return self.entered(out)

    def drop(self, factors: list[Any]) -> None:
        """Put ones in the place of the factor."""
        product = self.product
        product.was_reached = True
        if product.argument < len(factors):
            factor = factors[product.argument]
            t = type_of(factor)
            ones = factors[product.argument] = 1.0 if t.weak else np.ones(t.shape, t.dtype)[()]
            value = factor.leaf() if type(factor) in HANDLES else factor
            product.has_changed |= type(value) is not ArrayType and not np.array_equal(value, ones)

    def entered(self, x: Any) -> Any:
        """Wrap what carries numbers; positions, masks and bare types stay as they are."""
        if type(x) in (tuple, list):
            return type(x)(self.entered(part) for part in x)
        if type(x) not in HANDLES and not isinstance(x, (np.ndarray, np.generic, float, complex)):
            return x
        return wrap(self, x, None) if type_of(x).is_inexact else x

    def left(self, x: Any) -> Any:
        """Undo `entered`."""
        if type(x) in (tuple, list):
            return type(x)(self.left(part) for part in x)
        return x.out if type(x) in HANDLES and x.level is self else x


@dataclasses.dataclass
class Flip:
    """A mistake: the sign of the rule's result.

    Attributes:
        has_changed: whether the result was ever anything but zero.
    """

    has_changed: bool = False

    def __str__(self) -> str:
        return "sign flipped"

    def of(self, out: Any) -> Any:
        """Flip the sign of a result, or of each of several."""
        if type(out) is tuple:
            return tuple(map(self.of, out))
        if out is None:
            return None
        value = out.leaf() if type(out) in HANDLES else out
        self.has_changed |= type(value) is not ArrayType and bool(np.any(value))
        return -out


def flipped(rule: Callable[..., Any], flip: Flip) -> Callable[..., Any]:
    """Return the rule with the sign of its result flipped."""
    return lambda *args, **params: flip.of(rule(*args, **params))


def with_dropped_factor(rule: Callable[..., Any], product: Product) -> Callable[..., Any]:
    """Return the rule with one factor of one product left out."""

    def mutated(*args: Any, **params: Any) -> Any:
        with MutatingLevel(product) as level:
            return level.left(rule(*(level.entered(a) for a in args), **params))

    return mutated


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule of one entry, and where its kind keeps it."""

    name: str
    cell: CellType
    index: int | None

    @property
    def function(self) -> Any:
        """The rule as it is now."""
        return (
            self.cell.cell_contents if self.index is None else self.cell.cell_contents[self.index]
        )

    def replace(self, function: Any) -> None:
        """Put another rule in its place."""
        if self.index is None:
            self.cell.cell_contents = function
            return
        rules = list(self.cell.cell_contents)
        rules[self.index] = function
        self.cell.cell_contents = tuple(rules)


def rules_of(op: Op) -> list[Rule]:
    """Find the rules of an entry in the closures its kind made."""
    rules = []
    for name, cell in (_cells(op.vjp) | _cells(op.jvp)).items():
        content = cell.cell_contents
        if isinstance(content, tuple):
            rules += [
                Rule(f"{name}[{i}]", cell, i) for i, rule in enumerate(content) if rule is not None
            ]
        else:
            rules.append(Rule(name, cell, None))
    return rules


def _cells(function: Any) -> dict[str, CellType]:
    found: dict[str, CellType] = {}
    if not isinstance(function, FunctionType):
        return found
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name in RULE_CELLS:
            found[name] = cell
        elif (
            isinstance(cell.cell_contents, FunctionType)
            and cell.cell_contents.__module__ == function.__module__
        ):
            found |= _cells(cell.cell_contents)
    return found


def is_noticed(op: Op) -> bool:
    """Run the laws of derivatives on the samples of an entry; say whether one of them fails."""
    for sample in op.samples:
        try:
            laws.check_first(op, sample, calls.REAL)
            laws.check_higher(op, sample, calls.REAL)
            if calls.accepts(op, sample, calls.COMPLEX):
                laws.check_first(op, sample, calls.COMPLEX)
        except Exception:  # noqa: BLE001  a mistake may fail in any way
            return True
    return False


def survives(op: Op, rule: Rule, mutated: Callable[..., Any]) -> bool:
    """Say whether the laws pass with the mutated rule in place."""
    original = rule.function
    op.known_reads.clear()
    rule.replace(mutated)
    try:
        return not is_noticed(op)
    finally:
        rule.replace(original)
        op.known_reads.clear()


def mutations(rule: Rule, *, most: int = 40) -> Iterator[tuple[Callable[..., Any], Flip | Product]]:
    """Return mutated rules and what was done, until no further product is reached."""
    flip = Flip()
    yield flipped(rule.function, flip), flip
    for number in range(most):
        was_reached = False
        for argument in (0, 1):
            product = Product(number, argument)
            yield with_dropped_factor(rule.function, product), product
            was_reached = was_reached or product.was_reached
        if not was_reached:
            return


def survivors_of(op: Op) -> tuple[int, list[tuple[str, str, str]]]:
    """Return how many mistakes were made in an entry, and those that no law noticed."""
    count, survivors = 0, []
    for rule in rules_of(op):
        for mutated, what in mutations(rule):
            survived = survives(op, rule, mutated)
            if not what.has_changed:
                continue
            count += 1
            if survived:
                survivors.append((op.name, rule.name, str(what)))
    return count, survivors


def main() -> int:
    """Mutate, print the survivors and a summary; 1 if one of them has no reason."""
    parser = argparse.ArgumentParser(
        description="Break every rule on purpose and see that the laws notice."
    )
    parser.add_argument("--op", choices=sorted(TABLE), help="only this op")
    chosen = parser.parse_args().op
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    ops = [
        op
        for op in TABLE.values()
        if op.kind in {"elementwise", "linear", "general"} and chosen in {None, op.name}
    ]
    made, unexplained = 0, 0
    survivors: list[tuple[str, str, str]] = []
    examined = set()
    for op in ops:
        if not rules_of(op) or is_noticed(op):
            print(f"{op.name}: has no rules, or its laws fail without a mutation")
            unexplained += 1
            continue
        examined.add(op.name)
        count, found = survivors_of(op)
        made += count
        survivors += found
    for survivor in survivors:
        print(f"survived: {', '.join(survivor)}: {REASONS.get(survivor, 'NO REASON')}")
        unexplained += survivor not in REASONS
    for stale in [key for key in REASONS if key[0] in examined and key not in survivors]:
        print(f"noticed after all, its reason can go: {', '.join(stale)}")
        unexplained += 1
    print(
        f"{len(ops)} of {len(TABLE)} ops have rules: {made} mistakes made, {made - len(survivors)} noticed, "
        f"{len(survivors)} survived, {unexplained} unexplained, {time.perf_counter() - start:.0f} s"
    )
    return int(unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
