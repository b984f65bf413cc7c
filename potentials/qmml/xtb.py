"""Extended tight binding, by tblite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree, kB

from potentials.neighbours import Structure
from potentials.qmml.answers import Answer, refuse
from potentials.qmml.errors import QMError
from potentials.words import in_words

XTB_MODELS = ("GFN2-xTB", "GFN1-xTB", "IPEA1-xTB")
HEAVIEST_OF_XTB = 86


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `XtbMethod`, checked.

    Raises:
        QMError: one that it has not, or that is no number above 0.
    """
    known = ("electronic_temperature_K", "accuracy", "max_iterations")
    strange = [key for key in options if key not in known]
    if strange:
        raise QMError(f"qm.options: xtb has no option {strange[0]!r}; there are {', '.join(known)}")
    for key, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise QMError(f"qm.options.{key}: must be a number above 0 (is {value!r})")
    return dict(options)


class XtbMethod:
    """Extended tight binding by tblite, not periodic.

    GFN2: Bannwarth, Ehlert & Grimme, J. Chem. Theory Comput. 15, 1652 (2019); GFN1: Grimme, Bannwarth & Shushkov,
    J. Chem. Theory Comput. 13, 1989 (2017). Its energies hold dispersion (D4, D3). Each call starts from scratch: an
    energy does not hang on what was computed before.

    electronic_temperature_K: of the occupations; forces are derivatives of the free energy.
    accuracy: tblite's; a tenth of its own 1.0, for derivatives.
    max_iterations: of the self-consistent field; asked a second time with gentler mixing before it is given up.
    """

    has_electrons = True
    takes_field = True
    reach_A = 0.0

    def __init__(
        self,
        model: str = XTB_MODELS[0],
        electronic_temperature_K: float = 300.0,
        accuracy: float = 0.1,
        max_iterations: float = 250,
    ) -> None:
        if model not in XTB_MODELS:
            raise QMError(f"qm.model: xtb knows {', '.join(XTB_MODELS)} (is {model!r})")
        if find_spec("tblite") is None:
            raise QMError("xtb needs the library tblite; run: pip install 'discover-materials[xtb]'")
        self.model, self.accuracy = model, accuracy
        self.electronic_temperature_K, self.max_iterations = electronic_temperature_K, int(max_iterations)
        self.name = f"{model} (tblite {version('tblite')})"

    def check(self, numbers: np.ndarray) -> None:
        """As of `QMMethod`."""
        refuse(sorted({int(z) for z in numbers if z > HEAVIEST_OF_XTB}), self.model)

    def evaluate(
        self, structures: Sequence[Structure], charge: int, multiplicity: int, field_V_A: np.ndarray | None = None
    ) -> list[Answer]:
        """As of `QMMethod`."""
        return [self._one(s, charge, multiplicity, field_V_A) for s in structures]

    def _one(self, structure: Structure, charge: int, multiplicity: int, field_V_A: np.ndarray | None) -> Answer:
        from tblite.exceptions import TBLiteRuntimeError

        said = ""
        for damping, iterations in ((0.4, self.max_iterations), (0.1, 2 * self.max_iterations)):
            try:
                calculator = self._calculator(structure, charge, multiplicity, field_V_A)
                calculator.set("mixer-damping", damping)
                calculator.set("max-iter", iterations)
                found = calculator.singlepoint()
            except TBLiteRuntimeError as error:
                said = in_words(error, 120)
                continue
            energy = float(found["energy"]) * Hartree
            forces = -np.array(found["gradient"]) * Hartree / Bohr
            return Answer(energy, forces, np.array(found["dipole"]) * Bohr)
        formula = Atoms(structure.numbers).get_chemical_formula()
        raise QMError(
            f"{self.model} finds no self-consistent field of the cluster {formula} (charge {charge}, multiplicity "
            f"{multiplicity}; {said}); try options: {{electronic_temperature_K: 1500}}, another charge or "
            "multiplicity, or a larger region"
        )

    def _calculator(
        self, structure: Structure, charge: int, multiplicity: int, field_V_A: np.ndarray | None
    ) -> Any:
        from tblite.interface import Calculator

        made = Calculator(self.model, structure.numbers, structure.positions / Bohr, charge, multiplicity - 1)
        made.set("accuracy", self.accuracy)
        made.set("temperature", self.electronic_temperature_K * kB / Hartree)
        made.set("verbosity", 0)
        if field_V_A is not None:
            _add_field(made, np.asarray(field_V_A, float) * Bohr / Hartree)
        return made


def _add_field(calculator: Any, field_au: np.ndarray) -> None:
    """Put a tblite calculator into a field, (3,), Hartree/(e Bohr)."""
    from tblite import library

    try:
        calculator.add("electric-field", field_au)
    except TypeError:  # 0.8.0 hands the array to C, which takes a pointer
        calculator.add("electric-field", library.ffi.new("double[3]", field_au.tolist()))
