"""The one interface to whatever an atom feels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from potentials.metadata import Metadata
from potentials.neighbours import Structure

if TYPE_CHECKING:
    from torch_sim.models.interface import ModelInterface


@dataclass(frozen=True)
class Evaluation:
    """Energy and its first derivatives for one structure.

    Attributes:
        energy_eV: total energy.
        forces_eV_A: (n, 3).
        stress_eV_A3: (3, 3), ASE's sign: +dE/d(strain)/V.
        features: (n, d) invariant features of the atoms, which cost nothing beside the energy; None where the potential
            has none.
    """

    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray
    features: np.ndarray | None = None

    @property
    def finite(self) -> bool:
        """False where anything is NaN or infinite."""
        return bool(
            np.isfinite(self.energy_eV) and np.isfinite(self.forces_eV_A).all() and np.isfinite(self.stress_eV_A3).all()
        )


class Potential(ABC):
    """What `potentials.load` gives.

    Attributes:
        metadata: who it is.
        device: "cpu", "cuda:0", ...
        model: a torch-sim model for batched work, None where there is none.
        batch_atoms: how many atoms one call should hold to use the device well.
        precision: "float64" or "float32": in what its energies are computed.
        cutoff_A: no pair of atoms further apart is looked at; None where the potential does not tell.
        conservative: forces are the derivative of the energy.
    """

    metadata: Metadata
    device: str = "cpu"
    model: ModelInterface | None = None
    batch_atoms: int = 1
    precision: str = "float64"
    cutoff_A: float | None = None
    conservative: bool = True

    @abstractmethod
    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order; one model call each."""

    def descriptors(self, structure: Structure) -> np.ndarray | None:
        """Per-atom invariant features, (n, d), where the model has them; those that `evaluate` gives along."""
        return self.evaluate([structure])[0].features

    def calculator(self) -> Calculator:
        """An ASE calculator (energy, forces, stress)."""
        return PotentialCalculator(self)

    def in_double_precision(self) -> Potential:
        """The same potential computing in float64, for differences; itself where it has one precision."""
        return self

    def warm_up(self) -> None:
        """Do now what the first call would do slowly (compilation, CUDA start)."""
        return


def batches(structures: Iterable[Structure], most_atoms: int) -> Iterator[list[Structure]]:
    """The structures in calls of about so many atoms, in order; a larger one is a call of its own or ends one."""
    batch: list[Structure] = []
    atoms = 0
    for structure in structures:
        batch.append(structure)
        atoms += len(structure.numbers)
        if atoms >= most_atoms:
            yield batch
            batch, atoms = [], 0
    if batch:
        yield batch


def structure_of(atoms: Atoms) -> Structure:
    """The bare arrays of an ASE structure, periodic in three directions."""
    return Structure(atoms.numbers.copy(), atoms.positions.copy(), np.asarray(atoms.cell.array).copy())


class PotentialCalculator(Calculator):
    """ASE's view of a `Potential`.

    Attributes:
        evaluation: the last one, with the features that ASE has no name for; None before the first.
    """

    implemented_properties: ClassVar[list[str]] = [  # type: ignore[misc]
        "energy", "free_energy", "forces", "stress",
    ]

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential
        self.evaluation: Evaluation | None = None

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes
    ) -> None:
        """Evaluate once; results in ASE's units."""
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None
        evaluation = self.evaluation = self.potential.evaluate([structure_of(self.atoms)])[0]
        self.results = {
            "energy": evaluation.energy_eV,
            "free_energy": evaluation.energy_eV,
            "forces": evaluation.forces_eV_A,
            "stress": full_3x3_to_voigt_6_stress(evaluation.stress_eV_A3),
        }
