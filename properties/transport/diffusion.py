"""Self-diffusion of each species, and the displacement of all charge together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from properties.transport.displacement import (
    Curve,
    Slope,
    curve,
    half_slope,
    settled_slope,
    settled_window,
    wandering_window,
)
from properties.transport.ensemble import Ensemble
from properties.transport.settings import FEWEST_BLOCKS

CM2_PER_S = 1e-4
"""Å²/ps in cm²/s."""
ANISOTROPIC, ANISOTROPIC_ERRORS = 0.15, 3.0
"""Share of the mean, and errors, by which a tensor departs from a sphere before its directions are taken apart."""


@dataclass(frozen=True)
class Diffusion:
    """Of one species' ions, in a frame of reference.

    Attributes:
        symbol: of the species.
        jump_A: a jump's length.
        walked: mean squared displacement.
        slope: D and its tensor, Å²/ps; None where `reason` says why.
        settled: frames from which on the slope stays, and by what share it does not (`settled_window`).
        reason: why there is no number.
    """

    symbol: str
    jump_A: float
    walked: Curve
    slope: Slope | None
    settled: tuple[int, float] | None
    reason: str

    @property
    def cm2_per_s(self) -> float | None:
        """D."""
        return None if self.slope is None else self.slope.value * CM2_PER_S

    @property
    def error_cm2_per_s(self) -> float | None:
        """Of D."""
        return None if self.slope is None else self.slope.error * CM2_PER_S

    @property
    def anisotropic(self) -> bool:
        """True where the tensor is no multiple of the unit matrix, by much more than its errors."""
        if self.slope is None:
            return False
        off = np.abs(self.slope.tensor - self.slope.value * np.eye(3))
        return bool(
            (off > np.maximum(ANISOTROPIC * self.slope.value, ANISOTROPIC_ERRORS * self.slope.tensor_error)).any()
        )


@dataclass(frozen=True)
class Charge:
    """Displacement of all charge together, Σ q Δr.

    Attributes:
        walked: mean square, e² Å².
        slope: half of its growth, tensor by direction, e² Å²/ps; None where `reason` says why.
        pairs: the same, mean over directions, by pairs of species, (n_species, n_species); None where charges change.
        reason: why there is no number.
    """

    walked: Curve
    slope: Slope | None
    pairs: Slope | None
    reason: str


def self_diffusion(ensemble: Ensemble, symbol: str, jumps_A: Mapping[str, float]) -> Diffusion:
    """By the window in which ions go a jump's length; no number where they have not, in 0.4 of the run."""
    series = ensemble.displacements_A(symbol)
    walked = curve(series, ensemble.frame_ps)
    jump = jumps_A.get(symbol) or ensemble.nearest_A(symbol)
    if not len(walked.time_ps):
        return Diffusion(symbol, jump, walked, None, None, f"{series.shape[1]} frames are too few for a displacement")
    window = wandering_window(walked, jump)
    if window is None:
        reason = (
            f"{symbol} went {walked.mean[-1]:.2g} Å² in {walked.time_ps[-1]:.3g} ps, the longest window, less than a "
            f"jump squared ({jump**2:.2g} Å²): immobile, or the run is too short to tell"
        )
        return Diffusion(symbol, jump, walked, None, None, reason)
    slope = settled_slope(series, window, ensemble.frame_ps)
    if slope is None or slope.value <= 2 * slope.error:
        return Diffusion(symbol, jump, walked, None, None, _unresolved(f"growth of {symbol}'s displacement", slope))
    window = round(slope.window_ps / ensemble.frame_ps)
    return Diffusion(symbol, jump, walked, slope, settled_window(series, window, ensemble.frame_ps), "")


def charge_displacement(ensemble: Ensemble, settled: tuple[int, float]) -> Charge:
    """From the window, in frames, that the ions have settled by; the share that they have not goes into the error."""
    series = ensemble.charge_displacement_eA()[:, :, None]
    every_ps = ensemble.frame_ps
    walked = curve(series, every_ps)
    slope = settled_slope(series, settled[0], every_ps)
    if slope is None:
        return Charge(walked, None, None, _unresolved("growth of the charge's displacement", None))
    slope = replace(slope, error=float(np.hypot(slope.error, settled[1] * slope.value)))
    window = round(slope.window_ps / every_ps)
    pairs = None
    if ensemble.own_charge_current_eA_ps is None:
        by_species = ensemble.species_displacements_A() * ensemble.charges_e[:, None]
        pairs = half_slope(np.swapaxes(by_species, 2, 3), window, every_ps)
    reason = "" if slope.value > 2 * slope.error else _unresolved("growth of the charge's displacement", slope)
    return Charge(walked, slope, pairs, reason)


def _unresolved(what: str, slope: Slope | None) -> str:
    if slope is None:
        return f"{what} has no error: fewer than {FEWEST_BLOCKS} replicas or pieces; run more replicas, or longer"
    return f"{what} is not told from zero ({slope.value:.2g} ± {slope.error:.2g} per ps, of 1/2 of its square)"
