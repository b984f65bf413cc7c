"""The quantum methods: each gives energy and forces of a cluster in vacuum."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree, kB

from potentials.neighbours import Structure
from potentials.potential import Potential, batches
from potentials.qmml.cluster import Cluster
from potentials.qmml.errors import QMError, QmmlError
from potentials.qmml.settings import QmmlSettings
from potentials.words import in_words

XTB_MODELS = ("GFN2-xTB", "GFN1-xTB", "IPEA1-xTB")
HEAVIEST_OF_XTB = 86
UNKNOWN_REACH_A = 20.0
"""Between images of clusters, for potentials that do not tell how far they see."""
LONG_REACH_A = 33.0
"""For those with dispersion or charges on top: as far as dispersion's pairs are summed."""


@dataclass(frozen=True)
class Answer:
    """Of one cluster.

    Attributes:
        energy_eV: total energy.
        forces_eV_A: (n, 3).
        dipole_eA: about the origin of the positions, e Å, (3,); None where the method does not tell.
    """

    energy_eV: float
    forces_eV_A: np.ndarray
    dipole_eA: np.ndarray | None = None


class QMMethod(Protocol):
    """A quantum method.

    Attributes:
        name: for people and metadata.
        has_electrons: whether it needs a charge and a multiplicity that fit the number of electrons.
        takes_field: whether it can be put into a uniform field.
        reach_A: how far apart it needs periodic images of a cluster.
    """

    name: str
    has_electrons: bool
    takes_field: bool
    reach_A: float

    def check(self, numbers: np.ndarray) -> None:
        """Refuse elements that it does not know.

        Raises:
            QMError: with their names.
        """

    def evaluate(
        self, structures: Sequence[Structure], charge: int, multiplicity: int, field_V_A: np.ndarray | None = None
    ) -> list[Answer]:
        """Each cluster's answer, alone in space; a uniform field, (3,), only where it takes one.

        Raises:
            QMError: no self-consistent field.
        """


def reach_A(potential: Potential) -> float:
    """How far apart images of a cluster have to be for a potential not to see them."""
    known = potential.metadata.parameters or {}
    if "dispersion" in known or "electrostatics" in known or "charges" in known:
        return LONG_REACH_A
    return UNKNOWN_REACH_A if potential.cutoff_A is None else potential.cutoff_A + 1e-3


def method_of(settings: QmmlSettings, device: str = "cpu") -> QMMethod:
    """The method that the settings name.

    Raises:
        QMError: it is not here, or its options are none.
    """
    if settings.method == "xtb":
        return XtbMethod(settings.model or XTB_MODELS[0], **_known_options(settings.options))
    if settings.method == "dft":
        return DFTMethod(settings.model or "PBE", settings.options)
    from potentials.registry import LoadError, UnknownPotentialError, load

    try:
        return PotentialMethod(load(settings.model or "", device, **settings.options).in_double_precision())
    except (LoadError, UnknownPotentialError) as error:
        raise QMError(f"qm.model: {error}") from error


def _known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    known = ("electronic_temperature_K", "accuracy", "max_iterations")
    strange = [key for key in options if key not in known]
    if strange:
        raise QMError(f"qm.options: xtb has no option {strange[0]!r}; there are {', '.join(known)}")
    for key, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
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
        _refuse(sorted({int(z) for z in numbers if z > HEAVIEST_OF_XTB}), self.model)

    def evaluate(
        self, structures: Sequence[Structure], charge: int, multiplicity: int, field_V_A: np.ndarray | None = None
    ) -> list[Answer]:
        """As of `QMMethod`."""
        return [self._one(s, charge, multiplicity, field_V_A) for s in structures]

    def _one(self, structure: Structure, charge: int, multiplicity: int, field_V_A: np.ndarray | None) -> Answer:
        from tblite.exceptions import TBLiteRuntimeError

        said = ""
        for damping, iterations in ((0.4, self.max_iterations), (0.1, 2 * self.max_iterations)):
            calculator = self._calculator(structure, charge, multiplicity, field_V_A)
            calculator.set("mixer-damping", damping)
            calculator.set("max-iter", iterations)
            try:
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


class PotentialMethod:
    """Any of our potentials in the place of a quantum method: for tests, or a better potential inside a cheaper one."""

    has_electrons = False
    takes_field = False

    def __init__(self, potential: Potential) -> None:
        self.potential = potential
        self.name = potential.metadata.name
        self.reach_A = reach_A(potential)

    def check(self, numbers: np.ndarray) -> None:
        """As of `QMMethod`."""
        from ase.data import atomic_numbers

        known = self.potential.metadata.elements
        if known is not None:
            allowed = {atomic_numbers[symbol] for symbol in known}
            _refuse(sorted({int(z) for z in numbers} - allowed), self.name)

    def evaluate(
        self, structures: Sequence[Structure], charge: int, multiplicity: int, field_V_A: np.ndarray | None = None
    ) -> list[Answer]:
        """As of `QMMethod`; charge and multiplicity mean nothing to it."""
        told = [e for batch in batches(structures, self.potential.batch_atoms) for e in self.potential.evaluate(batch)]
        return [Answer(e.energy_eV, e.forces_eV_A) for e in told]


class DFTMethod:
    """A DFT code in a box of vacuum, at Γ, closed shells.

    functional: by the code's name; options: keys of `potentials.dft.settings.DFTSettings`.
    calculator: of tests; None takes the code's own.
    """

    has_electrons = True
    takes_field = False
    reach_A = 8.0

    def __init__(
        self, functional: str, options: Mapping[str, Any], calculator: Callable[..., Any] | None = None
    ) -> None:
        from potentials.dft.settings import DFTSettings

        known = [field.name for field in fields(DFTSettings)]
        strange = [key for key in options if key not in known]
        if strange:
            raise QMError(f"qm.options: dft has no option {strange[0]!r}; there are {', '.join(known)}")
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
            raise QMError(f"qm: {error}") from error

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


def _refuse(strangers: Sequence[int], name: str) -> None:
    from ase.data import chemical_symbols

    if strangers:
        raise QMError(f"{name} does not know {', '.join(chemical_symbols[z] for z in strangers)}")


def multiplicity_of(numbers: np.ndarray, charge: int, given: int | None) -> int:
    """2S + 1 of a cluster, checked against its number of electrons.

    Raises:
        QmmlError: an odd number of electrons and no multiplicity, or one that does not fit.
    """
    electrons = int(np.sum(numbers)) - charge
    formula = Atoms(numbers).get_chemical_formula()
    if given is None:
        if electrons % 2:
            raise QmmlError(
                f"multiplicity: the capped cluster {formula} of charge {charge} has {electrons} electrons, an odd "
                "number; give multiplicity: 2 if it is a radical, or another charge"
            )
        return 1
    if (electrons + given) % 2 == 0:
        fitting = "an odd number has 2, 4, ..." if electrons % 2 else "an even number has 1, 3, ..."
        raise QmmlError(
            f"multiplicity: {given} does not go with the {electrons} electrons of the capped cluster {formula} of "
            f"charge {charge}; {fitting}"
        )
    return given


def checked(clusters: Sequence[Cluster], qm: QMMethod) -> list[Cluster]:
    """Clusters with their multiplicities, of elements that the method knows.

    Raises:
        QMError: of elements that it does not know.
        QmmlError: a number of electrons that charge and multiplicity do not go with.
    """
    found = []
    for cluster in clusters:
        qm.check(cluster.numbers)
        spin = cluster.multiplicity
        if qm.has_electrons:
            spin = multiplicity_of(cluster.numbers, cluster.charge, spin)
        found.append(replace(cluster, multiplicity=spin))
    return found
