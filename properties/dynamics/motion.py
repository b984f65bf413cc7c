"""One step of many systems at once, each with noise from a generator of its own.

torch-sim has states and the parts of a step, kicks and drifts. Its thermostats and barostats draw from one generator
for the whole state, so that a system's path would hang on who shares its batch; and its initial momenta lose their mean
momentum instead of their mean velocity, which leaves light atoms among heavy ones too warm. What is random is
therefore here.

Times are in torch-sim's unit, √(u Å²/eV); `PS` of them are a picosecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_sim.integrators.md import momentum_step, position_step
from torch_sim.integrators.npt import NPTState
from torch_sim.models.interface import ModelInterface
from torch_sim.units import MetalUnits

PS = float(MetalUnits.time)
KELVIN = float(MetalUnits.temperature)
GPA = 1e4 * float(MetalUnits.pressure)

Generators = Sequence[np.random.Generator]


def take_forces(state: NPTState, model: ModelInterface) -> None:
    """Evaluate the model where the atoms are; a stress that was not asked for stays the old one."""
    found = model(state)
    state.energy, state.forces = found["energy"], found["forces"]
    state.stress = found.get("stress", state.stress)
    state.store_model_extras(found)


@dataclass(frozen=True)
class Surroundings:
    """What the systems of one batch are coupled to.

    Attributes:
        kT_eV: (n_systems,).
        dt: torch-sim's unit of time.
        generators: one a system.
    """

    kT_eV: Tensor
    dt: float
    generators: Generators

    def noise(self, counts: Sequence[int], columns: int = 3) -> Tensor:
        """Standard normal, rows of each system from its own generator, (sum of counts, columns)."""
        rows = [g.standard_normal((n, columns)) for g, n in zip(self.generators, counts, strict=True)]
        return torch.as_tensor(np.concatenate(rows)).to(self.kT_eV.device)


def maxwell_momenta(masses: np.ndarray, kT_eV: float, rng: np.random.Generator) -> np.ndarray:
    """Momenta at a temperature with no total momentum, (n, 3): Maxwell's velocities less that of the centre of mass."""
    v = rng.standard_normal((len(masses), 3)) * np.sqrt(kT_eV / masses)[:, None]
    return masses[:, None] * (v - masses @ v / masses.sum())


def kinetic_energies(state: NPTState) -> Tensor:
    """Of each system, eV, (n_systems,)."""
    twice = (state.momenta * state.momenta).sum(1) / state.masses
    return 0.5 * torch.zeros_like(state.energy).index_add_(0, state.system_idx, twice)


def without_total_momentum(state: NPTState) -> None:
    """Take the velocity of its centre of mass off each system."""
    p = torch.zeros((state.n_systems, 3), dtype=state.dtype, device=state.device)
    p.index_add_(0, state.system_idx, state.momenta)
    m = torch.zeros_like(state.energy).index_add_(0, state.system_idx, state.masses)
    state.momenta = state.momenta - state.masses[:, None] * (p / m[:, None])[state.system_idx]


def nve(state: NPTState, model: ModelInterface, around: Surroundings) -> None:
    """Velocity Verlet (Swope et al., J. Chem. Phys. 76, 637 (1982))."""
    momentum_step(state, around.dt / 2)
    position_step(state, around.dt)
    take_forces(state, model)
    momentum_step(state, around.dt / 2)


def langevin(state: NPTState, model: ModelInterface, around: Surroundings, friction: float) -> None:
    """BAOAB (Leimkuhler & Matthews, Appl. Math. Res. Express 2013, 34): kick, drift, heat bath, drift, kick."""
    momentum_step(state, around.dt / 2)
    _drift_in_a_bath(state, around, friction)
    take_forces(state, model)
    momentum_step(state, around.dt / 2)


def langevin_npt(
    state: NPTState, model: ModelInterface, around: Surroundings, friction: float, barostat: Barostat
) -> None:
    """The same, with the cell rescaled between kick and drift, where forces, stress and positions belong together."""
    momentum_step(state, around.dt / 2)
    barostat.rescale(state, around)
    _drift_in_a_bath(state, around, friction)
    take_forces(state, model)
    momentum_step(state, around.dt / 2)


def rescale_velocities(state: NPTState, around: Surroundings, over_tau: float) -> Tensor:
    """Stochastic velocity rescaling for one time step dt = `over_tau` τ; heat given, eV, (n_systems,).

    K is replaced by c K + (1 − c) K̄/N_f (R₁² + Σ R_i²) + 2 R₁ √(c (1 − c) K K̄/N_f), c = exp(−dt/τ), the sum over
    N_f − 1 more normals (a gamma variate): Bussi, Donadio & Parrinello, J. Chem. Phys. 126, 014101 (2007), eq. A7.
    N_f is 3n − 3: the total momentum is zero and stays so.
    """
    free = (3 * state.n_atoms_per_system - 3).to(state.dtype)
    draws = [
        (g.standard_normal(), 2 * g.standard_gamma((n - 1) / 2))
        for g, n in zip(around.generators, free.tolist(), strict=True)
    ]
    first, others = torch.tensor(draws, dtype=state.dtype, device=state.device).T
    kinetic, c = kinetic_energies(state), float(np.exp(-over_tau))
    share = (1 - c) * 0.5 * around.kT_eV / kinetic
    factor = c + share * (first * first + others) + 2 * first * torch.sqrt(c * share)
    state.momenta = state.momenta * torch.sqrt(factor)[state.system_idx, None]
    return kinetic * (factor - 1)


@dataclass(frozen=True)
class Barostat:
    """Stochastic cell rescaling, of the volume or of the lengths along x, y and z.

    Bernetti & Bussi, J. Chem. Phys. 153, 114107 (2020); Del Tatto et al., Appl. Sci. 12, 1139 (2022).
    For ε = ln V the Itô equation is dε = (β/τ)(P − P₀) dt + √(2 kT β/(V τ)) dW, P the instantaneous pressure with its
    kinetic part; for a length ε_i = ln L_i a third of β and P_ii. Positions scale with the cell, momenta against it.
    Only β/τ enters, here `rate`, Å³/eV over torch-sim's time.
    """

    pressure_eV_A3: float
    rate: float
    isotropic: bool

    def rescale(self, state: NPTState, around: Surroundings) -> None:
        """One step dt."""
        lengths = 1 if self.isotropic else 3
        volume = torch.linalg.det(state.cell).abs()
        pressure = _pressure_diagonal(state, volume)
        if self.isotropic:
            pressure = pressure.mean(1, keepdim=True)
        rate = self.rate / 3 * around.dt
        noise = around.noise([1] * state.n_systems, lengths)
        # Three lengths with independent noise of a third of the volume's, or one length that has all of it
        spread = torch.sqrt(2 * around.kT_eV * rate / volume / (3 if self.isotropic else 1))[:, None]
        change = rate * (pressure - self.pressure_eV_A3) + spread * noise
        scale = torch.exp(change).expand(-1, 3)
        state.positions = state.positions * scale[state.system_idx]
        state.momenta = state.momenta / scale[state.system_idx]
        state.cell = state.cell * scale[:, :, None]


def _pressure_diagonal(state: NPTState, volume: Tensor) -> Tensor:
    """Instantaneous P_xx, P_yy, P_zz, eV/Å³, (n_systems, 3)."""
    flow = torch.zeros((state.n_systems, 3), dtype=state.dtype, device=state.device)
    flow.index_add_(0, state.system_idx, state.momenta**2 / state.masses[:, None])
    return flow / volume[:, None] - torch.diagonal(state.stress, dim1=1, dim2=2)


def pressures(state: NPTState) -> Tensor:
    """Instantaneous pressure of each system, eV/Å³, (n_systems,), of a state whose stress is known."""
    return _pressure_diagonal(state, torch.linalg.det(state.cell).abs()).mean(1)


def _drift_in_a_bath(state: NPTState, around: Surroundings, friction: float) -> None:
    position_step(state, around.dt / 2)
    kept = float(np.exp(-friction * around.dt))
    width = torch.sqrt((1 - kept * kept) * around.kT_eV)[state.system_idx] * torch.sqrt(state.masses)
    noise = around.noise(state.n_atoms_per_system.tolist())
    state.momenta = kept * state.momenta + width[:, None] * noise
    position_step(state, around.dt / 2)
