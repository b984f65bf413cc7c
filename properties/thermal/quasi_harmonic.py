"""The quasi-harmonic crystal: at each temperature the volume where static energy and vibrations balance the pressure.

G(T, P) = min over V of E(V) + F_vib(V, T) + P V. E(V) follows an equation of state; F_vib, the entropy and the heat
capacity are polynomials of ln V at each temperature (see `smoothing`). What follows is their exact differentiation.
Nothing is differenced in temperature, as it is where an equation of state is fitted to the sum at each one, so any
temperatures may be asked for: an Einstein crystal's expansion at 100 K comes out to 6e-5, against 5e-2 from V(T) in
steps of 50 K. All is of one cell, of any number of atoms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import units
from numpy.polynomial import polynomial
from scipy.optimize import brentq

from properties.thermal.equation_of_state import EquationOfState, Form, fit_equation_of_state
from properties.thermal.smoothing import best_degree, leave_one_out

_GRID = 200  # volumes between which a minimum is bracketed


@dataclass(frozen=True)
class VolumeVibrations:
    """Vibrations at k volumes and t temperatures, per cell.

    Attributes:
        temperatures_K: (t,).
        volumes_A3: (k,).
        free_energy_eV: (t, k), zero-point energy included.
        entropy_eV_K: (t, k).
        heat_capacity_eV_K: (t, k), at constant volume.
        grueneisen_heat_eV_K: (t, k), the sum over modes of γ_i c_i, by mode Grüneisen parameters.
    """

    temperatures_K: np.ndarray
    volumes_A3: np.ndarray
    free_energy_eV: np.ndarray
    entropy_eV_K: np.ndarray
    heat_capacity_eV_K: np.ndarray
    grueneisen_heat_eV_K: np.ndarray


@dataclass(frozen=True)
class QuasiHarmonic:
    """What depends on temperature at one pressure, (t,) each, per cell.

    Attributes:
        volume_A3: NaN where the balance lies outside of the volumes; so is then everything else.
        beyond: 1 where G falls to the end of the row, -1 where it rises from its beginning, 0 where it is reached.
        expansion_per_K: α_V = (∂S/∂V)_T / B_T.
        expansion_from_grueneisen_per_K: Σ γ_i c_i / (B_T V).
        mean_grueneisen: Σ γ_i c_i / Σ c_i; NaN at T = 0, where no mode holds heat.
        bulk_modulus_GPa: isothermal.
        adiabatic_bulk_modulus_GPa: B_T C_P / C_V.
        entropy_eV_K, heat_capacity_v_eV_K, heat_capacity_p_eV_K: C_P = C_V + α_V² B_T T V.
        gibbs_energy_eV: E + F_vib + P V.
        equation: of the static energies.
        degree: of ln V, in the vibrations.
        roughness_eV: leave-one-out error of F_vib, over volumes and temperatures.
    """

    temperatures_K: np.ndarray
    volume_A3: np.ndarray
    beyond: np.ndarray
    expansion_per_K: np.ndarray
    expansion_from_grueneisen_per_K: np.ndarray
    mean_grueneisen: np.ndarray
    bulk_modulus_GPa: np.ndarray
    adiabatic_bulk_modulus_GPa: np.ndarray
    entropy_eV_K: np.ndarray
    heat_capacity_v_eV_K: np.ndarray
    heat_capacity_p_eV_K: np.ndarray
    gibbs_energy_eV: np.ndarray
    equation: EquationOfState
    degree: int
    roughness_eV: float

    @property
    def reached(self) -> np.ndarray:
        """(t,) True where the volumes hold the balance."""
        return self.beyond == 0


def quasi_harmonic(
    energies_eV: np.ndarray,
    vibrations: VolumeVibrations,
    pressure_GPa: float = 0.0,
    form: Form = "vinet",
    degree: int | None = None,
    equation: EquationOfState | None = None,
) -> QuasiHarmonic:
    """Balance static energy, vibrations and pressure at every temperature.

    energies_eV: (k,), static, at the volumes of `vibrations`; at least 5.
    degree: of ln V, in the vibrations; None takes the one that they bear.
    equation: of state, in place of one fitted to the energies.

    Raises:
        PropertyError: too few volumes, or no equation of state goes through the energies.
    """
    if equation is None:
        equation = fit_equation_of_state(vibrations.volumes_A3, energies_eV, form)
    pressure = pressure_GPa * units.GPa
    temperatures = vibrations.temperatures_K
    surface = _Surface.of(vibrations, degree)
    balances = [surface.balance(equation, t, pressure) for t in range(len(temperatures))]
    volume, beyond = np.array([v for v, _ in balances]), np.array([side for _, side in balances])
    free = surface.values(surface.free_energy, volume, 2)
    entropy = surface.values(surface.entropy, volume, 1)
    c_v, gamma_c = (surface.values(c, volume, 0)[0] for c in (surface.heat_capacity, surface.grueneisen_heat))
    modulus = equation.bulk_moduli_eV_A3(volume) + (free[2] - free[1]) / volume
    expansion = np.where(temperatures > 0, entropy[1] / (volume * modulus), 0.0 * volume)
    c_p = c_v + expansion**2 * modulus * temperatures * volume
    warm = (temperatures > 0) & (c_v > 0)
    return QuasiHarmonic(
        temperatures_K=temperatures,
        volume_A3=volume,
        beyond=beyond,
        expansion_per_K=expansion,
        expansion_from_grueneisen_per_K=np.where(temperatures > 0, gamma_c / (modulus * volume), 0.0 * volume),
        mean_grueneisen=np.divide(gamma_c, c_v, out=np.full_like(c_v, np.nan), where=warm),
        bulk_modulus_GPa=modulus / units.GPa,
        adiabatic_bulk_modulus_GPa=modulus / units.GPa * np.divide(c_p, c_v, out=np.ones_like(c_v), where=warm),
        entropy_eV_K=entropy[0],
        heat_capacity_v_eV_K=c_v,
        heat_capacity_p_eV_K=c_p,
        gibbs_energy_eV=equation.energies_eV(volume) + free[0] + pressure * volume,
        equation=equation,
        degree=surface.degree,
        roughness_eV=surface.roughness_eV,
    )


@dataclass(frozen=True)
class _Surface:
    """Polynomials of x = ln(V/middle), (degree + 1, t) each."""

    middle_A3: float
    lowest_A3: float
    highest_A3: float
    degree: int
    roughness_eV: float
    free_energy: np.ndarray
    entropy: np.ndarray
    heat_capacity: np.ndarray
    grueneisen_heat: np.ndarray

    @classmethod
    def of(cls, vibrations: VolumeVibrations, degree: int | None) -> _Surface:
        volumes = vibrations.volumes_A3
        middle = float(np.exp(np.log(volumes).mean()))
        x = np.log(volumes / middle)
        free = vibrations.free_energy_eV.T
        degree = best_degree(x, free) if degree is None else degree
        tables = (
            free.T,
            vibrations.entropy_eV_K,
            vibrations.heat_capacity_eV_K,
            vibrations.grueneisen_heat_eV_K,
        )
        fitted = (polynomial.polyfit(x, table.T, degree) for table in tables)
        roughness = leave_one_out(x, free, degree)
        return cls(middle, float(volumes.min()), float(volumes.max()), degree, roughness, *fitted)

    def values(self, fitted: np.ndarray, volumes_A3: np.ndarray, derivatives: int) -> np.ndarray:
        """(derivatives + 1, t): each temperature's polynomial and its derivatives in ln V, at its volume."""
        x = np.log(volumes_A3 / self.middle_A3)
        orders = [fitted, *(polynomial.polyder(fitted, m) for m in range(1, derivatives + 1))]
        return np.array([polynomial.polyval(x, c, tensor=False) for c in orders])

    def balance(self, equation: EquationOfState, t: int, pressure_eV_A3: float) -> tuple[float, int]:
        """Volume of the lowest minimum of E + F_vib + PV at the t-th temperature, and on which side of the row it is.

        NaN for the volume where it is not inside.
        """
        slope = polynomial.polyder(self.free_energy[:, t])

        def excess(volume: float) -> float:
            """dG/dV."""
            vibrational = polynomial.polyval(np.log(volume / self.middle_A3), slope) / volume
            return float(pressure_eV_A3 + vibrational - equation.pressures_eV_A3(np.asarray(volume)))

        grid = np.linspace(self.lowest_A3, self.highest_A3, _GRID)
        slopes = np.array([excess(v) for v in grid])
        rises = np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0))
        minima = [brentq(excess, grid[k], grid[k + 1], xtol=1e-13 * grid[k], rtol=1e-14) for k in rises]
        if not minima:
            return float("nan"), 1 if slopes[-1] < 0 else -1

        def gibbs(volume: float) -> float:
            free = polynomial.polyval(np.log(volume / self.middle_A3), self.free_energy[:, t])
            return float(equation.energies_eV(np.asarray(volume)) + free + pressure_eV_A3 * volume)

        return float(min(minima, key=gibbs)), 0
