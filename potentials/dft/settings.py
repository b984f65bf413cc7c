"""What a DFT calculation is asked for, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from ase import Atoms

Code = Literal["gpaw", "espresso", "abinit", "vasp"]
CODES: tuple[Code, ...] = ("gpaw", "espresso", "abinit", "vasp")

_MOMENTS = {"Cr": 3.0, "Mn": 4.0, "Fe": 3.0, "Co": 2.0, "Ni": 1.0, "Eu": 7.0, "Gd": 7.0, "Tb": 6.0, "Dy": 5.0}
"""Initial moments, μ_B, of the elements whose solids are magnetic as a rule; a little high, for from a low start a
calculation may settle in the unpolarised state."""
_ARRAYS = ("forces_eV_A", "stress_eV_A3")
_POSITION_DIGITS = 6  # of an input's hash, Å: what is closer is one input


class DFTError(ValueError):
    """A calculation that cannot be made here; the message says what is missing and the command that mends it."""


@dataclass(frozen=True)
class DFTSettings:
    """One level of theory: energies under equal settings may stand on one hull.

    Attributes:
        code: gpaw, espresso, abinit or vasp.
        xc: exchange-correlation functional, by the code's own name ("PBE").
        cutoff_eV: of the plane waves.
        kpoint_density_A: k-points per Å⁻¹ of each reciprocal vector, 2π included (ASE's convention); the grid always
            holds Γ.
        smearing_eV: width of the occupations; energies are those extrapolated to none, where the code tells them.
        spin: whether electrons are polarised; auto does it where an element asks for it.
        relax_steps: steps of a relaxation of cell and atoms under DFT; 0 calculates the structure as it is.
        relax_fmax_eV_A: where such a relaxation may stop.
        pressure_GPa: at which the cell is relaxed.
        pseudopotentials: file by element, for espresso and abinit.
        pseudo_dir: their folder.
        command: how the code is started, for all but gpaw.
        options: arguments of the code's ASE calculator, which win over those that follow from the rest.
    """

    code: Code = "gpaw"
    xc: str = "PBE"
    cutoff_eV: float = 500.0
    kpoint_density_A: float = 4.0
    smearing_eV: float = 0.1
    spin: Literal["auto", "on", "off"] = "auto"
    relax_steps: int = 0
    relax_fmax_eV_A: float = 0.05
    pressure_GPa: float = 0.0
    pseudopotentials: Mapping[str, str] = field(default_factory=dict)
    pseudo_dir: str | None = None
    command: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def polarised(self, atoms: Atoms) -> bool:
        """Whether this structure is calculated with spin."""
        return self.spin == "on" or (self.spin == "auto" and any(s in _MOMENTS for s in atoms.symbols))

    def moments(self, atoms: Atoms) -> np.ndarray:
        """Where the magnetic moments begin, μ_B an atom, (n,): ferromagnetic, zero without spin."""
        if not self.polarised(atoms):
            return np.zeros(len(atoms))
        return np.array([_MOMENTS.get(s, 0.3) for s in atoms.symbols])

    def grid(self, atoms: Atoms) -> tuple[int, int, int]:
        """k-points along each reciprocal vector."""
        lengths = 2 * np.pi * np.linalg.norm(atoms.cell.reciprocal(), axis=1)
        a, b, c = (max(1, int(np.ceil(self.kpoint_density_A * length - 1e-6))) for length in lengths)
        return a, b, c

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        fields = asdict(self)
        return fields | {k: dict(fields[k]) for k in ("pseudopotentials", "options")}

    def key(self, atoms: Atoms, identity: Mapping[str, str]) -> str:
        """Hash of all that decides the result: this, the structure, and the code's version and data sets (identity)."""
        structure = {
            "numbers": atoms.numbers.tolist(),
            "positions": (np.round(atoms.positions, _POSITION_DIGITS) + 0.0).tolist(),  # no -0
            "cell": (np.round(atoms.cell.array, _POSITION_DIGITS) + 0.0).tolist(),
        }
        unrelaxed = ("relax_fmax_eV_A", "pressure_GPa") if not self.relax_steps else ()
        level = {k: v for k, v in self.to_json().items() if k not in ("command", "pseudo_dir", *unrelaxed)}
        text = json.dumps([level, dict(identity), structure], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class DFTResult:
    """What came of one calculation.

    Attributes:
        atoms: the structure whose energy it is; another than was given only where it was relaxed.
        energy_eV: total energy, None where there is none.
        free_energy_eV: with the entropy of the smearing, whose derivatives forces and stress are; None where unknown.
        forces_eV_A: (n, 3), None where unknown.
        stress_eV_A3: (3, 3), ASE's sign, None where unknown.
        max_force_eV_A: largest force on an atom, None where unknown.
        pressure_GPa: of the cell, None where unknown.
        moment: total magnetic moment, μ_B; 0 without spin.
        grid: k-points along each reciprocal vector.
        seconds: wall time, all attempts.
        attempts: reason why each earlier attempt failed; of a failure, of all of them.
        identity: version of the code and its data sets.
    """

    atoms: Atoms
    energy_eV: float | None
    free_energy_eV: float | None = None
    forces_eV_A: np.ndarray | None = None
    stress_eV_A3: np.ndarray | None = None
    max_force_eV_A: float | None = None
    pressure_GPa: float | None = None
    moment: float = 0.0
    grid: tuple[int, int, int] = (1, 1, 1)
    seconds: float = 0.0
    attempts: tuple[str, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)

    @property
    def energy_eV_per_atom(self) -> float:
        """NaN where there is no energy."""
        return float("nan") if self.energy_eV is None else self.energy_eV / len(self.atoms)

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        fields = {k: v for k, v in vars(self).items() if k != "atoms"}
        return fields | {
            "numbers": self.atoms.numbers.tolist(),
            "positions": self.atoms.positions.tolist(),
            "cell": self.atoms.cell.array.tolist(),
            "grid": list(self.grid),
            "attempts": list(self.attempts),
            "identity": dict(self.identity),
            **{k: None if fields[k] is None else np.asarray(fields[k]).tolist() for k in _ARRAYS},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DFTResult:
        """What `to_json` gave."""
        fields = dict(value)
        cell, positions, numbers = (fields.pop(k) for k in ("cell", "positions", "numbers"))
        fields |= {"grid": tuple(fields["grid"]), "attempts": tuple(fields["attempts"])}
        fields |= {k: np.array(fields[k]) for k in _ARRAYS if fields.get(k) is not None}
        return cls(Atoms(numbers, positions=positions, cell=cell, pbc=True), **fields)
