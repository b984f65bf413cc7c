"""Equations of state: what a crystal's energy is as a function of its volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import least_squares

from properties.errors import PropertyError

Form = Literal["vinet", "birch-murnaghan"]
FEWEST_VOLUMES = 5
"""One more than the parameters."""


@dataclass(frozen=True)
class EquationOfState:
    """E(V) of four parameters, and its first two derivatives.

    Attributes:
        form: Vinet, Ferrante, Rose and Smith, J. Geophys. Res. 92, 9319 (1987); or Birch, Phys. Rev. 71, 809 (1947),
            to third order.
        energy_eV: at the minimum.
        volume_A3: where E is lowest.
        bulk_modulus_eV_A3: there.
        pressure_derivative: dB/dP there.
    """

    form: Form
    energy_eV: float
    volume_A3: float
    bulk_modulus_eV_A3: float
    pressure_derivative: float

    def energies_eV(self, volumes_A3: np.ndarray) -> np.ndarray:
        """E at volumes of any shape."""
        scale = self.volume_A3 * self.bulk_modulus_eV_A3
        if self.form == "vinet":
            # E0 + 9 B0 V0/η² {1 − [1 − η(1 − u)] exp(η(1 − u))}, u = (V/V0)^(1/3), η = 3/2 (B' − 1)
            u, eta = self._vinet(volumes_A3)
            t = eta * (1 - u)
            return self.energy_eV + 9 * scale / eta**2 * (1 - (1 - t) * np.exp(t))
        f = self._strain(volumes_A3)
        return self.energy_eV + 4.5 * scale * f**2 * (1 + (self.pressure_derivative - 4) * f)

    def pressures_eV_A3(self, volumes_A3: np.ndarray) -> np.ndarray:
        """−dE/dV."""
        if self.form == "vinet":
            u, eta = self._vinet(volumes_A3)
            return 3 * self.bulk_modulus_eV_A3 * (1 - u) / u**2 * np.exp(eta * (1 - u))
        f = self._strain(volumes_A3)
        bend = 1 + 1.5 * (self.pressure_derivative - 4) * f
        return 3 * self.bulk_modulus_eV_A3 * f * (1 + 2 * f) ** 2.5 * bend

    def bulk_moduli_eV_A3(self, volumes_A3: np.ndarray) -> np.ndarray:
        """V d²E/dV²."""
        if self.form == "vinet":
            u, eta = self._vinet(volumes_A3)
            return self.bulk_modulus_eV_A3 / u**2 * (1 + (1 - u) * (1 + eta * u)) * np.exp(eta * (1 - u))
        f = self._strain(volumes_A3)
        b = self.pressure_derivative
        return self.bulk_modulus_eV_A3 * (1 + 2 * f) ** 2.5 * (1 + (3 * b - 5) * f + 13.5 * (b - 4) * f**2)

    def _vinet(self, volumes_A3: np.ndarray) -> tuple[np.ndarray, float]:
        return np.cbrt(np.asarray(volumes_A3) / self.volume_A3), 1.5 * (self.pressure_derivative - 1)

    def _strain(self, volumes_A3: np.ndarray) -> np.ndarray:
        """Eulerian, positive where compressed."""
        return ((self.volume_A3 / np.asarray(volumes_A3)) ** (2 / 3) - 1) / 2


def fit_equation_of_state(volumes_A3: np.ndarray, energies_eV: np.ndarray, form: Form = "vinet") -> EquationOfState:
    """The one nearest to the energies by least squares.

    volumes_A3, energies_eV: (k,), of at least 5 volumes in any order; their minimum need not be among them.

    Raises:
        PropertyError: too few volumes; energies that no crystal held together has.
    """
    volumes, energies = np.asarray(volumes_A3, float), np.asarray(energies_eV, float)
    if len(volumes) < FEWEST_VOLUMES:
        raise PropertyError(f"an equation of state needs {FEWEST_VOLUMES} volumes (has {len(volumes)})")
    volume, modulus = _first_guess(volumes, energies)
    lowest, unit = float(energies.min()), float(np.ptp(energies)) or 1.0

    def equation(p: np.ndarray) -> EquationOfState:
        return EquationOfState(form, lowest + unit * p[0], volume * np.exp(p[1]), modulus * np.exp(p[2]), p[3])

    def misfit(p: np.ndarray) -> np.ndarray:
        return (equation(p).energies_eV(volumes) - energies) / unit

    # A softness that falls with pressure, or one that vanishes at once, is no crystal's; B' = 1 is Vinet's pole
    inside = ([-np.inf, -1.5, -4.0, 1.05], [np.inf, 1.5, 4.0, 30.0])
    found = least_squares(misfit, [0.0, 0.0, 0.0, 4.5], bounds=inside, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    fitted = equation(found.x)
    if not found.success or found.active_mask[1:].any():
        raise PropertyError(f"no equation of state ({form}) goes through the energies of {len(volumes)} volumes")
    return fitted


def _first_guess(volumes: np.ndarray, energies: np.ndarray) -> tuple[float, float]:
    """Volume and bulk modulus of a parabola in ln V."""
    middle = float(volumes.mean())
    curvature, slope, _ = np.polyfit(np.log(volumes / middle), energies, 2)
    if curvature <= 0:
        raise PropertyError("the energies of the volumes have no minimum: the crystal is not held together there")
    volume = middle * float(np.exp(np.clip(-slope / (2 * curvature), -0.5, 0.5)))
    return volume, 2 * float(curvature) / volume
