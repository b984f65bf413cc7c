"""Who is bonded to whom, across the boundaries of the cell too, and which bonds may be cut."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.data import chemical_symbols, covalent_radii
from matscipy.neighbours import neighbour_list

from potentials.neighbours import Structure
from potentials.qmml.elements import bond_order, can_be_cut, is_metal, polarity

BONDED = 1.25
"""Of the sum of covalent radii (Cordero et al., Dalton Trans. 2832 (2008)): H2 is at 1.19, bonds of crystals within
1.1, Si's second neighbours at 1.73."""
MOST_POLAR = 0.3
"""Difference of Pauling's electronegativities across a bond that is cut: Si-Ge has 0.11, C-P 0.36, C-N 0.49, Si-C
0.65, Si-O 1.5."""
MOST_MULTIPLE = 1.35
"""Bond order, by length, of a bond that is cut; graphene's is 1.5, the middle one of butadiene 1.2."""
SATURATED = {6: 4, 14: 4, 32: 4}
"""Neighbours with which an element has no multiple bond left, however short vibrations make a bond for a moment."""


@dataclass(frozen=True)
class Bonds:
    """All bonds of a structure, each listed from both of its ends.

    Attributes:
        structure: of which.
        first, second: atoms, (n_bonds,).
        vectors: from the first to the bonded image of the second, Å, (n_bonds, 3).
        shifts: that image's lattice vectors, with positions as they are in the structure, (n_bonds, 3) of int.
    """

    structure: Structure
    first: np.ndarray
    second: np.ndarray
    vectors: np.ndarray
    shifts: np.ndarray

    @classmethod
    def of(cls, structure: Structure) -> Bonds:
        """Pairs nearer than BONDED times the sum of their covalent radii."""
        radii = covalent_radii[structure.numbers]
        i, j, vectors, shifts = neighbour_list(
            "ijDS", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool),
            cutoff=2 * BONDED * float(radii.max()),
        )  # fmt: skip
        kept = np.linalg.norm(vectors, axis=1) < BONDED * (radii[i] + radii[j])
        return cls(structure, i[kept], j[kept], vectors[kept], shifts[kept])

    @property
    def lengths_A(self) -> np.ndarray:
        """(n_bonds,)."""
        return np.asarray(np.linalg.norm(self.vectors, axis=1))

    @cached_property
    def degrees(self) -> np.ndarray:
        """Bonds of each atom, (n,)."""
        return np.bincount(self.first, minlength=len(self.structure.numbers))

    def neighbours(self, atoms: Collection[int]) -> set[int]:
        """Atoms bonded to one of these and not among them."""
        inside = self.mask(atoms)
        return {int(k) for k in np.unique(self.second[inside[self.first] & ~inside[self.second]])}

    def mask(self, atoms: Collection[int]) -> np.ndarray:
        """Which of all atoms these are, (n,) of bool."""
        mask = np.zeros(len(self.structure.numbers), bool)
        mask[np.fromiter(atoms, int, len(atoms))] = True
        return mask

    def crossing(self, atoms: Collection[int]) -> np.ndarray:
        """Indices of the bonds from one of these atoms (first) to one outside (second)."""
        inside = self.mask(atoms)
        return np.flatnonzero(inside[self.first] & ~inside[self.second])

    def saturated(self, atom: int) -> bool:
        """Whether all of an atom's bonds are single ones, by their number."""
        return bool(self.degrees[atom] >= SATURATED.get(int(self.structure.numbers[atom]), np.inf))

    def name(self, atom: int) -> str:
        """For messages: "Si12"."""
        return f"{chemical_symbols[self.structure.numbers[atom]]}{atom}"

    def to_metal(self, bond: int) -> bool:
        """Whether one of a bond's ends is a metal."""
        return any(is_metal(int(self.structure.numbers[k])) for k in (self.first[bond], self.second[bond]))

    def why_not_cut(self, bond: int, most_polar: float = MOST_POLAR) -> str | None:
        """Why a bond must not be cut, for a message; None where it may be."""
        a, b = int(self.first[bond]), int(self.second[bond])
        one, other = (int(self.structure.numbers[k]) for k in (a, b))
        what = f"the bond {self.name(a)}-{self.name(b)} ({self.lengths_A[bond]:.2f} Å)"
        if self.to_metal(bond):
            metal = a if is_metal(one) else b
            return f"{what} is to a metal ({self.name(metal)}), whose electrons no cap stands for"
        if not (can_be_cut(one) and can_be_cut(other)):
            return f"{what} is to a noble gas, which no cap stands for"
        if 1 in (one, other):
            return f"{what} is to a hydrogen, which goes with its neighbour"
        polar = polarity(one, other)
        if polar > most_polar:
            return f"{what} is polar (electronegativities differ by {polar:.2f}, more than {most_polar:g})"
        order = 1.0 if self.saturated(a) or self.saturated(b) else bond_order(one, other, float(self.lengths_A[bond]))
        if order > MOST_MULTIPLE:
            return f"{what} is a multiple bond (order {order:.1f} by its length)"
        return None
