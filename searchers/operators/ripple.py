"""Ripple: atoms shifted along one axis by a wave that runs along another."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.operators.child import accepted, spacing_A
from searchers.operators.supercell import random_fitting
from searchers.space import SearchSpace

AMPLITUDE = (0.15, 0.6)  # of the spacing
_WAVES = 2  # at most, along an edge of the cell
_TRIES = 8
_NO_RIPPLE = 0.05  # of the spacing: atoms that all move alike, or hardly, make the parent again


def ripple(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) parent, shifted along one edge by ρ cos(2πμx + φ) cos(2πηy + ψ) of the other two.

    Periodic displacement of Lonie and Zurek, Comput. Phys. Commun. 182, 372 (2011). x and y are fractional,
    μ is 1 or 2, η 0 to 2. None where every size has atoms in one layer only, as a cell of one atom.
    """
    for _ in range(_TRIES):
        child = random_fitting(atoms, rng, space)
        if child is None:
            return None
        along, first, second = rng.permutation(3).tolist()
        fractions = child.get_scaled_positions()
        shifts_A = rng.uniform(*AMPLITUDE) * spacing_A(atoms) * _wave(fractions[:, first], fractions[:, second], rng)
        if np.ptp(shifts_A) < _NO_RIPPLE * spacing_A(atoms):
            continue
        edge = child.cell.array[along]
        child.positions += shifts_A[:, None] * edge / np.linalg.norm(edge)
        if (made := accepted(child, space)) is not None:
            return made
    return None


def _wave(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """cos(2πμx + φ) cos(2πηy + ψ), random whole μ and η, random phases; η = 0 is a plane wave."""
    mu, eta = rng.integers(1, _WAVES + 1), rng.integers(0, _WAVES + 1)
    phases = rng.uniform(0, 2 * np.pi, 2)
    plane = np.cos(2 * np.pi * mu * x + phases[0])
    return plane * np.cos(2 * np.pi * eta * y + phases[1]) if eta else plane
