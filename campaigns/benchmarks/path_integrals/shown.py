"""Table and plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

LABELS = {
    "potential_eV": "potential energy (eV)",
    "kinetic_eV": "kinetic energy (eV)",
    "kinetic_exchanged_eV": "of exchanged atoms (eV)",
}


def text(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = []
    if "pace" in found:
        pace = found["pace"]
        best = {name: [1e3 * min(k) for k in zip(*turns, strict=True)] for name, turns in _pace(found).items()}
        peer = [min(ms[k] for name, ms in best.items() if name.startswith("i-PI")) for k in (0, 1)]
        lines += [
            f"PdH (primitive cell), 7net-0, {pace['beads']} beads; the better of the turns. Clock and processor time.",
            "",
            "| | ms a bead-step | times faster than i-PI | processor, ms a bead-step | times less than i-PI |",
            "|---|---|---|---|---|",
            *(
                f"| {name} | {wall:.1f} | {peer[0] / wall:.2f} | {cpu:.1f} | {peer[1] / cpu:.2f} |"
                for name, (wall, cpu) in best.items()
            ),
            "",
        ]
    for potential, told in found.get("agreement", {}).items():
        lines += [
            f"{told['formula']} with {potential}, {told['isotopes']}, {told['beads']} beads, "
            f"{told['temperature_K']:g} K, {told['steps']} steps.",
            "",
            "| mass (u) | | ours | i-PI | difference / its error |",
            "|---|---|---|---|---|",
        ]
        for row in told["nodes"]:
            for name, label in LABELS.items():
                a, da, b, db = row[name]
                cells = (f"{row['mass_u']:.4f}", label, _pm(a, da), _pm(b, db), f"{_sigma(row[name]):+.1f}")
                lines.append(f"| {' | '.join(cells)} |")
        a, da, b, db = told["log_ratio"]
        what = "ln Q_heavy/Q_light, all nodes" if len(told["nodes"]) > 1 else "ln Q_heavy/Q_light, one node"
        lines += [f"| | **{what}** | {_pm(a, da)} | {_pm(b, db)} | {_sigma(told['log_ratio']):+.1f} |", ""]
    return "\n".join(lines)


def draw(found: dict[str, Any], file: Path) -> None:
    """Time a bead-step, and how far apart energies are in errors."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2), layout="constrained", width_ratios=(3, 2))
    rows = _pace(found)
    for k, (name, turns) in enumerate(rows.items()):
        ms = 1e3 * min(cpu for _, cpu in turns)
        left.barh(-k, ms, 0.6, color="#D55E00" if name.startswith("i-PI") else "#0072B2")
        left.text(ms, -k, f" {ms:.1f}", va="center", fontsize=9)
    left.set(yticks=[-k for k in range(len(rows))], yticklabels=list(rows), xlabel="processor time (ms a bead-step)")
    left.margins(x=0.12)
    place = 0
    names = []
    for potential, told in found.get("agreement", {}).items():
        for key, label in (*LABELS.items(), ("log_ratio", "ln Q_heavy/Q_light")):
            values = [_sigma(told[key])] if key == "log_ratio" else [_sigma(row[key]) for row in told["nodes"]]
            right.plot(values, np.full(len(values), -place), "o", color="#0072B2", ms=5)
            names.append(f"{label.removesuffix(' (eV)')}, {potential}")
            place += 1
    right.axvspan(-2, 2, color="#dfe4e7", zorder=0)
    right.axvline(0, color="#66737c", lw=0.8)
    right.set(
        yticks=[-k for k in range(place)], yticklabels=names, xlim=(-4, 4), xlabel="(ours − i-PI) / error of it"
    )
    figure.savefig(file, dpi=130)
    plt.close(figure)


def _pace(found: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    rows: dict[str, list[tuple[float, float]]] = found.get("pace", {}).get("seconds_and_cpu_per_bead_step", {})
    return rows


def _pm(value: float, error: float) -> str:
    return f"{value:.4f} ± {error:.4f}"


def _sigma(row: list[float]) -> float:
    a, da, b, db = row
    return (a - b) / float(np.hypot(da, db))
