"""The benchmark's tables and plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLOURS = {"7net-0": "0.6", "c6": "tab:green", "c6, PBE's damping": "tab:olive", "d3": "tab:orange", "d4": "tab:blue"}


def text(found: dict[str, Any]) -> str:
    """Markdown."""
    london = found["coefficients"]["london"]
    lines = [
        "C6 and static polarizability against dftd4's: relative errors, %.", "",
        "| environments | atoms | C6: median | 90 % below | α: median | 90 % below |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, row in found["coefficients"]["errors"].items():
        values = [row[k] for k in ("atoms", "c6_median_%", "c6_90_%", "alpha_median_%", "alpha_90_%")]
        lines.append(f"| {name} | " + " | ".join(f"{v:g}" for v in values) + " |")
    lines += [
        "", f"C6 of unlike atoms from those of each, dftd4's own: {london['median_%']:g} % (median), "
        f"{london['90_%']:g} % (90th percentile) of {london['pairs']} pairs.", "",
        "Energy of dispersion with PBE's damping, meV/atom; in the last two columns with triples.", "",
        "| crystal | c6 | d4 | c6 | d4 |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for row in found["energies"]:
        values = [row[k] for k in ("c6", "d4", "c6, triples", "d4, triples")]
        lines.append(f"| {row['crystal']} ({row['formula']}) | " + " | ".join(f"{v:.1f}" for v in values) + " |")
    lines += [
        "", "Rigid layers pulled apart, in a plane as measured: binding and the distance of its maximum.", "",
        "| compound | with | meV/atom | meV/Å² (RPA) | distance, Å (measured) |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for row in found["layers"]:
        distance = "none" if row["meV_A2"] < 0.5 else f"{row['distance_A']:.2f}"
        lines.append(
            f"| {row['compound']} | {row['with']} | {row['meV_atom']:.1f} "
            f"| {row['meV_A2']:.1f} ({row['rpa_meV_A2']:g}) "
            f"| {distance} ({row['measured_A']:.2f}) |"
        )
    return "\n".join([*lines, "", *_solids(found["solids"]), ""])


def _solids(rows: list[dict[str, Any]]) -> list[str]:
    names, ways = list(dict.fromkeys(r["solid"] for r in rows)), list(dict.fromkeys(r["with"] for r in rows))
    at = {(r["solid"], r["with"]): r for r in rows}
    lines = ["Solids that need no dispersion: a in Å, bulk modulus in GPa.", "", "| with | " + " | ".join(names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for way in ways:
        cells = [f"{at[n, way]['a_A']:.3f}, {at[n, way]['bulk_modulus_GPa']:.0f}" for n in names]
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return [*lines, "| measured a | " + " | ".join(f"{at[n, ways[0]]['measured_A']:g}" for n in names) + " |"]


def draw(found: dict[str, Any], file: Path) -> None:
    """C6 beside dftd4's, and layers being pulled apart."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8.5), layout="constrained")
    axes = figure.subplots(2, 3)
    _parity(axes[0, 0], {"held out": found["coefficients"]["pairs"]["held out"]}, "Held-out environments")
    others = {k: v for k, v in found["coefficients"]["pairs"].items() if k != "held out"}
    _parity(axes[0, 1], others, "Kinds never in the recipe")
    _energies(axes[0, 2], found["energies"])
    for panel, name in zip(axes[1], dict.fromkeys(row["compound"] for row in found["layers"]), strict=True):
        rows = [row for row in found["layers"] if row["compound"] == name]
        for row in rows:
            d, b = np.array(row["curve"]).T
            panel.plot(d, -b, "o-", ms=3, color=COLOURS[row["with"]], label=row["with"])
        panel.axvline(rows[0]["measured_A"], color="0.8", zorder=0)
        panel.axhline(-rows[0]["rpa_meV_A2"], color="0.8", zorder=0)
        panel.set(
            xlabel="interlayer distance (Å)", ylabel="energy (meV/Å²)", title=f"{name}: lines are RPA, experiment"
        )
        panel.set_ylim(-45, 25)
    axes[1, 0].legend(fontsize=8)
    figure.savefig(file, dpi=130)


def _parity(axes: Any, sets: dict[str, Any], title: str) -> None:
    for name, pairs in sets.items():
        x, y = np.array(pairs).T
        axes.loglog(x, y, ".", ms=4, alpha=0.6, label=name)
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color="0.6", lw=0.8, zorder=0)
    axes.set(xlabel="C6 of dftd4 (atomic units)", ylabel="C6 of the head", title=title)
    if len(sets) > 1:
        axes.legend(fontsize=7)


def _energies(axes: Any, rows: list[dict[str, Any]]) -> None:
    for keys, mark in (("c6", "d4"), "o"), (("c6, triples", "d4, triples"), "x"):
        axes.plot(
            [-r[keys[1]] for r in rows], [-r[keys[0]] for r in rows], mark, label=("pairs", "with triples")[mark == "x"]
        )
    high = max(-r["d4"] for r in rows) * 1.1
    axes.plot([0, high], [0, high], color="0.6", lw=0.8, zorder=0)
    axes.set(xlabel="−E of d4 (meV/atom)", ylabel="−E of c6", title="Energies, PBE's damping")
    axes.legend(fontsize=8)
