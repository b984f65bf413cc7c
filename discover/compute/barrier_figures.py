"""Figures of barriers, drawn from their JSON: energies along the path, and the atoms along it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from ase.data.colors import jmol_colors
from ase.geometry import find_mic

from discover.report.look import OPERATOR_COLOURS, Look, Plot
from discover.report.notation import formula_tex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AROUND_A = 4.2
"""Atoms further from the path are left out of the picture."""
ATOM = 0.42
"""Of the covalent radius: atoms are drawn small enough to see between them."""


def profile_plot(json: Mapping[str, Any]) -> Plot:
    """Energy along each computed path, splined through energies and slopes."""
    done = _computed(json)
    heights = ", ".join(f"{one['name']} {one['forward_eV']:.3f} eV" for one in done)
    return Plot(
        name="barrier",
        alt=f"Energy along the path in {json['formula']}: {heights}.",
        caption=(
            f"Energy along the path ({json['potential']['name']}): {heights}. Points are images, the line goes through "
            "their energies and the forces along the path; the horizontal bar is the saddle, in double precision where "
            "the potential has it."
        ),
        draw=lambda figure, look: _draw_profile(figure, look, done),
        wide_in=(6.2, 3.9),
        narrow_in=(3.5, 3.2),
    )


def _computed(json: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in json["hops"] if "forward_eV" in one]


def _draw_profile(figure: Figure, look: Look, done: Sequence[Mapping[str, Any]]) -> None:
    from scipy.interpolate import CubicHermiteSpline

    axes = figure.subplots()
    for k, one in enumerate(done):
        colour = OPERATOR_COLOURS[k % len(OPERATOR_COLOURS)] if not (k == 0 and look.dark) else OPERATOR_COLOURS[4]
        s, E, slope = (np.array(one[f"path_{key}"]) for key in ("distances_A", "energies_eV", "slopes_eV_A"))
        fine = np.linspace(0, s[-1], 400)
        axes.plot(fine, CubicHermiteSpline(s, E, slope)(fine), color=colour, lw=1.6, label=one["name"])
        axes.plot(s, E, "o", color=colour, ms=4.5)
        top = s[int(np.argmax(E))]
        half = 0.06 * s[-1]
        axes.plot([top - half, top + half], [one["forward_eV"]] * 2, color=look.ink, lw=1.0)
        if len(done) == 1:
            words = f"{one['forward_eV']:.3f} eV there, {one['reverse_eV']:.3f} eV back"
            axes.annotate(
                words, (top, one["forward_eV"]), (0, 6), textcoords="offset points", ha="center", fontsize=8.5
            )  # fmt: skip
    axes.axhline(0, color=look.faint, lw=0.8, zorder=0)
    axes.margins(y=0.12)
    axes.set_xlabel("along the path (Å)")
    axes.set_ylabel("energy (eV)")
    axes.set_title(formula_tex(done[0]["formula"]), loc="left", fontsize=9.5)
    if len(done) > 1:
        axes.legend(fontsize=8)


def images_plot(json: Mapping[str, Any]) -> Plot:
    """The atom that hops at each image, among its neighbours at the saddle."""
    hopper = json["path_structures"]["symbols"][json["hopper"]]
    return Plot(
        name="barrier-images",
        alt=f"The way of the {hopper} atom through {json['formula']}, seen across the path.",
        caption=(
            f"The way of the {hopper} atom ({json['hop']}), seen across the path; full colour is the saddle. Its "
            "neighbours stand where they are then, paler the further they are behind."
        ),
        draw=lambda figure, look: _draw_images(figure, look, json),
        wide_in=(4.6, 4.3),
        narrow_in=(3.5, 3.4),
    )


def _draw_images(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    from matplotlib.patches import Circle

    kept, hopper = json["path_structures"], json["hopper"]
    images, symbols = np.array(kept["positions_A"]), kept["symbols"]
    top = int(np.argmax(json["path_energies_eV"]))
    way = images[:, hopper]
    middle = way[top]
    frame = _frame(way)
    around = _around(images[top], np.array(kept["cell_A"]), way, hopper)
    axes = figure.subplots()
    for k, place in sorted(((k, vector @ frame.T) for k, vector in around), key=lambda one: one[1][2]):
        depth = np.clip((place[2] + AROUND_A) / (2 * AROUND_A), 0.15, 1.0)
        axes.add_patch(_atom(Circle, symbols[k], place, look, alpha=0.25 + 0.65 * depth))
    walked = (way - middle) @ frame.T
    axes.plot(walked[:, 0], walked[:, 1], color=look.accent, lw=1.4, zorder=5)
    for n, place in enumerate(walked):
        ball = _atom(Circle, symbols[hopper], place, look, alpha=1.0 if n == top else 0.4, zorder=6)
        ball.set_edgecolor(look.accent)
        axes.add_patch(ball)
    axes.set_aspect("equal")
    reach = AROUND_A + 0.5
    axes.set_xlim(walked[:, 0].min() - reach + 1, walked[:, 0].max() + reach - 1)
    axes.set_ylim(-reach, reach)
    axes.set_xlabel("Å")
    axes.set_ylabel("Å")
    shown = dict.fromkeys([symbols[hopper], *(symbols[k] for k, _ in around)])
    handles = [_atom(Circle, symbol, (0, 0), look, alpha=0.9) for symbol in shown]
    axes.legend(handles, list(shown), loc="upper right", fontsize=8, handlelength=1.0)


def _around(positions: np.ndarray, cell: np.ndarray, way: np.ndarray, hopper: int) -> list[tuple[int, np.ndarray]]:
    """Atoms and their images near to the way, with where they are, seen from its highest image, Å."""
    middle = positions[hopper]
    nearest, _ = find_mic(positions - middle, cell, pbc=True)
    found = []
    for image in product((-1, 0, 1), repeat=3):
        vectors = nearest + np.array(image) @ cell
        apart = np.linalg.norm(vectors[:, None] - (way - middle)[None], axis=-1).min(1)
        near = [k for k in np.flatnonzero(apart < AROUND_A) if k != hopper or any(image)]
        found += [(int(k), vectors[k]) for k in near]
    return found


def _atom(circle: Any, symbol: str, place: Any, look: Look, **more: Any) -> Any:
    z = atomic_numbers[symbol]
    return circle(
        (place[0], place[1]), ATOM * covalent_radii[z], facecolor=jmol_colors[z], edgecolor=look.quiet, lw=0.7, **more
    )


def _frame(way: np.ndarray) -> np.ndarray:
    """Axes of the picture, rows: along the hop, across it where the path bends, towards the eye."""
    along = way[-1] - way[0]
    along = along / np.linalg.norm(along)
    bends = way - way[0]
    bends = bends - np.outer(bends @ along, along)
    across = bends[int(np.argmax(np.linalg.norm(bends, axis=1)))]
    if np.linalg.norm(across) < 0.1:
        # A straight path: the neighbours' own layout takes its place
        across = np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))])
    across = across - (across @ along) * along
    across = across / np.linalg.norm(across)
    return np.array([along, across, np.cross(along, across)])
