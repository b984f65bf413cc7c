"""Slip: one half of a crystal slides against the other along a lattice plane."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.operators.child import accepted
from searchers.operators.supercell import random_fitting
from searchers.space import SearchSpace

_SPECIAL = (0.0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)  # of an edge: where stackings of symmetric layers meet again
_SPECIAL_SHARE = 0.5  # of slips
_ONE_FAULT = 0.5  # share of slips in which the far side of the cell slides along, so that it meets as before
_SAME_LAYER = 1e-3  # fractional
_TRIES = 8


def slip(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) parent whose upper part slid by a random vector of the plane between.

    The plane holds two of the cell's edges. Half of the vectors have fractions 0, 1/4, 1/3, 1/2, 2/3, 3/4.
    With the third edge left as it is the cell has two faults, where it slides too one: so a stacking may go
    from fcc to hcp or to twins. Muse has an operator of this name: Z.-L. Liu, arXiv:1303.2802 (2013).
    """
    for _ in range(_TRIES):
        child = random_fitting(atoms, rng, space)
        if child is None:
            return None
        slid = _slid(child, rng)
        if slid is not None and (made := accepted(slid, space)) is not None:
            return made
    return None


def _slid(atoms: Atoms, rng: np.random.Generator) -> Atoms | None:
    """The atoms after one slip; None where all lie in one layer and nothing would slide against anything."""
    normal, first, second = rng.permutation(3).tolist()
    fractions = (atoms.get_scaled_positions() + rng.random(3)) % 1.0
    cell = atoms.cell.array.copy()
    vector = _fractions(rng) @ cell[[first, second]]
    upper = fractions[:, normal] >= _cut(fractions[:, normal], rng)
    one_fault = rng.random() < _ONE_FAULT
    if not one_fault and (upper.all() or not upper.any()):
        return None
    positions = fractions @ cell + upper[:, None] * vector
    if one_fault:
        cell[normal] += vector
    return Atoms(numbers=atoms.numbers, positions=positions, cell=cell, pbc=True)


def _fractions(rng: np.random.Generator) -> np.ndarray:
    """Fractions (2,) of the plane's edges, not both zero."""
    if rng.random() < _SPECIAL_SHARE:
        n = len(_SPECIAL)
        return np.array([_SPECIAL[i] for i in divmod(int(rng.integers(1, n * n)), n)])
    return rng.random(2)


def _cut(heights: np.ndarray, rng: np.random.Generator) -> float:
    """A height midway between two neighbouring layers, drawn evenly; 0 where there is one layer."""
    layers = np.sort(heights)
    below = np.flatnonzero(np.diff(layers) > _SAME_LAYER)
    if not len(below):
        return 0.0
    chosen = int(rng.choice(below))
    return float((layers[chosen] + layers[chosen + 1]) / 2)
