"""What a quantum method is, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase.data import chemical_symbols

from potentials.neighbours import Structure
from potentials.potential import Potential
from potentials.qmml.errors import QMError

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


def refuse(strangers: Sequence[int], name: str) -> None:
    """Refuse elements, atomic numbers, that a method of this name does not know.

    Raises:
        QMError: there are some.
    """
    if strangers:
        raise QMError(f"{name} does not know {', '.join(chemical_symbols[z] for z in strangers)}")
