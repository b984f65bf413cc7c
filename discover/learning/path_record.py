"""The barrier of one generation and how wrong it is, as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PathRecord:
    """A generation's path, energies above its first image, eV.

    Attributes:
        forward_eV, reverse_eV: the saddle above the two ends, all by the potential and at rest by it.
        converged: the band came to rest.
        trouble: why there is no band and the first guess stands for it; empty where there is one.
        places_A: of the images along the path.
        energies_eV: of the images.
        saddle: which of them it is.
        farthest: the largest distance of an image to what had labels; None where nothing had any.
        inside: every image is inside the band.
        saddle_label_A: how far an atom goes at most from the saddle to the nearest labelled frame; None without any.
        oracle_forward_eV, oracle_reverse_eV: the saddle's label above those of the ends; None where it has none.
        error_forward_eV, error_reverse_eV: the potential's own differences between the same labelled frames less these.
        oracle_energies_eV: (place in Å, energy above the first end) of this path's own labels.
    """

    forward_eV: float
    reverse_eV: float
    converged: bool
    trouble: str
    places_A: Sequence[float]
    energies_eV: Sequence[float]
    saddle: int
    farthest: float | None
    inside: bool
    saddle_label_A: float | None = None
    oracle_forward_eV: float | None = None
    oracle_reverse_eV: float | None = None
    error_forward_eV: float | None = None
    error_reverse_eV: float | None = None
    oracle_energies_eV: Sequence[tuple[float, float]] = ()

    @property
    def error_eV(self) -> float | None:
        """The larger of the two errors, with its sign."""
        errors = [e for e in (self.error_forward_eV, self.error_reverse_eV) if e is not None]
        return max(errors, key=abs) if errors else None

    def settled(self, tolerance_eV: float) -> bool:
        """Nothing is left to learn: all images are known, and the saddle's label says what the potential says."""
        error = self.error_eV
        return self.inside and self.converged and error is not None and abs(error) <= tolerance_eV

    def is_off(self, tolerance_eV: float) -> bool:
        """The potential contradicts the saddle's label."""
        return self.error_eV is not None and abs(self.error_eV) > tolerance_eV
