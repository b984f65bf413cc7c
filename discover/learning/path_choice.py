"""What to label of a path: its saddle always, its ends once, then the images that are least like what has labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms

from discover.learning.band import Band, Known
from discover.learning.explore import Exploration
from discover.learning.frames import Chosen, Frame
from discover.learning.path_walk import WalkedPath
from potentials.training import Label
from properties.barriers.surface import without_shift

TWIN = 0.1
"""Of the way from the first end to the saddle, in features: nearer, two images are one, but for symmetry. A Gaussian
has no zero where its frames lie, and would ask for both."""
MOVED_A = 0.05
"""An end further from its label is labelled again: barriers are counted from there, and ten meV lie in such a step."""
SAME_A = 0.02
"""No atom further from its place: frames of one label. Saddles at rest to 0.02 eV/Å are not known better."""


Surroundings = tuple[np.ndarray, np.ndarray]
"""Atomic numbers (n,) and features (n, d)."""


@dataclass(frozen=True)
class PathRules:
    """How many labels a path may cost, and which way they are chosen.

    Attributes:
        most: labels that are left to the run.
        each: of a generation, the saddle's among them; the first generation's ends come on top.
        choose: by distance; every image; or at random by a generator.
        given: the user's band of distances.
        within: images inside the band may be asked for, too: the domain calls them known, and a label says that they
            are not.
    """

    most: int
    each: int
    choose: Literal["distance", "random", "all"] = "distance"
    given: Sequence[float] | None = None
    within: bool = False


def choose_on_path(
    path: WalkedPath,
    labels: Sequence[Label],
    known: Known,
    rules: PathRules,
    generation: int,
    rng: np.random.Generator,
) -> Exploration:
    """The saddle first, then what has to be labelled, in order, as far as there are labels left.

    By distance: of the sound images beyond the band's inner edge the farthest, which then counts as known, and so on;
    images that symmetry makes of one another cost one label. Where too little is labelled for an edge, any image is
    beyond it. An image whose label there is already is none to ask for.
    """
    seen = Exploration()
    band = Band.around(known, rules.given)
    if band is not None:
        seen.inner, seen.outer = band.inner, band.outer
        near = _Twins(path, known)
        far = [0.0 if near.among(frame, known) else _distance(band, frame) for frame in path.frames]
        seen.traces = [[(f.place, d) for f, d in zip(path.frames, far, strict=True) if np.isfinite(d)]]
        seen.stops = sum(d > band.inner for d in far)
    if rules.most <= 0:
        return seen
    wanted = _wanted(path, labels, known, rules, band, rng)
    for k in list(wanted)[: rules.most]:
        frame = path.frames[k]
        distance = _distance(band, frame) if band is not None else np.inf
        seen.chosen.append(
            Chosen(frame.atoms, generation, k, frame.place, distance if np.isfinite(distance) else None, wanted[k])
        )
    return seen


def _wanted(
    path: WalkedPath,
    labels: Sequence[Label],
    known: Known,
    rules: PathRules,
    band: Band | None,
    rng: np.random.Generator,
) -> dict[int, str]:
    """Images to label, the saddle first, and why."""
    away = {f.walker: nearest_label(f.atoms, labels)[1] for f in path.frames if f.sound}
    fresh = [k for k, far in away.items() if far >= SAME_A]
    wanted = {path.top: "saddle"} if path.top in fresh else {}
    # Barriers are counted from the ends: they need labels, and new ones where they have gone elsewhere since
    moved = [k for k in (0, len(path.frames) - 1) if away.get(k, 0.0) >= MOVED_A]
    wanted |= dict.fromkeys(moved, "end")
    room = max(0, rules.each - 1 - (len(moved) if labels else 0))
    left = [k for k in fresh if k not in wanted]
    if rules.choose == "all":
        return wanted | dict.fromkeys(left, "every image")
    if rules.choose == "random":
        drawn = rng.choice(left, min(room, len(left)), replace=False).tolist()
        return wanted | dict.fromkeys(drawn, "drawn at random")
    if rules.within:
        return wanted | _farthest(path, left, known, list(wanted), max(room, 1), None)
    return wanted | _farthest(path, left, known, list(wanted), room, band)


def nearest_label(atoms: Atoms, labels: Sequence[Label]) -> tuple[int | None, float]:
    """Which of the labels is nearest, and how far an atom goes at most from here to there, Å; None and inf of none.

    Images of one campaign's paths are unwrapped the same way: nobody searches for nearest images.
    """
    steps = [atoms.positions - np.asarray(label.structure.positions) for label in labels]
    far = [float(np.linalg.norm(without_shift(step, True), axis=1).max()) for step in steps]
    return (int(np.argmin(far)), min(far)) if far else (None, np.inf)


def _farthest(
    path: WalkedPath, left: Sequence[int], known: Known, first: Sequence[int], most: int, band: Band | None
) -> dict[int, str]:
    """One after another; each that is chosen counts as known for the next."""
    for k in first:
        known = known.also(*_surroundings(path.frames[k]))
    twins = _Twins(path, known)
    beyond = [k for k in left if band is None or _distance(band, path.frames[k]) > band.inner]
    found: dict[int, str] = {}
    while len(found) < most and (beyond := [k for k in beyond if not twins.among(path.frames[k], known)]):
        domain = known.domain()
        k = max(beyond, key=lambda k: float(domain.distances(*_surroundings(path.frames[k])).max()))
        known = known.also(*_surroundings(path.frames[k]))
        found[k] = "farthest from what has labels"
    return found


class _Twins:
    """Which frames are one, but for symmetry: every atom of one has an atom of the other with its features."""

    def __init__(self, path: WalkedPath, known: Known) -> None:
        self._projection = known.projection
        start, top = (_surroundings(path.frames[k]) for k in (0, path.top))
        self._within = TWIN * self._apart(start, top)

    def among(self, frame: Frame, known: Known) -> bool:
        """Whether one of these is the frame's."""
        own = _surroundings(frame)
        return any(self._apart(own, other) < self._within for other in zip(known.numbers, known.features, strict=True))

    def _apart(self, one: Surroundings, other: Surroundings) -> float:
        """Largest distance of an atom to the nearest of its element in the other frame, whitened; both ways."""
        if sorted(one[0]) != sorted(other[0]):
            return np.inf
        far = 0.0
        for z in np.unique(one[0]):
            a, b = (features[numbers == z] @ self._projection for numbers, features in (one, other))
            apart = np.linalg.norm(a[:, None] - b[None], axis=2)
            far = max(far, float(apart.min(0).max()), float(apart.min(1).max()))
        return far


def _surroundings(frame: Frame) -> Surroundings:
    assert frame.evaluation.features is not None, "only potentials with features are taught"
    return frame.atoms.numbers, frame.evaluation.features


def _distance(band: Band, frame: Frame) -> float:
    return band.distance(*_surroundings(frame))
