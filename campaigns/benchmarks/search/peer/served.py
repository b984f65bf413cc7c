"""The calculator that a peer uses: it asks the benchmark's process, which has the potential and counts.

Runs in the peer's own environment: nothing but ASE and NumPy.
"""

from __future__ import annotations

import json
import sys
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress


def settings() -> dict[str, Any]:
    """What the benchmark says of the search."""
    return json.loads(Path("settings.json").read_text())


class Served(Calculator):
    """Energy, forces and stress by the benchmark's potential; it also takes final candidates."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self) -> None:
        super().__init__()
        self._connection = Client(sys.argv[1], "AF_UNIX")

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """One model call."""
        super().calculate(atoms, properties, system_changes)
        energy, forces, stress = self._ask("evaluate", self.atoms)
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": np.array(forces),
            "stress": full_3x3_to_voigt_6_stress(np.array(stress)),
        }

    def finish(self, atoms: Atoms | None, energy_eV: float = float("nan")) -> None:
        """A candidate has ended; None where it has no energy."""
        what = "failed" if atoms is None or not np.isfinite(energy_eV) else "candidate"
        self._ask(what, atoms if atoms is not None else Atoms("H", cell=[9, 9, 9]), float(energy_eV))

    def _ask(self, what: str, atoms: Atoms, energy_eV: float = 0.0) -> tuple[Any, ...]:
        message = what, np.array(atoms.numbers), np.array(atoms.positions), np.array(atoms.cell.array), energy_eV
        self._connection.send(message)
        state, *answer = self._connection.recv()
        if state == "error":
            self.reset()
            raise RuntimeError(answer[0])
        return tuple(answer)
