"""The energy as a function of coordinates: all that a path, a saddle or a descent has to know of what it moves on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms

from potentials.neighbours import Structure
from potentials.potential import Potential
from properties.errors import PropertyError
from properties.evaluating import evaluate_all


class BarrierError(PropertyError):
    """A barrier that cannot be had so; the message says why, in one line."""


Surface = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Energies (m,), eV, and forces (m, n, d), eV/Å, of m points (m, n, d), Å: n particles in d dimensions each."""


@dataclass
class Calls:
    """Counts the model calls of everything that shares a potential."""

    n: int = 0


@dataclass(frozen=True)
class AtomsSurface:
    """The energy of a crystal as a function of the places of its free atoms, the cell and all others held.

    Attributes:
        potential: asked for all points of a call in one batch.
        atoms: gives cell, elements, and the places of what is held.
        free: indices of the atoms that move, (n,).
        calls: model calls spent.
    """

    potential: Potential
    atoms: Atoms
    free: np.ndarray
    calls: Calls = field(default_factory=Calls)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Surface`.

        Raises:
            EvaluationError: an energy or a force that is not finite.
        """
        structures = [Structure(self.atoms.numbers, self.positions(x), self.atoms.cell.array) for x in points]
        told = evaluate_all(self.potential, structures)
        self.calls.n += len(told)
        forces = np.array([one.forces_eV_A[self.free] for one in told])
        return np.array([one.energy_eV for one in told]), forces.reshape(points.shape)

    def positions(self, point: np.ndarray) -> np.ndarray:
        """Of all atoms, Å, (N, 3)."""
        positions = self.atoms.positions.copy()
        positions[self.free] = point
        return positions

    def at(self, point: np.ndarray) -> Atoms:
        """The crystal there, without a calculator."""
        atoms = self.atoms.copy()
        atoms.set_positions(self.positions(point), apply_constraint=False)
        return atoms

    def of(self, indices: np.ndarray, point: np.ndarray) -> AtomsSurface:
        """Of some of the atoms alone, the others held where `point` has them."""
        return AtomsSurface(self.potential, self.at(point), indices, self.calls)

    def in_double_precision(self) -> AtomsSurface:
        """The same by the potential in float64."""
        return AtomsSurface(self.potential.in_double_precision(), self.atoms, self.free, self.calls)

    @property
    def masses_u(self) -> np.ndarray:
        """Of the free atoms, (n,)."""
        return np.asarray(self.atoms.get_masses()[self.free])

    @property
    def floats(self) -> bool:
        """Whether nothing holds it in place: three shifts as a whole cost no energy."""
        return len(self.free) == len(self.atoms)


def surface_of(potential: Potential, atoms: Atoms) -> AtomsSurface:
    """Where `FixAtoms` holds atoms, the others move.

    Raises:
        BarrierError: constraints of another kind, no atom that could move, forces that are no energy's derivative.
    """
    if not potential.conservative:
        raise BarrierError(
            f"{potential.metadata.name}: its forces are not the derivative of its energy, and there is no barrier then "
            "between two states; of QM/ML take scheme: subtractive"
        )
    held: list[int] = []
    for constraint in atoms.constraints:
        if not isinstance(constraint, FixAtoms):
            raise BarrierError(f"{type(constraint).__name__}: only FixAtoms is known to barriers; take it off")
        held += [int(k) for k in constraint.index]
    free = np.setdiff1d(np.arange(len(atoms)), held)
    if not len(free):
        raise BarrierError("all atoms are held: none is left to hop")
    bare = atoms.copy()
    bare.calc = None
    return AtomsSurface(potential, bare, free)


def largest(forces: np.ndarray) -> np.ndarray:
    """Of each point the largest force on a particle; forces (m, n, d), result (m,)."""
    return np.asarray(np.linalg.norm(forces, axis=-1).max(-1))


def without_shift(vectors: np.ndarray, floats: bool) -> np.ndarray:
    """Vectors (..., n, d) less their mean over particles, where the whole is free to shift."""
    return vectors - vectors.mean(-2, keepdims=True) if floats else vectors


def lengths(steps: np.ndarray) -> np.ndarray:
    """Euclidean length of each step (m, n, d) over all coordinates, Å, (m,)."""
    return np.asarray(np.sqrt((steps**2).sum(axis=(-2, -1))))


News = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, of how much."""


def unheard(doing: str, done: int, of: int) -> None:
    """Nobody listens."""


def listed(points: Sequence[np.ndarray]) -> np.ndarray:
    """Points as one array, (m, n, d)."""
    return np.stack([np.asarray(p, float) for p in points])
