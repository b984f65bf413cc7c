"""How much lower will this relaxation end? A regression that learns from those that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import stdtr, stdtrit

_LOWEST_eV = 1e-6  # per atom; logarithms of less would teach the last digits of a relaxation
# The prior is what 50 to 80 random cells each taught: 7net-0's TiC (8 atoms), TiO2 (12), SiO2 (9) and a Lennard-Jones
# solid (16): slopes 0.53, 0.78, 0.65, 0.86, scatters 1.8, 1.8, 1.9, 1.5 in the logarithm.
_PRIOR_MEAN = np.array([0.4, 0.7])
_PRIOR_SCATTER = 1.7
_PRIOR_ROWS = 20.0
_TYPICAL, _SPREAD = -3.5, 2.0  # of ln(expected drop) over the rungs of those relaxations
_PRIOR_PRECISION = _PRIOR_ROWS * np.array([[1.0, _TYPICAL], [_TYPICAL, _TYPICAL**2 + _SPREAD**2]])

_WELL = 0.1  # chance of a larger drop, up to which one is not ruled out


@dataclass(frozen=True)
class Rung:
    """Where a relaxation stood when it was held.

    Attributes:
        energy_eV_per_atom: lowest so far.
        expected_drop_eV_per_atom: to the minimum of the quadratic model, see `potentials.relax.Halt`.
    """

    energy_eV_per_atom: float
    expected_drop_eV_per_atom: float


class Forecast:
    """Bayesian linear regression of ln(drop to the end) on ln(drop that the quadratic model expects).

    The posterior is normal-inverse-gamma, so that a forecast is a Student t distribution: Gelman et al., Bayesian Data
    Analysis, 3rd ed. (2013), ch. 14. The quadratic model alone is wrong by a factor of 5 either way (one standard
    deviation, measured); the regression knows that and says so. Rungs of one relaxation are alike, so each
    counts as its share of one row.
    """

    def __init__(self) -> None:
        self._precision = _PRIOR_PRECISION.copy()
        self._moment = _PRIOR_PRECISION @ _PRIOR_MEAN
        self._squares = _PRIOR_ROWS * _PRIOR_SCATTER**2 + float(_PRIOR_MEAN @ _PRIOR_PRECISION @ _PRIOR_MEAN)
        self._rows = _PRIOR_ROWS

    def learn(self, rungs: Sequence[Rung], final_eV_per_atom: float) -> None:
        """A relaxation that stood at these rungs has ended at this energy."""
        for rung in rungs:
            x = _features(rung)
            y = float(np.log(max(rung.energy_eV_per_atom - final_eV_per_atom, _LOWEST_eV)))
            share = 1 / len(rungs)
            self._precision += share * np.outer(x, x)
            self._moment += share * y * x
            self._squares += share * y * y
            self._rows += share

    def chance_below(self, rung: Rung, energy_eV_per_atom: float) -> float:
        """Probability that the relaxation ends at this energy or lower."""
        needed_eV = rung.energy_eV_per_atom - energy_eV_per_atom
        if needed_eV <= 0:
            return 1.0
        mean, scatter = self._predict(rung)
        return float(stdtr(self._rows, (mean - np.log(needed_eV)) / scatter))

    def may_end_at(self, rung: Rung, energy_eV_per_atom: float, tolerance_eV: float) -> bool:
        """Whether it may well end at this energy, give or take the tolerance."""
        above_eV = rung.energy_eV_per_atom - energy_eV_per_atom
        return -tolerance_eV <= above_eV <= max(tolerance_eV, self.largest_drop_eV(rung, _WELL))

    def largest_drop_eV(self, rung: Rung, risk: float) -> float:
        """Drop per atom that is exceeded with probability `risk`."""
        mean, scatter = self._predict(rung)
        return float(np.exp(mean - scatter * stdtrit(self._rows, risk)))

    def _predict(self, rung: Rung) -> tuple[float, float]:
        """Location and scale of the t distribution of ln(drop)."""
        x = _features(rung)
        mean = np.linalg.solve(self._precision, self._moment)
        variance = (self._squares - float(mean @ self._precision @ mean)) / self._rows
        widening = 1 + float(x @ np.linalg.solve(self._precision, x))
        return float(mean @ x), float(np.sqrt(max(variance, 1e-12) * widening))

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
        """The forecast whose `state()` this was."""
        made = cls()
        made._precision, made._moment = np.array(state["precision"]), np.array(state["moment"])
        made._squares, made._rows = float(state["squares"]), float(state["rows"])
        return made


def _features(rung: Rung) -> np.ndarray:
    return np.array([1.0, np.log(max(rung.expected_drop_eV_per_atom, _LOWEST_eV))])
