"""Figures of kinetic isotope effects: the factors by temperature, and the beads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from discover.report.look import OPERATOR_COLOURS, Look, Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = (
    ("rate_ratio", "rate ratio", "o", 5), ("path_integral", "path integral", "s", 0),
    ("harmonic", "harmonic", "^", 2), ("zero_point", "zero point", "v", 3), ("tunnelling", "tunnelling", "D", 1),
)  # fmt: skip
"""Key, label, marker, colour."""


def factors_plot(json: Mapping[str, Any]) -> Plot:
    """Each factor at each temperature, logarithmic."""
    light, heavy = json["exchange"]["light"], json["exchange"]["heavy"]
    coldest = int(np.argmin(json["temperatures_K"]))
    at = f"{json['rate_ratio'][coldest]:.3g} at {json['temperatures_K'][coldest]:g} K"
    return Plot(
        name="isotope-effect",
        alt=f"Rate ratio of {light} and {heavy} in {json['formula']} by temperature, with its factors: {at}.",
        caption=(
            f"k({light})/k({heavy}) in {json['formula']}: {at}. The rate ratio is the path integrals' (or, without "
            "them, the harmonic one) times tunnelling; zero point is what differing zero-point energies alone would do."
        ),
        draw=lambda figure, look: _draw_factors(figure, look, json),
        wide_in=(6.0, 3.8),
        narrow_in=(3.5, 3.6),
    )


def _draw_factors(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    ax = figure.subplots()
    order = np.argsort(json["temperatures_K"])
    inverse = 1e3 / np.array(json["temperatures_K"], float)[order]
    for key, label, marker, colour in LINES:
        values = np.array([np.nan if v is None else v for v in json[key]], float)[order]
        if not np.isfinite(values).any():
            continue
        errors = json.get(f"{key}_error") or [None] * len(order)
        bars = np.array([np.nan if e is None else e for e in errors], float)[order]
        ax.errorbar(
            inverse, values, np.where(np.isfinite(bars), bars, 0), fmt=f"{marker}-", ms=5, lw=1.2, capsize=3,
            color=OPERATOR_COLOURS[4 if look.dark and colour == 0 else colour], label=label,
        )  # fmt: skip
    ax.axhline(1, color=look.quiet, lw=0.8)
    ax.set_yscale("log")
    ax.margins(y=0.12)
    low, high = ax.get_ylim()
    ax.set_yticks(*_ticks(low, high))
    ax.minorticks_off()
    ax.set_xticks(inverse, [f"{1e3 / x:g}" for x in inverse])
    ax.set_xlabel("temperature (K), reciprocal scale")
    ax.set_ylabel(f"k({json['exchange']['light']})/k({json['exchange']['heavy']})")
    ax.grid(True, lw=0.5)
    ax.legend(fontsize=7.5, ncols=2 if look.narrow else 3, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """1, 2 and 5 of each power of ten, and even steps where the range is narrow: three ticks at the least."""
    from matplotlib.ticker import MaxNLocator

    found = [m * 10.0**p for p in range(-6, 12) for m in (1, 2, 5)]
    if high / low < 4:
        found = [float(s) for s in MaxNLocator(7, steps=[1, 2, 2.5, 5, 10], min_n_ticks=3).tick_values(low, high)]
    found = [s for s in found if low <= s <= high]
    return found, [f"{s:.4g}" for s in found]


def beads_plot(json: Mapping[str, Any]) -> Plot:
    """The first exchanged atom's beads at the end of the run, seen in the plane in which they spread most."""
    pictures = json["bead_pictures"]
    isotope, mass, kelvin = json["exchange"]["light"], pictures[0]["mass_u"], pictures[0]["temperature_K"]
    return Plot(
        name="beads",
        alt=f"Ring polymers of {isotope} at the reactant and at the saddle of {json['formula']}.",
        caption=(
            f"One frame of the ring polymer of {isotope} (mass {mass:.3g} u, {kelvin:g} K), each bead a dot, closed in "
            "the order of imaginary time, seen in the plane in which they spread most; crosses mark atoms at rest. At "
            "the saddle beads spread within the dividing plane only."
        ),
        draw=lambda figure, look: _draw_beads(figure, look, pictures),
        wide_in=(6.4, 3.2),
        narrow_in=(3.5, 5.8),
    )


def _draw_beads(figure: Figure, look: Look, pictures: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    shape = (len(pictures), 1) if look.narrow else (1, len(pictures))
    rings = [_projected(picture) for picture in pictures]
    # One scale for both: how much narrower the saddle holds them is what is to be seen
    reach = 1.15 * max(0.05, *(float(np.abs(ring).max()) for ring in rings))
    for ax, picture, ring in zip(np.ravel(figure.subplots(*shape)), pictures, rings, strict=True):
        ax.plot(*ring.T, "-", color=look.quiet, lw=0.9)
        ax.scatter(*ring.T, s=16, color=OPERATOR_COLOURS[4 if look.dark else 0], zorder=3)
        ax.plot(0, 0, "x", color=look.accent, ms=8, mew=1.6, zorder=4)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="Å", title=picture["place"])
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.set_aspect("equal")
        ax.grid(True, lw=0.5)


def _projected(picture: Mapping[str, Any]) -> np.ndarray:
    """The first exchanged atom's beads, closed to a ring, from where it is at rest, (beads + 1, 2), Å."""
    beads, rest = np.array(picture["beads_A"])[0], np.array(picture["rest_A"])[0]
    axes = np.linalg.svd(beads - beads.mean(0), full_matrices=False)[2][:2] if len(beads) > 1 else np.eye(3)[:2]
    return (np.concatenate([beads, beads[:1]]) - rest) @ axes.T
