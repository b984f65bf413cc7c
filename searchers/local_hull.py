"""The convex hull that a searcher keeps of what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull

_MISSING_eV = 10.0  # per atom above all that is known: no compound falls apart into an element nobody has seen
_FLAT_eV = 1e-9  # formation energies nearer to zero than this span no facet


def reduced(counts: tuple[int, ...]) -> tuple[int, ...]:
    """Counts without their common divisor."""
    divisor = gcd(*counts)
    return tuple(c // divisor for c in counts)


class LocalHull:
    """Lowest energy per composition and the hull of these; energies in eV per atom.

    Where no energy of an element itself is known, it counts as 10 eV/atom above the highest that is: then
    compositions beyond the known ones lie on the hull as soon as one of them is told, and those between known
    ones are judged by these alone. For one element, or where only one composition was told, everything is
    relative to the best. The facets are found again when next needed after a new lowest; a look-up is the
    largest of their planes.

    Attributes:
        elements: order of counts and fractions.
    """

    def __init__(self, elements: Sequence[str]) -> None:
        self.elements = tuple(elements)
        self._lowest: dict[tuple[int, ...], float] = {}
        self._heights: dict[tuple[int, ...], float] | None = None
        self._planes: np.ndarray | None = None  # (facets, elements): a plane's energy at each pure element

    def add(self, counts: Sequence[int], energy_eV_per_atom: float) -> bool:
        """Learn an energy; True where it is the lowest of its composition so far.

        Args:
            counts: whole numbers of atoms, aligned with `elements`; multiples are the same composition.
            energy_eV_per_atom: finite.

        Raises:
            ValueError: the counts do not fit the elements, or the energy is not finite.
        """
        key = self._reduced(counts)
        if not np.isfinite(energy_eV_per_atom):
            raise ValueError(f"energy of {key} must be finite (is {energy_eV_per_atom})")
        if energy_eV_per_atom >= self._lowest.get(key, np.inf):
            return False
        self._lowest[key] = float(energy_eV_per_atom)
        self._planes = self._heights = None
        return True

    def above(self, counts: Sequence[float], energy_eV_per_atom: float) -> float:
        """Energy above the hull, eV/atom; negative below it, zero where nothing was told yet.

        Args:
            counts: atoms or fractions of each element, at any scale.
            energy_eV_per_atom: energy to compare.
        """
        if not self._lowest:
            return 0.0
        amounts = np.asarray(counts, dtype=float)
        return float(energy_eV_per_atom - (self._facets() @ (amounts / amounts.sum())).max())

    def lowest(self, counts: Sequence[int]) -> float | None:
        """Lowest energy told of this composition, eV/atom."""
        return self._lowest.get(self._reduced(counts))

    def heights(self) -> Mapping[tuple[int, ...], float]:
        """Energy above the hull of the lowest structure of every composition told, eV/atom, by reduced counts."""
        if not self._lowest:
            return {}
        if self._heights is None:
            known = sorted(self._lowest.items())  # so that a hull put back from its state agrees to the last bit
            counts = np.array([key for key, _ in known], dtype=float)
            energies = np.array([energy for _, energy in known])
            above = np.maximum(0.0, energies - (counts @ self._facets().T).max(1) / counts.sum(1))
            self._heights = dict(zip((key for key, _ in known), above.tolist(), strict=True))
        return self._heights

    def state(self) -> list[Any]:
        """[counts, energy] of each composition, as JSON-able values."""
        return [[list(counts), energy] for counts, energy in sorted(self._lowest.items())]

    @classmethod
    def from_state(cls, elements: Sequence[str], state: Sequence[Any]) -> LocalHull:
        """The hull whose `state()` this was."""
        hull = cls(elements)
        hull._lowest = {tuple(counts): float(energy) for counts, energy in state}
        return hull

    def _reduced(self, counts: Sequence[int]) -> tuple[int, ...]:
        whole = tuple(int(c) for c in counts)
        if len(whole) != len(self.elements) or min(whole) < 0 or sum(whole) == 0:
            raise ValueError(f"counts must give atoms of {'-'.join(self.elements)} (is {tuple(counts)})")
        return reduced(whole)

    def _facets(self) -> np.ndarray:
        if self._planes is None:
            self._planes = self._build()
        return self._planes

    def _build(self) -> np.ndarray:
        """Lower facets as planes through the pure elements, shape (facets, elements), eV/atom."""
        n = len(self.elements)
        missing = max(self._lowest.values()) + _MISSING_eV
        ends = np.array([self._lowest.get(tuple(row), missing) for row in np.eye(n, dtype=int).tolist()])
        # Sorted, so that a hull put back from its state agrees to the last bit.
        entries = sorted(self._lowest.items())
        fractions = np.array([np.array(counts) / sum(counts) for counts, _ in entries])
        formation = np.array([energy for _, energy in entries]) - fractions @ ends
        below = formation < -_FLAT_eV
        if not below.any():
            return ends[None]
        points = np.vstack([np.eye(n), fractions[below]])
        heights = np.concatenate([np.zeros(n), formation[below]])
        facets = ConvexHull(np.column_stack([points[:, 1:], heights])).equations
        lower = facets[facets[:, -2] < -_FLAT_eV]  # the rest closes the hull at its sides and top
        slopes, origins = -lower[:, :-2] / lower[:, -2:-1], -lower[:, -1] / lower[:, -2]
        return ends + np.column_stack([origins, origins[:, None] + slopes])
