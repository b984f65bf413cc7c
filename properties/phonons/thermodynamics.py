"""What harmonic vibrations hold of energy, entropy and heat, from their frequencies.

Every function takes frequencies (m, 3n), THz, imaginary ones as negative numbers, and the weights (m,) of their q
points, and gives values per cell: one of n atoms. With x = hν/(k_B T) and n(x) = 1/(e^x − 1), a mode holds (Born &
Huang, Dynamical Theory of Crystal Lattices, 1954, ch. IV)

    F = hν/2 + k_B T ln(1 − e^−x),   S = k_B (x n − ln(1 − e^−x)),   C_V = k_B x² e^x n².

At T = 0 F is the zero-point energy, and S and C_V are zero. A mode below `LEAST_THZ` holds nothing: the three acoustic
ones at Γ, whose share goes to zero as the mesh grows, and imaginary ones, which have no harmonic oscillator.
`modes_left_out` counts them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import units

LEAST_THZ = 1e-3
"""A quantum of 0.05 K: any lower frequency is the rounding of a zero."""
QUANTUM_EV_THZ = 1e12 * units._hplanck / units._e
"""h in eV/THz: 4.1357e-3."""
J_PER_MOL_EV = units._e * units._Nav
"""96485 J/mol per eV."""
_COLD = 700.0  # hν/kT beyond which e^x would overflow and every thermal term is zero anyway


@dataclass(frozen=True)
class LeftOut:
    """Modes a cell that hold nothing, averaged over the zone (of 3n in all).

    Attributes:
        zero: within `LEAST_THZ` of it: 3/(number of mesh points) for a Γ-centred mesh.
        imaginary: below that.
    """

    zero: float
    imaginary: float


def modes_left_out(frequencies_THz: np.ndarray, weights: np.ndarray) -> LeftOut:
    """How many modes the sums leave out."""
    share = np.asarray(weights, float) / np.sum(weights)
    return LeftOut(
        zero=float(share @ (np.abs(frequencies_THz) < LEAST_THZ).sum(1)),
        imaginary=float(share @ (np.asarray(frequencies_THz) <= -LEAST_THZ).sum(1)),
    )


def zero_point_energy_eV(frequencies_THz: np.ndarray, weights: np.ndarray) -> float:
    """Per cell."""
    return float(free_energy_eV(frequencies_THz, weights, np.zeros(1))[0])


def free_energy_eV(frequencies_THz: np.ndarray, weights: np.ndarray, temperatures_K: np.ndarray) -> np.ndarray:
    """Vibrational free energy per cell, zero-point energy included; shape of the temperatures."""
    return _over_zone(mode_free_energies_eV, frequencies_THz, weights, temperatures_K)


def entropy_eV_K(frequencies_THz: np.ndarray, weights: np.ndarray, temperatures_K: np.ndarray) -> np.ndarray:
    """Vibrational entropy per cell; shape of the temperatures."""
    return _over_zone(mode_entropies_eV_K, frequencies_THz, weights, temperatures_K)


def heat_capacity_eV_K(frequencies_THz: np.ndarray, weights: np.ndarray, temperatures_K: np.ndarray) -> np.ndarray:
    """Heat capacity at constant volume per cell; shape of the temperatures."""
    return _over_zone(mode_heat_capacities_eV_K, frequencies_THz, weights, temperatures_K)


def mode_free_energies_eV(frequencies_THz: np.ndarray, temperature_K: float) -> np.ndarray:
    """Of each mode, in the shape given; zero for those left out."""
    x, used = _reduced(frequencies_THz, temperature_K)
    quantum_eV = QUANTUM_EV_THZ * np.asarray(frequencies_THz)
    return np.where(used, quantum_eV / 2 + units.kB * temperature_K * np.log(-np.expm1(-x)), 0.0)


def mode_entropies_eV_K(frequencies_THz: np.ndarray, temperature_K: float) -> np.ndarray:
    """Of each mode, in the shape given; zero for those left out."""
    x, used = _reduced(frequencies_THz, temperature_K)
    return np.where(used, units.kB * (x / np.expm1(x) - np.log(-np.expm1(-x))), 0.0)


def mode_heat_capacities_eV_K(frequencies_THz: np.ndarray, temperature_K: float) -> np.ndarray:
    """Of each mode, in the shape given; zero for those left out."""
    x, used = _reduced(frequencies_THz, temperature_K)
    return np.where(used, units.kB * (x / (2 * np.sinh(x / 2))) ** 2, 0.0)


def _reduced(frequencies_THz: np.ndarray, temperature_K: float) -> tuple[np.ndarray, np.ndarray]:
    """hν/(k_B T), any number where a mode is left out, and which are not.

    Raises:
        ValueError: a temperature below zero.
    """
    if not temperature_K >= 0:
        raise ValueError(f"temperature_K must be 0 or more (is {temperature_K:g})")
    frequencies = np.asarray(frequencies_THz, float)
    used = frequencies >= LEAST_THZ
    quantum_eV = QUANTUM_EV_THZ * np.where(used, frequencies, 1.0)
    coldest_eV = quantum_eV / _COLD
    return quantum_eV / np.maximum(units.kB * temperature_K, coldest_eV), used


def _over_zone(
    of_modes: Callable[[np.ndarray, float], np.ndarray],
    frequencies_THz: np.ndarray,
    weights: np.ndarray,
    temperatures_K: np.ndarray,
) -> np.ndarray:
    share = np.asarray(weights, float) / np.sum(weights)
    temperatures = np.asarray(temperatures_K, float)
    values = [share @ of_modes(frequencies_THz, t).sum(1) for t in temperatures.ravel()]
    return np.array(values).reshape(temperatures.shape)
