"""Where does what a surrogate has relaxed end on the potential? A regression that learns from those that ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import stdtr

_PRIOR_MEAN = np.array([0.0, 1.0])  # the surrogate is right,
_PRIOR_SCATTER = 1.0  # but for the error that it claims
_PRIOR_ROWS = 10.0
_TYPICAL, _SPREAD = 2.0, 2.0  # of heights above the hull in units of the error
_PRIOR_PRECISION = _PRIOR_ROWS * np.array([[1.0, _TYPICAL], [_TYPICAL, _TYPICAL**2 + _SPREAD**2]])
_MEMORY = 0.99  # kept of what was learnt, with every case
_FARTHEST = 10.0  # errors; what is foretold, or ends, farther from the hull counts as so far
_LOWER_eV = 0.001  # per atom: a relaxation's last digits
_NEAR = 3.0  # scatters: an energy that it may well mean


@dataclass(frozen=True)
class Foretold:
    """Where a rehearsal on the surrogate ended.

    Attributes:
        energy_eV_per_atom: by the surrogate.
        error_eV_per_atom: standard error that the surrogate claims.
        hull_eV_per_atom: of its composition, as far as it is known.
    """

    energy_eV_per_atom: float
    error_eV_per_atom: float
    hull_eV_per_atom: float

    def errors_above_hull(self, energy_eV_per_atom: float) -> float:
        """An energy's height above the hull in units of the error; not finite where there is no hull."""
        return (energy_eV_per_atom - self.hull_eV_per_atom) / self.error_eV_per_atom


class Foretelling:
    """Bayesian linear regression y = a + b x + scatter of heights above the hull, in units of the surrogate's error.

    x is what was foretold and y where it ended. A shift alone (b = 1) would be learnt from those that were let go on,
    whom the surrogate flatters, and hold back all others for it: the more, the fewer go on. A regression on what they
    are chosen by is not misled by the choice, and where it has seen no case it is less sure. Normal-inverse-χ², so that
    a final energy has a Student t distribution: Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), ch. 14. A
    surrogate becomes better, so old cases fade: the last hundred count.
    """

    def __init__(self) -> None:
        self._precision = np.zeros((2, 2))
        self._moment = np.zeros(2)
        self._squares = self._rows = 0.0

    def learn(self, foretold: Foretold, final_eV_per_atom: float) -> None:
        """What was foretold to end there has ended at this energy; without a hull nothing is learnt."""
        height = foretold.errors_above_hull(final_eV_per_atom)
        if not np.isfinite(height):
            return
        x, y = _features(foretold), float(np.clip(height, -_FARTHEST, _FARTHEST))
        self._precision = _MEMORY * self._precision + np.outer(x, x)
        self._moment = _MEMORY * self._moment + y * x
        self._squares = _MEMORY * self._squares + y * y
        self._rows = _MEMORY * self._rows + 1

    def chance_below(self, foretold: Foretold, energy_eV_per_atom: float) -> float:
        """Probability that the relaxation ends at this energy or lower; 1 where any will do, or there is no hull."""
        wanted = foretold.errors_above_hull(energy_eV_per_atom)
        if not np.isfinite(wanted):
            return 1.0
        x = _features(foretold)
        wanted -= foretold.errors_above_hull(foretold.energy_eV_per_atom) - x[1]  # as far beyond as it is itself
        precision, mean, scatter = self._posterior()
        widening = np.sqrt(1 + float(x @ np.linalg.solve(precision, x)))
        return float(stdtr(_PRIOR_ROWS + self._rows, (wanted - float(mean @ x)) / (scatter * widening)))

    def may_end_at(self, foretold: Foretold, energy_eV_per_atom: float, tolerance_eV: float) -> bool:
        """Whether it may well end at this energy; not where it is foretold to end lower by more than a rounding.

        Errors of two structures that are alike are alike, too: their order is known much better than their energies,
        and the lower one may be what is searched for.
        """
        above_eV = foretold.energy_eV_per_atom - energy_eV_per_atom
        near_eV = _NEAR * self._posterior()[2] * foretold.error_eV_per_atom
        return -_LOWER_eV <= above_eV <= max(tolerance_eV, near_eV)

    def _posterior(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Precision (2, 2) and mean (2,) of (a, b); the scatter."""
        precision = _PRIOR_PRECISION + self._precision
        mean = np.linalg.solve(precision, _PRIOR_PRECISION @ _PRIOR_MEAN + self._moment)
        prior = _PRIOR_ROWS * _PRIOR_SCATTER**2 + float(_PRIOR_MEAN @ _PRIOR_PRECISION @ _PRIOR_MEAN)
        squares = prior + self._squares - float(mean @ precision @ mean)
        return precision, mean, float(np.sqrt(max(squares, 1e-12) / (_PRIOR_ROWS + self._rows)))

    def state(self) -> dict[str, Any]:
        """What has been learnt, JSON-able."""
        return {
            "precision": self._precision.tolist(),
            "moment": self._moment.tolist(),
            "squares": self._squares,
            "rows": self._rows,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The regression whose `state()` this was."""
        made = cls()
        made._precision, made._moment = np.array(state["precision"]), np.array(state["moment"])
        made._squares, made._rows = float(state["squares"]), float(state["rows"])
        return made


def _features(foretold: Foretold) -> np.ndarray:
    height = foretold.errors_above_hull(foretold.energy_eV_per_atom)
    return np.array([1.0, np.clip(height, -_FARTHEST, _FARTHEST)])
