"""Integral of a current's autocorrelation, by STACIE, and the curves people look at beside it.

STACIE (Toraman, Fauconnier & Verstraelen, J. Chem. Inf. Model. 65, 10445 (2025)) fits a model to the periodogram of the
current at low frequencies, whose value at zero is the integral; scatter of a periodogram is known (χ²), so errors are
too. It scans the highest frequency that takes part and averages over the scan by how well halves of it agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.integrate import cumulative_trapezoid

from properties.transport.settings import Spectrum

if TYPE_CHECKING:
    import stacie

CUTOFF_SPACING = 2.0
"""Of STACIE's scan: neighbours differ by a factor 1.28. Its own 0.5 moves no integral by a tenth of its error (AR(1)
noise, 100 correlation times) and takes four times as long."""
HOPELESS = 15.0
"""By how much a cutoff's criterion may be worse than the best before the scan ends: e^−15 of the weight."""
MOST_POINTS = 150
"""Frequencies in a fit: beyond, the time grows and the error does not fall (AR(1) noise)."""
STRAINED, BROKEN = 2.0, 5.0
"""Z scores of STACIE's checks: from the one on its guide doubts a fit, from the other on we give no number."""
EDGE = 1.1
"""Effective points over the fewest allowed: below, the spectrum bends at the lowest frequencies that a run has."""


@dataclass(frozen=True)
class Integral:
    """∫⟨J(0) J(t)⟩dt with the prefactor in.

    Attributes:
        value, error: None where there is none, see `reason`.
        reason: why not.
        doubts: of a value that is there.
        frequencies_THz, amplitudes, model: the spectrum to twice the cutoff, and the fit (NaN beyond its points).
        cutoff_THz, effective_points, cost_zscore, criterion_zscore: of STACIE; None where it found nothing.
    """

    value: float | None
    error: float | None
    reason: str
    doubts: tuple[str, ...]
    frequencies_THz: np.ndarray
    amplitudes: np.ndarray
    model: np.ndarray
    cutoff_THz: float | None = None
    effective_points: float | None = None
    cost_zscore: float | None = None
    criterion_zscore: float | None = None


@dataclass(frozen=True)
class Autocorrelation:
    """Of a current, normalised, and its running integral.

    Attributes:
        time_ps: (lags,).
        normalised, normalised_error: 1 at zero.
        running, running_error: with the prefactor in.
    """

    time_ps: np.ndarray
    normalised: np.ndarray
    normalised_error: np.ndarray
    running: np.ndarray
    running_error: np.ndarray


def integral(series: np.ndarray, step_ps: float, prefactor: float, model: Spectrum) -> Integral:
    """Of independent series of one kind, (m, steps); mean zero is known, so frequency zero counts as well."""
    from stacie import compute_spectrum, estimate_acint

    spectrum = compute_spectrum(series, prefactors=prefactor, timestep=step_ps)
    form = _model(model)
    fewest = 5 * form.npar
    if not np.any(spectrum.amplitudes):
        return _nothing(spectrum, "there is no current at all")
    if spectrum.nfreq < 4 * fewest:
        return _nothing(
            spectrum, f"{series.shape[1]} steps are too few for a spectrum; {8 * fewest} or more are needed"
        )
    try:
        found = estimate_acint(
            spectrum, form, fcut_spacing=CUTOFF_SPACING, criterion_high=HOPELESS, neff_max=MOST_POINTS
        )
    except ValueError as error:  # STACIE's word for: no cutoff gave a fit
        return _nothing(spectrum, f"no fit to the current's spectrum at low frequencies ({error})")
    return _judged(found, fewest)


def _judged(found: stacie.Result, fewest: int) -> Integral:
    cost, criterion = float(found.props["cost_zscore"]), float(found.props["criterion_zscore"])
    points, worst = float(found.neff), max(cost, criterion)
    run_ps = found.spectrum.timestep * found.spectrum.nstep
    reason, doubts = "", []
    if not np.isfinite(found.acint) or not np.isfinite(found.acint_std):
        reason = "the fit to the current's spectrum has no finite error"
    elif points < EDGE * fewest or worst > BROKEN:
        reason = (
            f"the current's spectrum still bends at the lowest frequencies of a run of {run_ps:.3g} ps: "
            f"its memory is too long for it; make runs several times longer"
        )
    elif worst > STRAINED:
        doubts.append(f"STACIE's check of the fitted spectrum is strained (z = {worst:.1f}, ideally below 2)")
    shown = int(min(2 * len(found.props["weights"]), found.spectrum.nfreq))
    model = np.full(shown, np.nan)
    fitted = np.asarray(found.props["amplitudes_model"][0])[:shown]
    model[: len(fitted)] = fitted
    return Integral(
        value=None if reason else float(found.acint),
        error=None if reason else float(found.acint_std),
        reason=reason,
        doubts=tuple(doubts),
        frequencies_THz=found.spectrum.freqs[:shown],
        amplitudes=found.spectrum.amplitudes[:shown],
        model=model,
        cutoff_THz=float(found.fcut),
        effective_points=points,
        cost_zscore=cost,
        criterion_zscore=criterion,
    )


def _nothing(spectrum: stacie.Spectrum, reason: str) -> Integral:
    shown = min(MOST_POINTS, spectrum.nfreq)
    return Integral(None, None, reason, (), spectrum.freqs[:shown], spectrum.amplitudes[:shown], np.full(shown, np.nan))


def _model(name: Spectrum) -> stacie.model.SpectrumModel:
    from stacie import ExpPolyModel, LorentzModel, PadeModel
    from stacie.model import DebyeModel

    if name == "exppoly":
        return ExpPolyModel([0, 2])
    if name == "pade":
        return PadeModel([0, 2], [2])
    return LorentzModel() if name == "lorentz" else DebyeModel()


def autocorrelation(series: np.ndarray, step_ps: float, prefactor: float, longest_ps: float) -> Autocorrelation:
    """Of (m, steps), to a lag, by fast Fourier transform; errors from the scatter of the m series."""
    count, steps = series.shape
    lags = min(max(2, round(longest_ps / step_ps) + 1), steps)
    power = np.abs(np.fft.rfft(series, n=2 * steps, axis=1)) ** 2
    products = np.fft.irfft(power, axis=1)[:, :lags] / (steps - np.arange(lags))
    running = cumulative_trapezoid(products, dx=step_ps, axis=1, initial=0.0) * prefactor
    start = products[:, 0].mean() or 1.0  # no current at all: nothing to normalise
    spread = np.sqrt(count) if count > 1 else np.nan
    return Autocorrelation(
        time_ps=step_ps * np.arange(lags),
        normalised=products.mean(axis=0) / start,
        normalised_error=products.std(axis=0, ddof=min(1, count - 1)) / spread / start,
        running=running.mean(axis=0),
        running_error=running.std(axis=0, ddof=min(1, count - 1)) / spread,
    )
