"""Wyckoff: a child that keeps its parent's space group, as large moves as its free coordinates allow."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.distances import far_enough
from searchers.operators.child import accepted, spacing_A
from searchers.operators.supercell import smallest_fitting
from searchers.operators.symmetric_move import symmetric_move
from searchers.space import SearchSpace
from searchers.symmetry import idealised

RELAXED = 0.02  # of the spacing, 0.05 Å: how far a relaxed crystal may be off its symmetry
_TRIES = 8


def wyckoff(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """The parent displaced and strained within its space group, or with two orbits' elements exchanged.

    Random displacements and a random strain are averaged over all operations of the group, which leaves the
    free coordinates of the Wyckoff positions and the free shape of the cell. None where there are none, as in
    diamond at fixed volume.
    """
    ideal = idealised(atoms, RELAXED * spacing_A(atoms))
    for attempt in range(_TRIES if ideal is not None else 0):
        assert ideal is not None
        moved = symmetric_move(ideal.atoms, ideal.operations, 1 - attempt / _TRIES, rng)
        fitting = smallest_fitting(moved, rng, space) if moved is not None else None
        if fitting is None:
            return None
        # Pushes would break the symmetry, so a child that needs them is made again, smaller.
        if far_enough(fitting, space.min_distance_scale):
            return accepted(fitting, space)
    return None
