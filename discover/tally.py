"""What a campaign has spent so far, and when that is enough."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from discover.config_sections import SearchSettings
from searchers.candidate import Fate, Relaxed

SEED_OPERATORS = ("prototype", "start_from", "offer")
"""What a campaign starts from, and what its own pipeline offers it, is relaxed beside the budget of candidates."""


@dataclass
class Tally:
    """Counts over all sessions of a run; time that is not yet in a saved state counts from `started`."""

    done: int = 0
    asked: int = 0
    model_calls: int = 0
    failed: int = 0
    duplicates: int = 0
    resumes: int = 0
    earlier_s: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Campaign time, s, earlier sessions included."""
        return self.earlier_s + time.monotonic() - self.started

    def count(self, relaxed: Relaxed, rehearsed: bool = False) -> None:
        """Take in one candidate's end.

        rehearsed: it ended on a worker's surrogate, before its first model call; the budget of candidates is not
            charged for it.
        """
        self.model_calls += relaxed.model_calls
        self.failed += relaxed.fate is Fate.FAILED
        self.duplicates += relaxed.fate is Fate.DUPLICATE
        if relaxed.candidate.operator not in SEED_OPERATORS:
            self.done += not rehearsed
            self.asked -= rehearsed

    def spent(self, search: SearchSettings) -> bool:
        """True where no further candidate may be asked for."""
        calls = search.model_calls is not None and self.model_calls >= search.model_calls
        hours = search.hours is not None and self.seconds() >= 3600 * search.hours
        return calls or hours or (search.candidates is not None and self.asked >= search.candidates)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        kept = ("done", "asked", "model_calls", "failed", "duplicates", "resumes")
        return {k: getattr(self, k) for k in kept} | {"wall_s": round(self.seconds(), 3)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Tally:
        """The tally that `to_json` wrote; the clock goes on from now."""
        fields = dict(value)
        return cls(earlier_s=fields.pop("wall_s"), **fields)
