"""One generation's exploration: walk, stop where labels are wanted, choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from discover.learning.band import FEWEST_FRAMES, Band, Known
from discover.learning.choice import Surroundings, most_telling
from discover.learning.frames import Chosen, Frame, evenly
from discover.learning.path_record import PathRecord
from discover.learning.walks import Walk

FIRST_SHARE = 0.1
"""Of its way, that a walker goes before distances mean anything: nobody watches it there."""
FIRST_FRAMES = 2 * FEWEST_FRAMES
"""Taken there, evenly spaced, so that distances have something to be to."""
MOST_REWINDS = 20
"""Of one walker; one that is sent back more often stands before a wall."""
TRACE_POINTS = 400
"""Of each walker that are kept for the plot."""


@dataclass
class Exploration:
    """What one generation has seen.

    Attributes:
        chosen: frames to label.
        inner, outer: the band, None where there was none.
        stops, rewinds: how often walkers stopped inside the band, and were sent back.
        traces: (place, distance) of each walker's frames.
        path: what was found where a path was explored.
    """

    chosen: list[Chosen] = field(default_factory=list)
    inner: float | None = None
    outer: float | None = None
    stops: int = 0
    rewinds: int = 0
    traces: list[list[tuple[float, float]]] = field(default_factory=list)
    path: PathRecord | None = None

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Exploration:
        """What `asdict` made JSON of; the chosen have a file of their own."""
        path = value.get("path")
        return cls(**{**value, "path": path and PathRecord(**path)})

    def thinned(self) -> list[list[tuple[float, float]]]:
        """Traces with few enough points for a plot."""
        return [[t for k, t in enumerate(trace) if k % (len(trace) // TRACE_POINTS + 1) == 0] for trace in self.traces]


def sound_frames(walk: Walk, seen: Exploration) -> Iterator[Frame]:
    """The frames of a walker's way without those that no oracle should see; it is sent back from these."""
    rewinds = 0
    while (frame := walk.step()) is not None:
        if frame.sound:
            yield frame
            continue
        walk.rewind()
        seen.rewinds += 1
        rewinds += not walk.independent
        if rewinds > MOST_REWINDS:
            return


def survey(walkers: Sequence[Walk], most: int, generation: int, rng: np.random.Generator | None) -> Exploration:
    """Frames of the walkers' whole ways without looking at distances: evenly spaced, or drawn by rng."""
    seen = Exploration()
    frames = [frame for walk in walkers for frame in sound_frames(walk, seen)]
    few = min(most, len(frames))
    if rng is None:
        picked = evenly(len(frames), few)
    else:
        picked = np.sort(rng.choice(len(frames), few, replace=False)).tolist() if few else []
    why = "evenly spaced" if rng is None else "drawn at random"
    seen.chosen = [_chosen(frames[k], generation, None, why) for k in picked]
    return seen


def explore(
    walkers: Sequence[Walk],
    known: Known,
    most: int,
    generation: int,
    given: Sequence[float] | None = None,
) -> Exploration:
    """Walk every walker's way; of the frames inside the band choose those whose labels leave least to guess.

    What is averaged over is all that was met up to the band's outer edge. Where too little is labelled for a band, the
    beginnings of the ways stand in for labels until it is walked: they set the band, and any frame may be chosen.

    known: what has labels; most: frames to choose; given: the user's band.
    """
    seen = Exploration()
    if most <= 0:
        return seen
    begun: list[Frame] = []
    if len(known) < FEWEST_FRAMES:
        begun = _beginnings(walkers, seen)
    near = known
    for frame in begun:
        near = near.also(frame.atoms.numbers, _features(frame))
    band = Band.around(near, given)
    if band is None:
        met, stops = begun, list(range(len(begun)))
    else:
        seen.inner, seen.outer = band.inner, band.outer
        met, stops = _walked(walkers, band, seen)
        seen.stops = len(stops)
        stops = [*range(len(begun)), *(len(begun) + k for k in stops)]
        met = [*begun, *met]
    told = most_telling([Surroundings(f.atoms.numbers, _features(f)) for f in met], stops, known, most)
    for place, unknown in told:
        far = band.distance(met[place].atoms.numbers, _features(met[place])) if band and not begun else None
        why = f"leaves {100 * unknown:.2g} % of what was unknown of all that was met"
        seen.chosen.append(_chosen(met[place], generation, far, why))
    return seen


def _beginnings(walkers: Sequence[Walk], seen: Exploration) -> list[Frame]:
    """Evenly spaced from the beginning of every walker's way."""
    each = -(-FIRST_FRAMES // len(walkers))
    found: list[Frame] = []
    for walk in walkers:
        way: list[Frame] = []
        for frame in sound_frames(walk, seen):
            way.append(frame)
            if len(way) >= each and frame.place >= FIRST_SHARE * walk.length:
                break
        found += [way[k] for k in evenly(len(way), each)]
    return found


def _walked(walkers: Sequence[Walk], band: Band, seen: Exploration) -> tuple[list[Frame], list[int]]:
    """All frames up to the band's outer edge, walker by walker, and the places of those inside the band."""
    seen.traces = [[] for _ in walkers]
    met: list[Frame] = []
    stops: list[int] = []
    for k, walk in enumerate(walkers):
        for frame, stopped in _way(walk, band, seen, k):
            if stopped:
                stops.append(len(met))
            met.append(frame)
    return met, stops


def _way(walk: Walk, band: Band, seen: Exploration, walker: int) -> Iterator[tuple[Frame, bool]]:
    """One walker's frames, and whether it stops there; beyond the band it is sent back and the frame forgotten."""
    rewinds, rest = 0, 0
    for frame in sound_frames(walk, seen):
        distance = band.distance(frame.atoms.numbers, _features(frame))
        if np.isfinite(distance):
            seen.traces[walker].append((frame.place, distance))
        rest -= 1
        # An element without any label is infinitely far, and what a label is for
        if band.outer < distance < np.inf:
            walk.rewind()
            seen.rewinds += 1
            rewinds += not walk.independent
            if rewinds > MOST_REWINDS:
                return
            continue
        stopped = distance > band.inner and rest <= 0
        if stopped:
            rest = walk.rest  # no two labels of one event
        yield frame, stopped


def _features(frame: Frame) -> np.ndarray:
    assert frame.evaluation.features is not None, "only potentials with features are taught"
    return frame.evaluation.features


def _chosen(frame: Frame, generation: int, distance: float | None, why: str) -> Chosen:
    far = None if distance is None or not np.isfinite(distance) else distance
    return Chosen(frame.atoms, generation, frame.walker, frame.place, far, why)
