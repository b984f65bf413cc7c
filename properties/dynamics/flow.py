"""What a production run leaves for transport: currents at every step, positions now and then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.data import atomic_masses, chemical_symbols


@dataclass(frozen=True)
class Departure:
    """Where a replica left what its potential knows.

    Attributes:
        stage: "npt", "equilibrate" or "produce".
        step: of that stage.
        distance: of the atom furthest off; see `potentials.uncertainty`.
        threshold: above which it is outside.
    """

    stage: str
    step: int
    distance: float
    threshold: float


@dataclass(frozen=True)
class Flow:
    """One replica at one temperature, after its equilibration, in a cell that stays as it is.

    Attributes:
        temperature_K: what it was brought to.
        mean_temperature_K: of the kinetic energy, over the production.
        ensemble: "nve" or "nvt".
        numbers: atomic numbers, (n,).
        cell: row vectors, Å, (3, 3).
        step_ps: from one row of currents to the next.
        currents_A_ps: sum of the velocities of each species' atoms, Å/ps, (steps, n_species, 3); species as `species`.
        frame_ps: from one frame of positions to the next.
        positions_A: unwrapped: an atom that crosses the cell's face goes on outside, (frames, n, 3); the first frame is
            where the production begins, one step before the first row of currents.
        charge_current_eA_ps: sum of q v, e Å/ps, (steps, 3), where charges are the atoms' own and change; None where
            every species has one charge.
        seed: the replica's.
        energy_drift_meV_atom_ps: slope of what the ensemble conserves: the total energy, in "nvt" less the thermostat's
            heat. None of fewer than ten rows.
        energy_spread_meV_atom: standard deviation about that slope.
        pressure_GPa: mean over the frames; None where the potential gives no stress.
        departure: the first from the potential's domain, None where there is none or nobody watched.
    """

    temperature_K: float
    mean_temperature_K: float
    ensemble: str
    numbers: np.ndarray
    cell: np.ndarray
    step_ps: float
    currents_A_ps: np.ndarray
    frame_ps: float
    positions_A: np.ndarray
    charge_current_eA_ps: np.ndarray | None = None
    seed: int = 0
    energy_drift_meV_atom_ps: float | None = None
    energy_spread_meV_atom: float | None = None
    pressure_GPa: float | None = None
    departure: Departure | None = None

    @property
    def species(self) -> tuple[str, ...]:
        """Chemical symbols in order of atomic number: the second axis of `currents_A_ps`."""
        return tuple(chemical_symbols[z] for z in np.unique(self.numbers))

    @property
    def masses(self) -> np.ndarray:
        """Atomic masses, u, (n,)."""
        return atomic_masses[self.numbers]

    @property
    def volume_A3(self) -> float:
        """Of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def picoseconds(self) -> float:
        """How long the production is."""
        return self.step_ps * len(self.currents_A_ps)
