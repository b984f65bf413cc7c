"""How a stage that works elsewhere says where it stands: a line in a file beside its results."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from discover.cli.output import duration
from discover.progress import SEARCHING, Silent

EVERY_S = 1.0


class Jotting(Silent):
    """A stage's progress, as the line that the pipeline shows of it.

    file: holds the line; a folder that cannot be written, of another node say, costs the line and nothing else.
    then: called after each.
    """

    def __init__(
        self, file: Path, then: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file, self._then, self._clock = file, then, clock
        self._doing, self._begun = "", (0, clock())
        self._total: int | None = None
        self._said_s = clock() - EVERY_S

    def start(self, total: int | None, done: int, doing: str = SEARCHING) -> None:
        """Of something new; `done` of it took none of this session's time."""
        self._doing, self._total, self._begun = doing, total, (done, self._clock())
        self._jot(done, "")

    def note(self, done: int, text: str) -> None:
        """At most once a second."""
        if self._clock() - self._said_s >= EVERY_S:
            self._jot(done, text)

    def message(self, text: str) -> None:
        """In place of where it stands."""
        self._write(text)

    def _jot(self, done: int, text: str) -> None:
        self._said_s = self._clock()
        share = f"{100 * done / self._total:.0f} %" if self._total else ""
        parts = [self._doing if text in ("", self._doing) else text, share, self._left(done)]
        self._write(", ".join(p for p in parts if p))

    def _write(self, line: str) -> None:
        part = self._file.with_suffix(".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(line)
            part.replace(self._file)
        except OSError:
            return
        self._then()

    def _left(self, done: int) -> str:
        fresh = done - self._begun[0]
        if not self._total or fresh <= 0 or done >= self._total:
            return ""
        return f"about {duration((self._clock() - self._begun[1]) / fresh * (self._total - done))} left"


def jotted(file: Path) -> str:
    """The line; empty where there is none."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
