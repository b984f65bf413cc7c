"""How a network is fine-tuned."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class TrainSettings:
    """Defaults were measured (docs/training.md): ten to sixty labels of 16 atoms take one or two minutes on one core.

    Attributes:
        steps: of the optimiser; epochs follow from it, and from `least_epochs` where there are many labels.
        least_epochs: how often each label is seen at least.
        batch_atoms: atoms in one step, at least one structure.
        learning_rate: the highest, of Adam on sevenn's parameters (which are of order one by construction).
        warm_up: share of the training in which the learning rate rises; it falls as a cosine afterwards.
        energy_weight: of an energy's error per atom, eV.
        force_weight: of a force component's error, eV/Å.
        stress_weight: of the error of V·σ/n, eV.
        huber: errors below are squared, above taken as they are (eV, eV/Å); inf squares all.
        clip_norm: the gradient's largest norm; inf leaves it as it is.
        average: of the weights, how much of the running mean stays at each step (0: the last weights themselves).
        align: take the difference of energy scales, fitted element by element, off the labels.
        replay_ratio: atoms of the replay in one epoch, for one atom of the new labels.
        replay_weight: of a replayed structure's errors, for one of a new label's.
        seed: of the order of structures.

    Raises:
        ValueError: a number that makes no sense.
    """

    steps: int = 300
    least_epochs: int = 5
    batch_atoms: int = 16
    learning_rate: float = 1e-3
    warm_up: float = 0.1
    energy_weight: float = 1.0
    force_weight: float = 1.0
    stress_weight: float = 1.0
    huber: float = 0.05
    clip_norm: float = 1.0
    average: float = 0.0
    align: bool = True
    replay_ratio: float = 1.0
    replay_weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "least_epochs", "batch_atoms"):
            _demand(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("learning_rate", "huber", "clip_norm"):
            _demand(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        for name in ("energy_weight", "force_weight", "stress_weight", "replay_ratio", "replay_weight"):
            _demand(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for name in ("warm_up", "average"):
            _demand(0 <= getattr(self, name) < 1, name, "from 0 to below 1", getattr(self, name))

    def epochs(self, atoms: int) -> int:
        """Passes over `atoms` atoms, the replay's share of an epoch included."""
        return max(self.least_epochs, math.ceil(self.steps * self.batch_atoms / atoms))

    def rate(self, progress: float) -> float:
        """Learning rate at a progress from 0 to 1."""
        if progress < self.warm_up:
            return self.learning_rate * progress / self.warm_up
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - self.warm_up) / (1 - self.warm_up)))

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self)

    def but(self, **changes: Any) -> TrainSettings:
        """A copy with other values."""
        return replace(self, **changes)


def _demand(holds: bool, name: str, what: str, value: float) -> None:
    if not holds:
        raise ValueError(f"{name}: must be {what} (is {value})")
