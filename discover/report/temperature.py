"""The hull at temperature: what the slider is given, what the table says, and the figure for paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from scipy.interpolate import CubicSpline

from discover.free_energies import TemperatureHull
from discover.hull_at_temperature import FreeEnergy, HullAtTemperature
from discover.report.look import OPERATOR_COLOURS, Look, Plot
from discover.report.notation import formula_html, formula_tex, group_html, group_symbol, group_tex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_K = (0.0, 300.0, 600.0, 1000.0)
AT_FIRST_K = 300.0
MOST_STEPS = 101
"""Of the slider."""
NAMED = 8
"""Lines with a name and colour of their own."""
FRAME_eV = 0.06
"""Above the hull; what lies higher is left out of the frame."""


@dataclass(frozen=True)
class Row:
    """A phase on the page, at the temperature that the slider begins with; `place` is its own among the hull's."""

    place: int
    phase: FreeEnergy
    above_eV: float
    formation_eV: float
    stable: str


@dataclass(frozen=True)
class TemperaturePart:
    """Everything the page says of the hull at temperature; `slider` is what its script is given."""

    warm: TemperatureHull
    rows: Sequence[Row]
    slider: dict[str, Any]
    at_K: float
    sentence: Markup


def temperature_part(warm: TemperatureHull | None) -> TemperaturePart | None:
    """None where nobody has computed a free energy."""
    if warm is None:
        return None
    hull = warm.hull
    if hull is None:
        return TemperaturePart(warm, [], {}, 0.0, Markup(""))
    temperatures = _steps(hull.temperatures_K)
    formation, above = (_at(hull, values, temperatures) for values in _both(hull))
    first = int(np.argmin(np.abs(temperatures - AT_FIRST_K)))
    order = sorted(range(len(hull.phases)), key=lambda k: (above[k, first], hull.phases[k].formula))
    rows = [Row(k, hull.phases[k], above[k, first], formation[k, first], _stable(hull, k)) for k in order]
    slider = {
        "temperatures": np.round(temperatures, 3).tolist(),
        "first": first,
        "formation": np.round(1000 * formation, 3).tolist(),
        "above": np.round(1000 * above, 3).tolist(),
        "x": _fractions(hull).tolist() if len(hull.elements) == 2 else None,
        "names": [_name(p) for p in hull.phases],
        "elements": list(hull.elements),
    }
    return TemperaturePart(warm, rows, slider, float(temperatures[first]), _sentence(hull))


def _steps(temperatures: np.ndarray) -> np.ndarray:
    if len(temperatures) <= MOST_STEPS and len(temperatures) > 20:
        return temperatures
    return np.linspace(temperatures[0], temperatures[-1], MOST_STEPS)


def _both(hull: HullAtTemperature) -> tuple[np.ndarray, np.ndarray]:
    return hull.formation_eV_per_atom, hull.above_hull_eV_per_atom


def _at(hull: HullAtTemperature, values: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """Between the hull's own temperatures: straight lines, for distances to a hull have corners."""
    return np.array([np.interp(temperatures, hull.temperatures_K, row) for row in values])


def _fractions(hull: HullAtTemperature) -> np.ndarray:
    return np.array([p.composition.get(hull.elements[1], 0.0) for p in hull.phases])


def _name(phase: FreeEnergy) -> str:
    symbol = f" {group_symbol(phase.space_group)}" if phase.space_group else ""
    return f"{phase.formula}{symbol}"


def _stable(hull: HullAtTemperature, k: int) -> str:
    """Intervals of stability, in words."""
    top = float(hull.temperatures_K[-1])
    parts = [f"{low:.0f} K to {'beyond ' if high >= top else ''}{high:.0f} K" for low, high in hull.stable_K[k]]
    return ", ".join(parts) or "never"


def _sentence(hull: HullAtTemperature) -> Markup:
    """What changes between the lowest and the highest temperature."""
    low, high = float(hull.temperatures_K[0]), float(hull.temperatures_K[-1])
    events: list[tuple[float, Markup]] = []
    for phase, stable in zip(hull.phases, hull.stable_K, strict=True):
        for start, end in stable:
            events += [(start, _event(phase, "joins the hull", start))] if start > low else []
            events += [(end, _event(phase, "leaves it", end))] if end < high else []
    if not events:
        return Markup("Nothing joins or leaves the hull between {:.0f} and {:.0f} K.").format(low, high)
    listed = Markup("; ").join(text for _, text in sorted(events, key=lambda e: e[0]))
    return Markup("From {:.0f} to {:.0f} K: {}.").format(low, high, listed)


def _event(phase: FreeEnergy, verb: str, at_K: float) -> Markup:
    group = Markup(" {}").format(group_html(group_symbol(phase.space_group))) if phase.space_group else ""
    return Markup("{}{} (id {}) {} at {:.0f} K").format(formula_html(phase.formula), group, phase.id, verb, at_K)


def temperature_plot(warm: TemperatureHull | None) -> Plot | None:
    """Formation free energies at four temperatures (of two elements), and distances to the hull against temperature."""
    if warm is None or warm.hull is None:
        return None
    hull = warm.hull
    binary = len(hull.elements) == 2
    temperatures = [t for t in SHOWN_K if hull.temperatures_K[0] <= t <= hull.temperatures_K[-1]]

    def draw(figure: Figure, look: Look) -> None:
        shape = (2, 1) if look.narrow else (1, 2)
        axes = figure.subplots(*(shape if binary else (1, 1)), squeeze=False).ravel()
        if binary:
            _draw_hulls(axes[0], hull, temperatures, look)
        _draw_distances(axes[-1], hull, look)
        if axes[-1].get_legend_handles_labels()[0]:
            figure.legend(*axes[-1].get_legend_handles_labels(), **_below(look))

    left = "Left (above on a phone): hulls of the formation free energy. " if binary else ""
    return Plot(
        "hull-at-temperature",
        alt=f"Free energy above the hull of {len(hull.phases)} phases against temperature.",
        caption=f"{left}A phase is stable where its line lies at zero; what always does has none. "
        f"Vibrations by {_words(warm.source)}; static energies of {warm.static}.",
        draw=draw,
        wide_in=(7.8, 4.3) if binary else (6.4, 4.3),
        narrow_in=(3.5, 7.0) if binary else (3.5, 4.2),
    )


def _words(source: str) -> str:
    return {
        "phonons": "harmonic phonons at fixed volume",
        "thermal": "the quasi-harmonic approximation",
        "mixed": "harmonic phonons, for some phases the quasi-harmonic approximation",
    }[source]


def _draw_hulls(axes: Axes, hull: HullAtTemperature, temperatures: Sequence[float], look: Look) -> None:
    import matplotlib as mpl

    x = _fractions(hull)
    cold, hot = (0.4, 0.95) if look.dark else (0.1, 0.8)
    colours = mpl.colormaps["plasma"](np.linspace(cold, hot, max(len(temperatures), 2)))
    axes.grid(axis="y")
    axes.axhline(0, color=look.quiet, linewidth=0.8)
    for t, colour in zip(temperatures, colours, strict=False):
        formation = 1000 * np.array([CubicSpline(hull.temperatures_K, f)(t) for f in hull.formation_eV_per_atom])
        above = np.array([np.interp(t, hull.temperatures_K, a) for a in hull.above_hull_eV_per_atom])
        stable = np.flatnonzero(above < 1e-6)
        line = stable[np.lexsort((formation[stable], x[stable]))]
        axes.plot(x[line], formation[line], color=colour, linewidth=1.6, marker="o", markersize=3.5, label=f"{t:.0f} K")
        others = np.flatnonzero((above >= 1e-6) & (above < FRAME_eV))
        axes.scatter(x[others], formation[others], s=9, color=colour, alpha=0.55, linewidths=0)
    axes.set(xlabel=f"atomic fraction of {hull.elements[1]}", xlim=(-0.04, 1.04))
    axes.set_ylabel("formation free energy (meV/atom)")
    axes.margins(y=0.12)
    axes.legend(fontsize=8, loc="best")


def _draw_distances(axes: Axes, hull: HullAtTemperature, look: Look) -> None:
    axes.grid()
    order = np.argsort(hull.above_hull_eV_per_atom.min(axis=1), kind="stable")
    # Phases that never leave the hull are a line at zero and need no name
    moving = [k for k in order if hull.above_hull_eV_per_atom[k].max() > 1e-6]
    end = float(hull.temperatures_K[-1])
    for place, k in enumerate(moving):
        named = place < NAMED
        label = _label(hull.phases[k]) if named else None
        axes.plot(
            hull.temperatures_K,
            1000 * hull.above_hull_eV_per_atom[k],
            color=OPERATOR_COLOURS[place] if named else look.quiet,
            linewidth=1.5 if named else 0.8,
            label=label,
        )
    axes.axhline(0, color=look.accent, linewidth=1.6)
    axes.set(xlim=(float(hull.temperatures_K[0]), end), xlabel="temperature (K)")
    top = 1000 * min(FRAME_eV, max([float(hull.above_hull_eV_per_atom[k].max()) for k in moving], default=0.01))
    axes.set_ylim(-0.03 * top, 1.06 * top)
    axes.set_ylabel("free energy above the hull (meV/atom)")


def _below(look: Look) -> dict[str, Any]:
    """Names of the lines beneath both panels: in the right one they would lie on the lines."""
    return {"loc": "outside lower center", "ncols": 2 if look.narrow else 4, "fontsize": 8}


def _label(phase: FreeEnergy) -> str:
    group = group_tex(group_symbol(phase.space_group)) if phase.space_group else ""
    return f"{formula_tex(phase.formula)} {group} ({phase.id})"
