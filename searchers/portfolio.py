"""Several searchers at once: the next candidate goes to whoever has lately earned most for its model calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from searchers.annealing import SimulatedAnnealing
from searchers.candidate import Candidate, Relaxed, candidate_rng
from searchers.earnings import Earnings, reward_of
from searchers.genetic import GeneticSearch
from searchers.hopping import MinimaHopping
from searchers.local_hull import LocalHull
from searchers.operators.child import converged_counts
from searchers.random_search import RandomSearch
from searchers.searcher import Searcher
from searchers.space import SearchSpace

MEMBERS: dict[str, type[Any]] = {
    "annealing": SimulatedAnnealing,
    "genetic": GeneticSearch,
    "hopping": MinimaHopping,
    "random": RandomSearch,
}
_DEFAULT = ("genetic", "hopping", "random")


class PortfolioSearch:
    """Searchers that share one budget, one count of ids and all news.

    A rate of earning is drawn for each member and the highest asks next (`searchers.earnings`): hulls lowered count 1,
    new structures near the hull 0.1. Every member is told everything: the genetic search breeds from what the others
    find.

    Attributes:
        space: what may be asked for.
        seed: the campaign's seed; each member has one of its own made from it.
        next_id: of the next candidate.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        first_id: int = 0,
        members: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Set the members up.

        Args:
            space: what may be asked for.
            seed: the campaign's seed.
            first_id: id of the first candidate.
            members: settings of each by name; None takes genetic, hopping and random as they come.
        """
        members = {name: {} for name in _DEFAULT} if members is None else members
        unknown = sorted(set(members) - set(MEMBERS))
        if unknown or not members:
            given = ", ".join(members) or "none"
            raise ValueError(f"a portfolio needs members out of {', '.join(MEMBERS)} (are {given})")
        self.space, self.seed, self.next_id = space, seed, first_id
        self._members: dict[str, Searcher] = {
            name: MEMBERS[name](space, seed=_own_seed(seed, name), first_id=first_id, **settings)
            for name, settings in members.items()
        }
        self._earnings = Earnings(members)
        self._asked_by: dict[int, str] = {}
        self._hull = LocalHull(space.elements)

    def ask(self, n: int) -> list[Candidate]:
        """At most n candidates, one at a time from whom the draw favours; fewer where all members wait for results.

        Raises:
            GenerationError: pyxtal cannot be run.
        """
        made: list[Candidate] = []
        while len(made) < n and (candidate := self._next()) is not None:
            made.append(candidate)
        return made

    def tell(self, relaxed: Sequence[Relaxed]) -> None:
        """Credit whoever asked, and let all members know."""
        for result in relaxed:
            self._credit(result)
        for member in self._members.values():
            member.tell(relaxed)

    def state(self) -> dict[str, Any]:
        """Members with their earnings, candidates that are out, and the hull."""
        return {
            "seed": self.seed,
            "next_id": self.next_id,
            "members": {name: member.state() for name, member in self._members.items()},
            "earnings": self._earnings.state(),
            "asked_by": {str(id): name for id, name in self._asked_by.items()},
            "hull": self._hull.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Self:
        """The search whose `state()` this was."""
        made = cls(space, state["seed"], state["next_id"], {name: {} for name in state["members"]})
        made._members = {name: MEMBERS[name].from_state(space, own) for name, own in state["members"].items()}
        made._earnings = Earnings.from_state(state["earnings"])
        made._asked_by = {int(id): name for id, name in state["asked_by"].items()}
        made._hull = LocalHull.from_state(space.elements, state["hull"])
        return made

    def _next(self) -> Candidate | None:
        rng = candidate_rng(self.seed, self.next_id).spawn(1)[0]
        rates = self._earnings.drawn(rng)
        for name in sorted(rates, key=lambda n: -rates[n]):
            member = self._members[name]
            member.next_id = self.next_id
            asked = member.ask(1)
            if asked:
                self._asked_by[self.next_id] = name
                self.next_id += 1
                return replace(asked[0], info={**asked[0].info, "searcher": name})
        return None

    def _credit(self, result: Relaxed) -> None:
        """What the result is worth, to whom it belongs; the hull moves by it."""
        reward = self._reward(result)
        name = self._asked_by.pop(result.candidate.id, None)
        if name is not None:
            self._earnings.credit(name, reward, result.model_calls)

    def _reward(self, result: Relaxed) -> float:
        counts, energy = converged_counts(result, self.space), float(result.energy_eV_per_atom)
        if counts is None:
            return 0.0
        above = self._hull.above(counts, energy)
        self._hull.add(counts, energy)
        return reward_of(above)


def _own_seed(seed: int, name: str) -> int:
    """Members of one seed would make the same random crystals."""
    return int(np.random.default_rng([seed, *name.encode()]).integers(2**62))
