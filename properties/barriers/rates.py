"""How often a hop happens: Vineyard's prefactor, the rate by temperature, and what quantum mechanics adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import units

TEMPERATURES_K = (300.0, 400.0, 500.0, 600.0, 800.0, 1000.0)
PLANCK_EV_PER_THZ = 1e12 * 2 * np.pi * units._hbar / units._e


@dataclass(frozen=True)
class Rates:
    """One hop, one way, at each temperature, (t,).

    Attributes:
        temperatures_K: above zero.
        classical_per_s: ν exp(−E/k_B T).
        quantum_per_s: harmonic quantum transition-state theory: partition functions of quantum oscillators, zero-point
            energy with them, no tunnelling.
        wigner: factor 1 + (hν‡/k_B T)²/24 that tunnelling multiplies either rate by in lowest order (Wigner, Z. Phys.
            Chem. B 19, 203 (1932)); of no use where it exceeds two.
    """

    temperatures_K: np.ndarray
    classical_per_s: np.ndarray
    quantum_per_s: np.ndarray
    wigner: np.ndarray


def vineyard_prefactor_THz(minimum_THz: np.ndarray, saddle_THz: np.ndarray) -> float:
    """Product of the minimum's frequencies over that of the saddle's real ones.

    Vineyard, J. Phys. Chem. Solids 3, 121 (1957).

    minimum_THz: (k,), all positive.
    saddle_THz: (k,), one of them negative: the imaginary one.

    Returns NaN where the counts do not match, or the minimum is none.
    """
    real = saddle_THz[saddle_THz > 0]
    if len(real) != len(minimum_THz) - 1 or not (minimum_THz > 0).all():
        return float("nan")
    return float(np.exp(np.log(minimum_THz).sum() - np.log(real).sum()))


def zero_point_eV(frequencies_THz: np.ndarray) -> float:
    """Half of hν over the real modes."""
    return float(0.5 * PLANCK_EV_PER_THZ * frequencies_THz[frequencies_THz > 0].sum())


def rates(
    barrier_eV: float,
    minimum_THz: np.ndarray,
    saddle_THz: np.ndarray,
    temperatures_K: Sequence[float] = TEMPERATURES_K,
) -> Rates:
    """Of a barrier between a minimum and a saddle with these frequencies (as of `vineyard_prefactor_THz`)."""
    T = np.asarray(temperatures_K, float)
    kT = units.kB * T
    boltzmann = np.exp(-barrier_eV / kT)
    classical = 1e12 * vineyard_prefactor_THz(minimum_THz, saddle_THz) * boltzmann
    imaginary = PLANCK_EV_PER_THZ * abs(saddle_THz.min())
    logs = _log_partition(saddle_THz[saddle_THz > 0], kT) - _log_partition(minimum_THz, kT)
    quantum = kT / (2 * np.pi * units._hbar / units._e) * np.exp(logs) * boltzmann
    quantum = np.where(np.isfinite(classical), quantum, np.nan)
    return Rates(T, classical, quantum, 1 + (imaginary / kT) ** 2 / 24)


def _log_partition(frequencies_THz: np.ndarray, kT: np.ndarray) -> np.ndarray:
    """Logarithm of Π 1/(2 sinh(hν/2k_B T)), (t,)."""
    x = PLANCK_EV_PER_THZ * np.abs(frequencies_THz)[None, :] / kT[:, None]
    return np.asarray(-(x / 2 + np.log1p(-np.exp(-x))).sum(1))
