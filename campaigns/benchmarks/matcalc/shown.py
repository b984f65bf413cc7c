"""Table and plot: times, and how equal the numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

STEPS = (("elastic", "elastic"), ("phonons", "phonons"), ("thermal", "qha"))
"""Ours and matcalc's name."""


def text(runs: dict[str, Any]) -> str:
    """Markdown."""
    lines = ["| | | ours (s) | matcalc (s) | ours / matcalc |", "|---|---|---|---|---|"]
    for kind in _kinds(runs):
        ours, theirs = runs[f"{kind}, ours"], runs[f"{kind}, matcalc"]
        for name in ours["crystals"]:
            for mine, its in STEPS:
                a, b = ours["crystals"][name]["seconds"][mine], theirs["crystals"][name]["seconds"][its]
                lines.append(f"| {kind} | {name}, {mine} | {a:.1f} | {b:.1f} | {a / b:.2f} |")
        a, b = ours["total_s"], theirs["total_s"]
        lines.append(f"| **{kind}** | **all, from start to end** | **{a:.0f}** | **{b:.0f}** | **{a / b:.2f}** |")
    lines += ["", "Same work: how far apart the numbers are.", ""]
    lines += ["| | ours | matcalc | |", "|---|---|---|---|"]
    for name, mine in runs["same work, ours"]["crystals"].items():
        its = runs["same work, matcalc"]["crystals"][name]
        for label, (i, j) in (("C11", (0, 0)), ("C12", (0, 1)), ("C44", (3, 3))):
            a, b = mine["c_GPa"][i][j], its["c_GPa"][i][j]
            lines.append(f"| {name}, {label}, clamped ions (GPa) | {a:.2f} | {b:.2f} | {100 * (a / b - 1):+.2f} % |")
        a, b = np.array(runs["frequencies_THz"][name]), np.array(its["frequencies_THz"])
        lines.append(
            f"| {name}, frequencies at Γ, X, L, Δ (THz) | up to {a.max():.3f} | up to {b.max():.3f} "
            f"| largest difference {np.abs(a - b).max():.3f} |"
        )
        for key, label, scale in (
            ("expansion_per_K", "α_V at 300 K (10⁻⁶/K)", 1e6), ("bulk_modulus_GPa", "B at 300 K (GPa)", 1),
        ):  # fmt: skip
            a, b = scale * mine[key], scale * its[key]
            lines.append(f"| {name}, {label} | {a:.2f} | {b:.2f} | {a - b:+.2f} |")
    return "\n".join(lines) + "\n"


def draw(runs: dict[str, Any], file: Path) -> None:
    """Wall time of both sides."""
    kinds = _kinds(runs)
    figure, axes = plt.subplots(figsize=(7, 1.2 + 1.1 * len(kinds)), layout="constrained")
    for k, kind in enumerate(kinds):
        for shift, side, colour in ((0.2, "ours", "#0072B2"), (-0.2, "matcalc", "#D55E00")):
            seconds = runs[f"{kind}, {side}"]["total_s"]
            axes.barh(k + shift, seconds, 0.36, color=colour, label=side if k == 0 else None)
            axes.text(seconds, k + shift, f" {seconds:.0f} s", va="center", fontsize=9)
    axes.set(yticks=range(len(kinds)), yticklabels=kinds, xlabel="wall time from start to end (s)")
    axes.margins(x=0.12)
    axes.legend()
    figure.savefig(file, dpi=130)
    plt.close(figure)


def _kinds(runs: dict[str, Any]) -> list[str]:
    return [key.removesuffix(", ours") for key in runs if key.endswith(", ours")]
