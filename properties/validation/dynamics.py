"""Does an isolated crystal keep its energy? A short NVE run says what no single derivative can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet

from potentials.neighbours import Structure
from properties.validation.check import Check
from properties.validation.subject import RATTLE, RefusedError, Subject, refusals

STEPS_PER_PERIOD = 40
"""Of the stiff vibrations. Velocity Verlet's energy then swings by (2π/40)²/8, 0.3 %, of the kinetic energy: that comes
back in every period and is no drift."""
FINER = 4
"""CHGNet's silicon drifts by 0.9 meV/atom/ps at 2.2 fs, where bonds enter and leave its bond graph, by 0.09 at 0.55."""
STEPS = 400
"""Ten of those periods: the shortest run in which a slope stands out of that swing."""
WARM_K = 300.0
"""The slope allowed is for a crystal as warm as this; the integrator's own errors grow with the kinetic energy."""
SIGMAS = 3.0
"""Standard errors that a slope may have besides: what a run of this length cannot tell from none."""
BLOCKS = 10
"""A period each: means over them hardly depend on each other, which the slope's standard error needs."""


@dataclass(frozen=True)
class Trajectory:
    """What an NVE run leaves.

    Attributes:
        time_step_fs: between two samples.
        total_eV, kinetic_eV: (steps + 1,).
    """

    time_step_fs: float
    n_atoms: int
    total_eV: np.ndarray
    kinetic_eV: np.ndarray

    @property
    def picoseconds(self) -> float:
        """How long it is."""
        return 1e-3 * self.time_step_fs * (len(self.total_eV) - 1)

    def slope_meV_atom_ps(self) -> tuple[float, float]:
        """Slope of the total energy and its standard error, both from the means of ten blocks."""
        if not np.isfinite(self.total_eV).all():
            return float("nan"), float("nan")
        blocks = np.array_split(self.total_eV[1:], BLOCKS)
        y = np.array([b.mean() for b in blocks]) * 1e3 / self.n_atoms
        t = (np.arange(BLOCKS) + 0.5) * self.picoseconds / BLOCKS
        t -= t.mean()
        slope = float(t @ y / (t @ t))
        rest = y - y.mean() - slope * t
        return slope, float(np.sqrt(rest @ rest / (BLOCKS - 2) / (t @ t)))


def dynamics_checks(subject: Subject) -> Iterator[Check]:
    """Slope of the energy of an NVE run, by itself and against the spread of the kinetic energy.

    A run that drifts is made again with a shorter time step: what the integrator loses at sharp bends of the energy
    vanishes with it, what the forces give away does not.
    """
    checks = _checks(subject, nve(subject), "")
    if all(c.passed for c in checks):
        yield from checks
    else:
        yield from _checks(subject, nve(subject, FINER), f"; {checks[0].value:.2g} with a step {FINER} times longer")


def _checks(subject: Subject, run: Trajectory, before: str) -> list[Check]:
    slope, error = run.slope_meV_atom_ps()
    kelvin = float(run.kinetic_eV.mean() / (1.5 * run.n_atoms * units.kB))
    spread_eV = float(run.kinetic_eV.std())
    limits = subject.limits
    note = f"{slope:+.2g} ± {error:.1g}; {len(run.total_eV) - 1} steps of {run.time_step_fs:.2g} fs near {kelvin:.0f} K"
    threshold = limits.drift_meV_atom_ps * max(1.0, kelvin / WARM_K) + SIGMAS * error
    drift = Check("energy drift", abs(slope), threshold, "meV/atom/ps", note + before, conserves=True)
    lost = 1e-3 * run.n_atoms * run.picoseconds / spread_eV if spread_eV > 0 else float("nan")
    note = f"{abs(slope) * lost * 1e3 * spread_eV:.2g} meV in {run.picoseconds:.2g} ps over {1e3 * spread_eV:.2g} meV"
    threshold = limits.drift_over_spread + SIGMAS * error * lost
    return [drift, Check("drift over kinetic spread", abs(slope) * lost, threshold, "", note, conserves=True)]


def nve(subject: Subject, finer: int = 1) -> Trajectory:
    """Velocity Verlet (Swope et al., J. Chem. Phys. 76, 637 (1982)) in the given cell, its atoms displaced.

    Speeds have the size of the displacements times the stiff vibrations' frequency, so that the crystal is as warm
    as its displacements are wide, in whatever units: 100 to 500 K in real ones. The total momentum is zero.

    finer: so many times shorter steps, and more of them.
    """
    frequency = _frequency_per_fs(subject)
    time_step_fs = 2 * np.pi / frequency / STEPS_PER_PERIOD / finer
    rng = subject.rng()
    atoms = _atoms(subject, _displaced(subject, rng))
    masses = subject.masses[:, None]
    atoms.set_velocities(_displaced(subject, rng) / np.sqrt(masses / masses.mean()) * frequency / units.fs)
    atoms.set_momenta(atoms.get_momenta() - masses * atoms.get_momenta().sum(axis=0) / masses.sum())
    total, kinetic = [], []

    def sample() -> None:
        # Positions that are no numbers would keep a neighbour list busy for ever
        if not np.isfinite(atoms.get_forces()).all():
            raise RefusedError("no error, but forces that are not finite")
        kinetic.append(float(atoms.get_kinetic_energy()))
        total.append(float(atoms.get_potential_energy()) + kinetic[-1])

    dynamics = VelocityVerlet(atoms, timestep=time_step_fs * units.fs)
    dynamics.attach(sample)
    with refusals():
        dynamics.run(finer * subject.nve_steps)
    return Trajectory(time_step_fs, len(atoms), np.array(total), np.array(kinetic))


def _displaced(subject: Subject, rng: np.random.Generator) -> np.ndarray:
    """Displacements as wide as the rattled copy's, Å, (n, 3), without a common part."""
    u = rng.normal(size=subject.given.positions.shape)
    u -= u.mean(axis=0)
    return RATTLE * subject.spacing_A * u / np.sqrt((u * u).mean())


def _frequency_per_fs(subject: Subject) -> float:
    """Angular frequency of the stiff vibrations, rad/fs: √(|ΔF/m| / |u|), in which the stiffest count most."""
    given, u = subject.given, _displaced(subject, subject.rng())
    moved = Structure(given.numbers, given.positions + u, given.cell)
    before, after = (e.forces_eV_A for e in subject.evaluate([given, moved]))
    change = np.linalg.norm((after - before) / subject.masses[:, None])
    if not 0 < change < np.inf:
        raise RefusedError(f"no error, but forces that change by {change:g} where atoms move")
    return float(np.sqrt(change / np.linalg.norm(u))) * units.fs


def _atoms(subject: Subject, displacements: np.ndarray) -> Atoms:
    given = subject.given
    atoms = Atoms(
        given.numbers, given.positions + displacements, cell=given.cell, pbc=True, masses=subject.masses
    )  # fmt: skip
    atoms.calc = subject.potential.calculator()
    return atoms
