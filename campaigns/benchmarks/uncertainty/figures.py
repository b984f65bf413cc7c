"""Error against distance, and coverage against what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95)
COLOURS = {"rattled": "#0072B2", "strained": "#009E73", "liquid": "#D55E00", "coordination": "#CC79A7"}


def draw(rows: Sequence[dict[str, Any]], out: Path) -> None:
    """results.png."""
    bulk = [r for r in rows if r["oracle"] != "gpaw"]
    gpaw = [r for r in rows if r["oracle"] == "gpaw"]
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    for axes, key, label in (
        (panels[0], "energy_error_meV", "energy error (meV/atom)"),
        (panels[1], "force_error_eV_A", "RMS force error (eV/Å)"),
    ):
        for kind, colour in COLOURS.items():
            part = [r for r in bulk if r["kind"] == kind]
            axes.scatter(
                [r["distance"] for r in part], [r[key] for r in part], s=10, color=colour, label=kind, alpha=0.7
            )
        if key == "force_error_eV_A" and gpaw:
            axes.scatter(
                [r["distance"] for r in gpaw], [r[key] for r in gpaw], s=45, marker="x", color="k", label="against GPAW"
            )
        axes.set(xscale="log", yscale="log", xlabel="Mahalanobis distance (RMS over atoms)", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    axes = panels[2]
    axes.plot([0.4, 1], [0.4, 1], color="grey", lw=0.8)
    axes.fill_between([0.4, 1], [0.37, 0.97], [0.43, 1.03], color="grey", alpha=0.15, lw=0)
    for error, bounds, label, marker in (
        ("energy_error_meV", "energy_bounds_meV", "energies", "o"),
        ("force_error_eV_A", "force_bounds_eV_A", "forces", "s"),
    ):
        covered = [np.mean([r[error] <= r[bounds][str(v)] for r in bulk]) for v in LEVELS]
        axes.plot(LEVELS, covered, marker + "-", label=label)
    axes.set(xlabel="promised", ylabel="covered", xlim=(0.4, 1), ylim=(0.3, 1.02))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(out / "results.png", dpi=130)
    plt.close(figure)
