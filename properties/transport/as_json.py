"""JSON of a transport analysis, thinned to what figures need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from properties.transport.arrhenius import CURVE_POINTS, Arrhenius, Line
from properties.transport.diffusion import CM2_PER_S
from properties.transport.displacement import Curve, Slope

if TYPE_CHECKING:
    from properties.transport.density import Density
    from properties.transport.diffusion import Diffusion
    from properties.transport.green_kubo import Autocorrelation, Integral
    from properties.transport.jumps import Jumps
    from properties.transport.result import TemperaturePoint

LAGS = 200
"""Of an autocorrelation, dense at its start, where it swings."""
FREQUENCIES = 150
SITES = 200
"""More are counted, not listed."""
LENGTH_BINS = 30


def listed(values: Iterable[float | None] | np.ndarray, digits: int = 6) -> list[float | None]:
    """Numbers to so many significant digits; None for what is missing or not finite."""
    return [None if v is None or not np.isfinite(v) else float(f"{v:.{digits}g}") for v in values]


def arrhenius_json(found: Arrhenius, to_K: float, per_K: bool) -> dict[str, Any]:
    """One row of temperatures."""
    line, coldest = found.line, found.coldest_line
    shared = {"reason": found.reason, "break_point_note": found.broken_note}
    if line is None or coldest is None:
        empty = dict.fromkeys(_LINE_KEYS)
        return empty | shared | {"inverse_temperature_per_K": [], "log": [], "log_error": []}
    return shared | {
        "inverse_temperature_per_K": listed(1 / line.temperatures_K, 9),
        "log": listed(line.log, 9),
        "log_error": listed(line.log_error),
        "activation_energy_eV": line.activation_energy_eV,
        "activation_energy_error_eV": line.activation_energy_error_eV,
        "prefactor": float(np.exp(line.log_prefactor)),
        "log_prefactor": line.log_prefactor,
        "log_prefactor_error": float(np.sqrt(line.covariance[0, 0])),
        "chi_squared": line.chi_squared,
        "degrees_of_freedom": line.degrees_of_freedom,
        "line": _line_json(line, to_K),
        "break_point": None
        if found.broken is None
        else {
            "between_K": [
                float(found.broken.colder.temperatures_K[-1]),
                float(found.broken.hotter.temperatures_K[0]),
            ],
            "colder": _energy_json(found.broken.colder),
            "hotter": _energy_json(found.broken.hotter),
            "bic_gain": found.broken.bic_gain,
        },
        "at_300_K": _at_json(coldest, to_K, per_K),
    }


_LINE_KEYS = (
    "activation_energy_eV",
    "activation_energy_error_eV",
    "prefactor",
    "log_prefactor",
    "log_prefactor_error",
    "chi_squared",
    "degrees_of_freedom",
    "line",
    "break_point",
    "at_300_K",
)


def _energy_json(line: Line) -> dict[str, float]:
    return {
        "activation_energy_eV": line.activation_energy_eV,
        "activation_energy_error_eV": line.activation_energy_error_eV,
    }


def _line_json(line: Line, to_K: float) -> dict[str, Any]:
    lowest, highest = line.temperatures_K.min(), line.temperatures_K.max()
    coldest = min(lowest, to_K) if line.resolved else lowest
    inverse = np.linspace(1 / highest, 1 / coldest, CURVE_POINTS)
    log, error = line.at(1 / inverse)
    return {
        "inverse_temperature_per_K": listed(inverse, 9),
        "log": listed(log, 9),
        "log_error": listed(error),
        "extrapolated": [bool(x > 1 / lowest * (1 + 1e-9)) for x in inverse],
    }


def _at_json(line: Line, to_K: float, per_K: bool) -> dict[str, Any] | None:
    """Never of an activation energy that is not told from zero."""
    if not line.resolved:
        return None
    log, error = line.at(to_K)
    value, lower, upper = (float(np.exp(log + k * error) / (1 if per_K else to_K)) for k in (0, -1, 1))
    return {
        "temperature_K": to_K,
        "value": value,
        "lower": lower,
        "upper": upper,
        "extrapolated": bool(not line.temperatures_K.min() <= to_K <= line.temperatures_K.max()),
        "unit": "cm2/s" if per_K else "S/cm",
    }


def point_json(p: TemperaturePoint) -> dict[str, Any]:
    """One temperature."""
    return {
        "temperature_K": p.temperature_K,
        "mean_temperature_K": p.mean_temperature_K,
        "volume_A3": p.volume_A3,
        "msd": {s: _msd_json(d) for s, d in p.diffusion.items()},
        "collective": None if p.charge is None else _fit_json("e2_A2", p.charge.walked, p.charge.slope),
        "current": _current_json(p.current)
        | {
            "green_kubo_S_per_cm": p.green_kubo_S_per_cm,
            "green_kubo_error_S_per_cm": p.green_kubo_error_S_per_cm,
        },
        "spectrum": _spectrum_json(p.integral),
        **_tensors_json(p),
        "density": {s: _density_json(d) for s, d in p.density.items()},
        "jumps": {s: _jumps_json(j, p.diffusion[s]) for s, j in p.jumps.items()},
    }


def _msd_json(found: Diffusion) -> dict[str, Any]:
    return _fit_json("A2", found.walked, found.slope) | {"jump_A": found.jump_A}


def _fit_json(unit: str, walked: Curve, slope: Slope | None) -> dict[str, Any]:
    """Mean squares summed over three directions, and the straight line of the slope."""
    out = {
        "time_ps": listed(walked.time_ps),
        f"msd_{unit}": listed(walked.mean),
        f"error_{unit}": listed(walked.error),
    }
    names = ("fit_from_ps", "fit_to_ps", f"slope_{unit}_ps", f"intercept_{unit}")
    if slope is None:
        return out | dict.fromkeys(names)
    growth, start = 6 * slope.value, slope.window_ps
    return out | dict(zip(names, (start, 2 * start, growth, walked.at(start) - growth * start), strict=True))


def _current_json(current: Autocorrelation) -> dict[str, Any]:
    last = len(current.time_ps) - 1
    kept = np.unique(np.round(last * np.linspace(0, 1, LAGS) ** 1.5).astype(int))
    return {
        "time_ps": listed(current.time_ps[kept]),
        "autocorrelation": listed(current.normalised[kept]),
        "autocorrelation_error": listed(current.normalised_error[kept], 3),
        "running_integral_S_per_cm": listed(current.running[kept]),
        "running_integral_error_S_per_cm": listed(current.running_error[kept], 3),
    }


def _spectrum_json(found: Integral) -> dict[str, Any]:
    kept = np.unique(np.linspace(0, len(found.frequencies_THz) - 1, FREQUENCIES).astype(int))
    return {
        "frequency_THz": listed(found.frequencies_THz[kept]),
        "amplitude_S_per_cm": listed(found.amplitudes[kept], 4),
        "model_S_per_cm": listed(found.model[kept], 4),
        "cutoff_THz": found.cutoff_THz,
        "effective_points": found.effective_points,
        "cost_zscore": found.cost_zscore,
        "criterion_zscore": found.criterion_zscore,
    }


def _tensors_json(p: TemperaturePoint) -> dict[str, Any]:
    slope = None if p.charge is None or p.einstein_S_per_cm is None else p.charge.slope
    pairs = None if slope is None or p.charge is None else p.charge.pairs
    sides = [(i, j) for i in range(len(p.species)) for j in range(i, len(p.species))]

    def by_pair(matrix: np.ndarray) -> dict[str, float]:
        """Both orders of a cross term together, so that all add up to the whole."""
        return {
            f"{p.species[i]}-{p.species[j]}": float(matrix[i, j] * (1 if i == j else 2) * p.to_S_per_cm)
            for i, j in sides
        }

    return {
        "green_kubo_by_direction_S_per_cm": [d.value for d in p.directions] if p.directions else None,
        "green_kubo_by_direction_error_S_per_cm": [d.error for d in p.directions] if p.directions else None,
        "conductivity_tensor_S_per_cm": None if slope is None else _matrix(slope.tensor * p.to_S_per_cm),
        "conductivity_tensor_error_S_per_cm": None if slope is None else _matrix(slope.tensor_error * p.to_S_per_cm),
        "conductivity_principal_S_per_cm": None
        if slope is None
        else listed(np.linalg.eigvalsh(slope.tensor * p.to_S_per_cm)),
        "conductivity_by_pair_S_per_cm": None if pairs is None else by_pair(pairs.tensor),
        "conductivity_by_pair_error_S_per_cm": None if pairs is None else by_pair(pairs.tensor_error),
        "diffusion_tensor_cm2_per_s": {
            s: None if d.slope is None else _matrix(d.slope.tensor * CM2_PER_S) for s, d in p.diffusion.items()
        },
        "diffusion_tensor_error_cm2_per_s": {
            s: None if d.slope is None else _matrix(d.slope.tensor_error * CM2_PER_S) for s, d in p.diffusion.items()
        },
    }


def _matrix(matrix: np.ndarray) -> list[list[float | None]]:
    return [listed(row) for row in matrix]


def _density_json(found: Density) -> dict[str, Any]:
    names = "abc"
    return {
        "cell_A": _matrix(found.cell),
        "mean_per_A3": found.mean_per_A3,
        "peak_per_A3": float(found.blurred.max()),
        "projections": {
            names[i] + names[j]: {
                "axes": [names[i], names[j]],
                "per_A2": [listed(row, 3) for row in found.projection_per_A2(i, j)],
            }
            for i, j in ((0, 1), (1, 2), (2, 0))
        },
    }


def _jumps_json(found: Jumps, diffusion: Diffusion) -> dict[str, Any]:
    lengths = found.lengths_A
    counts, edges = np.histogram(lengths, bins=LENGTH_BINS) if len(lengths) else (np.zeros(0), np.zeros(0))
    slope = diffusion.slope
    factor = (None, None) if slope is None else found.correlation_factor(slope.value, slope.error) or (None, None)
    return {
        "verdict": found.verdict,
        "note": found.note,
        "sites": len(found.sites_A),
        "sites_A": [listed(site, 5) for site in found.sites_A[:SITES]],
        "occupied": found.occupied,
        "jumps": len(lengths),
        "rate_per_ps": found.rate_per_ps,
        "rate_error_per_ps": found.rate_error_per_ps,
        "residence_ps": found.residence_ps,
        "jump_length_A": float(lengths.mean()) if len(lengths) else None,
        "jump_length_rms_A": float(np.sqrt(np.square(lengths).mean())) if len(lengths) else None,
        "correlation_factor": factor[0],
        "correlation_factor_error": factor[1],
        "length_histogram": {"edges_A": listed(edges, 5), "counts": [int(c) for c in counts]},
    }
