"""What is asked of a relaxation and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from ase import Atoms


@dataclass(frozen=True)
class RelaxSettings:
    """When a relaxation is finished, and when it is hopeless.

    Attributes:
        fmax_eV_A: converged where no force is larger and no component of V(σ + P)/n either (as ASE's cell filters).
        max_steps: optimiser steps.
        pressure_GPa: target pressure; energies are then enthalpies.
        relax_cell: False keeps the cell.
        primitive: reduce to the primitive cell first.
        halt_every: model calls after which a structure is held, again and again, until somebody says whether it
            deserves more (`InFlightRelaxer.go_on`, `stop`); 0 relaxes everything to its end.
        halt_rehearsed: what a surrogate has relaxed is held before its first model call, too.
        lowest_eV_per_atom: an energy below is unphysical (no solid in any common functional's raw energies lies below
            -20 eV/atom; 7net-0 has holes down to -94).
        closest: an atom closer to another than this times the sum of their covalent radii is an overlap (the shortest
            known bonds, N2 and dense phases at 100s of GPa, stay above 0.7); 0 switches the check off.
        largest_volume_A3_per_atom: beyond, the crystal has fallen apart (solid He has 45, Cs 116).
    """

    fmax_eV_A: float = 0.05
    max_steps: int = 300
    pressure_GPa: float = 0.0
    relax_cell: bool = True
    primitive: bool = True
    halt_every: int = 0
    halt_rehearsed: bool = False
    lowest_eV_per_atom: float = -20.0
    closest: float = 0.5
    largest_volume_A3_per_atom: float = 400.0


class Outcome(StrEnum):
    """How a relaxation ended."""

    CONVERGED = "converged"
    UNCONVERGED = "unconverged"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Halt:
    """A relaxation that is held between two steps.

    Attributes:
        id: as given.
        atoms: geometry of lowest enthalpy so far, no calculator; not reduced to a primitive cell again.
        enthalpy_eV: of `atoms`.
        expected_drop_eV: how much lower the quadratic model of the energy has its minimum; too little, mostly, for
            the curvature is a guess and the minimum of a crystal's energy is not a quadratic's.
        model_calls: evaluations so far.
        foretold_error_eV: where a surrogate has relaxed it and the potential has not been asked yet, the standard error
            that the surrogate claims for `enthalpy_eV`; None where the enthalpy is the potential's.
    """

    id: int
    atoms: Atoms
    enthalpy_eV: float
    expected_drop_eV: float
    model_calls: int
    foretold_error_eV: float | None = None


@dataclass(frozen=True)
class Relaxation:
    """One finished relaxation.

    Attributes:
        id: as given.
        atoms: final geometry, primitive, no calculator; the start where it failed.
        energy_eV: of `atoms`, without pV; NaN where it failed.
        enthalpy_eV: energy + pV at the target pressure.
        max_force_eV_A: largest force on an atom.
        stress_eV_A3: (6,), Voigt, ASE's sign.
        steps: optimiser steps.
        model_calls: evaluations of this structure.
        outcome: how it ended.
        reason: one line for people, empty where it converged.
    """

    id: int
    atoms: Atoms
    energy_eV: float
    enthalpy_eV: float
    max_force_eV_A: float
    stress_eV_A3: np.ndarray
    steps: int
    model_calls: int
    outcome: Outcome
    reason: str = ""
