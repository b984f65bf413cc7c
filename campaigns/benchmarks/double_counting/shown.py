"""The benchmark's table and plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

NAMES = {
    "7net-0": "7net-0, untaught",
    "direct": "taught whole energies",
    "residual": "taught residuals, charges added",
    "naive": "taught whole energies, charges added all the same",
}
COLOURS = {"7net-0": "0.65", "direct": "tab:orange", "residual": "tab:green", "naive": "tab:red"}


def text(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| | crystals, forces (eV/Å) | energies (meV/atom) | ion pair within 5 Å, forces (eV/Å) | beyond 5 Å | "
        "Schottky pair, energies along distances (eV) |",
        "|---|---|---|---|---|---|",
    ]
    for way, name in NAMES.items():
        row = found["ways"][way]
        cells = [
            f"{row['crystal_force_eV_A']:.4f}",
            f"{row['crystal_energy_meV']:.1f}",
            f"{row['near_pair_force_eV_A']:.4f}",
            f"{row['far_pair_force_eV_A']:.5f}",
            f"{row['schottky_error_eV']:.3f}",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    gain = found["ways"]["direct"]["far_pair_force_eV_A"] / found["ways"]["residual"]["far_pair_force_eV_A"]
    lines += [
        "",
        f"{found['labels']} labels, {found['steps']} steps; RMS errors against the oracle. The error for separated "
        f"ions that whole energies leave, residuals make {gain:.0f} times smaller.",
        "",
    ]
    return "\n".join(lines)


def draw(found: dict[str, Any], file: Path) -> None:
    """Energies of parting ions and of parting vacancies."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    distances = np.array(found["ion_pair_A"])
    at = int(np.argmin(np.abs(distances - 5.0)))
    _curves(left, distances, "ion_pair_eV", found, at)
    left.axvspan(5.0, distances[-1], color="0.95", zorder=0)
    left.set(xlabel="distance of a Na⁺ and a Cl⁻ (Å)", ylabel="energy from 5 Å (eV)", ylim=(-4, 5), title="An ion pair")
    left.text(5.2, -3.7, "beyond the network's cut-off", color="0.4")
    _curves(right, np.array(found["oracle"]["schottky_A"]), "schottky_eV", found, 0)
    right.set(xlabel="distance of two vacancies (Å)", ylabel="energy from the nearest (eV)",
              title="A Schottky pair in 62 ions, unrelaxed")  # fmt: skip
    left.legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=150)


def _curves(axis: Any, x: np.ndarray, key: str, found: dict[str, Any], zero: int) -> None:
    truth = np.array(found["oracle"][key])
    axis.plot(x, truth - truth[zero], "k-", lw=3, alpha=0.3, label="oracle")
    for way, name in NAMES.items():
        values = np.array(found["ways"][way][key])
        axis.plot(x, values - values[zero], ".-", lw=1, color=COLOURS[way], label=name)
