"""Downhill on a surface: where points come to rest, all of them in one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from properties.barriers.stepping import Lbfgs
from properties.barriers.surface import Surface, largest

STIFF_EV_A2 = 50.0
"""Curvature that a first step is made with; atoms in solids have 1 to 50."""


@dataclass(frozen=True)
class Descended:
    """Where points ended.

    Attributes:
        points: (m, n, d), Å.
        energies_eV: (m,).
        forces_eV_A: (m, n, d).
        converged: which of them are at rest, (m,).
    """

    points: np.ndarray
    energies_eV: np.ndarray
    forces_eV_A: np.ndarray
    converged: np.ndarray


def descend(
    surface: Surface,
    points: np.ndarray,
    fmax_eV_A: float = 0.005,
    max_steps: int = 300,
    longest_A: float = 0.1,
    on_step: Callable[[int, int], None] | None = None,
) -> Descended:
    """Each point (m, n, d) to the bottom of its own valley; those at rest are asked no more.

    Steps are capped, so that a point does not leap over a ridge; one that ends higher than it began is halved and what
    L-BFGS has learnt is forgotten.

    on_step: told how many are at rest, of how many.
    """
    x = np.array(points, float)
    energies, forces = surface(x)
    walkers = [Lbfgs(STIFF_EV_A2, longest_A) for _ in x]
    caps = np.ones(len(x))
    for _ in range(max_steps):
        moving = np.flatnonzero(largest(forces) >= fmax_eV_A)
        if on_step is not None:
            on_step(len(x) - len(moving), len(x))
        if not len(moving):
            break
        steps = np.stack([caps[k] * walkers[k].step(x[k], forces[k]) for k in moving])
        tried_e, tried_f = surface(x[moving] + steps)
        for k, step, energy, force in zip(moving, steps, tried_e, tried_f, strict=True):
            # Rounding of single precision at some hundred eV is no way uphill
            if energy > energies[k] + 1e-6 * (1 + abs(energies[k])) and caps[k] > 1e-3:
                walkers[k].forget()
                caps[k] /= 4
            else:
                x[k], energies[k], forces[k] = x[k] + step, energy, force
                caps[k] = min(1.0, 2 * caps[k])
    return Descended(x, energies, forces, largest(forces) < fmax_eV_A)
