"""Pareto search: crystals of low energy that are also dense, open, stiff, ..., none of which another beats in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from searchers.breeding import Breeder
from searchers.candidate import Candidate, Relaxed
from searchers.crowded_tournament import CrowdedTournament
from searchers.earnings import NEAR_REWARD
from searchers.generation import SymmetricGenerator
from searchers.objectives import Sense
from searchers.offspring import next_candidate, parent_counts
from searchers.pareto_population import FrontPoint, ParetoPopulation
from searchers.space import SearchSpace
from searchers.starts import Starts

_DEFAULT_OBJECTIVES: Mapping[str, Sense] = {"density_g_cm3": "max"}


class ParetoSearch:
    """A steady-state NSGA-II: the energy above the hull against one or more further objectives.

    Deb, Pratap, Agarwal and Meyarivan, IEEE Trans. Evol. Comput. 6, 182 (2002): survivors by front and crowding
    distance, parents by binary crowded tournaments; as every result is told, not by generations. After `population`
    random crystals, candidates are children (`searchers.breeding`), or random with a fixed probability. A candidate is
    a function of (seed, id) and of what was told before it. An operator earns 1 where its child joins the front and
    0.1 where it becomes a parent.

    Attributes:
        space: what may be asked for.
        seed: the campaign's seed.
        breeder: what makes children.
        next_id: of the next candidate.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        first_id: int = 0,
        population: int = 20,
        random_share: float = 0.25,
        objectives: Mapping[str, Sense] | None = None,
        within_eV_per_atom: float = 0.3,
        operators: Mapping[str, float] | None = None,
        adaptive: bool = True,
        generator: SymmetricGenerator | None = None,
    ) -> None:
        """Set the search up.

        Args:
            space: what may be asked for.
            seed: the campaign's seed.
            first_id: id of the first candidate.
            population: parents kept, and random crystals made before the first child.
            random_share: probability of a random crystal afterwards.
            objectives: "min" or "max" by name (`searchers.objectives`); None: as dense as may be.
            within_eV_per_atom: structures further above the hull do not count.
            operators: how often each is tried, relative to the others.
            adaptive: whether operators that earn more are used more.
            generator: of random crystals.

        Raises:
            ValueError: an unknown objective or sense, or a setting out of range.
        """
        if population < 2 or not 0 <= random_share <= 1 or within_eV_per_atom <= 0:
            raise ValueError(
                "population must be at least 2, random_share in [0, 1] and within_eV_per_atom above 0 "
                f"(are {population}, {random_share}, {within_eV_per_atom})"
            )
        senses = _DEFAULT_OBJECTIVES if objectives is None else objectives
        self.space, self.seed, self.next_id = space, seed, first_id
        self._starts = Starts(space, generator or SymmetricGenerator(space))
        self.breeder = Breeder(space, operators, adaptive, CrowdedTournament(), self._starts.choice)
        self._random_share = random_share
        self._first_id = first_id
        self._population = ParetoPopulation(space.elements, senses, population, within_eV_per_atom)

    def ask(self, n: int) -> list[Candidate]:
        """Exactly n new candidates.

        Raises:
            GenerationError: pyxtal cannot be run.
        """
        return [self._make() for _ in range(n)]

    def tell(self, relaxed: Sequence[Relaxed]) -> None:
        """Converged structures, whoever asked for them, move the hull and may join the front and be parents.

        Those of other elements, or of another formula than a fixed one, are passed over.
        """
        for result in relaxed:
            if result.candidate.modes:
                self.breeder.learn_modes(self._population, result)
            else:
                self._starts.learn(result)
                self.breeder.credit(result, self._take_in(result))

    def front(self) -> list[FrontPoint]:
        """The present non-dominated set of all that was told, lowest energy first."""
        return self._population.front()

    def _take_in(self, result: Relaxed) -> float:
        """Keep a usable result; what it is worth."""
        counts = parent_counts(result, self.space)
        if counts is None:
            return 0.0
        if not self._population.add(result, counts, as_parent=len(result.atoms) <= self.space.max_atoms):
            return 0.0
        return 1.0 if self._population.on_front(result.candidate.id, counts) else NEAR_REWARD

    def state(self) -> dict[str, Any]:
        """Settings, counters, population and hull."""
        return {
            "seed": self.seed,
            "first_id": self._first_id,
            "next_id": self.next_id,
            "random_share": self._random_share,
            "breeder": self.breeder.state(),
            "population": self._population.state(),
            "starts": self._starts.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Self:
        """The search whose `state()` this was."""
        made = cls(
            space,
            state["seed"],
            state["first_id"],
            state["population"]["size"],
            state["random_share"],
        )
        made._starts = Starts.from_state(space, state["starts"])
        made.next_id = state["next_id"]
        made.breeder = Breeder.from_state(space, state["breeder"], CrowdedTournament(), made._starts.choice)
        made._population = ParetoPopulation.from_state(space.elements, state["population"])
        return made

    def close(self) -> None:
        """End the generator's child process."""
        self._starts.generator.close()

    def _make(self) -> Candidate:
        made_before = self.next_id - self._first_id
        made = next_candidate(
            self.next_id, made_before, self.seed, self.space, self._population, self.breeder, self._starts,
            self._random_share,
        )  # fmt: skip
        self.next_id += 1
        return made
