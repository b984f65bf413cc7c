"""Strained cells: which strains, how large, and what a finite strain means.

Strains are Green and Lagrange's, η = (FᵀF − 1)/2, and F = (1 + 2η)^½ turns nothing. Then E(η)/V₀ is a power series
whose second derivatives are the elastic constants of the crystal as it is, C = ∂²E/∂η²/V₀ (Brugger, Phys. Rev. 133,
A1611 (1964)), and the stress that belongs to η, ∂E/∂η/V₀, is the second one of Piola and Kirchhoff.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.linalg import sqrtm

from potentials.neighbours import Structure
from properties.elastic.mandel import mandel, tensor_of

NEW = 0.1
"""A direction whose energy is to this share something that the directions before it do not tell, is worth measuring."""


def directions(basis: np.ndarray) -> np.ndarray:
    """The fewest strains whose energies alone determine all elastic constants that symmetry leaves, (m, 6), Mandel.

    E''/V₀ along d is d·C d, so each new direction must add to the rank of what is known. Single strains come first,
    then pairs of normal strains, of shears, and of both. Stresses along the same directions are more than enough, for
    each gives six numbers where an energy gives one.

    basis: as `independent` gives it, (m, 6, 6).
    """
    chosen: list[np.ndarray] = []
    known = np.empty((0, len(basis)))
    for candidate in _candidates():
        tells = np.einsum("i,kij,j->k", candidate, basis, candidate)
        new = tells - known.T @ (known @ tells)
        if np.linalg.norm(new) > NEW * np.linalg.norm(tells):
            known = np.vstack([known, new / np.linalg.norm(new)])
            chosen.append(candidate)
        if len(chosen) == len(basis):
            break
    assert len(chosen) == len(basis), "21 strains determine 21 constants"
    return np.array(chosen)


def _candidates() -> list[np.ndarray]:
    units = np.eye(6)
    pairs = sorted(combinations(range(6), 2), key=lambda pair: (sum(k > 2 for k in pair) % 2, pair))
    return [*units, *((units[i] + units[j]) / np.sqrt(2) for i, j in pairs)]


def deformation(strain: np.ndarray) -> np.ndarray:
    """F, (3, 3), symmetric, of a Green-Lagrange strain (6,), Mandel."""
    return np.real(sqrtm(np.eye(3) + 2 * tensor_of(strain)))


def strained(structure: Structure, strain: np.ndarray, displacements_A: np.ndarray | None = None) -> Structure:
    """The cell of x = F (X + w): cell and ions deformed alike, ions displaced by w, (n, 3), before that."""
    F = deformation(strain)
    moved = structure.positions if displacements_A is None else structure.positions + displacements_A
    return Structure(structure.numbers, moved @ F.T, structure.cell @ F.T)


def piola_kirchhoff(cauchy: np.ndarray, strain: np.ndarray) -> np.ndarray:
    """Second Piola-Kirchhoff stress, (6,), Mandel, S = det F F⁻¹ σ F⁻ᵀ, of a stress (3, 3) in the strained cell."""
    F = deformation(strain)
    inverse = np.linalg.inv(F)
    return mandel(np.linalg.det(F) * inverse @ cauchy @ inverse.T)
