"""The ask/tell protocol that every searcher obeys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, runtime_checkable

from searchers.candidate import Candidate, Relaxed
from searchers.space import SearchSpace


@runtime_checkable
class Searcher(Protocol):
    """Decides where to look next; knows nothing of potentials, Ray or disk.

    `ask` may return fewer than n candidates (it waits for results), but with nothing outstanding it returns at least
    one. `tell` takes results in any order and any grouping, also of candidates the searcher did not ask for
    (element prototypes, a user's own structures), which it may use as parents. `state` is JSON-able and complete:
    `from_state(space, state)` goes on exactly where the original would have.
    """

    space: SearchSpace
    next_id: int
    """Of the next candidate; whoever shares ids among searchers may raise it."""

    def ask(self, n: int) -> list[Candidate]:
        """At most n new candidates."""
        ...

    def tell(self, relaxed: Sequence[Relaxed]) -> None:
        """Learn how candidates ended."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later, as JSON-able values."""
        ...

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Self:
        """The searcher whose `state()` this was."""
        ...
