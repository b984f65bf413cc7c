"""Which members of a population become parents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from searchers.composition_choice import CompositionChoice
from searchers.member import Member
from searchers.population import Population

_TOURNAMENT = 3  # members among whom the fittest becomes a parent: of 20 the best one in every seven times
_OWN_COMPOSITION = 0.5  # of the choices at variable composition that are made within one composition near the hull
_ANTISEED_WIDTH = 0.5  # of fingerprint distances: a basin and its near relatives


class Selection:
    """Tournaments on fitness, to which age and antiseeds are added.

    A member whose children have for `lifetime` in a row earned nothing counts as less fit by one spread of the
    population's energies (ageing). When no hull has been lowered for `patience` results, the leaders
    of the compositions near the hull become antiseeds: Gaussian hills over fingerprints, one spread high, that drive
    the choice of parents elsewhere without losing what was found (as the antiseeds of USPEX; Lyakhov, Oganov, Stokes
    and Zhu, Comput. Phys. Commun. 184, 1172 (2013)).

    Attributes:
        lifetime: children without earnings that make a member one spread less fit.
        patience: results without a lower hull after which antiseeds are set; 0 sets none.

    choice: of compositions, where they are searched.
    """

    def __init__(self, lifetime: int = 20, patience: int = 60, choice: CompositionChoice | None = None) -> None:
        if lifetime < 1 or patience < 0:
            raise ValueError(f"lifetime must be at least 1 and patience at least 0 (are {lifetime}, {patience})")
        self.lifetime = lifetime
        self.patience = patience
        self._choice = choice
        self._idle = 0
        self._antiseeds: list[np.ndarray] = []

    def draw(
        self,
        population: Population,
        k: int,
        rng: np.random.Generator,
        compounds: bool = False,
        among: Sequence[Member] | None = None,
    ) -> list[Member]:
        """Draw k parents, different ones where there are enough; with `compounds` no element, where there are others.

        `among` are the only ones that may be drawn, where it is given. Otherwise, at variable composition, every other
        choice is made among the members of one composition near the hull, which is drawn by what it promises. As
        `deap.tools.selTournament`, but that draws from Python's global generator, which would make a candidate depend
        on more than its seed.
        """
        if among is not None:
            return self._winners(population, among, k, rng)
        pool, groups = population.members, population.by_composition()
        if compounds and any(m.is_compound for m in pool):
            pool = [m for m in pool if m.is_compound]
            groups = [group for group in groups if group[0].is_compound]
        if len(groups) > 1 and rng.random() < _OWN_COMPOSITION:
            own = groups[self._of_composition([group[0].counts for group in groups], rng)]
            pool = own if len(own) >= k else pool
        return self._winners(population, pool, k, rng)

    def _of_composition(self, compositions: Sequence[tuple[int, ...]], rng: np.random.Generator) -> int:
        return int(rng.integers(len(compositions))) if self._choice is None else self._choice.best(compositions, rng)

    def _winners(
        self, population: Population, pool: Sequence[Member], k: int, rng: np.random.Generator
    ) -> list[Member]:
        spread = population.spread_eV()
        chosen: list[Member] = []
        for _ in range(k):
            left = [m for m in pool if m not in chosen] or pool
            drawn = [left[int(i)] for i in rng.integers(len(left), size=_TOURNAMENT)]
            chosen.append(min(drawn, key=lambda m: population.fitness(m) + spread * self._burden(m)))
        return chosen

    def note(self, population: Population, parents: Sequence[int], reward: float) -> None:
        """Learn what a result has earned: its parents age where it is nothing, the search where no hull was lowered."""
        for member in population.members:
            if member.id in parents:
                member.idle = 0 if reward else member.idle + 1
        self._idle = 0 if reward >= 1 else self._idle + 1
        if self.patience and self._idle >= self.patience:
            self._idle = 0
            self._antiseeds += [leader.fingerprint for leader in population.leaders()]

    def _burden(self, member: Member) -> float:
        """How much less fit it counts, in spreads."""
        burden = member.idle / self.lifetime
        if self._antiseeds:
            squares = ((np.array(self._antiseeds) - member.fingerprint) ** 2).sum(1)
            burden += float(np.exp(-squares / (2 * _ANTISEED_WIDTH**2)).sum())
        return burden

    def state(self) -> dict[str, Any]:
        """Settings, idleness and antiseeds as JSON-able values."""
        return {
            "lifetime": self.lifetime,
            "patience": self.patience,
            "idle": self._idle,
            "antiseeds": [seed.tolist() for seed in self._antiseeds],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], choice: CompositionChoice | None = None) -> Self:
        """The selection whose `state()` this was."""
        made = cls(state["lifetime"], state["patience"], choice)
        made._idle = state["idle"]
        made._antiseeds = [np.array(seed) for seed in state["antiseeds"]]
        return made
