"""How close atoms come to each other, measured in covalent radii."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from searchers.lattice import shortest_basis

# In a cell of shortest vectors the nearest image of a wrapped vector lies in the 27 cells around it.
_SHIFTS = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
_SELF_SHIFTS = _SHIFTS[:13]  # half of the 26 neighbours; the others are their mirror images
_SINGULAR_A3 = 1e-6


def nearest_distances(atoms: Atoms) -> np.ndarray:
    """Shortest distance of each pair over all periodic images, Å, shape (n, n).

    An atom's own nearest image stands on the diagonal. Assumes three periodic directions.

    Raises:
        ValueError: the cell has no volume.
    """
    cell = np.asarray(atoms.cell.array, dtype=float)
    if not abs(np.linalg.det(cell)) > _SINGULAR_A3:
        raise ValueError("the cell has no volume")
    return distances_in_reduced(shortest_basis(cell), atoms.positions)


def distances_in_reduced(cell: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """`nearest_distances` of positions (n, 3), Å, in a cell of shortest vectors."""
    n = len(positions)
    first, second = np.triu_indices(n, 1)
    distances = np.empty((n, n))
    np.fill_diagonal(distances, np.sqrt(((_SELF_SHIFTS @ cell) ** 2).sum(1).min()))
    if len(first):
        fractional = positions @ np.linalg.inv(cell)
        vectors = nearest_vectors(cell, fractional[first] - fractional[second])
        distances[first, second] = np.sqrt(np.einsum("px,px->p", vectors, vectors))
        distances[second, first] = distances[first, second]
    return distances


def nearest_vectors(cell: np.ndarray, fractional: np.ndarray) -> np.ndarray:
    """The shortest periodic image of each fractional vector (n, 3) in a cell of shortest vectors, Å, (n, 3)."""
    images = image_vectors(cell, fractional)
    nearest = np.einsum("pix,pix->pi", images, images).argmin(1)
    return np.asarray(images[np.arange(len(fractional)), nearest])


def image_vectors(cell: np.ndarray, fractional: np.ndarray) -> np.ndarray:
    """Periodic images of each fractional vector (n, 3), wrapped, in the 27 cells around it, Å, (n, 27, 3)."""
    return np.asarray(((fractional - np.rint(fractional)) @ cell)[:, None, :] + (_SHIFTS @ cell)[None])


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
