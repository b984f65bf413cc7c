"""Activation energies with errors, breaks in the line, and what the line says elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import units

FEWEST_POINTS = 3
"""With two, nothing tells whether there is a line."""
BREAK_POINTS = 6
"""Three on each side."""
STRONG = 6.0
"""Gain in Bayes' information criterion that counts as strong (Kass & Raftery, J. Am. Stat. Assoc. 90, 773 (1995))."""
RESOLVED = 3.0
"""Errors that an activation energy must be away from zero before it is carried to other temperatures."""
CURVE_POINTS = 40


@dataclass(frozen=True)
class Line:
    """log = log_prefactor − E_a/(k_B T), weighted by the points' errors.

    Attributes:
        temperatures_K, log, log_error: the points.
        log_prefactor, activation_energy_eV: the line.
        covariance: (2, 2), of those two; widened by χ² per degree of freedom where that is above 1 (Birge, Phys. Rev.
            40, 207 (1932)).
        chi_squared, degrees_of_freedom: of the points about it.
    """

    temperatures_K: np.ndarray
    log: np.ndarray
    log_error: np.ndarray
    log_prefactor: float
    activation_energy_eV: float
    covariance: np.ndarray
    chi_squared: float
    degrees_of_freedom: int

    @property
    def activation_energy_error_eV(self) -> float:
        """One standard error."""
        return float(np.sqrt(self.covariance[1, 1]))

    @property
    def resolved(self) -> bool:
        """False where the activation energy is not told from zero, or the line falls the wrong way."""
        return self.activation_energy_eV > RESOLVED * self.activation_energy_error_eV

    def at(self, temperature_K: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Logarithm and its error."""
        row = np.stack(np.broadcast_arrays(1.0, -1 / (units.kB * np.asarray(temperature_K, float))), axis=-1)
        value = row @ np.array([self.log_prefactor, self.activation_energy_eV])
        return value, np.sqrt(np.einsum("...i,ij,...j->...", row, self.covariance, row))


@dataclass(frozen=True)
class Break:
    """Two lines where one does not do.

    Attributes:
        colder, hotter: lines of the two sides.
        bic_gain: by how much two are better than one, after the price of three more numbers.
    """

    colder: Line
    hotter: Line
    bic_gain: float


@dataclass(frozen=True)
class Arrhenius:
    """What a row of temperatures says.

    Attributes:
        line: through all points; None where `reason` says why.
        broken: where the data ask for it.
        broken_note: what was found about a break.
        reason: why there is no line.
    """

    line: Line | None
    broken: Break | None
    broken_note: str
    reason: str

    @property
    def coldest_line(self) -> Line | None:
        """That speaks for lower temperatures."""
        return self.broken.colder if self.broken else self.line


def arrhenius(temperatures_K: np.ndarray, values: np.ndarray, errors: np.ndarray, per_K: bool) -> Arrhenius:
    """Of positive values with errors; NaN are left out. per_K: False takes ln(value T), as of conductivities."""
    kept = np.isfinite(values) & np.isfinite(errors) & (np.asarray(values) > 0)
    T, value, error = (np.asarray(x, float)[kept] for x in (temperatures_K, values, errors))
    if len(T) < FEWEST_POINTS:
        reason = f"{len(T)} temperatures have a number; an activation energy with an error needs {FEWEST_POINTS}"
        return Arrhenius(None, None, "", reason)
    log = np.log(value if per_K else value * T)
    line = fit_line(T, log, error / value)
    broken, note = find_break(line)
    return Arrhenius(line, broken, note, "")


def fit_line(T: np.ndarray, log: np.ndarray, log_error: np.ndarray) -> Line:
    """Weighted least squares in 1/T."""
    design = np.stack([np.ones_like(T), -1 / (units.kB * T)], axis=1)
    weighted = design / log_error[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    solution = covariance @ weighted.T @ (log / log_error)
    chi2 = float(np.square((log - design @ solution) / log_error).sum())
    freedom = len(T) - 2
    widened = covariance * max(1.0, chi2 / freedom) if freedom else covariance
    return Line(T, log, log_error, float(solution[0]), float(solution[1]), widened, chi2, freedom)


def find_break(line: Line) -> tuple[Break | None, str]:
    """The best two lines, where they earn the numbers they cost (two lines, and where they part)."""
    n = len(line.temperatures_K)
    if n < BREAK_POINTS:
        return None, f"{n} temperatures are too few to tell a break ({BREAK_POINTS} are needed)"
    order = np.argsort(line.temperatures_K)
    T, log, error = (x[order] for x in (line.temperatures_K, line.log, line.log_error))
    pairs = [
        (fit_line(T[:k], log[:k], error[:k]), fit_line(T[k:], log[k:], error[k:]))
        for k in range(BREAK_POINTS // 2, n - BREAK_POINTS // 2 + 1)
    ]
    colder, hotter = min(pairs, key=lambda pair: pair[0].chi_squared + pair[1].chi_squared)
    gain = line.chi_squared - colder.chi_squared - hotter.chi_squared - 3 * np.log(n)
    if gain < STRONG:
        return None, f"one line does: two gain {gain:.1f} in BIC ({STRONG:g} would be strong)"
    between = f"{colder.temperatures_K[-1]:g} and {hotter.temperatures_K[0]:g} K"
    return Break(colder, hotter, float(gain)), f"a break between {between}: two lines gain {gain:.1f} in BIC"
