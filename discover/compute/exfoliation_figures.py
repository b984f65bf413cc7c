"""Figures of layered crystals: the stack from the side, energy against distance, energy against sliding."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import chemical_symbols, covalent_radii

from discover.report.look import OPERATOR_COLOURS, Look, Plot
from properties.layers.sliding import refined

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_A, HEIGHT_A = 15.0, 11.0
"""Of the piece of crystal that is shown, at least."""
MOST_LAYERS = 6
BALL = 0.42
"""Of an atom's covalent radius, as it is drawn."""
PALER = 0.45
"""Of a layer's colour, from one element to the next."""
REPEATS = 2
"""Cells of the sliding surface along each vector."""
POINTS = 60


def side_plot(json: Mapping[str, Any]) -> Plot:
    """The stack seen along its plane, a colour a layer."""
    gap = min(json["gaps"], key=lambda g: g["free_A"])
    n = json["n_layers"]
    return Plot(
        name="layers",
        alt=f"{json['formula']} from the side: {n} layer{'s' if n > 1 else ''} a cell, "
        f"{json['interlayer_distance_A']:.2f} Å apart.",
        caption=(
            f"{json['formula']} seen along its layers, each with a colour of its own. Mean planes are "
            f"{json['interlayer_distance_A']:.3f} Å apart (mean of the cell's gaps); {gap['free_A']:.3f} Å lie free "
            "between the nearest atoms' planes. Bonds are drawn within layers; the box is the cell."
        ),
        draw=lambda figure, look: _side(figure.subplots(), json, look),
        wide_in=(7.8, 4.6),
        narrow_in=(3.5, 3.6),
    )


def _side(axes: Axes, json: Mapping[str, Any], look: Look) -> None:
    cell = np.array(json["structure"]["cell"])
    up = np.array(json["stacking_direction"])
    towards = cell[0] / np.linalg.norm(cell[0])  # atoms that repeat along the shortest vector hide behind each other
    view = np.array([np.cross(up, towards), up, towards])  # right, up, towards the reader
    numbers = np.array(json["structure"]["numbers"])
    places, colours, kinds = _shown(json, cell @ view.T, np.array(json["structure"]["positions"]) @ view.T)
    radii = BALL * covalent_radii[numbers[kinds]]
    _bonds(axes, places, kinds, numbers, colours, json["bond_scale"])
    pale = {number: k for k, number in enumerate(_by_size(numbers))}
    for k in np.argsort(places[:, 2]):
        colour = OPERATOR_COLOURS[colours[k] % len(OPERATOR_COLOURS)]
        _ball(axes, places[k], float(radii[k]), _paler(colour, pale[int(numbers[kinds[k]])]), look)
    _box(axes, cell @ view.T, look)
    _measure(axes, json, float(places[:, 0].max()), look)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(_elements(numbers), fontsize=9, color=look.quiet, loc="left")


def _by_size(numbers: np.ndarray) -> list[int]:
    """The elements, large ones first."""
    return sorted(set(numbers.tolist()), key=lambda n: -covalent_radii[n])


def _elements(numbers: np.ndarray) -> str:
    names = [chemical_symbols[n] for n in _by_size(numbers)]
    return f"from full to pale: {', '.join(names)}" if len(names) > 1 else names[0]


def _paler(colour: str, steps: int) -> tuple[float, float, float]:
    """A layer's colour for its elements in turn."""
    from matplotlib.colors import to_rgb

    share = PALER**steps
    red, green, blue = (1 - share + share * x for x in to_rgb(colour))
    return red, green, blue


def _shown(json: Mapping[str, Any], cell: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, ...]:
    """Places on the screen (n, 3), the colour of each and the atom that it is: a piece of crystal around the cell."""
    period, n, step = cell[2, 1], json["n_layers"], cell[1, 0]
    high = min(max(ceil(HEIGHT_A / period), ceil(3 / n)), max(1, ceil(MOST_LAYERS / n)))
    wide = max(1, ceil(WIDTH_A / step)) * step
    left = min(0.0, float(positions[:, 0].min()))
    span = ceil((wide + np.ptp(positions[:, 0]) + abs(cell[2, 0]) * high) / step) + 1
    places, colours, kinds = [], [], []
    for i, j, k in product((0, 1), range(-span, span + 1), range(high)):
        for number, layer in enumerate(json["layers"]):
            members = np.array(layer["atoms"])
            at = positions[members] + np.array([i, j, k]) @ cell
            inside = (at[:, 0] > left - 0.01) & (at[:, 0] < left + wide + 0.01)
            places.append(at[inside])
            kinds.append(members[inside])
            colours.append(np.full(inside.sum(), number + k * n))
    return np.concatenate(places), np.concatenate(colours), np.concatenate(kinds)


def _bonds(
    axes: Axes, places: np.ndarray, kinds: np.ndarray, numbers: np.ndarray, colours: np.ndarray, scale: float
) -> None:
    radii = covalent_radii[numbers[kinds]]
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    limit = min(scale, 1.25) * (radii[:, None] + radii)  # longer contacts hold layers together, but are no sticks
    for i, j in np.argwhere(np.triu((apart < limit) & (colours[:, None] == colours), 1)):
        depth = (places[i, 2] + places[j, 2]) / 2
        colour = OPERATOR_COLOURS[colours[i] % len(OPERATOR_COLOURS)]
        axes.plot(*places[[i, j], :2].T, color=colour, linewidth=1.6, alpha=0.75, zorder=2 + 1e-3 * depth)


def _ball(axes: Axes, place: np.ndarray, radius: float, colour: tuple[float, float, float], look: Look) -> None:
    from matplotlib.patches import Circle

    depth = 3 + 1e-3 * place[2]
    at = (float(place[0]), float(place[1]))
    axes.add_patch(Circle(at, radius, facecolor=colour, edgecolor=look.paper, linewidth=0.8, zorder=depth))


def _box(axes: Axes, cell: np.ndarray, look: Look) -> None:
    corners = np.array([[0, 0, 0], cell[1], cell[1] + cell[2], cell[2], [0, 0, 0]])
    axes.plot(corners[:, 0], corners[:, 1], color=look.quiet, linewidth=0.9, linestyle=":", zorder=1)


def _measure(axes: Axes, json: Mapping[str, Any], right: float, look: Look) -> None:
    """An arrow between two mean planes."""
    gap = json["gaps"][0]
    low = json["layers"][gap["lower"]]["height_A"]
    x = right + 1.2
    axes.annotate(
        "", (x, low), (x, low + gap["distance_A"]),
        arrowprops={"arrowstyle": "<->", "color": look.ink, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
    axes.annotate(
        f"{gap['distance_A']:.2f} Å", (x + 0.3, low + gap["distance_A"] / 2), va="center", color=look.ink, fontsize=8.5
    )
    axes.plot([x], [low], alpha=0)  # for the limits
    axes.plot([x + 2.4], [low], alpha=0)


def curve_plot(json: Mapping[str, Any]) -> Plot:
    """Energy of rigid layers against their distance."""
    curve = json["curve"]
    who = json["potential"]["name"]
    bound = curve["distance_A"] is not None
    least, stiff = "no minimum", ""
    if bound:
        least = f"lowest at {curve['distance_A']:.3f} Å, {curve['depth_meV_per_A2']:.2f} meV/Å² deep"
        stiff = f"; its curvature is a C33 of {curve['c33_GPa']:.1f} GPa"
    alone = json["potential"].get("dispersion") == "none"
    warned = " The potential holds no dispersion: this says little." if alone else ""
    return Plot(
        name="binding-curve",
        alt=f"Energy of {json['formula']}'s layers against their distance: {least}.",
        caption=(
            f"Energy of {json['formula']}'s layers with {who} against the distance of their mean planes, every gap "
            f"opened alike, layers of the crystal's shape: {least}{stiff}. The dashed line is the exfoliation energy, "
            f"of layers at rest.{warned}"
        ),
        draw=lambda figure, look: _curve(figure.subplots(), json, look),
    )


def _curve(axes: Axes, json: Mapping[str, Any], look: Look) -> None:
    from scipy.interpolate import make_interp_spline

    curve = json["curve"]
    x, y = np.array(curve["distances_A"]), np.array(curve["meV_per_A2"])
    deep = max(-y.min(), 1e-3)
    fine = np.linspace(x[0], x[-1], 800)
    line = make_interp_spline(x, y, k=min(3, len(x) - 1))(fine) if len(x) > 1 else np.full_like(fine, y[0])
    axes.axhline(0, color=look.faint, linewidth=0.8)
    axes.plot(fine, line, color=OPERATOR_COLOURS[0], linewidth=1.6)
    axes.plot(x, y, "o", color=OPERATOR_COLOURS[0], markersize=3.5)
    energy = json["exfoliation_energy_meV_per_A2"]
    axes.axhline(-energy, color=look.accent, linewidth=1.0, linestyle="--")
    axes.annotate(
        f"exfoliation energy {energy:.2f} meV/Å²", (0.98, -energy), xycoords=("axes fraction", "data"), ha="right",
        va="top", xytext=(0, -3), textcoords="offset points", color=look.accent, fontsize=8.5,
    )  # fmt: skip
    if curve["distance_A"] is not None:
        axes.plot(curve["distance_A"], -curve["depth_meV_per_A2"], "v", color=look.accent, markersize=7)
    axes.set_ylim(-max(deep, energy) * 1.25, np.clip(1.1 * y.max(), 0.15 * deep, 0.6 * deep))
    axes.set_xlim(x[0], min(x[-1], json["interlayer_distance_A"] + 7.5))
    axes.set_xlabel("interlayer distance (Å)")
    axes.set_ylabel("energy of a gap (meV/Å²)")


def sliding_plot(json: Mapping[str, Any]) -> Plot:
    """Contours over the in-plane cell, repeated."""
    found = json["sliding"]
    relaxed = "the distance relaxed at each" if len(found["openings_A"]) > 1 else "the distance held"
    return Plot(
        name="sliding",
        alt=f"Energy of {json['formula']} when one layer slides: up to {found['highest_meV_per_A2']:.2f} meV/Å².",
        caption=(
            f"Energy of a gap of {json['formula']} when one layer slides against its neighbours by (x, y), {relaxed}: "
            f"{REPEATS}×{REPEATS} cells. Circles: the crystal's own stacking; ticks: the shifts computed. From a "
            f"circle to the next along the easiest way the pass is {found['barrier_meV_per_A2']:.2f} meV/Å² high "
            f"({found['barrier_meV_per_atom']:.2f} meV/atom), the highest stacking {found['highest_meV_per_A2']:.2f}."
        ),
        draw=lambda figure, look: _sliding(figure, json, look),
        wide_in=(7.8, 4.6),
    )


def _sliding(figure: Figure, json: Mapping[str, Any], look: Look) -> None:
    from matplotlib.ticker import MaxNLocator

    found = json["sliding"]
    vectors = np.array(found["vectors_A"])
    right = vectors[0] / np.linalg.norm(vectors[0])
    normal = np.cross(vectors[0], vectors[1])
    plane = vectors @ np.array([right, np.cross(normal / np.linalg.norm(normal), right)]).T
    values = refined(np.array(found["meV_per_A2"]), found["symmetries"], POINTS)
    tiled = np.pad(np.tile(values, (REPEATS, REPEATS)), (0, 1), mode="wrap")
    steps = np.arange(REPEATS * POINTS + 1) / POINTS
    places = steps[:, None, None] * plane[0] + steps[None, :, None] * plane[1]
    axes = figure.subplots()
    spread = max(float(np.ptp(values)), 1e-6)
    levels = np.linspace(values.min() - 1e-3 * spread, values.max() + 1e-3 * spread, 17)
    picture = axes.contourf(places[..., 0], places[..., 1], tiled, levels=levels, cmap=look.heat())
    axes.contour(places[..., 0], places[..., 1], tiled, levels=levels[::2], colors=look.paper, linewidths=0.4)
    _computed(axes, found["grid"], plane, look)
    for i, j in product(range(REPEATS + 1), repeat=2):
        spot = i * plane[0] + j * plane[1]
        axes.plot(*spot, "o", color=look.paper, markeredgecolor=look.ink, markersize=7, clip_on=False, zorder=4)
    axes.set_aspect("equal")
    axes.set_xlabel("x (Å)")
    axes.set_ylabel("y (Å)")
    bar = figure.colorbar(picture, ax=axes, shrink=0.85, aspect=24, ticks=MaxNLocator(6))
    bar.set_label("energy of a gap (meV/Å²)")
    bar.outline.set_visible(False)


def _computed(axes: Axes, grid: tuple[int, int], plane: np.ndarray, look: Look) -> None:
    steps = product(*(np.arange(n + 1) / n for n in grid))
    points = np.array([i * plane[0] + j * plane[1] for i, j in steps])
    axes.plot(points[:, 0], points[:, 1], "+", color=look.paper, markersize=4, markeredgewidth=0.7)
    outline = np.array([[0, 0], plane[0], plane[0] + plane[1], plane[1], [0, 0]])
    axes.plot(outline[:, 0], outline[:, 1], color=look.paper, linewidth=1.0)
