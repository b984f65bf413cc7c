"""What a network learns from: structures with an oracle's energy, forces and stress; plain data, whoever the oracle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread, write
from ase.stress import full_3x3_to_voigt_6_stress

from potentials.neighbours import Structure
from potentials.potential import Potential, batches, structure_of
from potentials.words import in_words

_GRAIN = 1e-8
"""Of the hash, Å and eV: the last digit of an extended XYZ file, so that a label keeps its hash through one."""


class LabelError(ValueError):
    """A label that cannot be learnt from; one line that says which and why."""


@dataclass(frozen=True)
class Label:
    """An oracle's answer for one structure, periodic in three directions.

    Attributes:
        structure: what was asked.
        energy_eV: total energy, on the oracle's own scale.
        forces_eV_A: (n, 3).
        stress_eV_A3: (3, 3), ASE's sign, +dE/d(strain)/V; None where the oracle gives none.

    Raises:
        LabelError: wrong shapes, or a number that is not finite.
    """

    structure: Structure
    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.structure.numbers)
        if np.shape(self.forces_eV_A) != (n, 3):
            raise LabelError(f"forces must have shape {(n, 3)} (have {np.shape(self.forces_eV_A)})")
        if self.stress_eV_A3 is not None and np.shape(self.stress_eV_A3) != (3, 3):
            raise LabelError(f"stress must have shape (3, 3) (has {np.shape(self.stress_eV_A3)})")
        if not all(np.isfinite(values).all() for values in self._values()):
            raise LabelError("energy, forces, stress or positions are not finite")

    def __len__(self) -> int:
        return len(self.structure.numbers)

    @cached_property
    def sha256(self) -> str:
        """Hash of the content, hexadecimal; the same after a trip through an extended XYZ file."""
        digest = hashlib.sha256(np.asarray(self.structure.numbers, dtype="<i8").tobytes())
        for values in self._values():
            digest.update(np.rint(np.asarray(values) / _GRAIN).astype("<i8").tobytes())
        return digest.hexdigest()

    def atoms(self) -> Atoms:
        """As an ASE structure that answers with the label."""
        atoms = Atoms(self.structure.numbers, self.structure.positions, cell=self.structure.cell, pbc=True)
        stress = self.stress_eV_A3
        given = {} if stress is None else {"stress": full_3x3_to_voigt_6_stress(stress)}
        atoms.calc = SinglePointCalculator(atoms, energy=self.energy_eV, forces=self.forces_eV_A, **given)
        return atoms

    def _values(self) -> list[np.ndarray | float]:
        stress = [] if self.stress_eV_A3 is None else [self.stress_eV_A3]
        return [self.structure.positions, self.structure.cell, self.energy_eV, self.forces_eV_A, *stress]


def label_of(atoms: Atoms) -> Label:
    """The label that an ASE structure carries in its calculator.

    Raises:
        LabelError: no energy, no forces, not periodic in three directions.
    """
    if not atoms.pbc.all():
        raise LabelError("not periodic in three directions")
    if atoms.calc is None:
        raise LabelError("no energy and no forces")
    try:
        energy, forces = atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)
    except PropertyNotImplementedError as error:
        raise LabelError(f"no {error}") from None
    try:
        stress = atoms.get_stress(voigt=False, apply_constraint=False)
    except PropertyNotImplementedError:
        stress = None
    return Label(structure_of(atoms), float(energy), np.asarray(forces), stress)


def answers(potential: Potential, structures: Iterable[Structure]) -> list[Label]:
    """A potential's own answers as labels: a cheap oracle, or what a network shall not forget."""
    labels: list[Label] = []
    for batch in batches(structures, potential.batch_atoms):
        for structure, answer in zip(batch, potential.evaluate(batch), strict=True):
            labels.append(Label(structure, answer.energy_eV, answer.forces_eV_A, answer.stress_eV_A3))
    return labels


def read_labels(path: Path) -> list[Label]:
    """Labels from an extended XYZ file (energy, forces, stress as ASE writes them; eV, Å).

    Raises:
        LabelError: no such file, or a structure that is no label, with its number.
    """
    labels: list[Label] = []
    try:
        for atoms in iread(path, index=":", format="extxyz"):
            labels.append(label_of(atoms))
    except LabelError as error:
        raise LabelError(f"{path}: structure {len(labels) + 1} ({atoms.get_chemical_formula()}): {error}") from None
    except FileNotFoundError:
        raise LabelError(f"{path}: no such file") from None
    except Exception as error:  # of a foreign file ASE may make anything
        raise LabelError(f"{path}: structure {len(labels) + 1} cannot be read: {in_words(error)}") from error
    return labels


def write_labels(path: Path, labels: Sequence[Label]) -> None:
    """Labels as an extended XYZ file, which `read_labels` and ASE read."""
    write(path, [label.atoms() for label in labels], format="extxyz")


def sha256_of(labels: Sequence[Label]) -> str:
    """Hash of a list of labels, order included, hexadecimal."""
    return hashlib.sha256("".join(label.sha256 for label in labels).encode()).hexdigest()
