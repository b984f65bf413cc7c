"""The setting in which elastic constants are given: spglib's standard one, its primitive cell and its symmetry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from ase.geometry import minkowski_reduce
from scipy.spatial import cKDTree

from properties.errors import PropertyError

CONVENTION = (
    "spglib's idealised standard setting (International Tables, hexagonal axes for rhombohedral crystals): Cartesian x "
    "along the conventional a, y in the plane of a and b; for cubic, tetragonal and orthorhombic crystals x, y, z "
    "along a, b, c, for hexagonal and trigonal ones z along c, for monoclinic ones y along the unique axis b"
)


class SymmetryError(PropertyError):
    """spglib finds no symmetry, not even the trivial one; mostly atoms that overlap."""


@dataclass(frozen=True)
class StandardCell:
    """A crystal's primitive cell in the standard setting, made exactly symmetric.

    Attributes:
        atoms: n atoms in a Minkowski-reduced primitive cell.
        rotation: (3, 3), standard = rotation @ given: turns Cartesian vectors of the crystal as it was given into those
            of the standard setting.
        conventional_cell_A: (3, 3), row vectors, of the standard conventional cell in the same orientation.
        number: of the space group.
        symbol: Hermann-Mauguin, of the space group.
        point_group: Hermann-Mauguin.
        rotations: (g, 3, 3), Cartesian, of the space group's operations modulo translations.
        permutations: (g, n), atom k goes to where atom permutations[g, k] was.
    """

    atoms: Atoms
    rotation: np.ndarray
    conventional_cell_A: np.ndarray
    number: int
    symbol: str
    point_group: str
    rotations: np.ndarray
    permutations: np.ndarray


def standard_cell(atoms: Atoms, symprec_A: float) -> StandardCell:
    """Idealise a crystal that is symmetric to `symprec_A`.

    Raises:
        SymmetryError: spglib finds nothing.
    """
    given = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    try:
        dataset = spglib.get_symmetry_dataset(given, symprec=symprec_A)
        standard = spglib.standardize_cell(given, to_primitive=True, no_idealize=False, symprec=symprec_A)
    except spglib.SpglibError as error:
        raise _no_symmetry(atoms) from error
    if dataset is None or standard is None:
        raise _no_symmetry(atoms)
    lattice, scaled, numbers = standard
    reduced, _ = minkowski_reduce(lattice)
    primitive = Atoms(numbers, scaled_positions=scaled, cell=lattice, pbc=True)
    primitive.set_cell(reduced * np.sign(np.linalg.det(reduced)))  # right-handed
    primitive.wrap()
    rotations, permutations = _operations(primitive, symprec_A)
    return StandardCell(
        primitive,
        np.array(dataset.std_rotation_matrix),
        np.array(dataset.std_lattice),
        int(dataset.number),
        str(dataset.international),
        str(dataset.pointgroup).strip(),
        rotations,
        permutations,
    )


def _no_symmetry(atoms: Atoms) -> SymmetryError:
    return SymmetryError(f"spglib finds no symmetry in {atoms.get_chemical_formula()}: do atoms overlap?")


def _operations(atoms: Atoms, symprec_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Cartesian rotations, (g, 3, 3), and whither they take atoms, (g, n)."""
    scaled = atoms.get_scaled_positions()
    found = spglib.get_symmetry((atoms.cell.array, scaled, atoms.numbers), symprec=symprec_A)
    if found is None:
        raise _no_symmetry(atoms)
    columns = atoms.cell.array.T
    rotations = columns @ found["rotations"] @ np.linalg.inv(columns)
    moved = np.einsum("gij,kj->gki", found["rotations"], scaled) + found["translations"][:, None]
    # Torus of side 1: atoms are compared modulo lattice vectors, and 1 − 1e-16 is 0
    tree = cKDTree(np.mod(scaled, 1.0) % 1.0, boxsize=1.0)
    return rotations, tree.query(np.mod(moved, 1.0) % 1.0)[1]
