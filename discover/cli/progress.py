"""How a search shows that it lives: a bar on a terminal, plain lines in a file or a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from discover.cli.output import duration
from discover.progress import DYNAMICS, PROPERTIES, SEARCHING, STEPPED, Progress

LINE_EVERY_S = 10.0
"""Plain lines: often enough to see it live, seldom enough for a log."""
LINE_EVERY_SHARE = 0.1


def progress_on(console: Console, on_start: Callable[[], None] = lambda: None) -> Progress:
    """What suits the console; `on_start` is called when the workers are up and the search begins."""
    return Bar(console, on_start) if console.is_terminal else Lines(console, on_start)


@dataclass
class Pace:
    """How fast candidates finish in this session; those of earlier sessions took none of its time."""

    total: int | None
    done_before: int
    started_s: float

    def left(self, done: int, now_s: float) -> str:
        """Time that remains, in words; empty where nobody can tell."""
        fresh = done - self.done_before
        if self.total is None or fresh <= 0 or done >= self.total:
            return ""
        return f"about {duration((now_s - self.started_s) / fresh * (self.total - done))} left"


def _left(text: str, pace: Pace, done: int, now_s: float) -> str:
    """Time that remains; nothing where the text says it of what takes longest, which a pace of few pieces cannot."""
    return "" if " left" in text or " %" in text else pace.left(done, now_s)


def totals(model_calls: int, failed: int, duplicates: int, best: str) -> str:
    """The numbers behind the bar, in one line."""
    parts = [f"{model_calls} model calls", f"{failed} failed", f"{duplicates} duplicates", best]
    return ", ".join(part for part in parts if part)


def _things(doing: str) -> str:
    """What is counted."""
    counted = {SEARCHING: "candidates", PROPERTIES: "stages"} | dict.fromkeys((DYNAMICS, *STEPPED), "steps")
    return counted.get(doing, "structures")


class Lines:
    """A line at the start, at every tenth of the way or every ten seconds, and at the end."""

    def __init__(
        self,
        console: Console,
        on_start: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._on_start = on_start
        self._clock = clock
        self._pace = Pace(None, 0, clock())
        self._said = (0, clock())
        self._latest: tuple[int, str] | None = None

    def start(self, total: int | None, done: int, doing: str = SEARCHING) -> None:
        """The search begins, or what follows it."""
        self._on_start()
        self._pace = Pace(total, done, self._clock())
        self._said = (done, self._clock())
        self._latest = None
        self.message(f"{doing}: {self._count(done)} {_things(doing)}")

    def update(self, done: int, model_calls: int, failed: int, duplicates: int, best: str) -> None:
        """Say where it stands, if it is time to."""
        self.note(done, totals(model_calls, failed, duplicates, best))

    def note(self, done: int, text: str) -> None:
        """The same in words of another kind of work."""
        now = self._clock()
        left = _left(text, self._pace, done, now)
        self._latest = done, ", ".join(part for part in (text, left) if part)
        said_done, said_s = self._said
        far = self._pace.total and done - said_done >= LINE_EVERY_SHARE * self._pace.total
        if far or now - said_s >= LINE_EVERY_S:
            self._say()

    def message(self, text: str) -> None:
        """One line."""
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def finish(self) -> None:
        """The last totals, unless they have been said."""
        if self._latest and self._latest[0] != self._said[0]:
            self._say()

    def _say(self) -> None:
        if self._latest:
            done, text = self._latest
            self._said = (done, self._clock())
            self.message(f"{self._count(done)}: {text}")

    def _count(self, done: int) -> str:
        return f"{done}" if self._pace.total is None else f"{done}/{self._pace.total}"


class Bar:
    """A bar with the totals below it."""

    def __init__(
        self,
        console: Console,
        on_start: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_start = on_start
        self._clock = clock
        self._pace = Pace(None, 0, clock())
        self._console = console
        self._make("candidates")

    def _make(self, label: str) -> None:
        self._bar = RichProgress(
            TextColumn(label), BarColumn(), MofNCompleteColumn(), console=self._console, auto_refresh=False
        )
        self._task = self._bar.add_task(label, total=None)
        self._totals = Text("starting the workers", no_wrap=True, overflow="ellipsis")
        self._live = Live(Group(self._bar, self._totals), console=self._console, refresh_per_second=4)

    def start(self, total: int | None, done: int, doing: str = SEARCHING) -> None:
        """Show a bar of its own."""
        self._on_start()
        self._make(_things(doing) if doing == SEARCHING else doing)
        self._pace = Pace(total, done, self._clock())
        self._bar.update(self._task, total=total, completed=done)
        self._live.start()

    def update(self, done: int, model_calls: int, failed: int, duplicates: int, best: str) -> None:
        """Move the bar."""
        self.note(done, totals(model_calls, failed, duplicates, best))

    def note(self, done: int, text: str) -> None:
        """Move the bar, with words of another kind of work below it."""
        self._bar.update(self._task, completed=done)
        left = _left(text, self._pace, done, self._clock())
        self._totals.plain = ", ".join(part for part in (text, left) if part)

    def message(self, text: str) -> None:
        """One line above the bar."""
        self._live.console.print(text, markup=False, highlight=False)

    def finish(self) -> None:
        """Leave the bar as it stands."""
        self._live.stop()
