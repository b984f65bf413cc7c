"""One generation's exploration: walk, stop where labels are wanted, choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from discover.learning.band import Band, Known
from discover.learning.frames import Chosen, Frame
from discover.learning.walks import Walk

FIRST_SHARE = 0.25
"""Of its way, that a walker goes while nothing is labelled: nobody watches it there."""
MOST_REWINDS = 20
"""Of one walker; one that is sent back more often stands before a wall."""
TRACE_POINTS = 400
"""Of each walker that are kept for the plot."""


@dataclass
class Exploration:
    """What one generation has seen.

    Attributes:
        chosen: frames to label.
        stops, rewinds: how often walkers stopped for a label, and were sent back.
        traces: (place, distance) of each walker's frames.
    """

    chosen: list[Chosen] = field(default_factory=list)
    stops: int = 0
    rewinds: int = 0
    traces: dict[int, list[tuple[float, float]]] = field(default_factory=dict)

    def thinned(self) -> list[list[tuple[float, float]]]:
        """Traces with few enough points for a plot."""
        return [
            [t for k, t in enumerate(trace) if k % (len(trace) // TRACE_POINTS + 1) == 0]
            for _, trace in sorted(self.traces.items())
        ]


def survey(walkers: Sequence[Walk], most: int, generation: int, rng: np.random.Generator | None) -> Exploration:
    """Frames of the walkers' ways without looking at distances.

    rng: draws them from the whole ways; None takes them evenly spaced from the beginning, which is all that can be
    done while nothing is labelled.
    """
    seen = Exploration()
    frames: list[Frame] = []
    for walk in walkers:
        rewinds = 0
        while (frame := walk.step()) is not None:
            if rng is None and frame.place > FIRST_SHARE * walk.length > 0 and len(frames) >= most:
                break
            if frame.sound:
                frames.append(frame)
                continue
            walk.rewind()
            rewinds += 1
            if rewinds > MOST_REWINDS:
                break
        seen.rewinds += rewinds
    if rng is None:
        picked = np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int))
    else:
        picked = np.sort(rng.choice(len(frames), min(most, len(frames)), replace=False))
    why = "evenly spaced: nothing is labelled yet" if rng is None else "drawn at random"
    seen.chosen = [_chosen(frames[k], generation, None, why) for k in picked.tolist()]
    return seen


def watch(
    walkers: Sequence[Walk],
    known: Known,
    band: Band,
    most: int,
    generation: int,
    chosen: Sequence[Chosen] = (),
    keep: Callable[[list[Chosen]], None] = lambda chosen: None,
) -> Exploration:
    """Walk until so many frames are chosen, or every walker has come to its end inside the band.

    A frame inside the band is what a label is for: it is chosen, and from then on counts as known, for distances ask
    where labels are and not what they say. Beyond the band the walker is sent back and the frame forgotten.

    chosen: by an earlier process in this generation; keep: told of all chosen whenever there is one more.
    """
    seen = Exploration(list(chosen))
    walking = dict(enumerate(walkers))
    rewinds = dict.fromkeys(walking, 0)
    while walking and len(seen.chosen) < most:
        for k, walk in list(walking.items()):
            frame = walk.step()
            if frame is None:
                del walking[k]
                continue
            distance = _distance(frame, band)
            if np.isfinite(distance):
                seen.traces.setdefault(k, []).append((frame.place, distance))
            if distance > band.outer:
                walk.rewind()
                rewinds[k] += 1
                seen.rewinds += 1
                if rewinds[k] > MOST_REWINDS:
                    del walking[k]
            elif distance > band.inner and len(seen.chosen) < most:
                seen.stops += 1
                seen.chosen.append(_chosen(frame, generation, distance, "outside what is labelled"))
                keep(seen.chosen)
                assert frame.evaluation.features is not None
                known = known.also(frame.atoms.numbers, frame.evaluation.features)
                band = replace(band, domain=known.domain())
    return seen


def _distance(frame: Frame, band: Band) -> float:
    """Infinite for what no oracle should see."""
    if not frame.sound:
        return float("inf")
    assert frame.evaluation.features is not None
    return band.distance(frame.atoms.numbers, frame.evaluation.features)


def _chosen(frame: Frame, generation: int, distance: float | None, why: str) -> Chosen:
    return Chosen(frame.atoms, generation, frame.walker, frame.place, distance, why)
