"""DFT energies that somebody has already: read from files and matched to what the campaign found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from discover.composition import composition_key, formula_of, fractions_of
from discover.errors import InputError
from potentials.words import in_words

SMALLEST_A3, NEAREST_A = 1.0, 0.5
"""Volume of an atom, and distance of two; below, something is wrong with the file."""
VOLUME_SHARE = 0.1


@dataclass(frozen=True)
class KnownEnergy:
    """A structure and its total DFT energy.

    Attributes:
        name: the file's name and the place in it, "vasp.json:3".
        atoms: as calculated.
        energy_eV: total.
    """

    name: str
    atoms: Atoms
    energy_eV: float


def read_all_energies(paths: Sequence[Path], elements: Sequence[str]) -> list[KnownEnergy]:
    """Everything in some files; their names are told with their folders where they are alike.

    Raises:
        InputError: a file is given twice, or `read_energies` refuses it.
    """
    real = [path.resolve() for path in paths]
    twice = [path for path, own in zip(paths, real, strict=True) if real.count(own) > 1]
    if twice:
        raise InputError(f"anchor.files: {twice[0]}: is given twice; once is enough")
    names = [path.name for path in paths]
    found = []
    for path in paths:
        known = read_energies(path, elements)
        if names.count(path.name) > 1:
            known = [replace(k, name=k.name.replace(path.name, str(path), 1)) for k in known]
        found += known
    return found


def read_energies(path: Path, elements: Sequence[str]) -> list[KnownEnergy]:
    """Everything in a file: pymatgen's ComputedStructureEntry JSON, or whatever ASE reads with energies.

    Energies of one file must be of one method; corrections of pymatgen's entries are counted in.

    Raises:
        InputError: it cannot be read; an entry without structure or energy, or of other elements.
    """
    if not path.is_file():
        raise InputError(f"anchor.files: {path}: no such file")
    pairs = _of_pymatgen(path) if path.suffix == ".json" and _is_list(path) else _of_ase(path)
    found = [KnownEnergy(f"{path.name}:{k}", atoms, energy) for k, (atoms, energy) in enumerate(pairs)]
    for known in found:
        strangers = sorted(set(known.atoms.symbols) - set(elements))
        if strangers:
            raise InputError(
                f"anchor.files: {known.name}: holds {strangers[0]}, which is not in the system; leave it out"
            )
        if not np.isfinite(known.energy_eV):
            raise InputError(f"anchor.files: {known.name}: its energy must be a finite number (is {known.energy_eV})")
        _check_cell(known)
    if not found:
        raise InputError(f"anchor.files: {path}: holds no structure")
    return found


def _check_cell(known: KnownEnergy) -> None:
    atoms = known.atoms
    if atoms.cell.rank < 3 or atoms.get_volume() < SMALLEST_A3 * len(atoms):
        raise InputError(
            f"anchor.files: {known.name}: has no three-dimensional cell that its atoms fit in; leave it out"
        )
    if len(neighbor_list("i", atoms, NEAREST_A)):
        raise InputError(f"anchor.files: {known.name}: has atoms nearer than {NEAREST_A} Å to each other; leave it out")


def _is_list(path: Path) -> bool:
    return path.read_text(errors="replace").lstrip().startswith("[")


def _of_pymatgen(path: Path) -> list[tuple[Atoms, float]]:
    from pymatgen.entries.computed_entries import ComputedStructureEntry
    from pymatgen.io.ase import AseAtomsAdaptor

    try:
        values: list[Any] = json.loads(path.read_text())
        entries = [ComputedStructureEntry.from_dict(v) for v in values]
        return [(_bare(AseAtomsAdaptor.get_atoms(e.structure)), float(e.energy)) for e in entries]
    except Exception as error:  # whatever pymatgen meets in a text that holds no entries
        hint = "write pymatgen ComputedStructureEntry objects, or a file that ASE reads, with energies"
        raise InputError(f"anchor.files: {path}: not a list of entries ({in_words(error, 100)}); {hint}") from None


def _of_ase(path: Path) -> list[tuple[Atoms, float]]:
    try:
        images = ase.io.read(path, index=":")
    except Exception as error:  # ASE's readers raise whatever their parsers meet
        raise InputError(f"anchor.files: {path}: ASE cannot read it ({in_words(error, 120)})") from None
    found = []
    for k, image in enumerate(images):
        try:
            found.append((_bare(image), float(image.get_potential_energy())))
        except Exception:  # RuntimeError, PropertyNotImplementedError: no calculator, or one without an energy
            raise InputError(
                f"anchor.files: {path.name}:{k}: has no energy; write energies with the structures"
            ) from None
    return found


def _bare(atoms: Atoms) -> Atoms:
    return Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def match(known: KnownEnergy, structures: Sequence[Atoms]) -> int | None:
    """Place of the structure that it is (pymatgen's StructureMatcher, its own tolerances); the closest of several.

    Volumes may differ by a tenth (VOLUME_SHARE), as those of two methods do: a cell under strain is another structure.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    matcher, given = StructureMatcher(), AseAtomsAdaptor.get_structure(known.atoms)
    key = composition_key(fractions_of(known.atoms))
    found: list[tuple[float, int]] = []
    for place, atoms in enumerate(structures):
        larger = (known.atoms.get_volume() / len(known.atoms)) / (atoms.get_volume() / len(atoms))
        if composition_key(fractions_of(atoms)) != key or abs(np.log(larger)) > VOLUME_SHARE:
            continue
        other = AseAtomsAdaptor.get_structure(_bare(atoms))
        if matcher.fit(given, other):
            distance = matcher.get_rms_dist(given, other)
            found.append((0.0 if distance is None else float(distance[0]), place))
    return min(found)[1] if found else None


def formula(known: KnownEnergy) -> str:
    """Reduced formula."""
    return formula_of(fractions_of(known.atoms))
