"""One generation's exploration: walk, stop where labels are wanted, choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from discover.learning.band import FEWEST_FRAMES, Band, Known
from discover.learning.frames import Chosen, Frame
from discover.learning.walks import Walk

FIRST_SHARE = 0.1
"""Of its way, that a walker goes before distances mean anything: nobody watches it there."""
FIRST_FRAMES = 2 * FEWEST_FRAMES
"""Taken there, evenly spaced, so that distances have something to be to."""
KNOWN_SHARE = 0.5
"""Of the band's inner edge: a stop that other choices have brought so near tells nothing new. Below the edge itself a
training on few labels would cost more than their being alike."""
STOPS_PER_LABEL = 6
"""After so many stops a generation has enough to choose among."""
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
    """

    chosen: list[Chosen] = field(default_factory=list)
    inner: float | None = None
    outer: float | None = None
    stops: int = 0
    rewinds: int = 0
    traces: list[list[tuple[float, float]]] = field(default_factory=list)

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
        picked = _evenly(len(frames), few)
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
    """Walk until there is enough to choose among or every walker has come to its end; choose what tells most.

    Where too little is labelled for a band, some frames from the beginning of the ways are chosen first and count as
    known from then on: distances ask where labels are, not what they say.

    known: what has labels; most: frames to choose; given: the user's band.
    """
    seen = Exploration()
    if most <= 0:
        return seen
    if len(known) < FEWEST_FRAMES:
        first = _first_frames(walkers, seen, min(FIRST_FRAMES, most))
        seen.chosen = [_chosen(f, generation, None, "the beginning: little is labelled yet") for f in first]
        for frame in first:
            known = known.also(frame.atoms.numbers, _features(frame))
    band = Band.around(known, given)
    left = most - len(seen.chosen)
    if band is None or not left:
        return seen
    seen.inner, seen.outer = band.inner, band.outer
    stops = _stops(walkers, band, STOPS_PER_LABEL * left, seen)
    why = "outside what is labelled"
    seen.chosen += [_chosen(f, generation, far, why) for f, far in farthest(stops, known, band, left)]
    return seen


def farthest(frames: Sequence[Frame], known: Known, band: Band, most: int) -> list[tuple[Frame, float]]:
    """The frame farthest from what is known, then that farthest from this too, and so on; with their distances.

    Greedy selection of the largest variance, as in optimal design (Fedorov, Theory of Optimal Experiments (1972)). Ends
    where what is left has become as good as known.
    """
    left = list(frames)
    chosen: list[tuple[Frame, float]] = []
    while left and len(chosen) < most:
        distances = [band.distance(f.atoms.numbers, _features(f)) for f in left]
        at = int(np.argmax(distances))
        if distances[at] <= KNOWN_SHARE * band.inner:
            break
        chosen.append((left[at], distances[at]))
        known = known.also(left[at].atoms.numbers, _features(left[at]))
        band = replace(band, domain=known.domain())
        del left[at]
    return chosen


def _first_frames(walkers: Sequence[Walk], seen: Exploration, most: int) -> list[Frame]:
    """Evenly spaced from the beginning of every walker's way."""
    each = -(-most // len(walkers))
    found: list[Frame] = []
    for walk in walkers:
        way: list[Frame] = []
        for frame in sound_frames(walk, seen):
            way.append(frame)
            if len(way) >= each and frame.place >= FIRST_SHARE * walk.length:
                break
        found += [way[k] for k in _evenly(len(way), each)]
    return found[:most]


def _stops(walkers: Sequence[Walk], band: Band, enough: int, seen: Exploration) -> list[Frame]:
    """Frames inside the band, walker by walker in turn; no two of one event."""
    stops: list[Frame] = []
    seen.traces = [[] for _ in walkers]
    ways = [_stops_of(walk, band, seen, k) for k, walk in enumerate(walkers)]
    while ways and len(stops) < enough:
        for way in list(ways):
            stopped = next(way, None)
            if stopped is None:
                ways.remove(way)
            else:
                stops.append(stopped)
    seen.stops = len(stops)
    return stops


def _stops_of(walk: Walk, band: Band, seen: Exploration, walker: int) -> Iterator[Frame]:
    """One walker's frames inside the band; beyond it the walker is sent back and the frame forgotten."""
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
        elif distance > band.inner and rest <= 0:
            rest = walk.rest
            yield frame


def _evenly(n: int, most: int) -> list[int]:
    """Places of so many among n, the ends included."""
    return np.unique(np.linspace(0, n - 1, most).round().astype(int)).tolist() if n and most > 0 else []


def _features(frame: Frame) -> np.ndarray:
    assert frame.evaluation.features is not None, "only potentials with features are taught"
    return frame.evaluation.features


def _chosen(frame: Frame, generation: int, distance: float | None, why: str) -> Chosen:
    far = None if distance is None or not np.isfinite(distance) else distance
    return Chosen(frame.atoms, generation, frame.walker, frame.place, far, why)
