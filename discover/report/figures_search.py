"""How the search went: energies against candidate number, and what became of each operator's candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from discover.report.landscape import Landscape
from discover.report.look import OPERATOR_COLOURS, Look, Plot
from discover.report.notation import plain_tex
from discover.report.search_summary import OperatorRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINEAR_BELOW_MEV = 10.0  # the axis is linear up to here, logarithmic above
FOUND_WITHIN_MEV = 1.0  # a final phase counts as found from here on: relaxations stop that far apart
FATE_COLOURS = {
    "relaxed": "#009E73",
    "duplicates": "#56B4E9",
    "unconverged": "#E69F00",
    "pruned": "#9AA5AC",
    "failed": "#D55E00",
}


def progress_plot(land: Landscape) -> Plot | None:
    """Energy of each candidate, in the order they finished, with what had been found by then."""
    if not land.points:
        return None
    fixed = land.kind == "fixed"

    def draw(figure: Figure, look: Look) -> None:
        if fixed:
            upper = figure.add_subplot()
        else:
            upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
            _draw_count(lower, land, look)
        _draw_candidates(upper, land, look)
        if fixed:
            _draw_best(upper, land, look)
        upper.set_ylabel(f"meV/atom above the {'best' if fixed else 'final hull'}")
        (upper if fixed else lower).set_xlabel("candidate, in the order they finished")
        _legend(figure, upper, look)

    below = (
        "The line is the best so far."
        if fixed
        else "Below: how many of the final hull's phases (references left out) had been found by then."
    )
    return Plot(
        "search",
        alt="Energy of each candidate, coloured by the operator that made it, against candidate number"
        + (" with the best so far." if fixed else ", and the number of final stable phases found so far."),
        caption=f"Candidates with an energy, coloured by what made them. {below}",
        draw=draw,
        wide_in=(7.8, 4.3 if fixed else 5.0),
        narrow_in=(3.5, 4.2 if fixed else 4.8),
    )


def _draw_candidates(axes: Axes, land: Landscape, look: Look) -> None:
    axes.grid(axis="y")
    shown_as = _shown_as(land)
    for operator, colour in zip(dict.fromkeys(shown_as.values()), OPERATOR_COLOURS, strict=False):
        mine = [p for p in land.points if shown_as[p.operator] == operator]
        axes.scatter(
            [p.number for p in mine],
            [1000 * p.above_eV for p in mine],
            s=16 if len(land.points) < 2000 else 5,
            color=colour,
            alpha=0.8,
            linewidths=0,
            label=plain_tex(operator),
            zorder=3,
        )
    top = max(1000 * p.above_eV for p in land.points)
    axes.set_yscale("symlog", linthresh=LINEAR_BELOW_MEV, linscale=0.7)
    axes.set_ylim(-1.0, max(1.6 * top, LINEAR_BELOW_MEV))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlim(0, land.n_candidates + 1)


def _shown_as(land: Landscape) -> dict[str, str]:
    """Each operator's name in the legend, the most used first; "other" where colours run out."""
    names = [name for name, _ in Counter(p.operator for p in land.points).most_common()]
    n_own = len(names) if len(names) <= len(OPERATOR_COLOURS) else len(OPERATOR_COLOURS) - 1
    return {name: name if i < n_own else "other" for i, name in enumerate(names)}


def _draw_best(axes: Axes, land: Landscape, look: Look) -> None:
    best = np.minimum.accumulate([1000 * p.above_eV for p in land.points])
    numbers = [p.number for p in land.points]
    axes.step([*numbers, land.n_candidates], [*best, best[-1]], where="post", color=look.ink, linewidth=1.3)


def _draw_count(axes: Axes, land: Landscape, look: Look) -> None:
    """Steps up where a composition of the final hull first meets its final structure."""
    wanted = {land.fractions(e) for e in land.entries if e.on_hull}
    first: dict[tuple[float, ...], int] = {}
    for p in land.points:
        if p.fractions in wanted and 1000 * p.above_eV <= FOUND_WITHIN_MEV:
            first.setdefault(p.fractions, p.number)
    numbers = [0, *sorted(first.values()), land.n_candidates]
    counts = [*range(len(first) + 1), len(first)]
    axes.grid(axis="y")
    axes.step(numbers, counts, where="post", color=look.accent, linewidth=1.6)
    axes.fill_between(numbers, counts, step="post", color=look.accent, alpha=0.15, linewidth=0)
    axes.set_ylim(0, max(1, len(first)) * 1.12)
    axes.locator_params(axis="y", integer=True, nbins=4)
    axes.set_ylabel("stable\nfound")


def _legend(figure: Figure, axes: Axes, look: Look) -> None:
    handles, labels = axes.get_legend_handles_labels()
    room = 44 if look.narrow else 90  # characters a line has room for, markers counted as four
    n_columns = max(1, min(len(labels), room // (4 + max(map(len, labels), default=1))))
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=n_columns,
        markerscale=1.6,
        fontsize=8.5,
        handletextpad=0.2,
        columnspacing=1.0,
    )


def operators_plot(rows: Sequence[OperatorRow]) -> Plot | None:
    """Bars: how many candidates each operator made and what became of them."""
    if not rows:
        return None

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.add_subplot()
        names = [plain_tex(r.operator) for r in reversed(rows)]
        start = np.zeros(len(rows))
        for fate, colour in FATE_COLOURS.items():
            counts = np.array([getattr(r, fate) for r in reversed(rows)], dtype=float)
            if counts.any():
                axes.barh(names, counts, left=start, color=colour, height=0.62, label=fate)
            start += counts
        for row, end, name in zip(reversed(rows), start, names, strict=True):
            note = f"{row.near_hull} near hull"
            axes.annotate(
                note,
                (end, name),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=look.ink if row.near_hull else look.quiet,
            )
        axes.set_xlim(0, start.max() * (1.42 if look.narrow else 1.18))
        axes.set_xlabel("candidates")
        axes.locator_params(axis="x", integer=True)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        _legend(figure, axes, look)

    height = 1.3 + 0.34 * len(rows)
    summary = "; ".join(f"{r.operator}: {r.made} made, {r.near_hull} near the hull" for r in rows)
    return Plot(
        "operators",
        alt=f"Candidates by operator and fate. {summary}.",
        caption="What became of each operator's candidates, and how many of the final near-hull structures"
        " it found.",
        draw=draw,
        wide_in=(7.8, height),
        narrow_in=(3.5, height + 0.5),
    )
