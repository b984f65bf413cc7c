"""How far is what a surrogate foretells from what the potential finds? A scale that is learnt from those that ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import stdtr

from searchers.earnings import LOWER_eV

_PRIOR_ROWS = 10.0
_PRIOR_SCALE = 1.0  # the surrogate's own error is right
_NEAR = 3.0  # of its errors: an energy that it may well mean


@dataclass(frozen=True)
class Foretold:
    """Where a rehearsal on the surrogate ended.

    Attributes:
        energy_eV_per_atom: by the surrogate.
        error_eV_per_atom: standard error that the surrogate claims.
    """

    energy_eV_per_atom: float
    error_eV_per_atom: float


class Foretelling:
    """Bayesian estimate of the factor by which a surrogate's errors are larger than it claims.

    (final − foretold) / error is taken for normal with mean 0 and unknown variance, whose posterior is a scaled inverse
    χ²; the final energy then has a Student t distribution: Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), ch.
    2.6. No claim is taken for better than the surrogate makes it: most cases are of a few basins that it has come to
    know, and the ground state may be just what its few bodies cannot say (ordered vacancies of Ti-C were ruled out
    for good where the scatter of such cases, or their mean, was believed).
    """

    def __init__(self) -> None:
        self._rows = _PRIOR_ROWS
        self._squares = _PRIOR_ROWS * _PRIOR_SCALE**2

    @property
    def scale(self) -> float:
        """True errors over those claimed, root mean square; at least 1."""
        return max(1.0, float(np.sqrt(self._squares / self._rows)))

    def learn(self, foretold: Foretold, final_eV_per_atom: float) -> None:
        """What was foretold to end there has ended at this energy."""
        self._squares += ((final_eV_per_atom - foretold.energy_eV_per_atom) / foretold.error_eV_per_atom) ** 2
        self._rows += 1

    def chance_below(self, foretold: Foretold, energy_eV_per_atom: float) -> float:
        """Probability that the relaxation ends at this energy or lower."""
        needed_eV = energy_eV_per_atom - foretold.energy_eV_per_atom
        return float(stdtr(self._rows, needed_eV / (self.scale * foretold.error_eV_per_atom)))

    def may_end_at(self, foretold: Foretold, energy_eV_per_atom: float, tolerance_eV: float) -> bool:
        """Whether it may well end at this energy; not where it is foretold to end lower by more than a rounding.

        Errors of two structures that are alike are alike, too: their order is known much better than their energies,
        and the lower one may be what is searched for.
        """
        above_eV = foretold.energy_eV_per_atom - energy_eV_per_atom
        return -LOWER_eV <= above_eV <= max(tolerance_eV, _NEAR * self.scale * foretold.error_eV_per_atom)

    def state(self) -> dict[str, Any]:
        """What has been learnt, JSON-able."""
        return {"rows": self._rows, "squares": self._squares}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The estimate whose `state()` this was."""
        made = cls()
        made._rows, made._squares = float(state["rows"]), float(state["squares"])
        return made
