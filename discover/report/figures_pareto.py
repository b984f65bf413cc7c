"""What a low energy has to be traded for: each further objective against the energy above the hull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discover.pareto import ParetoFront, ParetoPoint
from discover.report.look import Look, Plot
from discover.report.notation import formula_tex, group_symbol, group_tex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    "bulk_modulus_GPa": ("bulk modulus", "GPa"),
    "density_g_cm3": ("density", "g/cm³"),
    "mean_mass_u": ("mean mass", "u"),
    "shortest_distance_A": ("shortest distance", "Å"),
    "volume_A3_per_atom": ("volume", "Å³/atom"),
}
"""Name and unit of each objective, for people."""
MAX_LABELS = 8  # more names than this hide the points
LEFT = 0.2  # of the cut: points nearer to the axis have their names on the right


def pareto_plot(pareto: ParetoFront) -> Plot | None:
    """A panel for each objective; None where no structure has all of them."""
    if not pareto.front:
        return None
    n = len(pareto.objectives)

    def draw(figure: Figure, look: Look) -> None:
        panels = figure.subplots(n, 1, sharex=True, squeeze=False)[:, 0]
        for k, axes in enumerate(panels):
            _draw_panel(axes, pareto, k, look)
        panels[-1].set_xlabel("energy above the hull (meV/atom)")

    wanted = ", ".join(f"{LABELS[o.name][0]} ({_wanted(o.sense)})" for o in pareto.objectives)
    return Plot(
        "pareto",
        alt=f"Energy above the hull against {wanted}, for {len(pareto.points)} structures, "
        f"{len(pareto.front)} of them on the front.",
        caption="Each point is a distinct structure within"
        f" {1000 * pareto.within_eV_per_atom:g} meV/atom of the hull. Nothing is both lower in energy and better in all"
        f" else than those in colour. Wanted: {wanted}.",
        draw=draw,
        wide_in=(7.8, 1.1 + 3.2 * n),
        narrow_in=(3.5, 0.9 + 2.6 * n),
    )


def _wanted(sense: str) -> str:
    return "high" if sense == "max" else "low"


def _draw_panel(axes: Axes, pareto: ParetoFront, k: int, look: Look) -> None:
    front, rest = pareto.front, [p for p in pareto.points if not p.on_front]
    axes.grid()
    axes.scatter(_x(rest), _y(rest, k), s=17, color=look.quiet, alpha=0.6, linewidths=0, zorder=3)
    if len(pareto.objectives) == 1:  # of more than two costs, a front is no line
        axes.step(_x(front), _y(front, k), where="post", color=look.accent, linewidth=1.3, zorder=4)
    axes.scatter(_x(front), _y(front, k), s=44, color=look.accent, edgecolors=look.paper, linewidths=1.0, zorder=5)
    for point in front if len(front) <= MAX_LABELS else ():
        _label(axes, _name(point, pareto), point, k, pareto, look)
    name, unit = LABELS[pareto.objectives[k].name]
    axes.set_ylabel(f"{name} ({unit})")
    axes.margins(x=0.06, y=0.14)


def _x(points: list[ParetoPoint]) -> list[float]:
    return [1000 * p.entry.e_above_hull_eV_per_atom for p in points]


def _y(points: list[ParetoPoint], k: int) -> list[float]:
    return [p.values[k] for p in points]


def _name(point: ParetoPoint, pareto: ParetoFront) -> str:
    """Formula and space group, the formula only where it tells something."""
    group = point.entry.space_group
    one_formula = len({p.entry.formula for p in pareto.points}) == 1
    if group is None:
        return formula_tex(point.entry.formula)
    return ("" if one_formula else f"{formula_tex(point.entry.formula)} ") + group_tex(group_symbol(group))


def _label(axes: Axes, text: str, point: ParetoPoint, k: int, pareto: ParetoFront, look: Look) -> None:
    """Text on the side of a point where nothing is: what stood lower in energy and better would beat it."""
    import matplotlib.patheffects as effects

    x = 1000 * point.entry.e_above_hull_eV_per_atom
    at_left = x < LEFT * 1000 * pareto.within_eV_per_atom  # no room between it and the axis
    up = 1 if pareto.objectives[k].sense == "max" else -1
    axes.annotate(
        text,
        (x, point.values[k]),
        xytext=(4 if at_left else -5, 4 * up),
        textcoords="offset points",
        fontsize=8.5,
        ha="left" if at_left else "right",
        va="bottom" if up > 0 else "top",
        zorder=4.5,  # under the points
        path_effects=[effects.withStroke(linewidth=2.5, foreground=look.paper)],
    )
