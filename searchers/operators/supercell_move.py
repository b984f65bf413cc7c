"""Supercell: a parent in a larger cell, with a wave frozen in that its own cell could not hold."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.operators.child import accepted, spacing_A
from searchers.operators.supercell import fitting_factors, random_supercell
from searchers.space import SearchSpace

AMPLITUDE = (0.05, 0.3)  # of the spacing: enough to leave a saddle point, not to lose the crystal
_TRIES = 8
_DRAWS = 20  # of wave vectors; at least half of them are none of the parent's


def supercell_move(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A random supercell of at least two parents, displaced by a wave that the parent's cell cannot hold.

    The wave vector is a random one of those that the supercell folds to Γ: with two parents a point of the zone
    boundary. Each atom of the parent has its own polarisation. So distorted superstructures are reached, as
    zone-boundary modes make them.
    """
    factors = [f for f in fitting_factors(atoms, space) if f > 1]
    for _ in range(_TRIES if factors else 0):
        child = random_supercell(atoms, int(rng.choice(factors)), rng)
        wave = _wave(child, atoms, rng)
        largest = np.linalg.norm(wave, axis=1).max()
        child.positions += wave * (rng.uniform(*AMPLITUDE) * spacing_A(atoms) / largest)
        if (made := accepted(child, space)) is not None:
            return made
    return None


def _wave(supercell: Atoms, atoms: Atoms, rng: np.random.Generator) -> np.ndarray:
    """Re[e_κ exp(2πi k·s)] for each atom, shape (n, 3): s fractional in the supercell, k whole numbers."""
    phases = 2 * np.pi * (supercell.get_scaled_positions() @ _wave_vector(supercell, atoms, rng))
    polarisations = rng.normal(size=(2, len(atoms), 3))
    # Supercells repeat the parent's list of atoms.
    real, imaginary = np.tile(polarisations, (1, len(supercell) // len(atoms), 1))
    return np.asarray(np.cos(phases)[:, None] * real - np.sin(phases)[:, None] * imaginary)


def _wave_vector(supercell: Atoms, atoms: Atoms, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers (3,): a reciprocal vector of the supercell that is none of the parent's."""
    parent = atoms.cell.array @ np.linalg.inv(supercell.cell.array)
    copies = len(supercell) // len(atoms)
    while True:
        k = rng.integers(0, copies, 3)
        turns = parent @ k
        if np.abs(turns - np.rint(turns)).max() > 0.5 / copies:
            return np.asarray(k)
