"""Temperatures: a geometric way down for annealing, a geometric ladder for tempering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import pstdev

from ase.units import kB

_FLOOR_K = 50.0  # where all first energies agree, a step of a few meV must still be possible
_SPREAD_SHARE = 0.5  # of the spread of the first energies: half of it is what a step uphill may cost
_END_SHARE = 1 / 50


@dataclass(frozen=True)
class Schedule:
    """Geometric temperatures from `start_K` to `end_K`, both included.

    S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, Science 220, 671 (1983).

    Attributes:
        start_K: temperature of step 0.
        end_K: temperature of the last step.
        steps: number of steps.
    """

    start_K: float
    end_K: float
    steps: int

    def __post_init__(self) -> None:
        if not self.start_K >= self.end_K > 0:
            raise ValueError(f"cooling needs t_start >= t_end > 0 K (is {self.start_K}, {self.end_K})")
        if self.steps < 1:
            raise ValueError(f"cooling needs at least one step (is {self.steps})")

    def at(self, step: int) -> float:
        """Temperature of a step, K; the last one's from there on."""
        share = min(step / (self.steps - 1), 1.0) if self.steps > 1 else 0.0
        return self.start_K * (self.end_K / self.start_K) ** share

    def ladder(self, rungs: int) -> list[float]:
        """Temperatures of `rungs` replicas for tempering, hottest first, K."""
        return [Schedule(self.start_K, self.end_K, rungs).at(rung) for rung in range(rungs)]


def schedule_from(
    first_energies_eV: Sequence[float], t_start_K: float | None, t_end_K: float | None, steps: int
) -> Schedule:
    """The schedule that a user gave, or one measured by the spread of random structures' energies.

    Args:
        first_energies_eV: total energies of the replicas' first structures.
        t_start_K: None takes half the energies' standard deviation over k_B, at least 50 K.
        t_end_K: None takes a fiftieth of the start.
        steps: steps of a replica from start to end.
    """
    if t_start_K is None:
        spread_eV = pstdev(first_energies_eV) if len(first_energies_eV) > 1 else 0.0
        t_start_K = max(_SPREAD_SHARE * spread_eV / kB, _FLOOR_K, t_end_K or 0.0)
    return Schedule(t_start_K, t_start_K * _END_SHARE if t_end_K is None else t_end_K, steps)
