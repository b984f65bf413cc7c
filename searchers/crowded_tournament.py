"""Parents of a Pareto search: the better of two by front, and of one front whoever has more room around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from searchers.member import Member
from searchers.pareto_population import ParetoPopulation

_DRAWN = 2  # of whom the better becomes a parent, as in Deb, Pratap, Agarwal and Meyarivan (2002)


class CrowdedTournament:
    """Binary tournaments by crowded comparison, with the candidate's own random numbers."""

    def draw(
        self,
        population: ParetoPopulation,
        k: int,
        rng: np.random.Generator,
        compounds: bool = False,
        among: Sequence[Member] | None = None,
    ) -> list[Member]:
        """Draw k parents, different ones where there are enough; with `compounds` no element if there are others.

        `among` are the only ones that may be drawn, the best first, where it is given.
        """
        pool = population.members if among is None else among  # the best first
        if compounds and any(m.is_compound for m in pool):
            pool = [m for m in pool if m.is_compound]
        left = list(pool)
        chosen: list[Member] = []
        for _ in range(k):
            left = left or list(pool)
            best = int(rng.choice(len(left), size=min(_DRAWN, len(left)), replace=False).min())
            chosen.append(left.pop(best))
        return chosen

    def state(self) -> dict[str, Any]:
        """Nothing: it remembers nothing."""
        return {}
