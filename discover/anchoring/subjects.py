"""The structures of a hull as anchoring sees them: cells for DFT, and what the difference may depend on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.units import GPa

from discover.anchoring.delta_model import Features
from discover.anchoring.hull_distances import hull_distances
from discover.records import HullEntry
from potentials import Potential
from potentials.dft import DFTResult, symmetric_primitive
from potentials.potential import structure_of
from searchers.fingerprint import fingerprint

MOVED_EV = 0.002
"""Per atom; a symmetric cell whose energy is further from that of the structure that was found is another one."""


@dataclass(frozen=True)
class Subject:
    """One structure of the hull.

    Attributes:
        entry: its place on the potential's hull.
        atoms: symmetric primitive cell.
        descriptor: (d,) mean over its atoms of the potential's invariant features, or its fingerprint.
        enthalpy_eV_per_atom: of that cell by the potential, at the campaign's pressure.
    """

    entry: HullEntry
    atoms: Atoms
    descriptor: np.ndarray
    enthalpy_eV_per_atom: float

    def delta_eV_per_atom(self, result: DFTResult, pressure_GPa: float) -> float:
        """DFT − potential, both enthalpies; NaN where DFT failed."""
        pv_eV = pressure_GPa * GPa * result.atoms.get_volume()
        return result.energy_eV_per_atom + pv_eV / len(result.atoms) - self.enthalpy_eV_per_atom


def subjects(
    entries: Sequence[HullEntry], atoms_of: Callable[[int | str], Atoms], potential: Potential, pressure_GPa: float
) -> list[Subject]:
    """One for each entry; a call of the potential or two each, and its descriptors.

    The cell is the symmetric one unless the potential says that this is another structure.
    """
    made = []
    for entry in entries:
        as_found = atoms_of(entry.id)
        atoms = symmetric_primitive(as_found)
        enthalpy_eV = _enthalpy_eV_per_atom(potential, atoms, pressure_GPa)
        if abs(enthalpy_eV - entry.energy_eV_per_atom) > MOVED_EV:
            atoms = Atoms(as_found.numbers, positions=as_found.positions, cell=as_found.cell, pbc=True)
            enthalpy_eV = _enthalpy_eV_per_atom(potential, atoms, pressure_GPa)
        features = potential.descriptors(structure_of(atoms))
        descriptor = fingerprint(atoms) if features is None else features.mean(axis=0)
        made.append(Subject(entry, atoms, np.asarray(descriptor, float), enthalpy_eV))
    return made


def _enthalpy_eV_per_atom(potential: Potential, atoms: Atoms, pressure_GPa: float) -> float:
    energy_eV = potential.evaluate([structure_of(atoms)])[0].energy_eV
    return (energy_eV + pressure_GPa * GPa * atoms.get_volume()) / len(atoms)


def features_of(found: Sequence[Subject], elements: Sequence[str]) -> Features:
    """Arrays of all subjects, in their order; those that are not on the hull yet are held against it."""
    fractions = np.array([[s.entry.composition.get(e, 0.0) for e in elements] for s in found])
    energies = np.array([[s.entry.energy_eV_per_atom for s in found]])
    return Features(fractions, np.array([s.descriptor for s in found]), hull_distances(fractions, energies)[0])
