"""The parents that an evolutionary search keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from searchers.candidate import Relaxed
from searchers.local_hull import LocalHull, reduced
from searchers.member import Member
from searchers.niches import Niches

_FEW = 6  # members: of fewer, no half is a better one
_COMPOSITION_SHARE = 0.2  # of the population that one composition may hold where they are searched
NEAR_HULL_eV = 0.1
"""Per atom; what is worth following up at a composition of its own."""


class Population:
    """The best structures told, spread over niches, and the hull they are measured by.

    Fitness is the energy above the hull as it is when asked for. Members are spread over niches (`searchers.niches`).
    Beyond the `size` best, every composition within 0.1 eV/atom of the hull is a small population of its own with its
    `elite` best, so that all of the hull goes on being searched. Where compositions are searched, one of them holds at
    most a fifth of `size`: an element with a dozen polytypes near its ground state would fill it.

    Attributes:
        size: members that compete without regard to composition.
        elite: members that each composition near the hull keeps.
        variable: whether compositions are searched.
        hull: of all that was told.
        members: as kept, fittest first.
    """

    def __init__(self, elements: Sequence[str], size: int, elite: int = 2, variable: bool = False) -> None:
        self.size = size
        self.elite = elite
        self.variable = variable
        self.hull = LocalHull(elements)
        self.members: list[Member] = []

    def add(self, relaxed: Relaxed, counts: tuple[int, ...], as_parent: bool = True) -> bool:
        """Take in a converged structure; `as_parent` False only measures others by it. True where it was kept."""
        self.hull.add(counts, relaxed.energy_eV_per_atom)
        if not as_parent or any(m.id == relaxed.candidate.id for m in self.members):
            return False
        member = Member.of(relaxed, counts)
        self.members = self._survivors([*self.members, member])
        return any(m is member for m in self.members)

    def fitness(self, member: Member) -> float:
        """Energy above the present hull, eV/atom; lower is fitter."""
        return self.hull.above(member.counts, member.energy_eV_per_atom)

    def leads(self, id: int) -> bool:
        """Whether a member belongs to the fitter half."""
        return any(m.id == id for m in self.members[: max(1, min(len(self.members), self.size) // 2)])

    def leaders(self) -> list[Member]:
        """The fittest of each composition within 0.1 eV/atom of the hull."""
        first: dict[tuple[int, ...], Member] = {}
        for member in self.members:  # fittest first
            if self.fitness(member) < NEAR_HULL_eV:
                first.setdefault(member.composition, member)
        return list(first.values())

    def by_composition(self) -> list[list[Member]]:
        """The populations of the compositions near the hull, in the order of their fittest."""
        groups: dict[tuple[int, ...], list[Member]] = {leader.composition: [] for leader in self.leaders()}
        for member in self.members:
            if member.composition in groups:
                groups[member.composition].append(member)
        return list(groups.values())

    def spread_eV(self) -> float:
        """Typical difference of fitness among the members, per atom; at least 5 meV."""
        return max(0.005, float(np.std([self.fitness(m) for m in self.members]))) if self.members else 0.005

    def useful_below_eV(self, counts: tuple[int, ...]) -> float:
        """Energy per atom below which a structure of these counts would be a parent of the better half.

        Where its composition has not got its elite yet, at least what brings it within 0.1 eV/atom of the hull;
        infinity while there are few members to be better than.
        """
        if len(self.members) < min(_FEW, self.size):
            return inf
        above_eV = self.fitness(self.members[min(len(self.members), self.size) // 2])
        composition = reduced(counts)
        if sum(m.composition == composition for m in self.members) < self.elite:
            above_eV = max(above_eV, NEAR_HULL_eV)
        return above_eV - self.hull.above(counts, 0.0)

    def state(self) -> dict[str, Any]:
        """Members and hull as JSON-able values."""
        members = [m.to_json() for m in self.members]
        return {
            "variable": self.variable,
            "size": self.size,
            "elite": self.elite,
            "hull": self.hull.state(),
            "members": members,
        }

    @classmethod
    def from_state(cls, elements: Sequence[str], state: dict[str, Any]) -> Population:
        """The population whose `state()` this was."""
        made = cls(elements, state["size"], state["elite"], state["variable"])
        made.hull = LocalHull.from_state(elements, state["hull"])
        made.members = [Member.from_json(m) for m in state["members"]]
        return made

    def _survivors(self, members: list[Member]) -> list[Member]:
        """The fittest of each niche: the best overall and the best of each composition near the hull."""
        niches = Niches(self.size)
        of_composition: Counter[tuple[int, ...]] = Counter()
        most = max(self.elite, round(_COMPOSITION_SHARE * self.size)) if self.variable else self.size
        for member in sorted(members, key=lambda m: (self.fitness(m), m.energy_eV_per_atom, m.id)):
            if niches.full(member):
                continue
            before = of_composition[member.composition]
            of_composition[member.composition] += 1
            is_elite = before < self.elite and self.fitness(member) < NEAR_HULL_eV
            if is_elite or (len(niches.kept) < self.size and before < most):
                niches.take(member)
        return niches.kept
