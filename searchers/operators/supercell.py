"""Supercells of the primitive cells that parents come back in."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms

from searchers.distances import reduced_cell
from searchers.operators.child import counts_of
from searchers.space import SearchSpace

_SHAPES = 3  # supercells drawn, of which the most compact is kept: needles make poor parents


def random_supercell(atoms: Atoms, factor: int, rng: np.random.Generator) -> Atoms:
    """A supercell of `factor` cells, its lattice one of the derivative lattices, by its shortest vectors.

    Every superlattice has one Hermite normal form: Hart and Forcade, Phys. Rev. B 77, 224115 (2008).
    """
    cell = np.asarray(atoms.cell.array, dtype=float)
    if factor == 1:
        return _wrapped(atoms.numbers, atoms.positions, reduced_cell(cell))
    forms = _hermite_forms(factor)
    drawn = [forms[int(i)] for i in rng.integers(len(forms), size=_SHAPES)]
    cells = [reduced_cell(form @ cell) for form in drawn]
    best = int(np.argmin([np.linalg.norm(c, axis=1).max() for c in cells]))
    points = np.array(list(product(*(range(int(d)) for d in np.diag(drawn[best])))), dtype=float) @ cell
    positions = (np.asarray(atoms.positions)[None] + points[:, None]).reshape(-1, 3)
    return _wrapped(np.tile(atoms.numbers, factor), positions, cells[best])


def fitting_factors(atoms: Atoms, space: SearchSpace) -> list[int]:
    """How many cells of `atoms` make a cell that belongs to the space; empty where none does."""
    counts = counts_of(atoms, space)
    if counts is None:
        return []
    allowed = set(space.compositions)
    return [f for f in range(1, space.max_atoms // len(atoms) + 1) if tuple(f * c for c in counts) in allowed]


def random_fitting(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A supercell of random size that belongs to the space, None where none does.

    A supercell lets an operator break the translations of its parent, which is how larger cells are reached
    from a parent that came back primitive.
    """
    factors = fitting_factors(atoms, space)
    return random_supercell(atoms, int(rng.choice(factors)), rng) if factors else None


def _wrapped(numbers: np.ndarray, positions: np.ndarray, cell: np.ndarray) -> Atoms:
    # A fresh Atoms: no calculator, constraints or arrays of the parent come along.
    made = Atoms(numbers=numbers, positions=positions, cell=cell, pbc=True)
    made.wrap()
    return made


def _hermite_forms(n: int) -> list[np.ndarray]:
    """All integer matrices [[a, 0, 0], [b, c, 0], [d, e, f]] with a c f = n: one per superlattice."""
    forms = []
    for a in (i for i in range(1, n + 1) if n % i == 0):
        for c in (i for i in range(1, n // a + 1) if (n // a) % i == 0):
            for b, d, e in product(range(a), range(a), range(c)):
                forms.append(np.array([[a, 0, 0], [b, c, 0], [d, e, n // (a * c)]], dtype=float))
    return forms
