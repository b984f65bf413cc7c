"""What a crystal's point group leaves of its elastic constants."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from properties.elastic.mandel import rotations_of_six


def projected(stiffness: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """The part of elastic constants (Mandel, (6, 6)) that all rotations (g, 3, 3) leave as it is: their mean."""
    sixes = rotations_of_six(rotations)
    return np.mean(sixes @ stiffness @ sixes.transpose(0, 2, 1), axis=0)


def independent(rotations: np.ndarray) -> np.ndarray:
    """Orthonormal elastic constants, (m, 6, 6), Mandel, of which all that the point group (g, 3, 3) allows are sums.

    m: 3 cubic, 5 hexagonal, 6 or 7 tetragonal and trigonal, 9 orthorhombic, 13 monoclinic, 21 triclinic.
    """
    units = _symmetric_units()
    means = np.array([projected(unit, rotations) for unit in units])
    overlaps = np.einsum("kij,lij->kl", units, means)
    shares, vectors = np.linalg.eigh((overlaps + overlaps.T) / 2)
    # A projection: each share is 0 or 1 to rounding
    return np.einsum("kl,kij->lij", vectors[:, shares > 0.5], units)


def independent_entries(basis: np.ndarray) -> list[tuple[int, int]]:
    """Places (row, column) of constants that determine all others, in reading order: 11, 12, 44 where it is cubic.

    basis: as `independent` gives it.
    """
    chosen: list[tuple[int, int]] = []
    known = np.empty((0, len(basis)))
    for i, j in combinations_with_replacement(range(6), 2):
        new = basis[:, i, j] - known.T @ (known @ basis[:, i, j])
        if np.linalg.norm(new) > 1e-6:
            known = np.vstack([known, new / np.linalg.norm(new)])
            chosen.append((i, j))
    return chosen


def _symmetric_units() -> np.ndarray:
    """The 21 orthonormal symmetric matrices, (21, 6, 6)."""
    units = []
    for i, j in combinations_with_replacement(range(6), 2):
        unit = np.zeros((6, 6))
        unit[i, j] = unit[j, i] = 1.0 if i == j else np.sqrt(0.5)
        units.append(unit)
    return np.array(units)


def free_internal_strains(rotations: np.ndarray, permutations: np.ndarray) -> int:
    """How many numbers tell the forces that a small strain brings about on clamped ions; 0 where symmetry forbids any.

    The count of invariants in (displacements without rigid shifts) ⊗ (strains), by characters: an operation has the
    character tr R (f − 1) on the former, f being how many atoms it leaves where they are.

    rotations, permutations: as `StandardCell` has them, (g, 3, 3) and (g, n).
    """
    fixed = (permutations == np.arange(permutations.shape[1])).sum(axis=1)
    on_strains = np.trace(rotations_of_six(rotations), axis1=1, axis2=2)
    return round(float(np.mean(np.trace(rotations, axis1=1, axis2=2) * (fixed - 1) * on_strains)))
