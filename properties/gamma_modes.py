"""Vibrations at Γ of one cell, by finite displacements: which way a crystal gives most easily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from potentials.neighbours import Structure
from potentials.potential import Potential
from properties.evaluating import EvaluationError, evaluate_all

_STEP = 0.005  # of the cube root of the volume per atom, 0.01 Å: phonopy's own, for cells in any units
_SYMMETRIC = 1e-3  # of it: symmetry that a relaxed cell has to this much saves calls
_TO_THZ = 1e3 * units.fs / (2 * np.pi)  # of sqrt(eV/(Å^2 u)): 15.633


@dataclass(frozen=True)
class GammaModes:
    """Vibrations at Γ, the three in which all atoms move alike left out.

    Attributes:
        frequencies_THz: ascending, imaginary ones as negative numbers, shape (m,).
        displacements: Cartesian patterns, largest atomic displacement 1, shape (m, n, 3).
    """

    frequencies_THz: np.ndarray
    displacements: np.ndarray


def gamma_modes(potential: Potential, atoms: Atoms, most: int = 12) -> tuple[GammaModes, int]:
    """The lowest modes of a cell whose images all move alike, and the model calls they cost.

    phonopy (Togo, J. Phys. Soc. Jpn. 92, 012001 (2023)) chooses the displacements that the cell's symmetry
    leaves, of 0.005 of the spacing: 2 for rocksalt's cell of 2 or 8 atoms, 6n without symmetry. Rigid shifts are
    projected out of the dynamical matrix, so none is mistaken for a soft mode.

    Args:
        potential: gives the forces, of all displaced cells in batches of `batch_atoms`.
        atoms: periodic in three directions; at rest or not, not changed.
        most: how many modes are wanted; there are 3n − 3.

    Raises:
        ValueError: the potential gave a force that is not finite.
    """
    phonons = _displaced(atoms)
    cells = phonons.supercells_with_displacements or []
    displaced = [Structure(c.numbers, c.positions, c.cell) for c in cells]
    phonons.forces = _forces_eV_A(potential, displaced)
    phonons.produce_force_constants()
    return _lowest(np.asarray(phonons.force_constants), atoms.get_masses(), most), len(displaced)


def _displaced(atoms: Atoms) -> Phonopy:
    """The cell, its own supercell, with the displacements that symmetry does not give from others."""
    spacing_A = (abs(atoms.cell.volume) / len(atoms)) ** (1 / 3)
    cell = PhonopyAtoms(
        numbers=atoms.numbers, scaled_positions=atoms.get_scaled_positions(), cell=atoms.cell.array,
        masses=atoms.get_masses(),
    )  # fmt: skip
    phonons = Phonopy(cell, np.eye(3, dtype=int), primitive_matrix=np.eye(3), symprec=_SYMMETRIC * spacing_A)
    phonons.generate_displacements(distance=_STEP * spacing_A)
    return phonons


def _forces_eV_A(potential: Potential, structures: Sequence[Structure]) -> np.ndarray:
    """Shape (structures, n, 3)."""
    try:
        return np.array([e.forces_eV_A for e in evaluate_all(potential, structures)])
    except EvaluationError as error:
        raise ValueError(str(error)) from None


def _lowest(force_constants: np.ndarray, masses: np.ndarray, most: int) -> GammaModes:
    """Modes of force constants (n, n, 3, 3), eV/Å^2, and masses (n,), u."""
    n = len(masses)
    roots = np.repeat(np.sqrt(masses), 3)
    dynamical = force_constants.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n) / np.outer(roots, roots)
    # Rigid shifts are spanned by the first three columns of the rotation, so the rest never meets them
    shifts = np.tile(np.eye(3), (n, 1)) * roots[:, None]
    inner = np.linalg.qr(shifts, mode="complete")[0][:, 3:]
    squares, vectors = np.linalg.eigh(inner.T @ (dynamical + dynamical.T) @ inner / 2)
    patterns = ((inner @ vectors[:, :most]) / roots[:, None]).T.reshape(-1, n, 3)
    largest = np.linalg.norm(patterns, axis=-1).max(-1, initial=0.0)
    frequencies_THz = np.sign(squares) * np.sqrt(np.abs(squares)) * _TO_THZ
    return GammaModes(frequencies_THz[:most], patterns / largest[:, None, None])
