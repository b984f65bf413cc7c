"""Several searchers at once: the next candidate goes to whoever has lately earned most for its model calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Self

import numpy as np

from searchers.annealing import SimulatedAnnealing
from searchers.candidate import Candidate, Fate, Relaxed, candidate_rng
from searchers.genetic import GeneticSearch
from searchers.hopping import MinimaHopping
from searchers.local_hull import LocalHull
from searchers.operators.child import counts_of
from searchers.random_search import RandomSearch
from searchers.searcher import Searcher
from searchers.space import SearchSpace

MEMBERS: dict[str, type[Any]] = {
    "annealing": SimulatedAnnealing,
    "genetic": GeneticSearch,
    "hopping": MinimaHopping,
    "random": RandomSearch,
}
_DEFAULT = ("genetic", "hopping", "annealing")
_LOWER_eV = 0.001  # per atom; a hull lowered by less is a relaxation's last digits
_NEAR_eV = 0.05  # per atom; a new structure so near the hull is worth a tenth of one below it
_NEAR_REWARD = 0.1
_PRIOR_CALLS = 100.0  # of a member that nothing is known of: about five relaxations
_MEMORY = 0.98  # of what was earned, with every result: fifty results back it counts a third


@dataclass
class Member:
    """One searcher and what it has lately earned.

    Attributes:
        name: in `MEMBERS`.
        searcher: itself.
        reward: hulls lowered (1 each) and new structures near the hull (0.1 each), fading.
        calls: model calls spent, fading alike.
    """

    name: str
    searcher: Searcher
    reward: float = 0.0
    calls: float = 0.0


class PortfolioSearch:
    """Searchers that share one budget, one count of ids and all news.

    A member's earnings per model call are taken for a Poisson rate with a Gamma posterior, Γ(1 + reward, 100 + calls);
    a rate is drawn for each and the highest asks next: W. R. Thompson, Biometrika 25, 285 (1933). Old earnings fade,
    so that a member that leads early does not keep the budget. Every member is told everything: the genetic search
    breeds from what the others find.

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
            members: settings of each by name; None takes genetic, hopping and annealing as they come.
        """
        members = {name: {} for name in _DEFAULT} if members is None else members
        unknown = sorted(set(members) - set(MEMBERS))
        if unknown or not members:
            given = ", ".join(members) or "none"
            raise ValueError(f"a portfolio needs members out of {', '.join(MEMBERS)} (are {given})")
        self.space, self.seed, self.next_id = space, seed, first_id
        self._members = [
            Member(name, MEMBERS[name](space, seed=_own_seed(seed, name), first_id=first_id, **settings))
            for name, settings in members.items()
        ]
        self._asked_by: dict[int, int] = {}
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
        for member in self._members:
            member.searcher.tell(relaxed)

    def state(self) -> dict[str, Any]:
        """Members with their earnings, candidates that are out, and the hull."""
        return {
            "seed": self.seed,
            "next_id": self.next_id,
            "members": [[m.name, m.searcher.state(), m.reward, m.calls] for m in self._members],
            "asked_by": {str(id): k for id, k in self._asked_by.items()},
            "hull": self._hull.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Self:
        """The search whose `state()` this was."""
        made = cls(space, state["seed"], state["next_id"], {name: {} for name, *_ in state["members"]})
        made._members = [
            Member(name, MEMBERS[name].from_state(space, own), reward, calls)
            for name, own, reward, calls in state["members"]
        ]
        made._asked_by = {int(id): k for id, k in state["asked_by"].items()}
        made._hull = LocalHull.from_state(space.elements, state["hull"])
        return made

    def _next(self) -> Candidate | None:
        rng = candidate_rng(self.seed, self.next_id).spawn(1)[0]
        rates = [rng.gamma(1 + m.reward) / (_PRIOR_CALLS + m.calls) for m in self._members]
        for k in np.argsort(rates)[::-1].tolist():
            member = self._members[k]
            member.searcher.next_id = self.next_id
            asked = member.searcher.ask(1)
            if asked:
                self._asked_by[self.next_id] = k
                self.next_id += 1
                return replace(asked[0], info={**asked[0].info, "searcher": member.name})
        return None

    def _credit(self, result: Relaxed) -> None:
        """What the result is worth, to whom it belongs; the hull moves by it."""
        reward = self._reward(result)
        k = self._asked_by.pop(result.candidate.id, None)
        if k is None:
            return
        for member in self._members:
            member.reward *= _MEMORY
            member.calls *= _MEMORY
        self._members[k].reward += reward
        self._members[k].calls += result.model_calls

    def _reward(self, result: Relaxed) -> float:
        counts, energy = counts_of(result.atoms, self.space), float(result.energy_eV_per_atom)
        if result.fate is not Fate.CONVERGED or counts is None or not isfinite(energy):
            return 0.0
        above = self._hull.above(counts, energy)
        self._hull.add(counts, energy)
        if above < -_LOWER_eV:
            return 1.0
        return _NEAR_REWARD if above < _NEAR_eV else 0.0


def _own_seed(seed: int, name: str) -> int:
    """Members of one seed would make the same random crystals."""
    return int(np.random.default_rng([seed, *name.encode()]).integers(2**62))
