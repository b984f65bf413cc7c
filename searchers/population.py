"""The parents that an evolutionary search keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ase import Atoms

from searchers.candidate import Relaxed
from searchers.encoding import atoms_from_json, atoms_to_json
from searchers.local_hull import LocalHull, reduced

_SAME_ENERGY_eV = 0.002  # per atom; a relaxation's convergence
_SAME_VOLUME = 0.02
_NEAR_HULL_eV = 0.1  # per atom; what is worth following up at a composition of its own


@dataclass(frozen=True)
class Member:
    """A possible parent.

    Attributes:
        id: of the candidate it came from.
        atoms: relaxed, primitive cell.
        counts: atoms of each element in that cell.
        energy_eV_per_atom: energy or enthalpy.
    """

    id: int
    atoms: Atoms
    counts: tuple[int, ...]
    energy_eV_per_atom: float

    @cached_property
    def composition(self) -> tuple[int, ...]:
        """Counts without their common divisor."""
        return reduced(self.counts)

    @cached_property
    def encoded(self) -> dict[str, Any]:
        """The atoms as JSON-able values; a state is saved with every candidate, and its members hardly change."""
        return atoms_to_json(self.atoms)

    @cached_property
    def volume_A3_per_atom(self) -> float:
        """Volume per atom."""
        return float(abs(self.atoms.cell.volume)) / len(self.atoms)

    def repeats(self, other: Member) -> bool:
        """True where both are most likely one structure: composition, energy and volume per atom agree."""
        return (
            self.composition == other.composition
            and abs(self.energy_eV_per_atom - other.energy_eV_per_atom) < _SAME_ENERGY_eV
            and abs(self.volume_A3_per_atom / other.volume_A3_per_atom - 1) < _SAME_VOLUME
        )


class Population:
    """The best structures told, no two alike, and the hull they are measured by.

    Fitness is the energy above the hull as it is when asked for. Beyond the `size` best, every composition
    within 0.1 eV/atom of the hull keeps its best, so that all of the hull goes on being searched.
    """

    def __init__(self, elements: Sequence[str], size: int) -> None:
        self.size = size
        self.hull = LocalHull(elements)
        self.members: list[Member] = []

    def add(self, relaxed: Relaxed, counts: tuple[int, ...], as_parent: bool = True) -> None:
        """Take in a converged structure; `as_parent` False only measures others by it."""
        member = Member(relaxed.candidate.id, relaxed.atoms.copy(), counts, relaxed.energy_eV_per_atom)
        self.hull.add(counts, member.energy_eV_per_atom)
        if as_parent and all(m.id != member.id for m in self.members):
            self.members = self._survivors([*self.members, member])

    def fitness(self, member: Member) -> float:
        """Energy above the present hull, eV/atom; lower is fitter."""
        return self.hull.above(member.counts, member.energy_eV_per_atom)

    def state(self) -> dict[str, Any]:
        """Members and hull as JSON-able values."""
        members = [[m.id, m.encoded, list(m.counts), m.energy_eV_per_atom] for m in self.members]
        return {"size": self.size, "hull": self.hull.state(), "members": members}

    @classmethod
    def from_state(cls, elements: Sequence[str], state: dict[str, Any]) -> Population:
        """The population whose `state()` this was."""
        made = cls(elements, state["size"])
        made.hull = LocalHull.from_state(elements, state["hull"])
        made.members = [
            Member(id_, atoms_from_json(atoms), tuple(counts), energy)
            for id_, atoms, counts, energy in state["members"]
        ]
        return made

    def _survivors(self, members: list[Member]) -> list[Member]:
        """The fittest of each group of like structures, then the best overall and of each composition."""
        ranked = sorted(members, key=lambda m: (self.fitness(m), m.energy_eV_per_atom, m.id))
        distinct: list[Member] = []
        for member in ranked:
            if not any(member.repeats(other) for other in distinct):
                distinct.append(member)
        kept, seen = [], set()
        for rank, member in enumerate(distinct):
            leads = member.composition not in seen and self.fitness(member) < _NEAR_HULL_eV
            seen.add(member.composition)
            if rank < self.size or leads:
                kept.append(member)
        return kept
