"""How good a result is among those so far, at any composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Self

import numpy as np
from ase import Atoms

from searchers.candidate import Relaxed
from searchers.local_hull import LocalHull
from searchers.operators.child import converged_counts, counts_of
from searchers.space import SearchSpace

_BEST_SHARE = 0.25  # of the results: those that a search for the lowest has a use for
_AT_LEAST = 20  # results before a rank means anything
_KEPT = 400  # latest results


class Ranks:
    """The hull of what was told, and how far above it results lie: what is worth knowing to the end.

    space: results of other elements are passed over.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._hull = LocalHull(space.elements)
        self._told: list[tuple[tuple[int, ...], float]] = []

    def add(self, result: Relaxed) -> None:
        """Take in a converged result."""
        counts, energy = converged_counts(result, self._space), float(result.energy_eV_per_atom)
        if counts is not None:
            self._hull.add(counts, energy)
            self._told = [*self._told[1 - _KEPT :], (counts, energy)]

    def useful_below_eV(self, atoms: Atoms) -> float:
        """Energy per atom that would put these atoms among the best quarter; infinity while too little is known."""
        counts = counts_of(atoms, self._space)
        if len(self._told) < _AT_LEAST or counts is None:
            return inf
        above_eV = float(np.quantile([self._hull.above(c, e) for c, e in self._told], _BEST_SHARE))
        return above_eV - self._hull.above(counts, 0.0)

    def state(self) -> dict[str, Any]:
        """Hull and latest results as JSON-able values."""
        return {"hull": self._hull.state(), "told": [[list(counts), energy] for counts, energy in self._told]}

    @classmethod
    def from_state(cls, space: SearchSpace, state: Mapping[str, Sequence[Any]]) -> Self:
        """The ranks whose `state()` this was."""
        made = cls(space)
        made._hull = LocalHull.from_state(space.elements, state["hull"])
        made._told = [(tuple(counts), float(energy)) for counts, energy in state["told"]]
        return made
