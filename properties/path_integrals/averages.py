"""Means of correlated series and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ENOUGH = 20.0
"""Independent samples below which an error bar is itself a guess: it is then known to 1/√(2·20), a sixth."""
FEWEST_BLOCKS = 32
WINDOW = 5.0
"""Correlation times that the sum over the autocorrelation runs: what is left out is e⁻⁵ of it, what noise adds is least
(Sokal, in Functional Integration, NATO ASI 361, 131 (1997))."""


@dataclass(frozen=True)
class Estimate:
    """A mean.

    Attributes:
        mean: value or array.
        error: one standard error of it, of the same shape.
        independent: how many independent samples the series is worth; of several series, the least.
    """

    mean: np.ndarray
    error: np.ndarray
    independent: float

    @property
    def enough(self) -> bool:
        """False where the run is too short for its error to be known."""
        return self.independent >= ENOUGH

    def to_json(self) -> dict[str, object]:
        """Numbers, or lists of them."""
        return {
            "mean": self.mean.tolist(),
            "error": self.error.tolist(),
            "independent_samples": round(self.independent, 1),
            "enough": self.enough,
        }


def correlation_time(series: np.ndarray) -> float:
    """Integrated: τ = ½ + Σ ρ(t), in samples, summed to the first window W ≥ 5 τ(W); ½ where nothing is correlated.

    series: (samples,). A series that is constant has none.
    """
    x = np.asarray(series, float) - np.mean(series)
    n = len(x)
    if not x.any():
        return 0.5
    spectrum = np.abs(np.fft.rfft(x, 2 * n)) ** 2
    rho = np.fft.irfft(spectrum)[:n] / np.arange(n, 0, -1)
    taus = 0.5 + np.cumsum(rho[1:] / rho[0])
    windows = np.arange(1, n)
    ends = np.flatnonzero(windows >= WINDOW * taus)
    tau = taus[ends[0]] if len(ends) else n / 2
    return float(max(tau, 0.5))


def mean_with_error(series: np.ndarray) -> Estimate:
    """Of series along the first axis, (samples, ...): mean, and the largest s √(2τ/n) of pairs of pairs of samples.

    Pairwise means (Flyvbjerg & Petersen, J. Chem. Phys. 91, 461 (1989)) are taken as long as 32 are left, and each
    level keeps its own correlation time: a slow part of small variance, such as the centroid's below the quick bead
    modes, is seen only where the quick ones have been averaged away. The largest of some levels errs, if at all, to be
    large.
    """
    series = np.asarray(series, float)
    n = len(series)
    level = flat = series.reshape(n, -1)
    error = np.zeros(flat.shape[1])
    while True:
        tau = np.array([correlation_time(column) for column in level.T])
        spread = level.std(axis=0, ddof=1) if len(level) > 1 else np.full(len(error), np.inf)
        error = np.maximum(error, spread * np.sqrt(2 * tau / len(level)))
        if len(level) < 2 * FEWEST_BLOCKS:
            break
        level = 0.5 * (level[: len(level) // 2 * 2 : 2] + level[1::2])
    variance = flat.var(axis=0, ddof=1) if n > 1 else np.zeros(len(error))
    worth = np.divide(variance, error**2, out=np.full(len(error), float(n)), where=error > 0)
    shape = series.shape[1:]
    return Estimate(flat.mean(0).reshape(shape), error.reshape(shape), float(worth.min()))
