"""What each of several ways of searching has lately earned per model call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

FIXED_SHARE = 0.25
"""Of the choices that follow the weights alone, so that no way dies out."""
PRIOR_CALLS = 100.0
"""Model calls in which a way that nothing is known of is taken to earn one reward: about five relaxations."""
MEMORY = 0.98
"""Kept of all that was earned and spent, with every result: fifty results back it counts a third."""
LOWER_eV = 0.001
"""Per atom; a hull lowered by less is a relaxation's last digits."""
NEAR_eV = 0.05
"""Per atom; a new structure so near the hull is worth something, too."""
NEAR_REWARD = 0.1


class Earnings:
    """Rewards and model calls of each of several ways; old ones fade, so that an early leader does not stay one.

    Rewards per model call are taken for a Poisson rate with a Gamma posterior, Γ(1 + reward, 100 + calls).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._of: dict[str, list[float]] = {name: [0.0, 0.0] for name in names}

    def credit(self, name: str, reward: float, calls: float) -> None:
        """Note what a way has earned for how many model calls; a way that is not known here is passed over."""
        if name not in self._of:
            return
        for own in self._of.values():
            own[0] *= MEMORY
            own[1] *= MEMORY
        self._of[name][0] += reward
        self._of[name][1] += calls

    def drawn(self, rng: np.random.Generator) -> dict[str, float]:
        """A rate drawn from each posterior; who follows the highest samples as Thompson, Biometrika 25, 285 (1933)."""
        of = sorted(self._of.items())  # a state put back need not keep the order
        return {name: rng.gamma(1 + reward) / (PRIOR_CALLS + calls) for name, (reward, calls) in of}

    def relative(self, names: Sequence[str]) -> np.ndarray:
        """Expected rates in units of the one that nothing is known of, (names,)."""
        return np.array([(1 + self._of[n][0]) / (1 + self._of[n][1] / PRIOR_CALLS) for n in names])

    def shares(self, weights: Mapping[str, float]) -> np.ndarray:
        """How often to take each way, (ways,): as weight times expected rate; a quarter by the weights alone."""
        usual = np.array(list(weights.values()))
        earned = usual * self.relative(list(weights))
        return FIXED_SHARE * usual / usual.sum() + (1 - FIXED_SHARE) * earned / earned.sum()

    def state(self) -> dict[str, list[float]]:
        """[reward, calls] by name, JSON-able."""
        return {name: list(own) for name, own in self._of.items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The earnings whose `state()` this was."""
        made = cls(state)
        made._of = {name: [float(x) for x in own] for name, own in state.items()}
        return made


def reward_of(above_eV: float) -> float:
    """What a new structure is worth by its energy above the hull before it, eV/atom: 1 below, 0.1 near it, else 0."""
    if above_eV < -LOWER_eV:
        return 1.0
    return NEAR_REWARD if above_eV < NEAR_eV else 0.0
