"""The table and the figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from crystals import CRYSTALS

ORDER = ("7net-0", "7net-0+c6", "7net-l3i5+c6", "7net-0+d4", "7net-0+d3")
COLOURS = {
    "7net-0": "#7F7F7F", "7net-0+c6": "#D55E00", "7net-l3i5+c6": "#009E73",
    "7net-0+d4": "#0072B2", "7net-0+d3": "#56B4E9",
}  # fmt: skip

Row = dict[str, Any]


def text(rows: Sequence[Row]) -> str:
    """Markdown: energies, distances, and how far off they are."""
    by = {(r["potential"], r["crystal"]): r for r in rows}
    shown = [p for p in ORDER if any(r["potential"] == p for r in rows)]
    names = [c for c in CRYSTALS if any(r["crystal"] == c for r in rows)]
    parts = [
        "Exfoliation energy, meV/Å² of a gap (meV/atom); layers at rest:\n",
        _table(names, shown, by, lambda r: f"{r['meV_per_A2']:.1f} ({r['meV_per_atom']:.0f})", "RPA", _energy),
        "\nInterlayer distance, Å (off experiment by, %):\n",
        _table(names, shown, by, _distance, "experiment", lambda c: f"{CRYSTALS[c].distance_A:.3f}"),
        "\nC33 of rigid layers from the binding curve, GPa:\n",
        _table(names, shown, by, lambda r: "-" if r["c33_GPa"] is None else f"{r['c33_GPa']:.0f}", "experiment", _c33),
        "\n" + _summary(names, shown, by),
    ]
    return "\n".join(parts) + "\n"


def _table(
    names: Sequence[str],
    shown: Sequence[str],
    by: dict[tuple[str, str], Row],
    cell: Callable[[Row], str],
    known: str,
    reference: Callable[[str], str],
) -> str:
    lines = [f"| crystal | {' | '.join(shown)} | {known} |", "|---" * (len(shown) + 2) + "|"]
    for name in names:
        found = [by.get((potential, name)) for potential in shown]
        cells = ["" if r is None else "no rest" if "reason" in r else cell(r) for r in found]
        lines.append(f"| {name} | {' | '.join(cells)} | {reference(name)} |")
    return "\n".join(lines)


def _distance(row: Row) -> str:
    known = CRYSTALS[row["crystal"]].distance_A
    return f"{row['distance_A']:.3f} ({100 * (row['distance_A'] / known - 1):+.1f})"


def _energy(crystal: str) -> str:
    known = CRYSTALS[crystal].binding_meV_A2
    return "-" if known is None else f"{known:.1f}"


def _c33(crystal: str) -> str:
    known = CRYSTALS[crystal].c33_GPa
    return "-" if known is None else f"{known:.0f}"


def _summary(names: Sequence[str], shown: Sequence[str], by: dict[tuple[str, str], Row]) -> str:
    lines = []
    for potential in shown:
        found = [r for name in names if (r := by.get((potential, name))) is not None and "reason" not in r]
        off = [abs(r["distance_A"] / CRYSTALS[r["crystal"]].distance_A - 1) for r in found]
        known = [(r["meV_per_A2"], e) for r in found if (e := CRYSTALS[r["crystal"]].binding_meV_A2) is not None]
        ratio = sum(x / y for x, y in known) / len(known) if known else float("nan")
        seconds = sum(r["seconds"] for r in found)
        lines.append(
            f"- {potential}: distances off by {100 * sum(off) / len(off):.1f} % in the mean; energies {ratio:.2f} of "
            f"RPA's in the mean; {len(found)} crystals, {seconds:.0f} s."
        )
    return "\n".join(lines)


def draw(rows: Sequence[Row], file: Path) -> None:
    """Energies and distances, a mark for each potential, the known ones as bars."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [c for c in CRYSTALS if any(r["crystal"] == c for r in rows)]
    figure = Figure(figsize=(8.2, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    energies, distances = figure.subplots(2, 1, sharex=True)
    for x, name in enumerate(names):
        known = CRYSTALS[name].binding_meV_A2
        if known is not None:
            label = "RPA (black P: QMC)" if x == 0 else None
            energies.plot([x - 0.38, x + 0.38], [known, known], color="#20282e", linewidth=2, label=label)
    distances.axhspan(-3, 3, color="#dfe4e7", zorder=0)
    distances.axhline(0, color="#20282e", linewidth=1)
    shown = [p for p in ORDER if any(r["potential"] == p for r in rows)]
    for k, potential in enumerate(shown):
        found = [r for r in rows if r["potential"] == potential and "reason" not in r]
        at = [names.index(r["crystal"]) + 0.16 * (k - (len(shown) - 1) / 2) for r in found]
        style = {"marker": "o", "linestyle": "", "color": COLOURS[potential], "markersize": 6}
        energies.plot(at, [r["meV_per_A2"] for r in found], label=potential, **style)
        off = [100 * (r["distance_A"] / CRYSTALS[r["crystal"]].distance_A - 1) for r in found]
        distances.plot(at, off, **style)
    energies.set_ylabel("exfoliation energy (meV/Å²)")
    energies.set_ylim(bottom=min(0, *energies.get_ylim()))
    distances.set_ylabel("distance off experiment (%)")
    distances.set_xticks(range(len(names)), names)
    energies.legend(ncols=5, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    for axes in (energies, distances):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=160, metadata={"Software": None})
