"""Void hop: one atom moved into the largest void, as interstitials and vacancies change places."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from searchers.distances import nearest_distances
from searchers.operators.child import accepted
from searchers.operators.supercell import random_fitting
from searchers.operators.voids import voids
from searchers.space import SearchSpace

_TRIES = 8
_ROOM = 0.8  # of an atom's distance to its neighbours that it keeps; titanium has 0.74 in carbon's place in rocksalt

_ALIKE = 0.95  # of the largest void's room: one of these is taken


def void_hop(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) parent with one atom moved to one of the largest voids, in the same cell.

    Voids are those of the crystal with the atom in its place: otherwise it would mostly fall back. None where none of
    the atoms tried has the room to hop.
    """
    for _ in range(_TRIES):
        child = random_fitting(atoms, rng, space)
        if child is None:
            return None
        chosen = int(rng.integers(len(child)))
        points, rooms = voids(child, child.symbols[chosen])
        if rooms[0] < _ROOM * _room(child, chosen):
            continue
        alike = points[rooms > _ALIKE * rooms[0]]
        child.positions[chosen] = alike[int(rng.integers(len(alike)))]
        if (made := accepted(child, space)) is not None:
            return made
    return None


def _room(atoms: Atoms, index: int) -> float:
    """Distance of an atom to its nearest neighbour, its own images too, in sums of covalent radii."""
    radii = covalent_radii[atoms.numbers]
    return float((nearest_distances(atoms)[index] / (radii[index] + radii)).min())
