"""What a check found, and what all of them found together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One law of physics, held against one potential.

    Attributes:
        name: of the law and of the copy of the structure that it was tried on.
        value: how far the potential is off; NaN where it gave no finite number.
        threshold: how far it may be off.
        unit: of both.
        note: one line for people; may be empty.
        conserves: True where a run that must conserve energy rests on this law.
    """

    name: str
    value: float
    threshold: float
    unit: str
    note: str = ""
    conserves: bool = False

    @property
    def passed(self) -> bool:
        """False also where the value is no number."""
        return bool(self.value <= self.threshold)

    def to_json(self) -> dict[str, Any]:
        """JSON-able, `passed` included."""
        return asdict(self) | {"passed": self.passed}


@dataclass(frozen=True)
class Validation:
    """All checks of one potential on one structure.

    Attributes:
        formula: of the structure as given.
        potential: metadata of who was judged.
        precision: "float64" or "float32", which the thresholds suit.
    """

    formula: str
    potential: Mapping[str, Any]
    precision: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(c for c in self.checks if not c.passed)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; a value that is no number is NaN, for the writer to turn into null."""
        return {
            "formula": self.formula,
            "passed": self.passed,
            "checks": [c.to_json() for c in self.checks],
            "potential": dict(self.potential),
            "precision": self.precision,
        }
