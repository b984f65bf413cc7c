"""How far forces are from being the derivative of anything: drift of an NVE run, work around a loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary

from potentials.neighbours import Structure
from potentials.potential import Potential, structure_of


@dataclass(frozen=True)
class Drift:
    """Of one NVE run.

    Attributes:
        times_fs: (s,).
        total_eV_per_atom: kinetic energy and that of `evaluate`, less the first, (s,).
        temperatures_K: (s,).
        momentum_eV_fs_A: largest size of the total momentum's change, in eV fs/Å.
    """

    times_fs: np.ndarray
    total_eV_per_atom: np.ndarray
    temperatures_K: np.ndarray
    momentum_eV_fs_A: float

    @property
    def eV_per_atom_ps(self) -> float:
        """Slope of the total energy."""
        return float(np.polyfit(self.times_fs / 1000.0, self.total_eV_per_atom, 1)[0])


def measured_drift(
    potential: Potential,
    atoms: Atoms,
    steps: int = 200,
    step_fs: float = 1.0,
    temperature_K: float = 300.0,
    rng: np.random.Generator | None = None,
) -> Drift:
    """Velocity-Verlet steps at constant energy, from velocities of a temperature, without total momentum.

    Under force mixing the energy is the subtractive scheme's, which the forces nearly are derivatives of: what it gains
    or loses is the work of the forces that are none.

    rng: of the velocities.
    """
    moving = atoms.copy()
    MaxwellBoltzmannDistribution(moving, temperature_K=temperature_K, rng=rng or np.random.default_rng(0))
    Stationary(moving)
    masses, x, v = moving.get_masses()[:, None], moving.positions.copy(), moving.get_velocities()
    dt = step_fs * units.fs
    first = structure_of(moving)
    now = potential.evaluate([first])[0]
    start = (masses * v).sum(0)
    totals, kinetic, pushed = [], [], 0.0
    for step in range(steps + 1):
        kinetic.append(0.5 * float((masses * v**2).sum()))
        totals.append(now.energy_eV + kinetic[-1])
        pushed = max(pushed, float(np.linalg.norm((masses * v).sum(0) - start)))
        if step == steps:
            break
        v = v + 0.5 * dt * now.forces_eV_A / masses
        x = x + dt * v
        now = potential.evaluate([Structure(first.numbers, x, first.cell)])[0]
        v = v + 0.5 * dt * now.forces_eV_A / masses
    n = len(moving)
    return Drift(
        step_fs * np.arange(steps + 1),
        (np.array(totals) - totals[0]) / n,
        2 * np.array(kinetic) / (3 * n - 3) / units.kB,
        pushed / units.fs,
    )


def loop_work_eV(
    potential: Potential, structure: Structure, one: np.ndarray, other: np.ndarray, points: int = 16
) -> float:
    """Work ∮ F·dx around x + cos φ · one + sin φ · other, (n, 3) each in Å: zero where F is a derivative.

    The trapezoidal rule on a circle converges faster than any power of the number of points.
    """
    angles = 2 * np.pi * np.arange(points) / points
    loop = [
        Structure(structure.numbers, structure.positions + np.cos(a) * one + np.sin(a) * other, structure.cell)
        for a in angles
    ]
    tangents = [np.cos(a) * other - np.sin(a) * one for a in angles]
    told = potential.evaluate(loop)
    work = sum(float((e.forces_eV_A * t).sum()) for e, t in zip(told, tangents, strict=True))
    return work * 2 * np.pi / points
