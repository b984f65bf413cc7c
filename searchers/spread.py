"""Atoms pushed apart until they share the room evenly, and random crystals made so."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from searchers.distances import far_enough, image_vectors
from searchers.generation import random_cell, random_p1
from searchers.lattice import shortest_basis

_WANTED = 1.0  # of the sum of covalent radii: more than fits, so that pushes spread all the room there is
_ROUNDS = 40
_SHARE = 0.5  # of what a pair lacks that a push gives it: whole pushes swing
_TRIES = 6


def spread_crystal(atoms_of: Mapping[str, int], volume_A3: float, scale: float, rng: np.random.Generator) -> Atoms:
    """Atoms at random in a random cell without symmetry, then pushed apart for some rounds.

    A model would do the same pushing at a call a round: Lennard-Jones cells of 16 atoms that were only kept from
    clashing took 52 calls to relax.

    Args:
        atoms_of: atoms of each chemical symbol.
        volume_A3: of the cell.
        scale: minimum distance in sums of covalent radii that the result keeps.
        rng: source of every random number.
    """
    symbols = [symbol for symbol, n in atoms_of.items() for _ in range(n)]
    for _ in range(_TRIES):
        cell = random_cell(volume_A3, rng)
        positions = rng.random((len(symbols), 3)) @ cell
        atoms = pushed(Atoms(symbols, positions=positions, cell=cell, pbc=True))
        if far_enough(atoms, scale):
            return atoms
    return random_p1(atoms_of, volume_A3, scale, rng)


def pushed(atoms: Atoms) -> Atoms:
    """The atoms after rounds of pushes along the lines of all pairs that are nearer than their radii's sum.

    A pair is pushed by every periodic image that is too near, all at once, so that pushes have the symmetry of the
    crystal and leave it its space group.

    atoms: not changed; what comes back has a cell of short vectors.
    """
    cell = shortest_basis(np.asarray(atoms.cell.array, dtype=float))
    radii = covalent_radii[atoms.numbers]
    first, second = np.triu_indices(len(atoms), 1)
    wanted_A = _WANTED * (radii[first] + radii[second])
    moved = atoms.copy()
    moved.set_cell(cell)
    inverse = np.linalg.inv(cell)
    for _ in range(_ROUNDS):
        vectors = image_vectors(cell, (moved.positions[first] - moved.positions[second]) @ inverse)
        distances_A = np.maximum(np.linalg.norm(vectors, axis=2), 1e-9)
        lacking_A = np.maximum(wanted_A[:, None] - distances_A, 0.0)
        if not lacking_A.any():
            break
        push = np.einsum("pi,pix->px", _SHARE * lacking_A / distances_A / 2, vectors)
        np.add.at(moved.positions, first, push)
        np.add.at(moved.positions, second, -push)
    moved.wrap()
    return moved
