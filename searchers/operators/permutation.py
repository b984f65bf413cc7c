"""Permutation: unlike atoms change places."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.operators.child import accepted
from searchers.operators.supercell import random_fitting
from searchers.space import SearchSpace

_TRIES = 8


def permutation(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) parent after 1 to n/2 swaps of unlike atoms; None where all atoms are alike."""
    if len(set(atoms.numbers)) < 2:
        return None
    for _ in range(_TRIES):
        child = random_fitting(atoms, rng, space)
        if child is None:
            return None
        child.numbers = _swapped(child.numbers, int(rng.integers(1, max(2, len(child) // 2 + 1))), rng)
        if (made := accepted(child, space)) is not None:
            return made
    return None


def applies(space: SearchSpace) -> bool:
    """True where a candidate can hold unlike atoms."""
    return any(sum(c > 0 for c in counts) > 1 for counts in space.compositions)


def _swapped(numbers: np.ndarray, swaps: int, rng: np.random.Generator) -> np.ndarray:
    numbers = numbers.copy()
    for _ in range(swaps):
        first = int(rng.integers(len(numbers)))
        second = int(rng.choice(np.flatnonzero(numbers != numbers[first])))
        numbers[[first, second]] = numbers[[second, first]]
    return numbers
