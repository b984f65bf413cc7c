"""Parents, which come back as primitive cells, brought to the sizes of the search."""

from __future__ import annotations

from math import gcd

import numpy as np
from ase import Atoms

from searchers.lattice import shortest_basis
from searchers.operators.child import counts_of
from searchers.space import SearchSpace
from searchers.supercell import SUPERLATTICES_DRAWN, supercell_of


def random_supercell(atoms: Atoms, factor: int, rng: np.random.Generator, draws: int = SUPERLATTICES_DRAWN) -> Atoms:
    """A random supercell of `factor` cells, by its lattice's shortest vectors."""
    # A fresh Atoms: no calculator, constraints or arrays of the parent come along.
    bare = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    made = supercell_of(bare, factor * len(atoms), rng, draws) or bare.repeat((factor, 1, 1))
    made.set_cell(shortest_basis(np.asarray(made.cell.array, dtype=float)))
    made.wrap()
    return made


def fitting_factors(atoms: Atoms, space: SearchSpace) -> list[int]:
    """How many cells of `atoms` make a cell that belongs to the space; empty where none does."""
    counts = counts_of(atoms, space)
    if counts is None:
        return []
    factors = range(1, space.max_atoms // len(atoms) + 1)
    return [f for f in factors if tuple(f * c for c in counts) in space.allowed_counts]


def random_fitting(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A supercell of random size that belongs to the space, None where none does.

    A supercell lets an operator break the translations of its parent, which is how larger cells are reached
    from a parent that came back primitive.
    """
    factors = fitting_factors(atoms, space)
    return random_supercell(atoms, int(rng.choice(factors)), rng) if factors else None


def smallest_fitting(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A random supercell of the smallest size that belongs to the space, None where none does.

    For operators that keep translations: a larger cell would be the same crystal at a higher price.
    """
    factors = fitting_factors(atoms, space)
    return random_supercell(atoms, factors[0], rng) if factors else None


def has_supercells(space: SearchSpace) -> bool:
    """True where some cell of the space can be several equal ones."""
    return any(gcd(*counts) > 1 for counts in space.compositions)
