"""How the layers of a trained network fare, as a table."""

from __future__ import annotations

from rich.console import Console

from chainrule.cli.terminal import show_table
from chainrule.explanation.diagnose import Diagnosis

_HEADERS = (
    "parameter",
    "shape",
    "weight",
    "gradient",
    "update/weight",
    "saturated",
    "dead units",
    "remark",
)
_NUMBERS = _HEADERS[2:7]


def show_health(screen: Console, found: Diagnosis) -> None:
    """Print per parameter the norms, and per layer its units, then what is worth a line."""
    units = {u.scope: u for u in found.units}
    rows = []
    for p in found.parameters:
        u = units.pop(p.layer.partition(".")[2], None)
        is_flat = u is not None and u.kind == "relu"
        rows.append(
            (
                p.name,
                "×".join(map(str, p.shape)),
                f"{p.weight:.4g}",
                "none" if p.gradient is None else f"{p.gradient:.4g}",
                "" if p.ratio is None else f"{p.ratio:.2e}",
                "" if u is None or is_flat else f"{u.saturated:.1%}",
                f"{u.dead} of {u.count}" if u is not None and is_flat else "",
                p.reason,
            )
        )
    screen.print("\nhealth after the last step, on examples that were learned from")
    show_table(screen, _HEADERS, rows, right=_NUMBERS)
    if found.growth is not None:
        screen.print(
            f"gradient ×{found.growth.rate:.3g} per layer on its way back, over {len(found.growth.norms)} layers"
        )
    for finding in found.findings:
        if finding.subject != "no gradient":  # it stands in the table
            hint = f" → {finding.hint}" if finding.hint else ""
            screen.print(f"{finding.subject}: {finding.text}{hint}", soft_wrap=True)
