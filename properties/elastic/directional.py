"""Young's modulus of a single crystal by direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from properties.elastic.mandel import mandel

_SAMPLES = 4000
"""On the half sphere, 2.3° apart: dense enough that each basin of a quartic form holds some."""

_ROUNDING = 1e-6
"""Of a direction that a minimiser found: a component below is zero."""
_PREFERRED = np.array([1.02, 1.01, 1.0])
"""Nearly (1, 1, 1), with no two permutations alike."""


@dataclass(frozen=True)
class Extreme:
    """Where a single crystal is stiffest, or softest.

    Attributes:
        young_modulus_GPa: along the direction.
        direction: (3,), Cartesian unit vector in the standard setting, one of those that symmetry makes alike.
    """

    young_modulus_GPa: float
    direction: np.ndarray


def young_modulus_GPa(compliance: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(...,), of unit vectors (..., 3) and Mandel's compliance (6, 6) in 1/GPa: 1/E = n n : S : n n."""
    along = mandel(directions[..., :, None] * directions[..., None, :])
    return 1 / np.einsum("...i,ij,...j->...", along, compliance, along)


def half_sphere(samples: int = _SAMPLES) -> np.ndarray:
    """Unit vectors, (samples, 3), z ≥ 0, evenly spread along a golden spiral."""
    k = np.arange(samples) + 0.5
    z = k / samples
    angle = np.pi * (1 + np.sqrt(5)) * k
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=-1)


def extremes(compliance: np.ndarray, rotations: np.ndarray) -> tuple[Extreme, Extreme]:
    """The softest and the stiffest direction of a stable crystal.

    rotations: (g, 3, 3), of its point group; of the directions that they make alike, one near +x, +y, +z is told.
    """
    samples = half_sphere()
    values = young_modulus_GPa(compliance, samples)
    softest = _polished(compliance, samples[values.argmin()], 1)
    stiffest = _polished(compliance, samples[values.argmax()], -1)
    low, high = (_upright(rotations @ direction) for direction in (softest, stiffest))
    return (
        Extreme(float(young_modulus_GPa(compliance, low)), low),
        Extreme(float(young_modulus_GPa(compliance, high)), high),
    )


def _polished(compliance: np.ndarray, start: np.ndarray, sign: int) -> np.ndarray:
    """The lowest (sign 1) or highest (−1) direction near a start; the length of what is varied does not matter."""

    def value(vector: np.ndarray) -> float:
        return sign * float(young_modulus_GPa(compliance, vector / np.linalg.norm(vector)))

    found = minimize(value, start, method="BFGS").x
    return found / np.linalg.norm(found)


def _upright(alike: np.ndarray) -> np.ndarray:
    """Of directions (g, 3) and their opposites, with z ≥ 0, the one nearest to (1, 1, 1)."""
    both = np.concatenate([alike, -alike])
    both[np.abs(both) < _ROUNDING] = 0.0
    up = both[both[:, 2] >= 0]
    return up[(up @ _PREFERRED).argmax()]
