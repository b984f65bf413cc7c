"""How hard a crystal is to compress, from a handful of scaled cells."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units

from potentials.neighbours import Structure
from potentials.potential import Potential, structure_of

BULK_MODULUS_CALLS = 4
_STEP = 0.01
"""Of length. Wide enough to average over a machine-learnt potential's roughness: 7net-0's silicon has 98.3, 99.1, 96.9
and 94.1 GPa with steps of 0.0025, 0.005, 0.01 and 0.02, 94.7 by a Birch-Murnaghan fit within 2 %. Narrow enough for
smooth ones: Lennard-Jones fcc is 3e-5 off, EMT's aluminium, whose neighbours pass its cut-off here, 0.2 %."""
_WEIGHTS = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}  # first derivative, to fourth order in the step


def bulk_modulus_GPa(potential: Potential, atoms: Atoms) -> float:
    """−V dP/dV = V d²E/dV² of a crystal whose cell and atoms are scaled alike, in 4 model calls.

    At the crystal's own volume and temperature zero. The shape of the cell and the fractional positions are held: for
    cubic crystals without free positions this is the bulk modulus; for others, which give way in shape and by inner
    displacements, it is an upper bound (Voigt's mean of the elastic constants with clamped ions).

    Args:
        potential: gives the stress.
        atoms: periodic in three directions, relaxed (at any pressure); not changed.

    Raises:
        ValueError: the potential gave a stress that is not finite.
    """
    at_rest = structure_of(atoms)
    scaled = [_scaled(at_rest, 1 + k * _STEP) for k in _WEIGHTS]
    stresses = [e.stress_eV_A3 for e in potential.evaluate(scaled)]
    traces = np.array([np.trace(stress) for stress in stresses])
    if not np.isfinite(traces).all():
        raise ValueError(f"{potential.metadata.name} gave a stress that is not finite")
    slope = float(np.dot(list(_WEIGHTS.values()), traces)) / 3 / _STEP  # −dP/d(scale), P being −trace/3
    return slope / 3 / units.GPa  # dV/V is three times the change of scale


def _scaled(structure: Structure, scale: float) -> Structure:
    return Structure(structure.numbers, structure.positions * scale, structure.cell * scale)
