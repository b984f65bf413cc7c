"""Table and plot of the solids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from crystals import CRYSTALS, EXPERIMENT, MEAN_GRUENEISEN, constants

COLOURS = {"7net-0": "#0072B2", "7net-l3i5": "#D55E00", "emt": "#009E73"}
NONE = "–"


def text(rows: Sequence[dict[str, Any]], dft: Sequence[dict[str, Any]]) -> str:
    """Markdown: elastic constants, then what vibrates and expands."""
    names = list(dict.fromkeys(r["potential"] for r in rows))
    by = {(r["potential"], r["crystal"]): r for r in rows}
    pbe = {r["crystal"]: r for r in dft}
    crystals = [c for c in CRYSTALS if any((p, c) in by for p in names)]
    lines = ["| | | " + " | ".join(f"{n} | clamped ions" for n in names) + " | DFT-PBE | experiment |"]
    lines += ["|" + "---|" * (2 * len(names) + 4)]
    for crystal in crystals:
        for constant in constants(crystal):
            cells = [crystal, f"{constant} (GPa)"]
            for name in names:
                row = by.get((name, crystal), {})
                cells += [_with_error(row, constant), _number(row.get(f"{constant}_clamped"))]
            cells += [_number(pbe.get(crystal, {}).get(constant)), _number(EXPERIMENT[crystal].get(constant))]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| | | " + " | ".join(names) + " | experiment |", "|" + "---|" * (len(names) + 3)]
    for crystal in crystals:
        known = {**EXPERIMENT[crystal], "mean_grueneisen": MEAN_GRUENEISEN.get(crystal)}
        for key, (label, digits) in QUANTITIES.items():
            told = [by.get((name, crystal), {}) for name in names]
            if all(row.get(key) is None for row in told):
                continue
            cells = [crystal, label, *(_with_error(row, key, digits) for row in told), _number(known.get(key), digits)]
            lines.append("| " + " | ".join(cells) + " |")
        for row in (by.get((name, crystal), {}) for name in names):
            lines += [f"| {crystal} | {stage} failed | {why} |" for stage, why in row.get("failures", {}).items()]
    return "\n".join(lines) + "\n"


QUANTITIES = {
    "alpha_V_1e6": ("α_V at 300 K (10⁻⁶/K)", 1),
    "alpha_from_grueneisen_1e6": ("the same by γ C_V/(B V)", 1),
    "mean_grueneisen": ("mean γ at 300 K", 2),
    "gamma_optical": ("γ of the highest mode at Γ", 2),
    "bulk_modulus_GPa": ("B at 300 K (GPa)", 1),
    "optical_THz": ("highest mode at Γ (THz)", 2),
    "debye_temperature_K": ("Debye temperature (K)", 0),
}


def draw(rows: Sequence[dict[str, Any]], dft: Sequence[dict[str, Any]], file: Path) -> None:
    """Computed against measured: elastic constants, expansion."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    for axes, label in ((left, "elastic constant (GPa)"), (right, "α_V at 300 K (10⁻⁶/K)")):
        axes.set(xlabel=f"{label}, experiment", ylabel=f"{label}, computed", xscale="log", yscale="log")
        axes.grid(alpha=0.3)
    for name in dict.fromkeys(r["potential"] for r in rows):
        mine = [r for r in rows if r["potential"] == name]
        points = [(EXPERIMENT[r["crystal"]][c], r[c]) for r in mine for c in constants(r["crystal"]) if c in r]
        left.scatter(*zip(*points, strict=True), s=28, color=COLOURS[name], label=name, alpha=0.8)
        grown = [
            (EXPERIMENT[r["crystal"]]["alpha_V_1e6"], r["alpha_V_1e6"], r["crystal"])
            for r in mine
            if r.get("alpha_V_1e6", 0) > 0 and "alpha_V_1e6" in EXPERIMENT[r["crystal"]]
        ]
        if grown:
            x, y, _ = zip(*grown, strict=True)
            right.scatter(x, y, s=28, color=COLOURS[name], label=name, alpha=0.8)
        for at, up, crystal in grown:
            right.annotate(crystal, (at, up), textcoords="offset points", xytext=(6, -3), fontsize=8)
    points = [(EXPERIMENT[r["crystal"]][c], r[c]) for r in dft for c in constants(r["crystal"])]
    if points:
        left.scatter(*zip(*points, strict=True), s=40, facecolors="none", edgecolors="0.3", label="DFT-PBE (GPAW)")
    for axes in (left, right):
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], color="0.6", lw=1, zorder=0)
        axes.legend()
    figure.savefig(file, dpi=130)
    plt.close(figure)


def _number(value: float | None, digits: int = 1) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _with_error(row: dict[str, Any], key: str, digits: int = 1) -> str:
    value, error = row.get(key), row.get(f"{key}_error")
    if value is None or error is None or error < 0.5 * 10**-digits:
        return _number(value, digits)
    return f"{value:.{digits}f} ± {error:.{digits}f}"
