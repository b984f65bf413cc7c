"""Which quantum method, and whether its clusters have the electrons that are said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from potentials.neighbours import Structure
from potentials.potential import Potential, batches
from potentials.qmml.answers import Answer, QMMethod, reach_A, refuse
from potentials.qmml.cluster import Cluster
from potentials.qmml.dft import DFTMethod
from potentials.qmml.errors import QMError, QmmlError
from potentials.qmml.settings import QmmlSettings
from potentials.qmml.xtb import XTB_MODELS, XtbMethod, known_options


def method_of(settings: QmmlSettings, device: str = "cpu") -> QMMethod:
    """The method that the settings name.

    Raises:
        QMError: it is not here, or its options are none.
    """
    if settings.method == "xtb":
        return XtbMethod(settings.model or XTB_MODELS[0], **known_options(settings.options))
    if settings.method == "dft":
        return DFTMethod(settings.model or "PBE", settings.options)
    from potentials.registry import LoadError, UnknownPotentialError, load

    for key in ("name", "device"):
        if key in settings.options:
            raise QMError(f"qm.options.{key}: is no option of a potential; its name is model, and its device that of "
                          "the surroundings")  # fmt: skip
    try:
        return PotentialMethod(load(settings.model or "", device, **settings.options).in_double_precision())
    except (LoadError, UnknownPotentialError) as error:
        raise QMError(f"qm.model: {error}") from error


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
        known = self.potential.metadata.elements
        if known is not None:
            allowed = {atomic_numbers[symbol] for symbol in known}
            refuse(sorted({int(z) for z in numbers} - allowed), self.name)

    def evaluate(
        self, structures: Sequence[Structure], charge: int, multiplicity: int, field_V_A: np.ndarray | None = None
    ) -> list[Answer]:
        """As of `QMMethod`; charge and multiplicity mean nothing to it."""
        told = [e for batch in batches(structures, self.potential.batch_atoms) for e in self.potential.evaluate(batch)]
        return [Answer(e.energy_eV, e.forces_eV_A) for e in told]


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
