"""How a running campaign tells the outside where it stands."""

from __future__ import annotations

from typing import Protocol

SEARCHING = "searching"
PROPERTIES = "computing properties"
DYNAMICS = "molecular dynamics"
STEPPED = ("path integrals", "band", "saddle")
"""What else is counted in steps."""


class Progress(Protocol):
    """Receives news of a campaign."""

    def start(self, total: int | None, done: int, doing: str = SEARCHING) -> None:
        """What begins, the budget of candidates (None: unlimited) and how many are done already."""
        ...

    def update(self, done: int, model_calls: int, failed: int, duplicates: int, best: str) -> None:
        """Totals so far, and the best in a few words."""
        ...

    def note(self, done: int, text: str) -> None:
        """How much is done and, in words, where it stands: for work that is no search."""
        ...

    def message(self, text: str) -> None:
        """One line worth showing."""
        ...

    def finish(self) -> None:
        """What was begun is over."""
        ...


class Silent:
    """Says nothing."""

    def start(self, total: int | None, done: int, doing: str = SEARCHING) -> None:
        """Nothing."""

    def update(self, done: int, model_calls: int, failed: int, duplicates: int, best: str) -> None:
        """Nothing."""

    def note(self, done: int, text: str) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""
