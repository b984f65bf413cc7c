"""What learning a path looks like: the barrier by generation with its error, and the profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from discover.learning.path_record import PathRecord
from discover.learning.record import LearningRecord
from discover.report.look import Look, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PROFILES = 5
"""The first ones and the last: between them they lie on one another."""


def path_plots(record: LearningRecord) -> list[Plot]:
    """None where no path was explored."""
    return [p for p in (barrier_plot(record), profiles_plot(record)) if p is not None]


def walked(record: LearningRecord) -> list[tuple[int, int, PathRecord]]:
    """Number of each generation that has a path, labels it was trained on, and the path."""
    return [(g.number, g.labels, g.path) for g in record.generations if g.path is not None]


def barrier_plot(record: LearningRecord) -> Plot | None:
    """The barrier by each generation and by the oracle on that generation's saddle, against labels."""
    rows = walked(record)
    if len(rows) < 2:
        return None

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.subplots()
        axes.grid()
        labels = [n for _, n, _ in rows]
        axes.plot(labels, [p.forward_eV for *_, p in rows], "o-", color=look.accent, label="potential", zorder=3)
        told = [(n, p.oracle_forward_eV) for _, n, p in rows if p.oracle_forward_eV is not None]
        if told:
            axes.plot(*zip(*told, strict=True), "s", color=look.quiet, label="oracle, same saddle", zorder=4)
        axes.set_xlabel("labels it was trained on")
        axes.set_ylabel("barrier (eV)")
        axes.legend()

    return Plot(
        "barrier",
        alt=f"Barrier of {len(rows)} generations against the number of labels, and the oracle's at their saddles.",
        caption="Each generation's own barrier, and the oracle's label of the saddle that it came to, above the labels"
        " of the ends. The generation had not seen that label.",
        draw=draw,
    )


def profiles_plot(record: LearningRecord) -> Plot | None:
    """Energy along the path by generation, with the oracle's labels on it."""
    rows = walked(record)
    if not rows:
        return None
    shown = rows if len(rows) <= MOST_PROFILES else [*rows[: MOST_PROFILES - 1], rows[-1]]

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.subplots()
        axes.grid()
        colours = look.heat()(np.linspace(0.15, 0.85, len(shown)))
        for colour, (number, _, path) in zip(colours, shown, strict=True):
            _draw_profile(axes, path, f"generation {number}", colour)
        axes.plot([], [], "x", color=look.quiet, label="labels by the oracle")
        axes.set_xlabel("along the path (Å)")
        axes.set_ylabel("energy (eV)")
        axes.legend()

    return Plot(
        "profiles",
        alt=f"Energy along the paths of {len(shown)} generations.",
        caption="Energy above the first end along each generation's path; crosses: what the oracle says of the"
        " images that got labels, above its own first end.",
        draw=draw,
    )


def _draw_profile(axes: Axes, path: PathRecord, name: str, colour: np.ndarray) -> None:
    axes.plot(path.places_A, path.energies_eV, "o-", color=colour, markersize=4, label=name, zorder=3)
    if path.oracle_energies_eV:
        places, energies = np.array(path.oracle_energies_eV).T
        axes.scatter(places, energies, marker="x", s=36, color=colour, zorder=4)
