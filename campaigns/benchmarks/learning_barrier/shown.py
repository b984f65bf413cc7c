"""Barrier errors against labels, both ways: table and plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {"saddle and farthest": "#0072B2", "every image": "#D55E00"}
MARKERS = ("o", "s", "^")
ENOUGH_MEV = 20.0


def text(found: dict[str, Any]) -> str:
    """Markdown: each generation, then labels until the barrier is right."""
    lines = [
        "| hop | labels go to | seed | generation | labels taught | barrier (eV) | off the oracle's band (meV) "
        "| back (meV) | by its own label (meV) | farthest image / edge | other systems (eV/Å) |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in found["runs"]:
        truth = found["truth"][run["case"]]
        for k, g in enumerate(run["generations"]):
            own = "–" if g["error_forward_eV"] is None else f"{1000 * g['error_forward_eV']:+.1f}"
            far = "–" if g["farthest"] is None else f"{g['farthest']:.1f} / {g['edge']:.1f}"
            lines.append(
                f"| {run['case']} | {run['way']} | {run['seed']} | {k} | {g['labels']} | {g['forward_eV']:.3f} "
                f"| {1000 * (g['forward_eV'] - truth['forward_eV']):+.1f} "
                f"| {1000 * (g['reverse_eV'] - truth['reverse_eV']):+.1f} | {own} | {far} "
                f"| {g['reference_force_eV_A']:.3f} |"
            )
    lines += ["", "| hop | labels go to | seed | oracle's barrier (eV) | before (meV) | after (meV) | labels | ended |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for run in found["runs"]:
        truth, gens = found["truth"][run["case"]], run["generations"]
        before, after = (1000 * (g["forward_eV"] - truth["forward_eV"]) for g in (gens[0], gens[-1]))
        lines.append(
            f"| {run['case']} | {run['way']} | {run['seed']} | {truth['forward_eV']:.3f} | {before:+.0f} "
            f"| {after:+.1f} | {run['labels']} | {run['finished']} |"
        )
    return "\n".join(lines) + "\n"


def draw(found: dict[str, Any], file: Path) -> None:
    """Error of the barrier, without sign, against the labels taught; one panel a hop."""
    cases = list(found["truth"])
    figure, axes = plt.subplots(1, len(cases), figsize=(5.4 * len(cases), 3.8), layout="constrained", squeeze=False)
    for panel, case in zip(axes[0], cases, strict=True):
        truth = found["truth"][case]["forward_eV"]
        panel.axhspan(0.1, ENOUGH_MEV, color="0.92", lw=0)
        for run in (r for r in found["runs"] if r["case"] == case):
            panel.plot(
                [g["labels"] for g in run["generations"]],
                [max(1000 * abs(g["forward_eV"] - truth), 0.1) for g in run["generations"]],
                MARKERS[(run["seed"] - 1) % len(MARKERS)] + "-", color=COLOURS[run["way"]],
                label=f"{run['way']}: {run['labels']} labels in all",
            )  # fmt: skip
        panel.set(xlabel="labels taught", ylabel="error of the barrier (meV)", yscale="log", title=case)
        panel.legend()
        panel.grid(alpha=0.3)
    figure.savefig(file, dpi=130)
    plt.close(figure)
