"""Random crystals without symmetry whose atoms keep apart as evenly as they can."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from searchers.distances import far_enough
from searchers.generation import random_cell, random_p1
from searchers.lattice import shortest_basis
from searchers.operators.separation import push_apart

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
        cell = shortest_basis(random_cell(volume_A3, rng))
        positions = rng.random((len(symbols), 3)) @ cell
        atoms = pushed(Atoms(symbols, positions=positions, cell=cell, pbc=True))
        if far_enough(atoms, scale):
            return atoms
    return random_p1(atoms_of, volume_A3, scale, rng)


def pushed(atoms: Atoms) -> Atoms:
    """The atoms after rounds of pushes along the lines of all pairs that are nearer than their radii's sum.

    atoms: in a cell of short vectors; not changed.
    """
    cell = np.asarray(atoms.cell.array, dtype=float)
    radii = covalent_radii[atoms.numbers]
    pairs = np.triu_indices(len(atoms), 1)
    wanted_A = _WANTED * (radii[pairs[0]] + radii[pairs[1]])
    moved = atoms.copy()
    for _ in range(_ROUNDS):
        if not push_apart(moved, cell, pairs, wanted_A, share=_SHARE):
            break
    moved.wrap()
    return moved
