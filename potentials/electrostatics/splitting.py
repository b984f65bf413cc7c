"""Where a Coulomb sum is split between real and reciprocal space."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

ACCURACY = 1e-8
"""Relative, of the sum; REFERENCES' Madelung constants ask for it."""


@dataclass(frozen=True)
class Splitting:
    """Ewald's splitting, the same for every cell: both sums are cut where their terms have fallen to the accuracy.

    1/r = erfc(αr)/r + erf(αr)/r. Terms of the first, beyond r_c, are below e^(−α²r_c²); of the second, in reciprocal
    space beyond k_c, below e^(−k_c²/4α²). With α = s/r_c and k_c = 2sα both are e^(−s²), a tenth of `accuracy`: the
    terms that are left out are many (measured on Madelung constants of four crystals; Kolafa & Perram, Mol. Simul. 9,
    351 (1992), weigh prefactors instead).

    Attributes:
        cutoff_A: r_c; beyond it no pair is looked at. A larger one moves work from reciprocal to real space.
        accuracy: of the whole sum, relative.
    """

    cutoff_A: float
    accuracy: float = ACCURACY

    def __post_init__(self) -> None:
        for key in ("cutoff_A", "accuracy"):
            if isinstance(value := getattr(self, key), bool) or not isinstance(value, int | float):
                raise ValueError(f"{key}: must be a number (is {value!r})")
        if not self.cutoff_A > 0:
            raise ValueError(f"cutoff_A: must be above 0 (is {self.cutoff_A:g})")
        if not 1e-14 <= self.accuracy <= 1e-2:
            raise ValueError(f"accuracy: must be from 1e-14 to 0.01 (is {self.accuracy:g})")

    @property
    def _s(self) -> float:
        return sqrt(log(10 / self.accuracy))

    @property
    def alpha_per_A(self) -> float:
        """α."""
        return self._s / self.cutoff_A

    @property
    def k_cutoff_per_A(self) -> float:
        """k_c."""
        return 2 * self._s * self.alpha_per_A
