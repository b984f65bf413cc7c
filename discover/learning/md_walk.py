"""Molecular dynamics as an explorer."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from discover.config_learning import MDSettings
from discover.learning.frames import Frame
from potentials import Potential
from potentials.potential import PotentialCalculator

REST_FS = 60.0
"""Within which a frame is still the one that was just chosen: half a period of the slower vibrations."""
KEPT = 4
"""Frames to choose among when a walker is sent back: far enough that it need not run into the same wall."""


class MDWalk:
    """A walker under a Langevin thermostat at constant volume; places are in ps.

    ASE's integrator, of Vanden-Eijnden & Ciccotti, Chem. Phys. Lett. 429, 310 (2006).

    temperature_K: of the thermostat.
    rng: of velocities and thermostat.
    """

    unit = "ps"
    independent = False

    def __init__(
        self,
        potential: Potential,
        start: Atoms,
        settings: MDSettings,
        temperature_K: float,
        rng: np.random.Generator,
        walker: int,
    ) -> None:
        self.length = settings.picoseconds
        self.rest = round(REST_FS / (settings.look_every * settings.timestep_fs))
        self._settings = settings
        self._temperature_K = temperature_K
        self._rng = rng
        self._walker = walker
        self._atoms = Atoms(start.numbers, start.positions, cell=start.cell, pbc=True)
        self._calculator = PotentialCalculator(potential)
        self._atoms.calc = self._calculator
        self._steps = 0
        self._kept: list[np.ndarray] = [self._atoms.positions.copy()]
        self._set_off()

    def step(self) -> Frame | None:
        """So many steps on; None when its time is over."""
        settings = self._settings
        if self._steps * settings.timestep_fs >= 1000 * settings.picoseconds:
            return None
        self._dynamics.run(settings.look_every)
        self._steps += settings.look_every
        evaluation = self._calculator.evaluation
        assert evaluation is not None
        positions = self._atoms.positions.copy()
        self._kept = [*self._kept, positions][-KEPT - 1 :]
        atoms = Atoms(self._atoms.numbers, positions, cell=self._atoms.cell, pbc=True)
        return Frame(atoms, evaluation, self._walker, self._steps * settings.timestep_fs / 1000)

    def rewind(self) -> None:
        """To a frame some looks ago, with new velocities."""
        self._atoms.positions = self._kept[0]
        self._kept = self._kept[:1]
        self._set_off()

    def _set_off(self) -> None:
        settings = self._settings
        MaxwellBoltzmannDistribution(self._atoms, temperature_K=self._temperature_K, rng=self._rng)
        self._dynamics = Langevin(
            self._atoms,
            settings.timestep_fs * units.fs,
            temperature_K=self._temperature_K,
            friction=settings.friction_per_ps / 1000 / units.fs,
            fixcm=False,  # a crystal that drifts as a whole is the same crystal
            rng=self._rng,
        )
