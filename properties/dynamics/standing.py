"""How a run tells the outside where it stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

NEWS_EVERY_S = 0.5


@dataclass(frozen=True)
class Standing:
    """News of a run; as text, one line for people.

    Attributes:
        doing: what, in words.
        done, total: steps, of all stages.
        seconds_per_step: of all replicas together, lately; None before the first.
        seconds_left: at that pace.
        running, stopped: replicas.
    """

    doing: str
    done: int
    total: int
    seconds_per_step: float | None = None
    seconds_left: float | None = None
    running: int = 0
    stopped: int = 0

    def __str__(self) -> str:
        """As in "producing, step 1200 of 20000, 8 replicas, 41 ms a step, 13 min left"."""
        words = [self.doing, f"step {self.done} of {self.total}"]
        words.append(f"{self.running} replica{'s' if self.running != 1 else ''}")
        if self.stopped:
            words.append(f"{self.stopped} stopped")
        if self.seconds_per_step is not None and self.seconds_left is not None:
            words += [f"{1e3 * self.seconds_per_step:.3g} ms a step", f"{_duration(self.seconds_left)} left"]
        return ", ".join(words)


Progress = Callable[[Standing], None]


def unheard(standing: Standing) -> None:
    """Nobody listens."""


class Pace:
    """Measures steps, and speaks at most every half second."""

    def __init__(self, tell: Progress, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._total, self._clock = tell, total, clock
        self._last: tuple[int, float] | None = None
        self._per_step: float | None = None

    def news(self, doing: str, done: int, running: int, stopped: int, at_once: bool = False) -> None:
        """`done` steps of all are behind us."""
        now = self._clock()
        if self._last is None:
            self._last = done, now
        elif not at_once and now - self._last[1] < NEWS_EVERY_S:
            return
        elif done > self._last[0]:
            lately = (now - self._last[1]) / (done - self._last[0])
            # A third of the latest: steady against a busy machine, quick to follow a new stage
            self._per_step = lately if self._per_step is None else self._per_step + (lately - self._per_step) / 3
            self._last = done, now
        left = None if self._per_step is None else self._per_step * (self._total - done)
        self._tell(Standing(doing, done, self._total, self._per_step, left, running, stopped))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
