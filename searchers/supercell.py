"""A primitive cell made as large again as the cell that somebody works with."""

from __future__ import annotations

from functools import cache

import numpy as np
from ase import Atoms
from ase.build import make_supercell

from searchers.lattice import shortest_basis

SUPERLATTICES_DRAWN = 4  # superlattices drawn; the most compact is taken, so that long needles are rare


def supercell_of(atoms: Atoms, n: int, rng: np.random.Generator, draws: int = SUPERLATTICES_DRAWN) -> Atoms | None:
    """A random, rather compact supercell of n atoms; None where n is no multiple of the cell's atoms.

    Random, because each superlattice opens its own valleys around one and the same crystal.

    Args:
        atoms: a crystal, not changed.
        n: atoms wanted.
        rng: source of every random number.
        draws: superlattices among which the most compact is taken.
    """
    copies, rest = divmod(n, len(atoms))
    if rest or not copies:
        return None
    if copies == 1:
        return atoms.copy()
    matrices = _superlattices(copies)
    drawn = [matrices[int(i)] for i in rng.integers(len(matrices), size=draws)]
    cells = [shortest_basis(matrix @ atoms.cell.array) for matrix in drawn]
    best = min(cells, key=lambda cell: float((cell**2).sum()))
    matrix = np.rint(best @ np.linalg.inv(atoms.cell.array)).astype(int)
    supercell = make_supercell(atoms, matrix if np.linalg.det(matrix) > 0 else -matrix)
    return supercell if len(supercell) == n else None


@cache
def _superlattices(copies: int) -> tuple[np.ndarray, ...]:
    """One matrix of each superlattice of this index, in Hermite's normal form."""
    return tuple(
        np.array([[a, 0, 0], [b, c, 0], [d, e, copies // (a * c)]])
        for a in _divisors(copies)
        for c in _divisors(copies // a)
        for b in range(a)
        for d in range(a)
        for e in range(c)
    )


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]
