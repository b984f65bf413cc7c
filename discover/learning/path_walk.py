"""A minimum-energy path as an explorer: every image of a band on its way to the saddle."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.mep import NEB
from ase.optimize import FIRE

from discover.config_learning import PathSettings
from discover.errors import InputError
from discover.learning.frames import Frame
from potentials import Potential
from potentials.potential import PotentialCalculator

_STIR_A = 0.02
"""By which images are moved when a band is begun: no two go exactly the same way, or into the same dead end again."""


def check_ends(first: Atoms, last: Atoms) -> None:
    """Refuse ends that no path can join.

    Raises:
        InputError: they differ in atoms, in their order, or in the cell.
    """
    same = len(first) == len(last) and bool((first.numbers == last.numbers).all())
    if not same or not np.allclose(first.cell.array, last.cell.array, atol=1e-3):
        raise InputError("learn.path.ends: the two ends need the same atoms in the same order, and the same cell")


class PathWalk:
    """A climbing-image nudged elastic band between two ends; places are optimiser steps.

    ASE's, with the improved tangent (Henkelman & Jónsson, J. Chem. Phys. 113, 9978 (2000)), from an IDPP start
    (Smidstrup et al., J. Chem. Phys. 140, 214106 (2014)). The ends are not relaxed.

    Raises:
        InputError: ends of different atoms or cells.
    """

    unit = "steps"
    independent = False
    rest = 0

    def __init__(
        self, potential: Potential, first: Atoms, last: Atoms, settings: PathSettings, rng: np.random.Generator
    ) -> None:
        check_ends(first, last)
        self.length = settings.steps
        self._potential = potential
        self._ends = first, last
        self._settings = settings
        self._rng = rng
        self._steps = 0
        self._converged = False
        self._waiting: list[Frame] = []
        self._begin()

    def step(self) -> Frame | None:
        """The next image along the path; after the last of them the band takes a step."""
        if not self._waiting:
            if self._steps >= self._settings.steps or self._converged:
                return None
            self._converged = bool(self._optimiser.run(fmax=0.05, steps=1))
            self._steps += 1
            self._waiting = [self._frame(k, image) for k, image in enumerate(self._images[1:-1])]
        return self._waiting.pop(0)

    def rewind(self) -> None:
        """A new band, its images moved a little."""
        self._begin()

    def _begin(self) -> None:
        first, last = self._ends
        self._images = [first.copy(), *(first.copy() for _ in range(self._settings.images)), last.copy()]
        for image in self._images:
            image.calc = PotentialCalculator(self._potential)
        band = NEB(self._images, climb=True, method="improvedtangent", allow_shared_calculator=False)
        band.interpolate("idpp", mic=True)
        for image in self._images[1:-1]:
            image.positions += _STIR_A * self._rng.normal(size=image.positions.shape)
        self._optimiser = FIRE(band, logfile=None)
        self._converged = False
        self._waiting = []

    def _frame(self, walker: int, image: Atoms) -> Frame:
        image.get_forces()
        evaluation = image.calc.evaluation
        atoms = Atoms(image.numbers, image.positions, cell=image.cell, pbc=True)
        return Frame(atoms, evaluation, walker, float(self._steps))
