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
NAMES = {"distance": "chosen", "random": "at random"}
MEASURES = {"force_eV_A": 4, "force_q95_eV_A": 4, "energy_meV": 2, "reference_force_eV_A": 3}
"""With their digits."""


def text(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: means over seeds, and each run's end."""
    lines = [
        "| cell | labels | runs | RMS force error (eV/Å), chosen | at random | worst twentieth of frames, chosen "
        "| at random | energy (meV/atom), chosen | at random | other systems (eV/Å), chosen | at random |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in _cases(rows):
        for labels in _counts(rows, case):
            cells = [case, str(labels), " + ".join(str(len(_found(rows, case, w, labels))) for w in COLOURS)]
            for key, digits in MEASURES.items():
                cells += [_mean(rows, case, way, labels, key, digits) for way in COLOURS]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| cell | labels | seed | before | after | share left | other systems | validate | minutes |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for r in sorted(rows, key=lambda r: (r["case"], r["seed"], r["way"])):
        first, last = r["generations"][0], r["generations"][-1]
        share = last["force_eV_A"] / first["force_eV_A"]
        growth = 100 * (last["reference_force_eV_A"] / first["reference_force_eV_A"] - 1)
        minutes = sum(sum(g["seconds"].values()) for g in r["generations"]) / 60
        passed = "passed" if r["validate"] else ", ".join(r["failures"])
        lines.append(
            f"| {r['case']} | {NAMES[r['way']]} | {r['seed']} | {first['force_eV_A']:.3f} | {last['force_eV_A']:.3f} "
            f"| {share:.2f} | {growth:+.0f} % | {passed} | {minutes:.0f} |"
        )
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """A row of three panels for each cell: forces, the worst frames, other systems."""
    names = {
        "force_eV_A": "RMS force error (eV/Å)",
        "force_q95_eV_A": "worst twentieth of frames (eV/Å)",
        "reference_force_eV_A": "other systems (eV/Å)",
    }
    cases = _cases(rows)
    figure, grid = plt.subplots(len(cases), 3, figsize=(12, 3.6 * len(cases)), layout="constrained", squeeze=False)
    for panels, case in zip(grid, cases, strict=True):
        for axes, (key, label) in zip(panels, names.items(), strict=True):
            for way, colour in COLOURS.items():
                for r in (r for r in rows if r["way"] == way and r["case"] == case):
                    axes.plot(
                        [g["labels"] for g in r["generations"]], [g[key] for g in r["generations"]],
                        "-", color=colour, alpha=0.3, lw=1,
                    )  # fmt: skip
                counts = _counts(rows, case)
                means = [np.mean([g[key] for g in _found(rows, case, way, n)]) for n in counts]
                axes.plot(counts, means, "o-", color=colour, label=NAMES[way])
            axes.set(xlabel="labels", ylabel=label, ylim=(0, None))
            axes.grid(alpha=0.3)
        panels[0].set_title(f"lithium nitride, {case}", loc="left", fontsize=10)
    grid[0, 0].legend()
    figure.savefig(file, dpi=130)
    plt.close(figure)


def _cases(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(r["case"] for r in rows))


def _counts(rows: Sequence[dict[str, Any]], case: str) -> list[int]:
    return sorted({g["labels"] for r in rows if r["case"] == case for g in r["generations"]})


def _found(rows: Sequence[dict[str, Any]], case: str, way: str, labels: int) -> list[dict[str, Any]]:
    """Generations of this many labels."""
    mine = [r for r in rows if r["case"] == case and r["way"] == way]
    return [g for r in mine for g in r["generations"] if g["labels"] == labels]


def _mean(rows: Sequence[dict[str, Any]], case: str, way: str, labels: int, key: str, digits: int) -> str:
    """With the standard error of the mean over seeds."""
    values = [g[key] for g in _found(rows, case, way, labels)]
    if not values:
        return "–"
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.{digits}f}" if len(values) > 1 and labels else ""
    return f"{np.mean(values):.{digits}f}{error}"
