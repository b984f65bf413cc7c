"""Rattle: every atom displaced at random."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.operators.child import accepted
from searchers.operators.supercell import random_fitting
from searchers.space import SearchSpace

AMPLITUDE = (0.1, 0.4)  # of the cube root of the volume per atom, about the distance of neighbours
_TRIES = 8


def rattle(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) parent with normal displacements of one random amplitude."""
    spacing_A = (abs(atoms.cell.volume) / len(atoms)) ** (1 / 3)
    for _ in range(_TRIES):
        child = random_fitting(atoms, rng, space)
        if child is None:
            return None
        amplitude_A = rng.uniform(*AMPLITUDE) * spacing_A
        child.positions += rng.normal(0.0, amplitude_A / np.sqrt(3), child.positions.shape)
        if (made := accepted(child, space)) is not None:
            return made
    return None
