"""How close atoms come to each other, measured in covalent radii."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.geometry import minkowski_reduce

# In a Minkowski-reduced cell the nearest image of a wrapped vector lies in the 27 cells around it.
_SHIFTS = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
_SELF_SHIFTS = _SHIFTS[:13]  # half of the 26 neighbours; the others are their mirror images
_SINGULAR_A3 = 1e-6


def reduced_cell(cell: np.ndarray) -> np.ndarray:
    """The same lattice by its shortest vectors, shape (3, 3), Å; the cell itself where that is no work.

    The cheap test holds for cells whose vectors are near a right angle, which is most of them
    (0.02 ms instead of 0.3 ms for the reduction).
    """
    gram = cell @ cell.T
    lengths2 = np.diag(gram)
    pairwise = all(
        2 * abs(gram[i, j]) <= min(lengths2[i], lengths2[j]) + 1e-9 for i, j in ((0, 1), (0, 2), (1, 2))
    )
    off = gram[0, 1], gram[0, 2], gram[1, 2]
    # The third condition of a Minkowski-reduced basis: no body diagonal shorter than its longest vector.
    diagonals = min(s01 * off[0] + s02 * off[1] + s01 * s02 * off[2] for s01 in (-1, 1) for s02 in (-1, 1))
    if pairwise and lengths2.sum() + 2 * diagonals >= lengths2.max() - 1e-9:
        return cell
    return np.asarray(minkowski_reduce(cell)[0])


def nearest_distances(atoms: Atoms) -> np.ndarray:
    """Shortest distance of each pair over all periodic images, Å, shape (n, n).

    An atom's own nearest image stands on the diagonal. Assumes three periodic directions.

    Raises:
        ValueError: the cell has no volume.
    """
    cell = np.asarray(atoms.cell.array, dtype=float)
    if not abs(np.linalg.det(cell)) > _SINGULAR_A3:
        raise ValueError("the cell has no volume")
    return distances_in_reduced(reduced_cell(cell), atoms.positions)


def distances_in_reduced(cell: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """`nearest_distances` of positions (n, 3), Å, in a `reduced_cell`."""
    n = len(positions)
    first, second = np.triu_indices(n, 1)
    distances = np.empty((n, n))
    np.fill_diagonal(distances, np.sqrt(((_SELF_SHIFTS @ cell) ** 2).sum(1).min()))
    if len(first):
        fractional = positions @ np.linalg.inv(cell)
        delta = fractional[first] - fractional[second]
        delta -= np.rint(delta)
        vectors = (delta @ cell)[:, None, :] + (_SHIFTS @ cell)[None]
        distances[first, second] = np.sqrt(np.einsum("psx,psx->ps", vectors, vectors).min(1))
        distances[second, first] = distances[first, second]
    return distances


def min_distance_ratio(atoms: Atoms) -> float:
    """Smallest (distance / sum of covalent radii) over all pairs, periodic images and self-images included.

    0.0 where the cell has no volume or a number is not finite, so that such a structure is never far enough.
    Covalent radii: Cordero et al., Dalton Trans. 2832 (2008), as in `ase.data`.
    """
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return 0.0
    if abs(atoms.cell.volume) <= _SINGULAR_A3:
        return 0.0
    radii = covalent_radii[atoms.numbers]
    return float((nearest_distances(atoms) / (radii[:, None] + radii[None, :])).min())


def far_enough(atoms: Atoms, scale: float) -> bool:
    """True where no two atoms come closer than `scale` times the sum of their covalent radii."""
    return min_distance_ratio(atoms) >= scale
