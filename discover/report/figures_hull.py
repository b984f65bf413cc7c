"""Where candidates lie: the hull of a binary, the triangle of a ternary, the ranking of one composition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from discover.records import HullEntry
from discover.report.landscape import Landscape
from discover.report.look import Look, Plot
from discover.report.notation import formula_tex, group_symbol, group_tex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

HEAT_TOP_MEV = 200.0  # the colour scale ends here: what lies higher is of no interest to a synthesis
MAX_LABELS = 12
MAX_RANKED = 40
# Above the hull, a binary figure shows at least this much and at most this many times the hull's depth.
ROOM_ABOVE_EV, ROOM_IN_DEPTHS = 0.15, 1.5


def hull_plot(land: Landscape) -> Plot | None:
    """The figure that fits the compositions; None where there is nothing to draw or too many elements."""
    if not land.entries or land.kind == "many":
        return None
    if land.kind != "fixed" and any(np.isnan(e.formation_energy_eV_per_atom) for e in land.entries):
        return None
    return {"fixed": _ranking, "binary": _binary, "ternary": _ternary}[land.kind](land)


def _stable(land: Landscape) -> list[HullEntry]:
    """One entry for each stable composition."""
    return list({land.fractions(e): e for e in reversed(land.entries) if e.on_hull}.values())


def _names(entries: Iterable[HullEntry]) -> str:
    return ", ".join(e.formula for e in entries) or "none"


def _binary(land: Landscape) -> Plot:
    stable = sorted(_stable(land), key=land.fractions, reverse=True)
    a, b = land.elements

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.add_subplot()
        x = np.array([land.fractions(e)[1] for e in land.entries])
        y = np.array([e.formation_energy_eV_per_atom for e in land.entries])
        heat = np.array([1000 * e.e_above_hull_eV_per_atom for e in land.entries])
        axes.grid(axis="y")
        axes.axhline(0, color=look.quiet, linewidth=0.8)
        order = np.argsort(-heat)
        dots = axes.scatter(
            x[order],
            y[order],
            c=heat[order],
            cmap=look.heat(),
            vmin=0,
            vmax=HEAT_TOP_MEV,
            s=17,
            alpha=0.75,
            linewidths=0,
            zorder=3,
        )
        sx = [land.fractions(e)[1] for e in stable]
        sy = [e.formation_energy_eV_per_atom for e in stable]
        axes.plot(sx, sy, color=look.accent, linewidth=1.5, zorder=4)
        axes.scatter(sx, sy, s=48, color=look.accent, edgecolors=look.paper, linewidths=1.2, zorder=5)
        _frame_binary(axes, y, look)
        for entry, px, py in list(zip(stable, sx, sy, strict=True))[:MAX_LABELS]:
            _label(axes, formula_tex(entry.formula), px, py, look, 0, -1)
        axes.set(xlabel=f"atomic fraction of {b}", ylabel="formation energy (eV/atom)", xlim=(-0.04, 1.04))
        _colour_bar(figure, axes, dots, look)

    return Plot(
        "hull",
        alt=f"Formation energy against composition from {a} to {b}. Stable phases: {_names(stable)}.",
        caption="Each point is a distinct structure; the line joins the stable phases. Triangles mark"
        " compositions with structures above the frame.",
        draw=draw,
    )


def _frame_binary(axes: Axes, formation: np.ndarray, look: Look) -> None:
    """Frame the hull and what is near it; a far-off structure must not flatten the picture."""
    depth = max(0.0, -float(formation.min()))
    top = min(float(formation.max()), max(ROOM_ABOVE_EV, ROOM_IN_DEPTHS * depth)) * 1.06 + 0.01
    axes.set_ylim(-1.22 * depth - 0.14 * top, top)
    beyond = axes.collections[0].get_offsets()
    outside = np.asarray(beyond)[np.asarray(beyond)[:, 1] > top]
    if len(outside):
        xs = np.unique(outside[:, 0])
        axes.scatter(xs, np.full(len(xs), top), marker="^", s=16, color=look.quiet, clip_on=False, zorder=6)


def _label(axes: Axes, text: str, x: float, y: float, look: Look, right: float, up: float) -> None:
    """Text beside a point, in the direction (right, up), on a rim of paper that keeps lines off it."""
    import matplotlib.patheffects as effects

    axes.annotate(
        text,
        (x, y),
        xytext=(8 * right, 8 * up),
        textcoords="offset points",
        fontsize=9.5,
        zorder=7,
        ha="center" if abs(right) < 0.3 else "left" if right > 0 else "right",
        va="center" if abs(up) < 0.3 else "bottom" if up > 0 else "top",
        path_effects=[effects.withStroke(linewidth=2.5, foreground=look.paper)],
    )


def _colour_bar(figure: Figure, axes: Axes | list[Axes], dots: PathCollection, look: Look) -> None:
    place = "bottom" if look.narrow else "right"
    bar = figure.colorbar(
        dots, ax=axes, location=place, extend="max", aspect=32, shrink=0.86, pad=0.02, fraction=0.06
    )
    bar.set_label("meV/atom above the hull")
    bar.set_alpha(1)
    bar.outline.set_visible(False)


def _ternary(land: Landscape) -> Plot:
    stable = _stable(land)

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_aspect("equal")
        _triangle(axes, land.elements, look)
        for pair in _tie_lines(np.array([[*land.fractions(e), e.energy_eV_per_atom] for e in stable])):
            (x0, y0), (x1, y1) = (_gibbs(land.fractions(stable[i])) for i in pair)
            axes.plot([x0, x1], [y0, y1], color=look.accent, linewidth=1.2, zorder=3)
        lowest = {land.fractions(e): e for e in reversed(land.entries)}.values()
        rest = [e for e in lowest if not e.on_hull]
        xy = np.array([_gibbs(land.fractions(e)) for e in rest]).reshape(-1, 2)
        heat = [1000 * e.e_above_hull_eV_per_atom for e in rest]
        dots = axes.scatter(
            xy[:, 0],
            xy[:, 1],
            c=heat,
            cmap=look.heat(),
            vmin=0,
            vmax=HEAT_TOP_MEV,
            s=26,
            edgecolors=look.paper,
            linewidths=0.5,
            zorder=4,
        )
        points = np.array([_gibbs(land.fractions(e)) for e in stable]).reshape(-1, 2)
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=56,
            color=look.accent,
            edgecolors=look.paper,
            linewidths=1.2,
            zorder=5,
        )
        for entry, (x, y) in [(e, p) for e, p in zip(stable, points, strict=True) if len(e.composition) > 1]:
            _label(axes, formula_tex(entry.formula), x, y, look, *_outwards(land.fractions(entry)))
        _colour_bar(figure, axes, dots, look)

    return Plot(
        "hull",
        alt=f"Gibbs triangle of {', '.join(land.elements)}. Stable phases: {_names(stable)}.",
        caption="Each point is a composition, coloured by its lowest structure; lines join stable phases"
        " that coexist.",
        draw=draw,
        wide_in=(7.8, 5.0),
        narrow_in=(3.5, 4.0),
    )


def _gibbs(fractions: tuple[float, ...]) -> tuple[float, float]:
    """The first element at the lower left, the second at the lower right, the third at the top."""
    _, b, c = fractions
    return b + c / 2, c * np.sqrt(3) / 2


def _outwards(fractions: tuple[float, ...]) -> tuple[float, float]:
    """Where a label of the Gibbs triangle has room: off the edge a phase lies on, to the right inside."""
    _, b, c = fractions
    if c == 0:
        return 0.0, -1.0
    return (-1.0, 0.25) if b == 0 else (1.0, 0.25)


def _triangle(axes: Axes, elements: tuple[str, ...], look: Look) -> None:
    for k in range(1, 5):
        f = k / 5
        g = 1 - f
        for ends in (((g, f, 0), (g, 0, f)), ((f, g, 0), (0, g, f)), ((f, 0, g), (0, f, g))):
            axes.plot(*zip(*map(_gibbs, ends), strict=True), color=look.faint, linewidth=0.7, zorder=1)
    corners = [_gibbs(c) for c in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    axes.plot(*zip(*corners, corners[0], strict=True), color=look.quiet, linewidth=1.0, zorder=2)
    sides = (("right", "top", -9, -5), ("left", "top", 9, -5), ("center", "bottom", 0, 8))
    for name, xy, (ha, va, dx, dy) in zip(elements, corners, sides, strict=True):
        axes.annotate(
            name,
            xy,
            xytext=(dx, dy),
            textcoords="offset points",
            ha=ha,
            va=va,
            fontsize=12,
            fontweight="bold",
        )
    axes.set(xlim=(-0.1, 1.1), ylim=(-0.1, 0.94))


def _tie_lines(stable: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of stable phases that coexist: edges of the lower hull. stable: (n, 4), fractions and energy."""
    from scipy.spatial import ConvexHull

    if len(stable) < 3:
        return {(0, 1)} if len(stable) == 2 else set()
    points = stable[:, 1:].copy()
    # A point far above the centre closes the hull from above, also where all phases lie in one plane.
    roof = np.array([1 / 3, 1 / 3, points[:, 2].max() + 1e3])
    facets = ConvexHull(np.vstack([points, roof]), qhull_options="QJ").simplices
    lower = [sorted(f) for f in facets if len(points) not in f]
    return {(int(f[i]), int(f[j])) for f in lower for i, j in ((0, 1), (0, 2), (1, 2))}


def _ranking(land: Landscape) -> Plot:
    ranked = sorted(land.entries, key=lambda e: e.e_above_hull_eV_per_atom)[:MAX_RANKED]
    heights = np.array([1000 * e.e_above_hull_eV_per_atom for e in ranked])

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.add_subplot()
        axes.grid(axis="y")
        ranks = np.arange(1, len(ranked) + 1)
        axes.vlines(ranks, 0, heights, color=look.faint, linewidth=1.2, zorder=1)
        axes.scatter(ranks, heights, c=heights, cmap=look.heat(), vmin=0, vmax=HEAT_TOP_MEV, s=32, zorder=3)
        axes.scatter(ranks[:1], heights[:1], s=64, color=look.accent, edgecolors=look.paper, zorder=4)
        top = max(float(heights[-1]), 1.0)
        if ranked[0].space_group:  # beside it: above it the next structures may stand close
            _label(axes, group_tex(group_symbol(ranked[0].space_group)), 1, heights[0], look, 1, 0)
        for rank in _labelled(ranked, spacing=len(ranked) * (0.09 if look.narrow else 0.045)):
            _slanted(axes, group_tex(group_symbol(ranked[rank].space_group or 1)), rank + 1, heights[rank])
        axes.set(xlabel="rank", ylabel="energy above the best (meV/atom)", xlim=(0, len(ranked) + 1))
        axes.set_ylim(bottom=-0.04 * top, top=1.22 * top)
        axes.locator_params(axis="x", integer=True)

    best = group_symbol(ranked[0].space_group) if ranked[0].space_group else "unknown"
    which = f"The {len(ranked)} lowest of" if len(land.entries) > len(ranked) else "All"
    return Plot(
        "hull",
        alt=f"Energies of {len(ranked)} distinct structures of {ranked[0].formula}, lowest first;"
        f" the lowest has space group {best}.",
        caption=f"{which} {len(land.entries)} distinct structures; space groups above P-1 are labelled"
        " where there is room.",
        draw=draw,
    )


def _labelled(ranked: Sequence[HullEntry], spacing: float) -> list[int]:
    """Places, from 0, of the entries whose space group is worth a label, no two nearer than `spacing`."""
    places: list[int] = []
    for place, entry in enumerate(ranked):
        worth = place > 0 and entry.space_group is not None and entry.space_group > 2
        if worth and (not places or place - places[-1] >= spacing):
            places.append(place)
    return places


def _slanted(axes: Axes, text: str, x: float, y: float) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(1, 7),
        textcoords="offset points",
        rotation=58,
        ha="left",
        va="bottom",
        rotation_mode="anchor",
        fontsize=8.5,
    )
