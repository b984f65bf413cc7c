"""The smallest cell of a crystal, and its space group."""

from __future__ import annotations

import spglib
from ase import Atoms
from ase.geometry import minkowski_reduce

SYMPREC_A = 1e-3
"""For cells made symmetric on purpose; relaxed ones want a looser tolerance."""


def _cell(atoms: Atoms) -> tuple:
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers


def primitive(atoms: Atoms, symprec_A: float = SYMPREC_A) -> Atoms:
    """The primitive cell with short, nearly orthogonal vectors (Minkowski-reduced), atoms wrapped into it.

    Atoms stay where they are (no idealisation); a structure that spglib cannot handle (atoms on top of each other)
    keeps its cell.
    """
    try:
        found = spglib.standardize_cell(_cell(atoms), to_primitive=True, no_idealize=True, symprec=symprec_A)
    except spglib.SpglibError:
        found = None
    if found is not None and len(found[2]) < len(atoms):
        atoms = Atoms(found[2], scaled_positions=found[1], cell=found[0], pbc=True)
    reduced, _ = minkowski_reduce(atoms.cell.array)
    smallest = Atoms(atoms.numbers, atoms.positions, cell=reduced, pbc=True)
    smallest.wrap()
    return smallest


def space_group(atoms: Atoms, symprec_A: float = 0.05) -> int | None:
    """International number, None where spglib finds none; 0.05 Å suits relaxed structures."""
    try:
        dataset = spglib.get_symmetry_dataset(_cell(atoms), symprec=symprec_A)
    except spglib.SpglibError:
        return None
    return None if dataset is None else int(dataset.number)
