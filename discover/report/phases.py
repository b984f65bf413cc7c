"""The phases a report shows: entries on and near the hull, with symmetry, volume and who found them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from ase import Atoms

from discover.records import HullEntry, RunRecord
from discover.report.notation import group_symbol
from discover.report.prototypes import Prototype, prototype_of
from discover.report.symmetry import Symmetry, symmetry_of


@dataclass(frozen=True)
class Phase:
    """An entry and what a crystallographer asks about it.

    Attributes:
        entry: its row of the hull.
        operator: what made it; "reference" where it is no candidate of this run.
        number: its place, from 1, in the order in which candidates finished; None for a reference.
        atoms: its structure; None for a reference that has an energy only.
        symmetry: None where there is no structure or spglib finds nothing.
        prototype: None where the structure type is not one of those known.
    """

    entry: HullEntry
    operator: str
    number: int | None
    atoms: Atoms | None
    symmetry: Symmetry | None
    prototype: Prototype | None

    @property
    def space_group(self) -> int | None:
        """International number: the hull's, else the one found here."""
        return self.entry.space_group or (self.symmetry.number if self.symmetry else None)

    @property
    def symbol(self) -> str:
        """International symbol of `space_group`, empty where unknown."""
        if self.symmetry and self.symmetry.number == self.space_group:
            return self.symmetry.symbol
        return group_symbol(self.space_group) if self.space_group else ""

    @property
    def volume_A3_per_atom(self) -> float | None:
        """Volume per atom."""
        return float(self.atoms.get_volume() / len(self.atoms)) if self.atoms is not None else None

    @property
    def file_stem(self) -> str:
        """Name of its files, safe on every file system."""
        name = f"{self.entry.formula}-{self.space_group or 'x'}-{self.entry.id}"
        return re.sub(r"[^A-Za-z0-9.-]+", "_", name)


def near_phases(run: RunRecord, near_hull_eV_per_atom: float) -> Iterator[Phase]:
    """Entries on the hull or within `near_hull_eV_per_atom` of it, in the hull's order."""
    found: dict[int | str, tuple[str, int | None]] = {
        r.id: (r.operator, n) for n, r in enumerate(run.history, 1)
    }
    for entry in run.hull.entries:
        if entry.on_hull or entry.e_above_hull_eV_per_atom <= near_hull_eV_per_atom:
            operator, number = found.get(entry.id, ("reference", None))
            yield _phase(run, entry, operator, number)


def _phase(run: RunRecord, entry: HullEntry, operator: str, number: int | None) -> Phase:
    try:
        atoms = run.atoms_of(entry.id)
    except KeyError:  # a reference may be an energy without a structure
        return Phase(entry, operator, number, None, None, None)
    symmetry = symmetry_of(atoms, entry.space_group)
    return Phase(entry, operator, number, atoms, symmetry, prototype_of(symmetry) if symmetry else None)


def cif_of(phase: Phase) -> str | None:
    """CIF of the conventional cell with its symmetry; the plain cell where no symmetry was found."""
    if phase.atoms is None:
        return None
    from pymatgen.io.ase import AseAtomsAdaptor
    from pymatgen.io.cif import CifWriter

    cell = phase.symmetry.cell if phase.symmetry else phase.atoms
    tolerance = phase.symmetry.tolerance_A if phase.symmetry and phase.symmetry.number > 1 else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Atoms(cell.symbols, cell.positions, cell=cell.cell, pbc=True)
        structure = AseAtomsAdaptor.get_structure(plain)
        return str(CifWriter(structure, symprec=tolerance))


def picture_of(phase: Phase) -> bytes | None:
    """PNG of the conventional cell."""
    from discover.report.structure_picture import picture

    if phase.atoms is None:
        return None
    return picture(phase.symmetry.cell if phase.symmetry else phase.atoms)
