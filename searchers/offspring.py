"""The candidates of an evolutionary search: random crystals at first, then children, and some random ones still."""

from __future__ import annotations

from typing import Any, Protocol

from ase import Atoms

from searchers.breeding import Breeder
from searchers.candidate import Candidate, Relaxed, candidate_rng, useful_below
from searchers.local_hull import reduced
from searchers.member import Member
from searchers.operators.child import converged_counts, counts_of
from searchers.space import SearchSpace
from searchers.starts import Starts


class Parents(Protocol):
    """A population as seen by who makes its children."""

    size: int
    members: list[Member]

    def useful_below_eV(self, counts: tuple[int, ...]) -> float:
        """Energy per atom below which the search has a use for a structure of these counts."""
        ...


def parent_counts(result: Relaxed, space: SearchSpace) -> tuple[int, ...] | None:
    """Counts of a result that moves the hull of a space; None where it did not converge, or belongs elsewhere."""
    counts = converged_counts(result, space)
    return counts if counts is not None and space.formula in (None, reduced(counts)) else None


def next_candidate(
    id: int, made_before: int, seed: int, space: SearchSpace, parents: Parents, breeder: Breeder, starts: Starts,
    random_share: float,
) -> Candidate:  # fmt: skip
    """Candidate `id`: random until as many were made as the population holds, and while nobody is a parent.

    Children from the first parents on cost more where one random crystal in four is the ground state: 286 model calls
    instead of 119 for a Lennard-Jones solid (medians of five seeds).
    """
    rng = candidate_rng(seed, id)
    breeding = bool(parents.members) and made_before >= parents.size
    child = breeder.child(parents, rng) if breeding and rng.random() >= breeder.random_share(random_share) else None
    if child is None:
        operator, atoms, info = starts.draw(rng)
        return Candidate(id, atoms, operator, seed=seed, info=info | _wanted(atoms, space, parents))
    info = {} if child.modes else _wanted(child.atoms, space, parents)
    return Candidate(id, child.atoms, child.operator, child.parents, seed, not child.modes, child.modes, info)


def _wanted(atoms: Atoms, space: SearchSpace, parents: Parents) -> dict[str, Any]:
    counts = counts_of(atoms, space)
    return {} if counts is None else useful_below(parents.useful_below_eV(counts))
