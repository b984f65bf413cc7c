"""How a running campaign tells the outside where it stands."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives news of a campaign."""

    def start(self, total: int | None, done: int) -> None:
        """The budget of candidates (None: unlimited) and how many are done already."""
        ...

    def update(self, done: int, model_calls: int, failed: int, duplicates: int, best: str) -> None:
        """Totals so far, and the best in a few words."""
        ...

    def message(self, text: str) -> None:
        """One line worth showing."""
        ...

    def finish(self) -> None:
        """The search is over."""
        ...


class Silent:
    """Says nothing."""

    def start(self, total: int | None, done: int) -> None:
        """Nothing."""

    def update(self, done: int, model_calls: int, failed: int, duplicates: int, best: str) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""
