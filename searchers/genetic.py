"""Evolutionary search: children of the best structures so far, and a share of fresh random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from searchers.breeding import Breeder
from searchers.candidate import Candidate, Relaxed
from searchers.earnings import NEAR_REWARD, LOWER_eV
from searchers.generation import SymmetricGenerator
from searchers.offspring import next_candidate, parent_counts
from searchers.population import Population
from searchers.selection import Selection
from searchers.space import SearchSpace
from searchers.starts import Starts


class GeneticSearch:
    """A steady-state genetic algorithm: every result may be a parent of the very next candidate.

    After `population` random crystals, candidates are children of parents chosen by tournament on the energy above the
    current hull, or random with a probability that goes with what random ones earn. Never waits for results. Oganov and
    Glass, J. Chem. Phys. 124, 244704 (2006). A candidate is a function of (seed, id) and of what was told before it.
    Operators that earn more per model call are used more (`searchers.breeding`); parents are spread over niches
    (`searchers.niches`), age, and make way for others where the search stands still (`searchers.selection`).

    Attributes:
        space: what may be asked for.
        seed: the campaign's seed.
        breeder: what makes children.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        first_id: int = 0,
        population: int = 20,
        random_share: float = 0.25,
        operators: Mapping[str, float] | None = None,
        generator: SymmetricGenerator | None = None,
        adaptive: bool = True,
        elite: int = 2,
        lifetime: int = 20,
        patience: int = 60,
    ) -> None:
        """Set the search up.

        Args:
            space: what may be asked for.
            seed: the campaign's seed.
            first_id: id of the first candidate.
            population: parents kept, and random crystals made before the first child.
            random_share: probability of a random crystal afterwards.
            operators: how often each is tried, relative to the others.
            generator: of random crystals.
            adaptive: whether operators that earn more are used more.
            elite: parents kept at each composition near the hull.
            lifetime: children without earnings that make a parent one spread of energies less fit.
            patience: results without a lower hull after which the leaders become antiseeds; 0 never.
        """
        if population < 2 or not 0 <= random_share <= 1:
            raise ValueError(
                f"population must be at least 2 and random_share in [0, 1] (are {population}, {random_share})"
            )
        self.space = space
        self.seed = seed
        self._starts = Starts(space, generator or SymmetricGenerator(space))
        self._selection = Selection(lifetime, patience, self._starts.choice)
        self.breeder = Breeder(space, operators, adaptive, self._selection, self._starts.choice)
        self._random_share = random_share
        self._first_id = first_id
        self.next_id = first_id
        self._population = Population(space.elements, population, elite, space.variable)

    def ask(self, n: int) -> list[Candidate]:
        """Exactly n new candidates.

        Raises:
            GenerationError: pyxtal cannot be run.
        """
        return [self._make() for _ in range(n)]

    def tell(self, relaxed: Sequence[Relaxed]) -> None:
        """Converged structures, whoever asked for them, move the hull and may be parents.

        Those of other elements, or of another formula than a fixed one, are passed over.
        """
        for result in relaxed:
            if result.candidate.modes:
                self.breeder.learn_modes(self._population, result)
                continue
            self._starts.learn(result)
            reward = self._take_in(result)
            self.breeder.credit(result, reward)
            self._selection.note(self._population, result.candidate.parents, reward)

    def _take_in(self, result: Relaxed) -> float:
        """Keep a usable result; what it is worth."""
        counts = parent_counts(result, self.space)
        if counts is None:
            return 0.0
        above_eV = self._population.hull.above(counts, result.energy_eV_per_atom)
        if not self._population.add(result, counts, as_parent=len(result.atoms) <= self.space.max_atoms):
            return 0.0
        if above_eV < -LOWER_eV:
            return 1.0
        return NEAR_REWARD if self._population.leads(result.candidate.id) else 0.0

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
        choice = made._starts.choice
        made._selection = Selection.from_state(state["breeder"]["selection"], choice)
        made.breeder = Breeder.from_state(space, state["breeder"], made._selection, choice)
        made._population = Population.from_state(space.elements, state["population"])
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
