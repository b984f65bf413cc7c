"""C6 of each atom of a structure, by whatever dispersion a potential has."""

from __future__ import annotations

import numpy as np
from ase.units import Bohr, Hartree

from potentials.neighbours import Structure
from potentials.potential import Potential
from potentials.sum_potential import SumPotential

C6_EV_A6 = Hartree * Bohr**6
"""An atomic unit of C6, eV Å⁶."""


def c6_eV_A6(potential: Potential, structure: Structure) -> np.ndarray | None:
    """C6 of each atom with one like itself, eV Å⁶, (n,); None where the potential has no dispersion that tells it.

    Of sums, the first part that has some: C6 learnt from surroundings (c6) or dftd4's (d4). dftd3 does not give
    its own.

    Raises:
        ValueError: an element that the dispersion does not know.
    """
    if isinstance(potential, SumPotential):
        for part in (potential.far, potential.short):
            found = c6_eV_A6(part, structure)
            if found is not None:
                return found
        return None
    own = getattr(potential, "c6_eV_A6", None)
    if own is not None:
        return np.asarray(own(structure))
    return np.diag(d4_properties(structure)["c6 coefficients"]) * C6_EV_A6 if potential.metadata.name == "d4" else None


def d4_properties(structure: Structure) -> dict[str, np.ndarray]:
    """dftd4's properties of a periodic structure, atomic units: "c6 coefficients" (n, n), "polarizabilities" (n,), ...

    Raises:
        RuntimeError: dftd4's, of a structure that it cannot take.
    """
    from dftd4.interface import DispersionModel

    periodic = np.ones(3, dtype=bool)
    model = DispersionModel(
        structure.numbers, structure.positions / Bohr, lattice=structure.cell / Bohr, periodic=periodic
    )
    return dict(model.get_properties())
