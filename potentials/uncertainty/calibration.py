"""From a distance to an error to expect, and to one that is not exceeded more often than said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

LEAST_FORCE_EV_A = 0.1
"""Added to a force before its logarithm is taken: below, errors do not shrink with the force any more."""
FOLDS = 5
HOLES_FROM = 0.99
"""Of the scores, for means: one collapsed cell in a thousand is off by more than all others together."""


@dataclass(frozen=True)
class ErrorScale:
    """How large errors are, as a power law of what is known without a label.

    log(error + floor) = coefficients · (1, log distance, log(force + 0.1 eV/Å)), plus a score. Scores of structures
    that the coefficients were not fitted to say how far off that is (split conformal prediction with a scale, Lei et
    al., J. Am. Stat. Assoc. 113, 1094 (2018)); each chemical system counts the same, for a new system is what the next
    structure comes from (Dunn, Wasserman & Ramdas, J. Am. Stat. Assoc. 118, 2491 (2023)).

    Attributes:
        coefficients: (3,); the last is 0 where forces are not asked.
        floor: in the error's unit; below, errors are as good as none.
        scores: sorted, (m,).
        weights: of the scores, summing to 1, (m,).
    """

    coefficients: np.ndarray
    floor: float
    scores: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(
        cls,
        errors: np.ndarray,
        distances: np.ndarray,
        forces_eV_A: np.ndarray | None,
        systems: Sequence[str],
        floor: float,
    ) -> ErrorScale:
        """From errors that a reference calculation has shown.

        errors: (m,), not negative; distances: (m,), positive; forces_eV_A: (m,) by the potential, None where they say
        nothing; systems: (m,) which chemical system each belongs to; floor: as above.

        Raises:
            ValueError: fewer than two systems, of which one could be held out.
        """
        names, member = np.unique(np.asarray(systems), return_inverse=True)
        if len(names) < 2:
            raise ValueError("a calibration needs errors of at least two chemical systems")
        weights = 1.0 / np.bincount(member)[member] / len(names)
        x, y = _regressors(distances, forces_eV_A), np.log(np.asarray(errors) + floor)
        scores = np.empty(len(y))
        for fold in range(min(FOLDS, len(names))):
            out = member % FOLDS == fold
            scores[out] = y[out] - x[out] @ _least_squares(x[~out], y[~out], weights[~out])
        order = np.argsort(scores)
        coefficients = _least_squares(x, y, weights)
        padded = np.pad(coefficients, (0, 3 - len(coefficients)))
        return cls(padded, floor, scores[order], weights[order])

    def expected(self, distances: np.ndarray, forces_eV_A: np.ndarray | None = None) -> np.ndarray:
        """Mean error to expect, (m,); infinite where the distance is. Arguments as in `fit`.

        The largest hundredth of the scores counts as its smallest: holes, whose depth has no mean.
        """
        factor = float(self.weights @ np.exp(np.minimum(self.scores, self._quantile(HOLES_FROM))))
        return np.maximum(self._scale(distances, forces_eV_A) * factor - self.floor, 0.0)

    def bound(self, level: float, distances: np.ndarray, forces_eV_A: np.ndarray | None = None) -> np.ndarray:
        """What an error does not exceed with this probability, over systems alike to those calibrated on; (m,)."""
        return np.maximum(self._scale(distances, forces_eV_A) * np.exp(self._quantile(level)) - self.floor, 0.0)

    def _quantile(self, level: float) -> float:
        # The structure to come counts as one more, whose score may be the largest
        reached = np.cumsum(self.weights) / (1.0 + 1.0 / len(self.scores))
        at = int(np.searchsorted(reached, level))
        return float(self.scores[at]) if at < len(self.scores) else np.inf

    def _scale(self, distances: np.ndarray, forces_eV_A: np.ndarray | None) -> np.ndarray:
        x = _regressors(distances, forces_eV_A)
        known = np.isfinite(distances)
        return np.where(known, np.exp(np.where(known[:, None], x, 0.0) @ self.coefficients[: x.shape[1]]), np.inf)

    def to_arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """For `numpy.savez`."""
        fields = {"coefficients": self.coefficients, "floor": np.array(self.floor)}
        fields |= {"scores": self.scores.astype(np.float32), "weights": self.weights.astype(np.float32)}
        return {f"{prefix}_{key}": value for key, value in fields.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], prefix: str) -> ErrorScale:
        """What `to_arrays` gave."""
        fields: dict[str, Any] = {k: arrays[f"{prefix}_{k}"] for k in ("coefficients", "scores", "weights")}
        return cls(floor=float(arrays[f"{prefix}_floor"]), **fields)


def _regressors(distances: np.ndarray, forces_eV_A: np.ndarray | None) -> np.ndarray:
    columns = [np.ones(len(distances)), np.log(np.maximum(distances, 1e-12))]
    if forces_eV_A is not None:
        columns.append(np.log(forces_eV_A + LEAST_FORCE_EV_A))
    return np.stack(columns, axis=1)


def _least_squares(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients of which all but the first are not negative: no error falls with distance or force."""
    root = np.sqrt(weights)
    lowest = np.array([-np.inf] + [0.0] * (x.shape[1] - 1))
    return lsq_linear(x * root[:, None], y * root, bounds=(lowest, np.inf)).x
