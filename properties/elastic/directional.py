"""Young's modulus of a single crystal by direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from properties.elastic.mandel import mandel

_SAMPLES = 4000
"""On the half sphere, 2.3° apart: dense enough that each basin of a quartic form holds some."""


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


def extremes(compliance: np.ndarray) -> tuple[Extreme, Extreme]:
    """The softest and the stiffest direction of a stable crystal."""
    samples = half_sphere()
    values = young_modulus_GPa(compliance, samples)
    return _polished(compliance, samples[values.argmin()], 1), _polished(compliance, samples[values.argmax()], -1)


def _polished(compliance: np.ndarray, start: np.ndarray, sign: int) -> Extreme:
    """The extreme near a start; the length of what is varied does not matter."""

    def value(vector: np.ndarray) -> float:
        return sign * float(young_modulus_GPa(compliance, vector / np.linalg.norm(vector)))

    found = minimize(value, start, method="BFGS").x
    direction = found / np.linalg.norm(found)
    upright = direction * (1 if tuple(direction[::-1].round(6)) >= (0, 0, 0) else -1)
    return Extreme(sign * value(upright), upright)
