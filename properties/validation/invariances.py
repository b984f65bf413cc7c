"""The same crystal, told otherwise: moved, turned, its atoms in another order, in another cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from potentials.neighbours import Structure
from potentials.potential import Evaluation
from properties.validation.check import Check
from properties.validation.subject import Subject

REPEATS = ((2, 1, 1), (1, 2, 1), (1, 1, 2))
SHEARED = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
"""Other vectors of the same lattice: b + a for b, c − b for c; the determinant is one."""
SWAPPED = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
"""Two vectors exchanged, and the determinant with them: a volume of the wrong sign turns stresses round."""


@dataclass(frozen=True)
class Retelling:
    """A structure, and how to read its evaluation as one of the structure it was made from.

    Attributes:
        structure: told otherwise.
        turn: forces and stress are turned back by it, (3, 3), orthogonal.
        atoms: index of the original atom for each of its atoms, (m,).
    """

    structure: Structure
    turn: np.ndarray
    atoms: np.ndarray


def invariance_checks(subject: Subject) -> Iterator[Check]:
    """Energies, forces and stresses of the rattled copy, which has no symmetry to hide behind."""
    base, rng = subject.rattled, subject.rng()
    told = subject.one(base)
    turn = Rotation.random(random_state=subject.seed).as_matrix()
    tellings = {
        "translation": [_translated(base, rng)],
        "rotation": [_turned(base, turn)],
        "permutation": [_permuted(base, rng)],
        "supercell": [*(_repeated(base, repeat) for repeat in REPEATS), _with_vectors(base, SHEARED)],
        "left-handed cell": [_with_vectors(base, SWAPPED)],
    }
    threshold = subject.limits.invariance_eV + subject.limits.rounding_eV(told.energy_eV)
    for name, retold in tellings.items():
        off, culprit = _off_eV(subject, told, retold)
        note = f"worst: {culprit}"
        if name == "rotation":  # a law too, but one that widespread networks of proper rotations alone break
            mirrored, culprit = _off_eV(subject, told, [_mirrored(base)])
            note += f"; mirror image: {mirrored:.1g} eV/atom ({culprit})"
        yield Check(name, off, threshold, "eV/atom", note)


def _off_eV(subject: Subject, told: Evaluation, retold: list[Retelling]) -> tuple[float, str]:
    """The worst of energy, forces and stress, in one unit: all three times a length are energies an atom."""
    answers = subject.evaluate([r.structure for r in retold])
    off = [_difference_eV(subject, told, r, answer) for r, answer in zip(retold, answers, strict=True)]
    worst = {key: float(np.max([o[key] for o in off])) for key in off[0]}
    culprit = max(worst, key=lambda key: worst[key] if np.isfinite(worst[key]) else np.inf)
    return float(np.max(list(worst.values()))), culprit


def _difference_eV(subject: Subject, told: Evaluation, retold: Retelling, answer: Evaluation) -> dict[str, float]:
    n, m = len(told.forces_eV_A), len(retold.atoms)
    forces = answer.forces_eV_A @ retold.turn - told.forces_eV_A[retold.atoms]
    stress = retold.turn.T @ answer.stress_eV_A3 @ retold.turn - told.stress_eV_A3
    return {
        "energy": abs(answer.energy_eV / m - told.energy_eV / n),
        "forces": float(np.abs(forces).max()) * subject.spacing_A,
        "stress": float(np.abs(stress).max()) * subject.rattled.volume_A3 / n,
    }


def _translated(base: Structure, rng: np.random.Generator) -> Retelling:
    """All atoms moved alike, and each by lattice vectors of its own."""
    jumps = rng.integers(-2, 3, size=base.positions.shape) @ base.cell
    positions = base.positions + rng.normal(size=3) + jumps
    return Retelling(Structure(base.numbers, positions, base.cell), np.eye(3), np.arange(len(base.numbers)))


def _turned(base: Structure, turn: np.ndarray) -> Retelling:
    structure = Structure(base.numbers, base.positions @ turn.T, base.cell @ turn.T)
    return Retelling(structure, turn, np.arange(len(base.numbers)))


def _permuted(base: Structure, rng: np.random.Generator) -> Retelling:
    n = len(base.numbers)
    order = np.roll(np.arange(n), 1) if n < 4 else rng.permutation(n)
    return Retelling(Structure(base.numbers[order], base.positions[order], base.cell), np.eye(3), order)


def _repeated(base: Structure, repeat: tuple[int, int, int]) -> Retelling:
    """The axis that is repeated twice has images in order: all atoms, then all atoms one vector further."""
    axis = int(np.argmax(repeat))
    cell = base.cell * np.array(repeat)[:, None]
    positions = np.concatenate([base.positions, base.positions + base.cell[axis]])
    atoms = np.tile(np.arange(len(base.numbers)), 2)
    return Retelling(Structure(base.numbers[atoms], positions, cell), np.eye(3), atoms)


def _mirrored(base: Structure) -> Retelling:
    """Inverted; of three vectors that are, two change places, so that the cell is right-handed again."""
    return Retelling(
        Structure(base.numbers, -base.positions, SWAPPED @ -base.cell), -np.eye(3), np.arange(len(base.numbers))
    )


def _with_vectors(base: Structure, vectors: np.ndarray) -> Retelling:
    structure = Structure(base.numbers, base.positions, vectors @ base.cell)
    return Retelling(structure, np.eye(3), np.arange(len(base.numbers)))
