"""How far is what a surrogate foretells from what the potential finds? It is learnt from those that ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import stdtr

_PRIOR_ROWS = 10.0
_PRIOR_SCALE = 1.0  # the surrogate's own error is right, and without bias
_WORST = 5.0  # errors; who is further off was led into another world, of which one case is enough
_MEMORY = 0.99  # kept of what was learnt, with every case
_LOWER_eV = 0.001  # per atom: a relaxation's last digits
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
    """Bayesian estimate of how far above what a surrogate foretells a structure ends, in units of its claimed error.

    z = (final − foretold) / error is taken for normal with unknown mean and variance, whose posterior is
    normal-inverse-χ²; the final energy then has a Student t distribution: Gelman et al., Bayesian Data Analysis, 3rd
    ed. (2013), ch. 3.3. The mean is mostly above 0, for a surrogate's minima are where its errors are favourable. It
    becomes better, so old cases fade: the last hundred count.
    """

    def __init__(self) -> None:
        self._rows = self._sum = self._squares = 0.0

    @property
    def shift(self) -> float:
        """Mean z."""
        return self._sum / (_PRIOR_ROWS + self._rows)

    @property
    def scale(self) -> float:
        """Standard deviation of z."""
        rows = _PRIOR_ROWS + self._rows
        squares = _PRIOR_ROWS * _PRIOR_SCALE**2 + self._squares - rows * self.shift**2
        return float(np.sqrt(max(squares, 1e-12) / rows))

    def learn(self, foretold: Foretold, final_eV_per_atom: float) -> None:
        """What was foretold to end there has ended at this energy."""
        off = (final_eV_per_atom - foretold.energy_eV_per_atom) / foretold.error_eV_per_atom
        z = float(np.clip(off, -_WORST, _WORST))
        self._rows = _MEMORY * self._rows + 1
        self._sum = _MEMORY * self._sum + z
        self._squares = _MEMORY * self._squares + z * z

    def chance_below(self, foretold: Foretold, energy_eV_per_atom: float) -> float:
        """Probability that the relaxation ends at this energy or lower."""
        rows = _PRIOR_ROWS + self._rows
        z = (energy_eV_per_atom - foretold.energy_eV_per_atom) / foretold.error_eV_per_atom
        return float(stdtr(rows, (z - self.shift) / (self.scale * np.sqrt(1 + 1 / rows))))

    def may_end_at(self, foretold: Foretold, energy_eV_per_atom: float, tolerance_eV: float) -> bool:
        """Whether it may well end at this energy; not where it is foretold to end lower by more than a rounding.

        Errors of two structures that are alike are alike, too: their order is known much better than their energies,
        and the lower one may be what is searched for.
        """
        above_eV = foretold.energy_eV_per_atom - energy_eV_per_atom
        return -_LOWER_eV <= above_eV <= max(tolerance_eV, _NEAR * self.scale * foretold.error_eV_per_atom)

    def state(self) -> dict[str, Any]:
        """What has been learnt, JSON-able."""
        return {"rows": self._rows, "sum": self._sum, "squares": self._squares}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The estimate whose `state()` this was."""
        made = cls()
        made._rows, made._sum, made._squares = (float(state[k]) for k in ("rows", "sum", "squares"))
        return made
