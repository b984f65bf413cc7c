"""The benchmark's table and plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LABELS = {
    "7net-0 alone": "7net-0 alone",
    "subtractive": "subtractive",
    "force_mixing": "force mixing",
}
COLOURS = {"subtractive": "tab:blue", "force_mixing": "tab:orange"}
LEAST = 1e-4
"""Of a logarithmic axis; smaller errors are drawn there."""
MARKS = {"nanocrystal": "o-", "supercell": "s--"}


def text(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| system | way | buffer (bonds) | atoms seen by QM, caps included | forces on the core, RMS error (eV/Å) | "
        "energy along the hop, error (eV) |",
        "|---|---|---|---|---|---|",
    ]
    for system in found["systems"]:
        for row in system["rows"]:
            alone = row["way"] == "7net-0 alone"
            cells = [
                f"{system['name']} {system['formula']}", LABELS[row["way"]], "-" if alone else str(row["hops"]),
                "-" if alone else str(row["quantum_atoms"]), f"{row['force_error_eV_A']:.4f}",
                f"{row['energy_error_eV']:+.4f}",
            ]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    for system in found["systems"]:
        energy, seconds = system["quantum_energy_eV"], system["seconds_full"]
        told = f"{system['name']}: full {found['model']}: {energy:+.3f} eV along the hop, {seconds:.0f} s an image."
        lines += ["", told]
    return "\n".join([*lines, ""])


def draw(found: dict[str, Any], file: Path) -> None:
    """Errors by buffer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for system in found["systems"]:
        alone = system["rows"][0]
        for axis, key in ((left, "force_error_eV_A"), (right, "energy_error_eV")):
            shade = "0.6" if system["name"] == "nanocrystal" else "0.8"
            axis.axhline(abs(alone[key]), color=shade, lw=1, ls=MARKS[system["name"]][1:])
            axis.annotate(f"7net-0 alone, {system['name']}", (0.98, abs(alone[key])), color="0.4", fontsize=7,
                          xycoords=("axes fraction", "data"), ha="right", va="bottom")  # fmt: skip
            for way, colour in COLOURS.items():
                rows = [row for row in system["rows"] if row["way"] == way]
                axis.plot([r["hops"] for r in rows], [max(abs(r[key]), LEAST) for r in rows], MARKS[system["name"]],
                          color=colour, label=f"{LABELS[way]}, {system['name']}")  # fmt: skip
    left.set(xlabel="buffer (bonds)", ylabel="RMS error of forces on the core (eV/Å)", yscale="log",
             title="Forces against full xTB")  # fmt: skip
    right.set(xlabel="buffer (bonds)", ylabel="error of the energy along the hop (eV)", yscale="log",
              title="Half of the hop into a Si vacancy")  # fmt: skip
    for axis in (left, right):
        axis.set_xticks(sorted({row["hops"] for system in found["systems"] for row in system["rows"]}))
    left.legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=150)
