"""One possible parent, and what has become of its children."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import spglib
from ase import Atoms

from searchers.candidate import Relaxed
from searchers.encoding import atoms_from_json, atoms_to_json
from searchers.fingerprint import fingerprint
from searchers.local_hull import reduced
from searchers.modes import Modes

_SAME_ENERGY_eV = 0.002  # per atom; a relaxation's convergence
_SAME_VOLUME = 0.02
_SYMPREC_A = 0.1  # relaxed to 0.05 eV/Å, atoms are this far from where symmetry wants them


@dataclass
class Member:
    """A possible parent.

    Attributes:
        id: of the candidate it came from.
        atoms: relaxed, primitive cell.
        counts: atoms of each element in that cell.
        energy_eV_per_atom: energy or enthalpy.
        space_group: international number; 1 where none was found.
        idle: children since one of them last earned something: its age.
        cell: what its vibrations were asked for, a cell of the space; None where nobody has asked yet.
        modes: the lowest vibrations of that cell, once they are known.
        properties: what was measured of it, by name.
    """

    id: int
    atoms: Atoms
    counts: tuple[int, ...]
    energy_eV_per_atom: float
    space_group: int
    idle: int = 0
    cell: Atoms | None = None
    modes: Modes | None = None
    properties: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, relaxed: Relaxed, counts: tuple[int, ...]) -> Self:
        """What was told, kept as a parent."""
        atoms = relaxed.atoms.copy()
        group = relaxed.space_group or _space_group(atoms)
        made = cls(relaxed.candidate.id, atoms, counts, relaxed.energy_eV_per_atom, group)
        made.properties = dict(relaxed.properties)
        if relaxed.fingerprint is not None:
            made.fingerprint = relaxed.fingerprint
        return made

    @cached_property
    def composition(self) -> tuple[int, ...]:
        """Counts without their common divisor."""
        return reduced(self.counts)

    @property
    def is_compound(self) -> bool:
        """True where it holds more than one element."""
        return sum(n > 0 for n in self.counts) > 1

    @cached_property
    def fingerprint(self) -> np.ndarray:
        """`searchers.fingerprint` of the atoms, shape (117,)."""
        return fingerprint(self.atoms)

    @cached_property
    def encoded(self) -> dict[str, Any]:
        """The atoms as JSON-able values; a state is saved with every candidate, and its members hardly change."""
        return atoms_to_json(self.atoms)

    @cached_property
    def volume_A3_per_atom(self) -> float:
        """Volume per atom."""
        return float(abs(self.atoms.cell.volume)) / len(self.atoms)

    def repeats(self, other: Member) -> bool:
        """True where both are most likely one structure: composition, energy and volume per atom agree."""
        energies = self.energy_eV_per_atom, other.energy_eV_per_atom
        volumes = self.volume_A3_per_atom, other.volume_A3_per_atom
        return self.composition == other.composition and alike(*energies, *volumes)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {
            "id": self.id,
            "atoms": self.encoded,
            "counts": list(self.counts),
            "energy_eV_per_atom": self.energy_eV_per_atom,
            "space_group": self.space_group,
            "idle": self.idle,
            "cell": None if self.cell is None else atoms_to_json(self.cell),
            "modes": None if self.modes is None else self.modes.to_json(),
            "properties": dict(self.properties),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The member that `to_json` wrote."""
        own = {
            "atoms": atoms_from_json(data["atoms"]),
            "counts": tuple(data["counts"]),
            "cell": None if data["cell"] is None else atoms_from_json(data["cell"]),
            "modes": None if data["modes"] is None else Modes.from_json(data["modes"]),
        }
        return cls(**{**data, **own})


def alike(energy_eV: float, other_energy_eV: float, volume_A3: float, other_volume_A3: float) -> bool:
    """True where two structures of one composition agree in energy and volume per atom: most likely they are one."""
    return abs(energy_eV - other_energy_eV) < _SAME_ENERGY_eV and abs(volume_A3 / other_volume_A3 - 1) < _SAME_VOLUME


def _space_group(atoms: Atoms) -> int:
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=_SYMPREC_A)
    except spglib.SpglibError:  # near two symmetries at once it finds none
        return 1
    return 1 if dataset is None else int(dataset.number)
