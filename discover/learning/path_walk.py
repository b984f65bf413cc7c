"""A minimum-energy path as an explorer: the band of a generation's potential between two ends, with its saddle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from discover.config_learning import PathSettings
from discover.errors import InputError
from discover.learning.frames import Frame
from potentials import Potential
from potentials.potential import structure_of
from properties.barriers import BandSettings, BarrierError, BarrierSettings, neb
from properties.barriers.ends import matched
from properties.barriers.idpp import idpp_path
from properties.barriers.surface import News, lengths, unheard
from properties.evaluating import evaluate_all

SHAKEN_A = 0.05
"""Standard deviation by which held-out images are moved: near the path, and on none of its generations' bands."""


@dataclass(frozen=True)
class WalkedPath:
    """The path by one generation's potential.

    Attributes:
        frames: its images, the ends among them, by that potential; `walker` numbers them, `place` is Å along the path.
        top: of the frames the saddle: the highest between the ends, which has climbed. Unsound ones do not count.
        converged: the band came to rest.
        trouble: why there is no band and the first guess stands for it; empty where there is one.
    """

    frames: Sequence[Frame]
    top: int
    converged: bool
    trouble: str = ""

    @property
    def energies_eV(self) -> np.ndarray:
        """Of the images, (m,)."""
        return np.array([frame.evaluation.energy_eV for frame in self.frames])

    @property
    def distances_A(self) -> np.ndarray:
        """Along the path, (m,)."""
        return np.array([frame.place for frame in self.frames])


def check_ends(first: Atoms, last: Atoms, match: bool = True) -> None:
    """Refuse ends that no path can join.

    Raises:
        InputError: they differ in atoms or in the cell, or are one structure.
    """
    try:
        matched(first, last, match)
    except BarrierError as error:
        raise InputError(f"learn.path.ends: {error}") from None


def walk_path(
    potential: Potential, first: Atoms, last: Atoms, settings: PathSettings, progress: News = unheard
) -> WalkedPath:
    """The path of least energy by this potential, its ends at rest (`properties.barriers.neb`).

    A potential that is wrong enough knows no such path: ends that fall into one another or do not come to rest, more
    valleys in between than can be. Then the first guess between the ends as they were given is shown, for there it has
    to learn.
    """
    barrier = BarrierSettings(
        images=settings.images, match=settings.match, band=BandSettings(max_steps=settings.steps)
    )
    try:
        path = neb(potential, first, last, barrier, progress)
    except BarrierError as error:
        return _walked(potential, _guess(first, last, settings), False, str(error))
    return _walked(potential, path.images, path.converged)


def _guess(first: Atoms, last: Atoms, settings: PathSettings) -> list[Atoms]:
    ends = matched(first, last, settings.match)
    every = np.arange(len(first))
    a, b = ends.initial.positions, ends.final.positions
    points = idpp_path(a, first.cell.array, every, a, b, settings.images)
    return [Atoms(first.numbers, point, cell=first.cell, pbc=True) for point in points]


def _walked(potential: Potential, images: Sequence[Atoms], converged: bool, trouble: str = "") -> WalkedPath:
    points = np.stack([image.positions for image in images])
    places = np.concatenate([[0.0], np.cumsum(lengths(np.diff(points, axis=0)))])
    found = evaluate_all(potential, [structure_of(image) for image in images])
    frames = [
        Frame(Atoms(image.numbers, image.positions, cell=image.cell, pbc=True), evaluation, k, float(place))
        for k, (image, evaluation, place) in enumerate(zip(images, found, places, strict=True))
    ]
    between = [f for f in frames[1:-1] if f.sound] or frames[1:-1]
    top = max(between, key=lambda f: f.evaluation.energy_eV).walker
    return WalkedPath(frames, top, converged, trouble)


class PathWalk:
    """The images of the path one after another, shaken: held-out frames."""

    unit = "Å along the path"
    independent = True
    rest = 0

    def __init__(
        self,
        potential: Potential,
        first: Atoms,
        last: Atoms,
        settings: PathSettings,
        rng: np.random.Generator,
    ) -> None:
        check_ends(first, last, settings.match)
        self._potential = potential
        self._ends = first, last
        self._settings = settings
        self._rng = rng
        self._waiting: list[Frame] | None = None
        self.length = 0.0

    def step(self) -> Frame | None:
        """The next image; the first call relaxes the band."""
        if self._waiting is None:
            path = walk_path(self._potential, *self._ends, self._settings)
            self.length = float(path.distances_A[-1])
            self._waiting = [self._shaken(frame) for frame in path.frames]
        return self._waiting.pop(0) if self._waiting else None

    def rewind(self) -> None:
        """The next image owes nothing to the last one."""

    def _shaken(self, frame: Frame) -> Frame:
        atoms = frame.atoms.copy()
        atoms.positions += SHAKEN_A * self._rng.normal(size=atoms.positions.shape)
        return Frame(atoms, self._potential.evaluate([structure_of(atoms)])[0], frame.walker, frame.place)
