"""A DFT code as the quantum method."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from potentials.neighbours import Structure
from potentials.qmml.answers import Answer
from potentials.qmml.errors import QMError

OPTIONS = ("code", "cutoff_eV", "smearing_eV", "pseudopotentials", "pseudo_dir", "command", "options")
"""Of `DFTSettings`. Functional, spin and k-points follow from what is asked; a cluster is computed as it is."""


class DFTMethod:
    """A DFT code in a box of vacuum, at Γ, closed shells.

    functional: by the code's name; options: those of OPTIONS, as `potentials.dft.settings.DFTSettings` has them.
    calculator: of tests; None takes the code's own.
    """

    has_electrons = True
    takes_field = False
    reach_A = 8.0

    def __init__(
        self, functional: str, options: Mapping[str, Any], calculator: Callable[..., Any] | None = None
    ) -> None:
        from potentials.dft.settings import DFTSettings

        _check_options(options)
        # Clusters have no bands: whatever the box, Γ alone
        settings = DFTSettings(**{**options, "xc": functional, "spin": "off", "kpoint_density_A": 1e-3})
        self.settings, self._calculator = settings, calculator
        self.name = f"{settings.code} {functional}"

    def check(self, numbers: np.ndarray) -> None:
        """As of `QMMethod`: the code and its data sets are here."""
        from potentials.dft.codes import identity
        from potentials.dft.settings import DFTError

        if self._calculator is not None:
            return
        try:
            identity(self.settings, set(Atoms(numbers).symbols))
        except DFTError as error:
            raise QMError(f"qm: {str(error).replace('anchor.', 'options.')}") from error

    def evaluate(
        self, structures: Sequence[Structure], charge: int, multiplicity: int, field_V_A: np.ndarray | None = None
    ) -> list[Answer]:
        """As of `QMMethod`."""
        if multiplicity != 1:
            raise QMError(f"multiplicity: dft computes closed shells here, multiplicity 1 (is {multiplicity}); use xtb")
        settings = self.settings
        if charge and settings.code != "gpaw":
            raise QMError(f"charge: charged clusters are computed with gpaw or xtb here, not with {settings.code}")
        if charge:
            settings = replace(settings, options={**settings.options, "charge": charge})
        return [self._one(s, settings) for s in structures]

    def _one(self, structure: Structure, settings: Any) -> Answer:
        from potentials.dft.calculation import calculate

        atoms = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=True)
        given = () if self._calculator is None else (self._calculator,)
        with tempfile.TemporaryDirectory(prefix="qmml-") as folder:
            found = calculate(atoms, settings, Path(folder), *given)
        if found.energy_eV is None or found.forces_eV_A is None:
            why = found.attempts[-1] if found.attempts else "it gave no forces"
            raise QMError(f"{self.name} finds no self-consistent field of {atoms.get_chemical_formula()} ({why})")
        # Forces are derivatives of the free energy of smeared electrons
        energy = found.energy_eV if found.free_energy_eV is None else found.free_energy_eV
        return Answer(energy, found.forces_eV_A)


def _check_options(options: Mapping[str, Any]) -> None:
    from potentials.dft.settings import CODES

    strange = [key for key in options if key not in OPTIONS]
    if strange:
        raise QMError(f"qm.options: dft has no option {strange[0]!r}; there are {', '.join(OPTIONS)}")
    if options.get("code", CODES[0]) not in CODES:
        raise QMError(f"qm.options.code: must be {', '.join(CODES[:-1])} or {CODES[-1]} (is {options['code']!r})")
    for key in ("cutoff_eV", "smearing_eV"):
        value = options.get(key, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise QMError(f"qm.options.{key}: must be a number above 0 (is {value!r})")
