"""Evolutionary search: children of the best structures so far, and a share of fresh random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from ase import Atoms
from deap.base import Toolbox

from searchers.candidate import Candidate, Fate, Relaxed, candidate_rng
from searchers.generation import SymmetricGenerator
from searchers.local_hull import reduced
from searchers.operators import OPERATORS
from searchers.operators.child import counts_of
from searchers.population import Member, Population
from searchers.space import SearchSpace

OPERATOR_WEIGHTS = {"heredity": 0.4, "strain": 0.2, "rattle": 0.15, "permutation": 0.15, "composition": 0.1}
# Heredity leads, as in Glass, Oganov and Hansen (2006); the shares were not tuned.
_TOURNAMENT = 3  # members among whom the fittest becomes a parent: of 20 the best one in every seven times
_OPERATORS_TRIED = 3  # before a child is given up for a random structure


class GeneticSearch:
    """A steady-state genetic algorithm: every result may be a parent of the very next candidate.

    After `population` random crystals, candidates are children of parents chosen by tournament on the energy
    above the current hull, or random with a fixed probability. Never waits for results. Oganov and Glass,
    J. Chem. Phys. 124, 244704 (2006). A candidate is a function of (seed, id) and of what was told before it.

    Attributes:
        space: what may be asked for.
        seed: the campaign's seed.
        toolbox: deap's, with "select" and the operators by name; register another under a name to replace it.
        weights: how often each operator is tried, relative to the others.
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
    ) -> None:
        if population < 2 or not 0 <= random_share <= 1:
            raise ValueError(
                f"population must be at least 2 and random_share in [0, 1] (are {population}, {random_share})"
            )
        self.space = space
        self.seed = seed
        self.weights = _checked(OPERATOR_WEIGHTS if operators is None else operators)
        self.toolbox = _toolbox(space)
        self._useful = sorted(n for n, weight in self.weights.items() if weight > 0 and OPERATORS[n].applies(space))
        self._random_share = random_share
        self._first_id = first_id
        self.next_id = first_id
        self._population = Population(space.elements, population)
        self._generator = generator or SymmetricGenerator(space)

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
            counts = counts_of(result.atoms, self.space)
            if result.fate is not Fate.CONVERGED or counts is None or not np.isfinite(result.energy_eV):
                continue
            if self.space.formula in (None, reduced(counts)):
                self._population.add(result, counts, as_parent=len(result.atoms) <= self.space.max_atoms)

    def state(self) -> dict[str, Any]:
        """Settings, counters, population and hull."""
        return {
            "seed": self.seed,
            "first_id": self._first_id,
            "next_id": self.next_id,
            "random_share": self._random_share,
            "operators": dict(self.weights),
            "population": self._population.state(),
            "bad_choices": sorted(self._generator.bad_choices),
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
            state["operators"],
            SymmetricGenerator(space, bad_choices=state["bad_choices"]),
        )
        made.next_id = state["next_id"]
        made._population = Population.from_state(space.elements, state["population"])
        return made

    def close(self) -> None:
        """End the generator's child process."""
        self._generator.close()

    def _make(self) -> Candidate:
        rng = candidate_rng(self.seed, self.next_id)
        started = self.next_id - self._first_id >= self._population.size and self._population.members
        made = self._child(rng) if started and rng.random() >= self._random_share else None
        made = made or self._random(rng)
        self.next_id += 1
        return made

    def _random(self, rng: np.random.Generator) -> Candidate:
        atoms, group = self._generator.draw(rng)
        return Candidate(self.next_id, atoms, "random", seed=self.seed, info={"space_group": group})

    def _child(self, rng: np.random.Generator) -> Candidate | None:
        if not self._useful:
            return None
        shares = np.array([self.weights[name] for name in self._useful])
        for name in rng.choice(self._useful, size=_OPERATORS_TRIED, p=shares / shares.sum()).tolist():
            parents = self.toolbox.select(self._population, OPERATORS[name].parents, rng)
            atoms: Atoms | None = getattr(self.toolbox, name)(*(p.atoms for p in parents), rng)
            if atoms is not None:
                ids = tuple(dict.fromkeys(p.id for p in parents))
                return Candidate(self.next_id, atoms, name, ids, self.seed)
        return None


def tournament(population: Population, k: int, rng: np.random.Generator, size: int) -> list[Member]:
    """Parents, each the fittest of `size` drawn, different ones where there are enough.

    As `deap.tools.selTournament`, but that draws from Python's global generator, which would make a candidate
    depend on more than its seed.
    """
    chosen: list[Member] = []
    for _ in range(k):
        left = [m for m in population.members if m not in chosen] or population.members
        drawn = [left[int(i)] for i in rng.integers(len(left), size=size)]
        chosen.append(min(drawn, key=population.fitness))
    return chosen


def _toolbox(space: SearchSpace) -> Toolbox:
    toolbox = Toolbox()
    toolbox.register("select", tournament, size=_TOURNAMENT)
    for name, operator in OPERATORS.items():
        toolbox.register(name, partial(operator.make, space=space))
    return toolbox


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    unknown = sorted(set(weights) - set(OPERATORS))
    if unknown:
        raise ValueError(f"unknown operator {unknown[0]!r}; there are {', '.join(OPERATORS)}")
    if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise ValueError(f"operators need weights of at least 0, one above (are {dict(weights)})")
    return {name: float(weight) for name, weight in weights.items()}
