"""The cell that DFT is given: primitive and symmetric, for k-points and bands are paid for by symmetry."""

from __future__ import annotations

import numpy as np
import spglib
from ase import Atoms
from ase.geometry import minkowski_reduce

SYMPREC_A = 0.05
"""As for the space groups that hulls name. Atoms relaxed to 0.05 eV/Å are some 0.01 Å from where symmetry has them, and
spglib finds a symmetry only at several times that."""


def symmetric_primitive(atoms: Atoms, symprec_A: float = SYMPREC_A) -> Atoms:
    """The primitive cell with its atoms moved onto their symmetric places.

    A structure without symmetry, or one that spglib cannot handle, comes back as it is. The volume per atom changes by
    no more than moving the cell's corners by the tolerance does.
    """
    cell = atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
    try:
        found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=False, symprec=symprec_A)
    except spglib.SpglibError:
        found = None
    if found is None or len(atoms) % len(found[2]):
        return atoms.copy()
    ideal = Atoms(found[2], scaled_positions=found[1], cell=found[0], pbc=True)
    reduced, _ = minkowski_reduce(ideal.cell.array)
    smallest = Atoms(ideal.numbers, positions=ideal.positions, cell=reduced, pbc=True)
    smallest.wrap()
    per_atom = (a.get_volume() / len(a) for a in (atoms, smallest))
    was, is_ = per_atom
    moved = 3 * symprec_A / (was * len(smallest)) ** (1 / 3)
    return smallest if np.isclose(is_, was, rtol=moved) else atoms.copy()
