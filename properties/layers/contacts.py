"""Pairs of atoms in the order in which they would be called bonded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from matscipy.neighbours import neighbour_list

WIDEST = 3.0
"""Of the sum of covalent radii: no bond has ever been so long, and a score counts what lies beyond less than 0.006."""


@dataclass(frozen=True)
class Contacts:
    """Pairs of atoms and their images, each once, the closest (by `ratio`) first.

    Attributes:
        first, second: atoms, (n,).
        shift: the cell of the second when the first is in its own, (n, 3), whole numbers.
        length_A: between them, (n,).
        ratio: of the length to the sum of the covalent radii, ascending, (n,).
        numbers: atomic numbers of all atoms.
    """

    first: np.ndarray
    second: np.ndarray
    shift: np.ndarray
    length_A: np.ndarray
    ratio: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def said(self, k: int) -> str:
        """One pair for people: "C-C 1.42 Å (0.93 of the sum of covalent radii)"."""
        pair = "-".join(chemical_symbols[self.numbers[n[k]]] for n in (self.first, self.second))
        return f"{pair} {self.length_A[k]:.2f} Å ({self.ratio[k]:.2f} of the sum of covalent radii)"


def contacts(atoms: Atoms, widest: float = WIDEST) -> Contacts:
    """All pairs closer than `widest` times the sum of their covalent radii (Cordero et al., Dalton Trans. 2832 (2008)).

    atoms: periodic in three directions.
    """
    radii = covalent_radii[atoms.numbers]
    i, j, d, s = neighbour_list(
        "ijdS", cell=atoms.cell.array, positions=atoms.positions, pbc=np.ones(3, bool), cutoff=widest * radii
    )
    upper = (s[:, 0] > 0) | ((s[:, 0] == 0) & ((s[:, 1] > 0) | ((s[:, 1] == 0) & (s[:, 2] > 0))))
    once = np.where(i == j, upper, i < j)
    i, j, d, s = i[once], j[once], d[once], s[once]
    ratio = d / (radii[i] + radii[j])
    order = np.argsort(ratio, kind="stable")
    return Contacts(i[order], j[order], s[order].astype(int), d[order], ratio[order], atoms.numbers)
