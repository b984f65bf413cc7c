"""Figures of phonons, drawn from their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from discover.report.look import OPERATOR_COLOURS, Look, Plot
from discover.report.notation import formula_tex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMAGINARY = OPERATOR_COLOURS[5]


def bands_plot(json: Mapping[str, Any]) -> Plot:
    """Bands along the path beside the density of states; imaginary frequencies below zero, in a colour of their own."""
    name, lowest = json["formula"], json["min_frequency_THz"]
    verdict = "dynamically stable" if json["dynamically_stable"] else f"unstable, down to {abs(lowest):.2f}i THz"
    shaded = "" if json["dynamically_stable"] else " Below zero (shaded): imaginary frequencies."
    return Plot(
        name="phonons",
        alt=f"Phonon bands and density of states of {name} with {json['potential']['name']}: {verdict}.",
        caption=f"Phonons of {name} ({json['potential']['name']}, {json['supercell_atoms']} atoms in the supercell): "
        f"{verdict}.{shaded}",
        draw=lambda figure, look: _draw_bands(figure, look, json),
        wide_in=(7.8, 4.0),
        narrow_in=(3.5, 3.4),
    )


def thermal_plot(json: Mapping[str, Any]) -> Plot:
    """Free energy, and entropy and heat capacity, against temperature."""
    name, zero = json["formula"], 1e3 * json["zero_point_energy_eV_per_atom"]
    left = json["modes_left_out_per_cell"]["imaginary"]
    without = f" {left:.2g} imaginary modes a cell are left out." if left else ""
    return Plot(
        name="phonon-thermodynamics",
        alt=f"Vibrational free energy, entropy and heat capacity of {name}; zero-point energy {zero:.1f} meV/atom.",
        caption=f"Harmonic thermodynamics of {name} ({json['potential']['name']}); the zero-point energy is "
        f"{zero:.1f} meV/atom. Dotted: 3R, the classical heat capacity.{without}",
        draw=lambda figure, look: _draw_thermal(figure, look, json),
        wide_in=(7.8, 3.4),
        narrow_in=(3.5, 5.2),
    )


def _draw_bands(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": (3.4, 1), "wspace": 0.02})
    bands, density = json["bands"], json["dos"]
    colour = OPERATOR_COLOURS[0] if not look.dark else OPERATOR_COLOURS[4]
    for along, frequencies in zip(bands["distances_1_A"], bands["frequencies_THz"], strict=True):
        for band in np.array(frequencies).T:
            left.plot(along, band, color=colour, lw=1.1)
            below = np.where(band < 0, band, np.nan)
            left.plot(along, below, color=IMAGINARY, lw=1.3)
    ticks = bands["labels"]
    for tick in ticks:
        left.axvline(tick["distance_1_A"], color=look.faint, lw=0.7, zorder=0)
    left.set_xticks([t["distance_1_A"] for t in ticks], [t["label"] for t in ticks])
    left.set_xlim(ticks[0]["distance_1_A"], ticks[-1]["distance_1_A"])
    left.set_ylabel("frequency (THz)")
    left.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    frequencies, modes = np.array(density["frequencies_THz"]), np.array(density["density"])
    right.fill_betweenx(frequencies, 0, modes, color=colour, alpha=0.25, lw=0)
    right.plot(modes, frequencies, color=colour, lw=1.0)
    right.set_xlim(0, 1.08 * modes.max())
    right.set_xlabel("modes per THz" if not look.narrow else "DOS")
    right.tick_params(left=False)
    lowest = min(0.0, json["min_frequency_THz"], *(np.min(f) for f in bands["frequencies_THz"]))
    highest = max(np.max(f) for f in bands["frequencies_THz"])
    margin = 0.05 * (highest - lowest)
    left.set_ylim(lowest - margin if lowest < -0.01 * highest else 0, highest + margin)
    _zero((left, right), look, lowest < -0.01 * highest)


def _zero(axes: tuple[Axes, Axes], look: Look, marked: bool) -> None:
    """A line at zero, and what lies below it marked."""
    for ax in axes:
        if marked:
            ax.axhspan(ax.get_ylim()[0], 0, color=IMAGINARY, alpha=0.10 if not look.dark else 0.18, lw=0, zorder=0)
        ax.axhline(0, color=look.quiet, lw=0.8, zorder=1)
    if marked:
        axes[0].text(0.015, 0.02, "imaginary", transform=axes[0].transAxes, color=IMAGINARY, fontsize=8, va="bottom")


def _draw_thermal(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    first, second = figure.subplots(*((2, 1) if look.narrow else (1, 2)))
    temperatures = np.array(json["temperatures_K"])
    order = np.argsort(temperatures)
    blue, orange = OPERATOR_COLOURS[4 if look.dark else 0], OPERATOR_COLOURS[1 if look.dark else 5]

    def of(key: str, scale: float = 1.0) -> np.ndarray:
        return scale * np.array(json[key])[order]

    first.plot(temperatures[order], of("free_energy_eV_per_atom", 1e3), color=blue, lw=1.5)
    first.axhline(0, color=look.faint, lw=0.7, zorder=0)
    first.set_ylabel("vibrational free energy\n(meV/atom)")
    second.plot(temperatures[order], of("entropy_J_per_K_per_mol_atoms"), color=orange, lw=1.5, label="entropy")
    second.plot(temperatures[order], of("heat_capacity_J_per_K_per_mol_atoms"), color=blue, lw=1.5, label="$C_V$")
    second.axhline(3 * 8.31446, color=look.quiet, lw=0.9, ls=":")
    second.set_ylabel("J/K per mol of atoms")
    second.set_ylim(bottom=0)
    second.legend(loc="lower right")
    for ax in (first, second):
        ax.set_xlabel("temperature (K)")
        ax.set_xlim(temperatures.min(), temperatures.max() if len(temperatures) > 1 else None)
        ax.grid(True, lw=0.5)
