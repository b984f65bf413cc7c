"""Is it a saddle, and of which two valleys? Curvatures say the first, sliding down both sides the second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from properties.barriers.descent import Descended, descend
from properties.barriers.dimer import Beside, Dimer
from properties.barriers.modes import Modes
from properties.barriers.surface import Surface, without_shift

PUSH_A = 0.1
"""Of the atom that moves most, off the saddle along its mode: far enough for the slope to be felt."""
STIRRED_A = 0.01
"""Random, of each coordinate, on top of the push: symmetry would keep a descent on a ridge."""
DOWN_EV_A2 = -0.05
"""A curvature below goes down for sure: 1 THz of oxygen; forward differences are off by less."""
SAME_VALLEY_A = 0.15
"""No atom further from its place: minima of one valley, brought to rest to 0.005 eV/Å, are within 0.02 Å."""


@dataclass(frozen=True)
class Slid:
    """Where both sides of a saddle lead.

    Attributes:
        points: against the mode and along it, (2, n, d), Å.
        energies_eV: (2,).
        converged: both came to rest.
    """

    points: np.ndarray
    energies_eV: np.ndarray
    converged: bool


@dataclass(frozen=True)
class Saddle:
    """A saddle and what proves it.

    Attributes:
        found: where it is, and how well at rest.
        modes: of the atoms whose Hessian was taken.
        region: indices among the free particles, (k,).
        beside: softest direction of all free particles across the mode.
        slid: None where the sides were not followed, for it is no saddle of first order.
    """

    found: Dimer
    modes: Modes
    region: np.ndarray
    beside: Beside
    slid: Slid | None

    @property
    def n_imaginary(self) -> int:
        """One at a saddle of first order; two or more where a direction beside goes down, in the region or not."""
        own = self.modes.n_imaginary
        return max(own, 2) if own and self.beside.curvature_eV_A2 < DOWN_EV_A2 else own

    @property
    def second_mode(self) -> np.ndarray:
        """Where a saddle of higher order is left to, (n, d)."""
        if self.beside.curvature_eV_A2 < DOWN_EV_A2:
            return self.beside.vector
        way = np.zeros_like(self.found.point)
        way[self.region] = self.modes.vectors[1]
        return way


def slide(surface: Surface, point: np.ndarray, mode: np.ndarray, fmax_eV_A: float, max_steps: int) -> Slid:
    """Push a saddle (n, d) both ways along its mode (n, d), and let it go."""
    push = mode * (PUSH_A / np.linalg.norm(mode, axis=-1).max())
    stirred = STIRRED_A * np.random.default_rng(0).normal(size=(2, *point.shape))
    ended: Descended = descend(surface, np.stack([point - push, point + push]) + stirred, fmax_eV_A, max_steps)
    return Slid(ended.points, ended.energies_eV, bool(ended.converged.all()))


def same_place(a: np.ndarray, b: np.ndarray, floats: bool, within_A: float = SAME_VALLEY_A) -> bool:
    """Whether no particle of two points (n, d) is further apart, a shift of the whole taken off where it is free."""
    return bool(np.linalg.norm(without_shift(a - b, floats), axis=-1).max() < within_A)


def connects(slid: Slid, initial: np.ndarray, final: np.ndarray, floats: bool) -> bool:
    """Whether the two sides lead to these two points, (n, d), one to each."""
    one, other = slid.points
    return any(
        same_place(a, initial, floats) and same_place(b, final, floats) for a, b in ((one, other), (other, one))
    )
