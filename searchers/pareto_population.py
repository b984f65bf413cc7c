"""The parents that a Pareto search keeps, and the front of all that it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Self

import numpy as np

from searchers.candidate import Relaxed
from searchers.dominance import by_crowded_comparison, dominates, non_dominated, surviving
from searchers.local_hull import LocalHull, reduced
from searchers.member import Member, alike
from searchers.niches import Niches
from searchers.objectives import Objective, Sense, objectives_of


@dataclass(frozen=True)
class FrontPoint:
    """A structure that no other beats in everything.

    Attributes:
        id: of the candidate it came from.
        counts: its composition, reduced.
        e_above_hull_eV_per_atom: by the present hull.
        objectives: values by name, in the units that the names end in.
    """

    id: int
    counts: tuple[int, ...]
    e_above_hull_eV_per_atom: float
    objectives: Mapping[str, float]


@dataclass(frozen=True)
class _Told:
    """What must be remembered of a structure to know for ever whether it is on the front."""

    id: int
    energy_eV_per_atom: float
    volume_A3_per_atom: float
    values: tuple[float, ...]


class ParetoPopulation:
    """Parents by NSGA-II, spread over niches, and every structure that may stand on the front.

    The first cost is the energy above the present hull, so a hull that moves changes who dominates whom. Within one
    composition it changes nothing: what is dominated there is so for ever and is forgotten, and of the rest enough is
    remembered to give the exact front of all that was told, in whatever order.

    Attributes:
        size: parents kept.
        within_eV_per_atom: above the hull, beyond which nothing counts, or the front would fill with dense rubbish.
        objectives: beside the energy.
        hull: of all that was told.
        members: parents, best first: by front, then by the room around them on it.
    """

    def __init__(
        self, elements: Sequence[str], senses: Mapping[str, Sense], size: int, within_eV_per_atom: float
    ) -> None:
        self.size = size
        self.within_eV_per_atom = within_eV_per_atom
        self.objectives: tuple[Objective, ...] = objectives_of(senses)
        self.hull = LocalHull(elements)
        self.members: list[Member] = []
        self._told: dict[tuple[int, ...], list[_Told]] = {}

    def add(self, relaxed: Relaxed, counts: tuple[int, ...], as_parent: bool = True) -> bool:
        """Take in a converged structure; True where it was kept as a parent.

        as_parent: False keeps it out of the parents, not off the front. One without a wanted property only moves the
            hull.
        """
        self.hull.add(counts, relaxed.energy_eV_per_atom)
        member = Member.of(relaxed, counts)
        values = tuple(o.value(member.atoms, member.properties) for o in self.objectives)
        if not np.isfinite(values).all():
            return False
        self._remember(member, values)
        if not as_parent or any(m.id == member.id for m in self.members):
            return False
        self.members = self._survivors([*self.members, member])
        return any(m is member for m in self.members)

    def above_eV(self, member: Member) -> float:
        """Energy above the present hull, per atom."""
        return self.hull.above(member.counts, member.energy_eV_per_atom)

    def useful_below_eV(self, counts: tuple[int, ...]) -> float:
        """Energy per atom below which a structure of these counts counts at all; infinity while nothing is known."""
        return self.within_eV_per_atom - self.hull.above(counts, 0.0) if self.members else inf

    def on_front(self, id: int, counts: tuple[int, ...]) -> bool:
        """True where this structure of these counts lies within the cut and nothing told dominates it."""
        own = next((told for told in self._told.get(reduced(counts), ()) if told.id == id), None)
        if own is None:
            return False
        cost = self._hull_costs(own, counts)
        if cost[0] > self.within_eV_per_atom:
            return False
        return not any(dominates(self._hull_costs(t, c), cost) for c, all_told in self._told.items() for t in all_told)

    def front(self) -> list[FrontPoint]:
        """What nothing told dominates, within the cut, by energy above the hull; of repeats the lowest."""
        near = [
            (told, counts, self.hull.above(counts, told.energy_eV_per_atom))
            for counts, all_told in self._told.items()
            for told in all_told
        ]
        near = sorted((n for n in near if n[2] <= self.within_eV_per_atom), key=lambda n: (n[2], n[0].id))
        first = non_dominated([(above, *self._signed(told.values)) for told, _, above in near])
        found: list[tuple[_Told, tuple[int, ...], float]] = []
        for told, counts, above in (near[i] for i in first):
            if not any(counts == c and _same(told, t) for t, c, _ in found):
                found.append((told, counts, above))
        names = [o.name for o in self.objectives]
        return [FrontPoint(t.id, c, above, dict(zip(names, t.values, strict=True))) for t, c, above in found]

    def state(self) -> dict[str, Any]:
        """Settings, parents, hull and all that may stand on the front, as JSON-able values."""
        return {
            "size": self.size,
            "within_eV_per_atom": self.within_eV_per_atom,
            "objectives": {o.name: o.sense for o in self.objectives},
            "hull": self.hull.state(),
            "members": [m.to_json() for m in self.members],
            "told": [
                [list(counts), told.id, told.energy_eV_per_atom, told.volume_A3_per_atom, list(told.values)]
                for counts, all_told in sorted(self._told.items())
                for told in all_told
            ],
        }

    @classmethod
    def from_state(cls, elements: Sequence[str], state: dict[str, Any]) -> Self:
        """The population whose `state()` this was."""
        made = cls(elements, state["objectives"], state["size"], state["within_eV_per_atom"])
        made.hull = LocalHull.from_state(elements, state["hull"])
        made.members = [Member.from_json(m) for m in state["members"]]
        for counts, id, energy, volume, values in state["told"]:
            made._told.setdefault(tuple(counts), []).append(_Told(id, energy, volume, tuple(values)))
        return made

    def _remember(self, member: Member, values: tuple[float, ...]) -> None:
        new = _Told(member.id, member.energy_eV_per_atom, member.volume_A3_per_atom, values)
        costs = self._own_costs(new)
        known = self._told.setdefault(reduced(member.counts), [])
        if any(told.id == new.id or dominates(self._own_costs(told), costs) for told in known):
            return
        known[:] = [told for told in known if not dominates(costs, self._own_costs(told))]
        known.append(new)
        known.sort(key=lambda told: told.id)

    def _hull_costs(self, told: _Told, counts: tuple[int, ...]) -> tuple[float, ...]:
        return self.hull.above(counts, told.energy_eV_per_atom), *self._signed(told.values)

    def _own_costs(self, told: _Told) -> tuple[float, ...]:
        """Costs within one composition, where the hull's level is the same for all."""
        return told.energy_eV_per_atom, *self._signed(told.values)

    def _signed(self, values: Sequence[float]) -> tuple[float, ...]:
        return tuple(o.cost(v) for o, v in zip(self.objectives, values, strict=True))

    def _costs(self, member: Member) -> tuple[float, ...]:
        values = [o.value(member.atoms, member.properties) for o in self.objectives]
        return self.above_eV(member), *self._signed(values)

    def _survivors(self, members: list[Member]) -> list[Member]:
        """Within the cut, without repeats, at most a niche's fill of relatives; of these what NSGA-II keeps."""
        near = [m for m in members if self.above_eV(m) <= self.within_eV_per_atom]
        near.sort(key=lambda m: (self.above_eV(m), m.id))
        distinct: list[Member] = []
        for member in near:  # of repeats the lowest stays, whoever has a hundredth of a percent more density
            if not any(member.repeats(m) for m in distinct):
                distinct.append(member)
        costs = {m.id: self._costs(m) for m in distinct}
        niches = Niches(self.size)
        for i in by_crowded_comparison([costs[m.id] for m in distinct]):
            if not niches.full(distinct[i]):
                niches.take(distinct[i])
        return [niches.kept[i] for i in surviving([costs[m.id] for m in niches.kept], self.size)]


def _same(a: _Told, b: _Told) -> bool:
    return alike(a.energy_eV_per_atom, b.energy_eV_per_atom, a.volume_A3_per_atom, b.volume_A3_per_atom)
