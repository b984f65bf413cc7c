"""Supercells in which no atom is near its own image, with as few atoms as that takes."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from ase.geometry.minkowski_reduction import minkowski_reduce

from properties.errors import PropertyError

SYMMETRIC = 1e-3
"""Of the cube root of the volume per atom, 0.003 Å in a metal: symmetry that a relaxed crystal has to this much."""
_TOO_MANY = 216  # cells of a supercell whose odd rivals are too many to look at
_LOOKED_AT = 100  # of equally large ones that all are wide enough
_EVEN_IS_WORTH = 1.5  # times the atoms of the smallest supercell
MOST_IN_SUPERCELL = 5000
"""Atoms of a supercell: 40 Å of copper. Far beyond, the search alone fills the memory (100 Å of copper: 20 GB)."""


def symprec_of(atoms: Atoms, symprec_A: float | None = None) -> float:
    """The tolerance in which symmetry is looked for, Å; None takes `SYMMETRIC`."""
    return SYMMETRIC * spacing_A(atoms) if symprec_A is None else symprec_A


def spacing_A(atoms: Atoms) -> float:
    """Cube root of the volume per atom."""
    return float((abs(atoms.cell.volume) / len(atoms)) ** (1 / 3))


def primitive_cell(atoms: Atoms, symprec_A: float | None = None) -> Atoms:
    """The primitive cell, neither turned nor made more symmetric; isotopes of one element are told apart.

    A cell that is primitive already comes back as it is, its vectors turned right-handed.

    Raises:
        PropertyError: spglib finds no symmetry at all, as in a tolerance wider than atoms are apart.
    """
    kinds, numbered = np.unique(np.c_[atoms.numbers, atoms.get_masses()], axis=0, return_inverse=True)
    cell: Any = (atoms.cell.array, atoms.get_scaled_positions(), numbered.ravel() + 1)
    symprec = symprec_of(atoms, symprec_A)
    try:
        found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=symprec)
    except spglib.SpglibError:
        raise PropertyError(
            f"spglib finds no symmetry in {atoms.get_chemical_formula()} to {symprec:.3g} Å: take a smaller symprec_A"
        ) from None
    if found is None or len(found[2]) == len(atoms):
        lattice = _right_handed(atoms.cell.array)
        return Atoms(atoms.numbers, atoms.positions, cell=lattice, pbc=True, masses=atoms.get_masses())
    lattice, scaled, kept = (np.asarray(part) for part in found)
    numbers, masses = kinds[kept - 1].T
    return Atoms(numbers.astype(int), scaled @ lattice, cell=_right_handed(lattice), pbc=True, masses=masses)


def _right_handed(lattice: np.ndarray) -> np.ndarray:
    """The same lattice by vectors of positive volume; rows are vectors, (3, 3)."""
    return lattice if np.linalg.det(lattice) > 0 else -lattice


def multiples_of(asked: np.ndarray, given: Atoms, cell: Atoms) -> np.ndarray:
    """Multiples (3, 3) of a cell as multiples of its primitive one; rows are the supercell's vectors."""
    matrix = (asked @ given.cell.array @ np.linalg.inv(cell.cell.array)).round().astype(int)
    return matrix if np.linalg.det(matrix) > 0 else -matrix


def supercell_matrix_for(atoms: Atoms, distance_A: float, symprec_A: float | None = None) -> np.ndarray:
    """Integer matrix of the smallest supercell in which an atom's nearest image is at least so far; shape (3, 3).

    Rows are the supercell's vectors in the cell's, reduced to the shortest (Minkowski). Only lattices that have the
    crystal's rotations are looked at, so that symmetry leaves few displacements; of equal size the one with the
    furthest images is taken, which is the one nearest to close packing. Even multiples go first, unless they cost
    more than `_EVEN_IS_WORTH` times the atoms: they hold half of every reciprocal vector, where crystals are unstable
    more often than elsewhere and the sum over images is exact.

    atoms: the cell that is repeated, periodic.

    Raises:
        PropertyError: it would have more than `MOST_IN_SUPERCELL` atoms.
    """
    fewest = len(atoms) * _least_cells(atoms.cell.array, distance_A)
    if fewest > MOST_IN_SUPERCELL:
        raise PropertyError(
            f"a supercell in which images are {distance_A:g} Å apart has {fewest} atoms or more, and "
            f"{MOST_IN_SUPERCELL} are the most: take a smaller supercell_length_A, or give `supercell`"
        )
    symprec = symprec_of(atoms, symprec_A)
    cell: Any = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry(cell, symprec=symprec)
    rotations = np.eye(3, dtype=int)[None] if found is None else np.unique(found["rotations"], axis=0)
    lattice = atoms.cell.array
    even = 2 * _smallest(2 * lattice, rotations, distance_A)[0]
    cells = round(abs(np.linalg.det(even)))
    if cells <= _TOO_MANY:
        plain, least = _smallest(lattice, rotations, distance_A)
        return plain if _EVEN_IS_WORTH * least < cells else even
    return even


def image_distance_A(lattice: np.ndarray) -> float:
    """Length of a lattice's shortest vector; rows are its vectors, (3, 3)."""
    return float(np.linalg.norm(minkowski_reduce(lattice)[0], axis=1).min())


def _smallest(lattice: np.ndarray, rotations: np.ndarray, distance_A: float) -> tuple[np.ndarray, int]:
    """Matrix of the smallest invariant sublattice whose shortest vector is so long, and its number of cells."""
    always = math.ceil(distance_A / image_distance_A(lattice) - 1e-9)
    least = _least_cells(lattice, distance_A)
    near = _vectors_within(lattice, distance_A - 1e-9)
    for cells in range(least, always**3):
        wide = _without(_invariant(_sublattices(cells), rotations), near)
        if len(wide):
            return _furthest(wide, lattice), cells
    return always * np.eye(3, dtype=int), always**3


def _least_cells(lattice: np.ndarray, distance_A: float) -> int:
    """How many cells a supercell has at least: those of close packing."""
    volume_A3 = abs(np.linalg.det(lattice))
    return max(1, math.ceil(distance_A**3 / (math.sqrt(2) * volume_A3) - 1e-9))


def _vectors_within(lattice: np.ndarray, distance_A: float) -> np.ndarray:
    """Half of the lattice's shorter vectors (the others are their negatives), as whole numbers of its own, (k, 3)."""
    reduced, operation = minkowski_reduce(lattice)
    most = np.ceil(distance_A * np.linalg.norm(np.linalg.inv(reduced), axis=0)).astype(int)
    all_of = np.array(list(product(*(range(-m, m + 1) for m in most))))
    half = all_of[len(all_of) // 2 + 1 :]
    return half[np.linalg.norm(half @ reduced, axis=1) < distance_A] @ operation


def _without(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Those of sublattices (k, 3, 3) that hold none of the vectors (m, 3)."""
    for vector in vectors:
        inside = vector @ np.linalg.inv(matrices)
        matrices = matrices[np.abs(inside - inside.round()).max(-1) > 1e-6]
    return matrices


def _furthest(matrices: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """Of sublattices the one with the longest shortest vector, in its shortest vectors."""
    best, longest = matrices[0], 0.0
    for matrix in matrices[:_LOOKED_AT]:
        reduced, operation = minkowski_reduce(matrix @ lattice)
        shortest = np.linalg.norm(reduced, axis=1).min()
        if shortest > longest + 1e-6:
            best, longest = operation @ matrix, shortest
    # The same lattice, its vectors turned right-handed
    return best if np.linalg.det(best) > 0 else -best


def _invariant(matrices: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Those of sublattices (k, 3, 3) that every rotation, in fractional coordinates, maps onto themselves."""
    inverse = np.linalg.inv(matrices)
    for rotation in rotations:
        moved = matrices @ rotation.T @ inverse
        kept = np.abs(moved - moved.round()).max((1, 2)) < 1e-6
        matrices, inverse = matrices[kept], inverse[kept]
    return matrices


@lru_cache(maxsize=64)
def _sublattices(cells: int) -> np.ndarray:
    """All sublattices of so many cells, in Hermite normal form; shape (k, 3, 3)."""
    forms = []
    for a in (a for a in range(1, cells + 1) if cells % a == 0):
        for d in (d for d in range(1, cells // a + 1) if (cells // a) % d == 0):
            f = cells // (a * d)
            b, c, e = (x.ravel() for x in np.meshgrid(range(d), range(f), range(f), indexing="ij"))
            form = np.zeros((len(b), 3, 3), int)
            form[:, 0, 0], form[:, 1, 1], form[:, 2, 2] = a, d, f
            form[:, 0, 1], form[:, 0, 2], form[:, 1, 2] = b, c, e
            forms.append(form)
    return np.concatenate(forms)


def commensurate_matrix(q: np.ndarray, most_cells: int = 24) -> np.ndarray | None:
    """Integer matrix of the smallest supercell in which a wave repeats: rows whose product with q is whole, (3, 3).

    None where none of up to `most_cells` cells does; q: fractional, (3,).
    """
    for cells in range(1, most_cells + 1):
        matrices = _sublattices(cells)
        phases = matrices @ q
        fits = np.abs(phases - phases.round()).max(1) < 1e-6
        if fits.any():
            return matrices[fits][0]
    return None
