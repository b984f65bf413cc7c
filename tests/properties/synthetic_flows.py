"""Flows whose transport is known exactly: Langevin charges, walkers on a lattice."""

import numpy as np
from ase import units
from ase.data import atomic_masses, atomic_numbers

from properties.dynamics import Flow

TEMPERATURE_K = 600.0
PS = units.fs * 1000
S_PER_CM = 16.02176634
"""e²/(Å ps eV) in S/cm."""


def thermal_velocity2(symbol, temperature_K=TEMPERATURE_K):
    """k_B T/m, Å²/ps²."""
    return units.kB * temperature_K / atomic_masses[atomic_numbers[symbol]] * PS**2


def langevin_paths(rng, shape, steps, step_ps, friction_per_ps, velocity2):
    """Exact paths of free Brownian particles, m dv = −mγ v dt + noise: (positions, velocities), (steps, *shape).

    (x, v) after a step is Gaussian with known moments (Gillespie, Phys. Rev. E 54, 2084 (1996)).
    friction_per_ps and velocity2 (k_B T/m) broadcast against shape.
    """
    g, h = np.broadcast_to(friction_per_ps, shape), step_ps
    c = np.exp(-g * h)
    s2 = np.broadcast_to(velocity2, shape)
    var_v = s2 * (1 - c**2)
    var_x = s2 / g**2 * (2 * g * h - 3 + 4 * c - c**2)
    cov = s2 / g * (1 - c) ** 2
    v = np.sqrt(s2) * rng.standard_normal(shape)
    x = np.zeros(shape)
    a, b = np.sqrt(var_v), cov / np.sqrt(var_v)
    r = np.sqrt(np.maximum(var_x - b**2, 0))
    xs, vs = np.empty((steps, *shape)), np.empty((steps, *shape))
    for k in range(steps):
        xs[k], vs[k] = x, v
        n1, n2 = rng.standard_normal((2, *shape))
        x = x + v / g * (1 - c) + b * n1 + r * n2
        v = c * v + a * n1
    return xs, vs


def flow_of(symbols, cell, positions, velocities, step_ps, every, temperature_K=TEMPERATURE_K):
    """(steps, n, 3) of both, as a run would leave them: velocities summed by species, positions every so many steps."""
    numbers = np.array([atomic_numbers[s] for s in symbols])
    currents = np.stack([velocities[:, numbers == z].sum(axis=1) for z in np.unique(numbers)], axis=1)
    return Flow(
        temperature_K=temperature_K,
        mean_temperature_K=temperature_K,
        ensemble="nvt",
        numbers=numbers,
        cell=np.asarray(cell, float),
        step_ps=step_ps,
        currents_A_ps=currents,
        frame_ps=step_ps * every,
        positions_A=positions[::every],
    )
