"""Errors against labels, both ways: table and plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

COLOURS = {"distance": "#0072B2", "random": "#D55E00"}


def text(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: means over seeds, and each run's end."""
    lines = [
        "| labels by | labels | runs | RMS force error (eV/Å) | worst twentieth of frames | energy (meV/atom) "
        "| other systems (eV/Å) |",
        "|---|---|---|---|---|---|---|",
    ]
    for way in COLOURS:
        runs = [r for r in rows if r["way"] == way]
        for labels in sorted({g["labels"] for r in runs for g in r["generations"]}):
            found = [g for r in runs for g in r["generations"] if g["labels"] == labels]
            mean = {k: np.mean([g[k] for g in found]) for k in ("force_eV_A", "force_q95_eV_A", "energy_meV")}
            other = np.mean([g["reference_force_eV_A"] for g in found])
            lines.append(
                f"| {way} | {labels} | {len(found)} | {mean['force_eV_A']:.4f} | {mean['force_q95_eV_A']:.4f} "
                f"| {mean['energy_meV']:.2f} | {other:.3f} |"
            )
    lines += ["", "| labels by | seed | before | after | share left | other systems | validate | minutes |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for r in sorted(rows, key=lambda r: (r["seed"], r["way"])):
        first, last = r["generations"][0], r["generations"][-1]
        share = last["force_eV_A"] / first["force_eV_A"]
        growth = 100 * (last["reference_force_eV_A"] / first["reference_force_eV_A"] - 1)
        minutes = sum(sum(g["seconds"].values()) for g in r["generations"]) / 60
        passed = "passed" if r["validate"] else ", ".join(r["failures"])
        lines.append(
            f"| {r['way']} | {r['seed']} | {first['force_eV_A']:.3f} | {last['force_eV_A']:.3f} | {share:.2f} "
            f"| {growth:+.0f} % | {passed} | {minutes:.0f} |"
        )
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Three panels: forces, the worst frames, other systems."""
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
    names = {
        "force_eV_A": "RMS force error (eV/Å)",
        "force_q95_eV_A": "worst twentieth of frames (eV/Å)",
        "reference_force_eV_A": "other systems (eV/Å)",
    }
    for axes, (key, label) in zip(panels, names.items(), strict=True):
        for way, colour in COLOURS.items():
            runs = [r for r in rows if r["way"] == way]
            for r in runs:
                axes.plot(
                    [g["labels"] for g in r["generations"]], [g[key] for g in r["generations"]],
                    "-", color=colour, alpha=0.35, lw=1,
                )  # fmt: skip
            counts = sorted({g["labels"] for r in runs for g in r["generations"]})
            means = [np.mean([g[key] for r in runs for g in r["generations"] if g["labels"] == n]) for n in counts]
            axes.plot(counts, means, "o-", color=colour, label=way)
        axes.set(xlabel="labels", ylabel=label, ylim=(0, None))
        axes.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(file, dpi=130)
    plt.close(figure)
