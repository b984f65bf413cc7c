"""The symmetry of a crystal: its idealised cell, its operations, and what of a distortion keeps them."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import moyopy
import numpy as np
import spglib
from ase import Atoms

_EXACT_A = 1e-3  # an idealised crystal has its symmetry to 10^-10 Å; like atoms are 1 Å from each other
_FINE = 0.03  # of the spacing: tolerances up to which no atom has two images to choose from

Cell = tuple[Any, Any, Any]  # arrays: lattice (3, 3), fractional positions (n, 3), species (n,)


@dataclass(frozen=True)
class Operations:
    """Symmetry operations x → rotation @ x + translation of fractional coordinates.

    Attributes:
        rotations: shape (k, 3, 3), whole numbers.
        translations: shape (k, 3).
    """

    rotations: np.ndarray
    translations: np.ndarray

    def in_basis(self, basis: np.ndarray, origin: np.ndarray) -> Operations:
        """The operations in another cell, each rotation once where it is primitive.

        Args:
            basis: rows are the new vectors in terms of the old ones, shape (3, 3).
            origin: the new origin in old fractional coordinates, shape (3,).
        """
        back = np.linalg.inv(basis.T)
        rotations = np.rint(back @ self.rotations @ basis.T)
        moved = self.translations + self.rotations @ origin - origin
        translations = np.mod(moved @ back.T, 1.0)
        keys = np.concatenate([rotations.reshape(-1, 9), np.rint(translations * 1e6) % 1e6], axis=1)
        _, first = np.unique(keys, axis=0, return_index=True)
        return Operations(rotations[np.sort(first)], translations[np.sort(first)])


@dataclass(frozen=True)
class Ideal:
    """A crystal made exactly symmetric.

    Attributes:
        number: of its space group.
        atoms: primitive cell.
        operations: of the primitive cell, one of each rotation.
        conventional: cell in the standard setting of International Tables (origin choice 2, hexagonal axes).
    """

    number: int
    atoms: Atoms
    operations: Operations
    conventional: Atoms


def idealised(atoms: Atoms, tolerance_A: float) -> Ideal | None:
    """The crystal with the symmetry that it has within a tolerance; None where no group is found.

    Turned into the standard orientation. moyo does it (1 to 2 ms), but may not end where the tolerance nears the
    distance of neighbours (26 random atoms at 0.8 Å: 40 s and more). There spglib (Togo, Shinohara and Tanaka, Sci.
    Technol. Adv. Mater. Methods 4, 2384822 (2024)) comes first: at most 18 ms on 1500 random cells of up to 32
    atoms. Both lower a tolerance that leads to no group.

    Args:
        atoms: a cell with volume; not changed.
        tolerance_A: how far an operation may miss an atom.
    """
    # spglib ends the whole process where a number is not finite
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return None
    if tolerance_A <= _FINE * (abs(atoms.cell.volume) / len(atoms)) ** (1 / 3):
        return _standard(_cell(atoms), tolerance_A)
    os.environ["SPGLIB_WARNING"] = "OFF"  # its C code has no other switch, and writes to the terminal
    try:
        found = spglib.get_symmetry_dataset(_cell(atoms), tolerance_A)
    except spglib.SpglibError:
        return None
    return None if found is None else _standard((found.std_lattice, found.std_positions, found.std_types), _EXACT_A)


def _standard(cell: Cell, tolerance_A: float) -> Ideal | None:
    """A nearly exact crystal made exact, in the standard setting."""
    # It warns that a cell which is not primitive cannot show all operations; those of that cell are not used.
    logging.getLogger("moyo").setLevel(logging.ERROR)
    try:
        found = moyopy.MoyoDataset(
            moyopy.Cell(*(part.tolist() for part in cell)), symprec=tolerance_A, setting=moyopy.Setting.standard()
        )
    except ValueError:
        return None
    conventional, primitive = _atoms(found.std_cell), _atoms(found.prim_std_cell)
    basis = primitive.cell.array @ np.linalg.inv(conventional.cell.array)
    operations = standard_operations(found.number).in_basis(basis, np.zeros(3))
    # A tolerance of the order of bonds may end in a cell that its group does not map
    if images(primitive, operations) is None:
        return None
    return Ideal(int(found.number), primitive, operations, conventional)


@cache
def standard_operations(number: int) -> Operations:
    """All operations of a space group in its conventional cell, centring translations included.

    The setting is that of `Ideal.conventional` and of pyxtal (for all 230 groups the same operations, tried).
    """
    found = moyopy.operations_from_number(number, setting=moyopy.Setting.standard())
    return Operations(np.array(found.rotations, dtype=float), np.array(found.translations, dtype=float))


def images(atoms: Atoms, operations: Operations) -> np.ndarray | None:
    """Index of the atom onto which each operation puts each atom, shape (k, n); None where one does not map."""
    scaled = atoms.get_scaled_positions(wrap=False)
    moved = scaled @ operations.rotations.transpose(0, 2, 1) + operations.translations[:, None]
    apart = moved[:, :, None] - scaled
    apart_A = np.linalg.norm((apart - np.rint(apart)) @ atoms.cell.array, axis=-1)
    apart_A = np.where(atoms.numbers[:, None] == atoms.numbers, apart_A, np.inf)
    nearest = apart_A.argmin(-1)
    one_to_one = (np.sort(nearest, axis=1) == np.arange(len(atoms))).all()
    return nearest if one_to_one and (apart_A.min(-1) < _EXACT_A).all() else None


def symmetric_part(field: np.ndarray, operations: Operations, images: np.ndarray) -> np.ndarray:
    """What of a vector on every atom (fractional, (n, 3)) keeps all operations: the mean over the group."""
    turned = field @ operations.rotations.transpose(0, 2, 1)
    kept = np.zeros_like(field)
    for mapped, moved in zip(images, turned, strict=True):
        kept[mapped] += moved
    return kept / len(images)


def symmetric_strain(strain: np.ndarray, cell: np.ndarray, operations: Operations) -> np.ndarray:
    """What of a symmetric strain (3, 3) of a cell (rows, Å) keeps all operations."""
    turns = cell.T @ operations.rotations @ np.linalg.inv(cell.T)
    return np.asarray((turns @ strain @ turns.transpose(0, 2, 1)).mean(0))


def orbits(images: np.ndarray) -> list[np.ndarray]:
    """Indices of the atoms of each set of equivalent atoms, from `images`."""
    return [np.flatnonzero((images == first).any(0)) for first in sorted(set(images.min(0).tolist()))]


def _cell(atoms: Atoms) -> Cell:
    return np.asarray(atoms.cell.array), atoms.get_scaled_positions(), np.asarray(atoms.numbers)


def _atoms(cell: moyopy.Cell) -> Atoms:
    return Atoms(numbers=cell.numbers, scaled_positions=np.mod(cell.positions, 1.0), cell=cell.basis, pbc=True)
