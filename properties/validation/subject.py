"""Who is tried on what: a potential, a structure as given and a copy of it without symmetry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential, structure_of
from potentials.suitable import check_suitable, closest
from potentials.words import in_words
from properties.validation.limits import Limits, limits_of

RATTLE = 0.02
"""Of the shortest distance, a coordinate's displacement: 0.05 Å in silicon, what 300 K does. At a crystal's rest forces
vanish by symmetry, and a force that is wrong by a factor is as zero as the right one."""
STRAIN = 0.01
"""Of each component of the rattled copy's deformation: shear and all, for the same reason."""
BELIEVABLE = (0.6, 2.0)
"""Shortest distance over the sum of covalent radii in crystals whose units are Å: V=O has 0.72, argon 1.77. A
Lennard-Jones crystal in reduced units lies outside, and is measured by its own shortest distance."""


class RefusedError(RuntimeError):
    """The potential raised something at a structure that a check asked it about."""


@dataclass(frozen=True)
class Subject:
    """What every check is given.

    Attributes:
        given: the structure as it came; a single atom, which feels no force, in a doubled cell.
        rattled: the copy without symmetry: atoms displaced, cell strained.
        masses: u, (n,).
        spacing_A: the shortest distance of the given structure; all steps are shares of it.
        radii_A: (n,), of the atoms, so that bonds are about sums of two: covalent radii, or those scaled to the
            structure's shortest distance where it is in no relation to them.
        limits: what the potential's precision allows.
        seed: of everything random.
        nve_steps: of the NVE run.
    """

    potential: Potential
    given: Structure
    rattled: Structure
    masses: np.ndarray
    spacing_A: float
    radii_A: np.ndarray
    limits: Limits
    seed: int
    nve_steps: int

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Each structure's evaluation, in calls of about `batch_atoms` atoms.

        Raises:
            RefusedError: the potential raised something.
        """
        most = max(len(s.numbers) for s in structures)
        at_once = max(1, self.potential.batch_atoms // most)
        told: list[Evaluation] = []
        with refusals():
            for start in range(0, len(structures), at_once):
                told += self.potential.evaluate(structures[start : start + at_once])
        return told

    def one(self, structure: Structure) -> Evaluation:
        """The evaluation of one structure; errors as in `evaluate`."""
        return self.evaluate([structure])[0]

    def rng(self) -> np.random.Generator:
        """A generator of the seed: the same for every check, whichever run before it."""
        return np.random.default_rng(self.seed)


@contextmanager
def refusals() -> Iterator[None]:
    """Whatever a potential raises inside becomes a RefusedError: a check that fails, not the end of all others."""
    try:
        yield
    except RefusedError:
        raise
    except Exception as error:
        raise RefusedError(in_words(error, 120)) from error


def subject_of(potential: Potential, atoms: Atoms, precision: str | None, nve_steps: int, seed: int) -> Subject:
    """Make ready what the checks need.

    Raises:
        UnsuitableStructureError: no atoms, no three-dimensional cell, atoms that overlap, an element that the potential
            does not know, a potential that cannot evaluate the structure.
        ValueError: a precision that is none.
    """
    limits = limits_of(precision or potential.precision)
    check_suitable(potential, atoms)
    atoms = atoms if len(atoms) > 1 else atoms.repeat((2, 1, 1))
    given = structure_of(atoms)
    spacing_A, ratio = closest(given, covalent_radii[given.numbers])
    scale = 1.0 if BELIEVABLE[0] <= ratio <= BELIEVABLE[1] else ratio
    radii_A = scale * covalent_radii[given.numbers]
    rattled = rattle(given, spacing_A, seed)
    return Subject(potential, given, rattled, atoms.get_masses(), spacing_A, radii_A, limits, seed, nve_steps)


def rattle(structure: Structure, spacing_A: float, seed: int) -> Structure:
    """A copy with atoms displaced and the cell strained, sheared and turned at random."""
    rng = np.random.default_rng(seed)
    deformation = np.eye(3) + STRAIN * rng.normal(size=(3, 3))
    displaced = structure.positions + RATTLE * spacing_A * rng.normal(size=structure.positions.shape)
    return Structure(structure.numbers, displaced @ deformation, structure.cell @ deformation)
