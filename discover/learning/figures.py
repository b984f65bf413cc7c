"""What learning looks like: errors by generation, distances along the way, errors against distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from discover.learning.path_figures import path_plots
from discover.learning.record import Generation, LearningRecord
from discover.report.look import Look, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 4
"""Generations whose ways are drawn: the first ones, in which something happens, and the last."""


def plots(record: LearningRecord) -> list[Plot]:
    """The figures that there is something to draw in."""
    own = [p for p in (errors_plot(record), distances_plot(record), trust_plot(record)) if p is not None]
    return [*path_plots(record), *own]


def errors_plot(record: LearningRecord) -> Plot | None:
    """Force errors against the labels spent, as shares of those before learning."""
    rows = record.generations
    measured = any(g.held_out_force_eV_A is not None or g.reference_force_eV_A is not None for g in rows)
    if len(rows) < 2 or not measured:
        return None

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.subplots()
        axes.grid()
        labels = [g.labels for g in rows]
        held_out = [g.held_out_force_eV_A for g in rows if g.held_out_force_eV_A is not None]
        if len(held_out) == len(rows):
            axes.plot(labels, _shares(held_out), "o-", color=look.accent, label="held-out frames", zorder=3)
        reference = [g.reference_force_eV_A for g in rows if g.reference_force_eV_A is not None]
        if len(reference) == len(rows):
            axes.plot(labels, _shares(reference), "s--", color=look.quiet, label="other systems", zorder=3)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("labels")
        axes.set_ylabel("force error (share of that before)")
        axes.legend()

    return Plot(
        "errors",
        alt=f"RMS force error of {len(rows)} generations against the number of labels.",
        caption="RMS errors of each generation on frames that taught none of them, and on structures of other systems"
        " (not replayed): the first should fall, the second should not rise.",
        draw=draw,
    )


def _shares(errors: Sequence[float]) -> list[float]:
    return [error / errors[0] for error in errors]


def distances_plot(record: LearningRecord) -> Plot | None:
    """Distances along the walkers' ways, with each generation's band."""
    walked = [g for g in record.generations if g.inner is not None and any(g.traces)]
    if not walked:
        return None
    shown = walked if len(walked) <= MOST_PANELS else [*walked[: MOST_PANELS - 1], walked[-1]]

    def draw(figure: Figure, look: Look) -> None:
        panels = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
        for axes, generation in zip(panels, shown, strict=True):
            _draw_way(axes, generation, record, look)
        panels[-1].set_xlabel(f"way of each walker ({record.unit})")

    return Plot(
        "distances",
        alt=f"Mahalanobis distance along the ways of {len(shown)} generations.",
        caption="Largest atomic distance of each frame to what was labelled. Frames inside the shaded band are"
        " candidates for a label (points: those chosen); above it the walker is sent back.",
        draw=draw,
        wide_in=(7.8, 1.0 + 1.9 * len(shown)),
        narrow_in=(3.5, 0.9 + 1.7 * len(shown)),
    )


def _draw_way(axes: Axes, generation: Generation, record: LearningRecord, look: Look) -> None:
    assert generation.inner is not None and generation.outer is not None
    axes.grid()
    axes.axhspan(generation.inner, generation.outer, color=look.accent, alpha=0.15, linewidth=0)
    for trace in generation.traces:
        if trace:
            places, distances = np.array(trace).T
            axes.plot(places, distances, color=look.quiet, linewidth=0.8)
    own = [r for r in record.labels if r.generation == generation.number]
    stops = [(r.place, r.distance) for r in own if r.distance is not None]
    axes.scatter([place for place, _ in stops], [distance for _, distance in stops], s=18, color=look.accent, zorder=4)
    axes.set_ylim(0, 1.1 * generation.outer)
    axes.set_ylabel(f"generation {generation.number}")


def trust_plot(record: LearningRecord) -> Plot | None:
    """How wrong the potential was on each label before it had it, against the distance."""
    rows = [(r.distance, r.force_error_eV_A, r.generation) for r in record.labels if r.distance is not None]
    if len(rows) < 3:
        return None

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.subplots()
        axes.grid()
        distances, errors, generations = np.array(rows).T
        points = axes.scatter(distances, errors, c=generations, cmap=look.heat(), s=20, linewidths=0, zorder=3)
        bar = figure.colorbar(points, ax=axes, ticks=sorted(set(generations.tolist())))
        bar.set_label("generation")
        axes.set_xlabel("Mahalanobis distance when it was chosen")
        axes.set_ylabel("RMS force error then (eV/Å)")
        axes.set_ylim(bottom=0)

    return Plot(
        "trust",
        alt=f"RMS force error of {len(rows)} frames before they were learnt, against their distance.",
        caption="Each label's error by the potential that asked for it, before it was taught: honest errors, for no"
        " frame had been learnt yet.",
        draw=draw,
    )
