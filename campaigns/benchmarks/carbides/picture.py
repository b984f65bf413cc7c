"""The plot: the hull with everything relaxed for it, and phases found against model calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from references import ON_HULL_EV

COLOURS = {"together": "#1f77b4", "each": "#9aa5b1"}
LABELS = {"together": "all compositions at once", "each": "one after another"}


def draw(result: dict[str, Any], file: Path) -> None:
    """Both panels."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (hull, race) = plt.subplots(1, 2, figsize=(10.5, 3.8), layout="constrained")
    _hull(hull, result["references"])
    _race(race, result)
    for axes in (hull, race):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


def _hull(axes: Any, known: Sequence[dict[str, Any]]) -> None:
    compounds = [a for a in known if a["kind"] != "element"]
    for kind, marker, colour in (
        ("ordering", "_", "0.6"),
        ("published", "o", "#1f77b4"),
        ("other host", "^", "#e08214"),
    ):
        drawn = [a for a in compounds if a["kind"] == kind]
        x, y = [a["carbon_share"] for a in drawn], [1000 * a["formation_eV"] for a in drawn]
        label = "lowest ordering on rocksalt" if kind == "ordering" else kind
        axes.plot(x, y, marker, color=colour, ms=9 if marker == "_" else 4, mew=1.5, label=label)
    stable = sorted((a["carbon_share"], 1000 * a["formation_eV"]) for a in known if a["above_hull_eV"] < ON_HULL_EV)
    axes.plot(*zip(*stable, strict=True), color="0.3", lw=0.9, zorder=0)
    for a in compounds:
        if a["above_hull_eV"] < ON_HULL_EV:
            at = (a["carbon_share"], 1000 * a["formation_eV"])
            axes.annotate(a["formula"], at, xytext=(-4, -11), textcoords="offset points", fontsize=8, ha="right")
    axes.set(xlim=(0.28, 0.53), ylim=(-950, -600), xlabel="share of carbon atoms")
    axes.set_title("formation energy by 7net-0 (meV/atom)", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _race(axes: Any, result: dict[str, Any]) -> None:
    """Mean over the seeds, and between the slowest and the fastest of them."""
    for way, colour in COLOURS.items():
        met = [sorted(calls for calls in s[way].values() if calls is not None) for s in result["seeds"] if s[way]]
        if not met:
            continue
        grid = np.unique([0, *(c for calls in met for c in calls)])
        found = np.array([np.searchsorted(calls, grid, side="right") for calls in met])
        axes.step(grid, found.mean(axis=0), where="post", color=colour, lw=1.6, label=LABELS[way])
        axes.fill_between(
            grid, found.min(axis=0), found.max(axis=0), step="post", color=colour, alpha=0.15, linewidth=0
        )
    axes.set(xlabel="model calls", ylim=(0, len(result["goals"]) + 0.3), yticks=range(len(result["goals"]) + 1))
    axes.set_xlim(left=0)
    axes.set_title(f"phases found, of {', '.join(result['goals'])}; mean of {len(result['seeds'])} seeds", fontsize=10)
    if result["seeds"]:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
