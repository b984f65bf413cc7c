"""Random search: every candidate a fresh symmetric crystal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from searchers.candidate import Candidate, Relaxed, candidate_rng, useful_below
from searchers.generation import SymmetricGenerator
from searchers.ranks import Ranks
from searchers.space import SearchSpace
from searchers.starts import Starts


class RandomSearch:
    """Draws a composition, a space group and a volume, and learns nothing from results.

    The baseline that any other searcher has to beat, and a good one for small cells: Pickard and Needs,
    J. Phys.: Condens. Matter 23, 053201 (2011).

    Attributes:
        space: what may be drawn.
        seed: the campaign's seed; candidate k depends on (seed, k), on which kind of start was told to earn more, and
            on the choices that pyxtal hung on.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        first_id: int = 0,
        generator: SymmetricGenerator | None = None,
    ) -> None:
        self.space = space
        self.seed = seed
        self.next_id = first_id
        self._starts = Starts(space, generator or SymmetricGenerator(space))
        self._ranks = Ranks(space)

    def ask(self, n: int) -> list[Candidate]:
        """Exactly n new candidates.

        Raises:
            GenerationError: pyxtal cannot be run.
        """
        return [self._make() for _ in range(n)]

    def tell(self, relaxed: Sequence[Relaxed]) -> None:
        """Results say which kind of start earns more, and what is worth relaxing to its end."""
        for result in relaxed:
            self._ranks.add(result)
            self._starts.learn(result)

    def state(self) -> dict[str, Any]:
        """Seed, next id, energies told and the choices that pyxtal hung on."""
        return {
            "seed": self.seed,
            "next_id": self.next_id,
            "ranks": self._ranks.state(),
            "starts": self._starts.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Self:
        """The search whose `state()` this was."""
        made = cls(space, state["seed"], state["next_id"])
        made._starts = Starts.from_state(space, state["starts"])
        made._ranks = Ranks.from_state(space, state["ranks"])
        return made

    def close(self) -> None:
        """End the generator's child process."""
        self._starts.generator.close()

    def _make(self) -> Candidate:
        rng = candidate_rng(self.seed, self.next_id)
        operator, atoms, info = self._starts.draw(rng)
        info |= useful_below(self._ranks.useful_below_eV(atoms))
        candidate = Candidate(self.next_id, atoms, operator, seed=self.seed, info=info)
        self.next_id += 1
        return candidate
