"""Half neighbour lists of a batch of periodic structures.

Every pair is listed once. Radial networks see a pair's distance once instead of twice, and forces follow from one
vector a pair, which is why nothing here ever lists the reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

MAX_NEIGHBOURS_PER_ATOM = 600
"""A cell with more than this many neighbours an atom within a few Å has collapsed: diamond, the densest solid, has 88
atoms within 5 Å of an atom."""

SKIN_A = 0.6
"""Beyond the cut-off, of a list that serves many steps. A wider one lists more pairs than are used, a narrower one is
outlived sooner; docs/dynamics.md has what was measured."""


class NeighbourOverflowError(RuntimeError):
    """A structure so dense that its neighbour list would exhaust memory."""


@dataclass(frozen=True)
class Structure:
    """Bare arrays of one periodic structure.

    Attributes:
        numbers: atomic numbers, (n,).
        positions: Å, (n, 3).
        cell: row vectors, Å, (3, 3).
    """

    numbers: np.ndarray
    positions: np.ndarray
    cell: np.ndarray

    @property
    def volume_A3(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell)))


@dataclass(frozen=True)
class Pairs:
    """All pairs within the cut-off, each once; atoms are numbered through the batch.

    Attributes:
        first, second: atom indices, (n_pairs,).
        vectors: position of `second`'s image minus position of `first`, Å, (n_pairs, 3).
        system: index of the structure of each pair, (n_pairs,).
    """

    first: np.ndarray
    second: np.ndarray
    vectors: np.ndarray
    system: np.ndarray


def boxed(structure: Structure, periodic: np.ndarray, cutoff_A: float) -> Structure:
    """The structure with vacuum beyond the cut-off in directions that are not periodic, (3,) of bool."""
    if periodic.all():
        return structure
    atoms = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=periodic)
    atoms.center(vacuum=cutoff_A, axis=tuple(int(axis) for axis in np.flatnonzero(~periodic)))
    return Structure(structure.numbers, atoms.positions, atoms.cell.array)


def half_list(
    structure: Structure, cutoff_A: float, most: float = MAX_NEIGHBOURS_PER_ATOM
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (i, j, r_j - r_i) of one structure, each once.

    Raises:
        NeighbourOverflowError: more than `most` neighbours an atom expected from the density.
    """
    i, j, d, _ = _half(structure, cutoff_A, most)
    return i, j, d


def half_list_of_images(
    structure: Structure, cutoff_A: float, most: float = MAX_NEIGHBOURS_PER_ATOM
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (i, j, S) of one structure, each once, with r_j - r_i + S @ cell within the cut-off; S: (n_pairs, 3), int.

    Raises:
        NeighbourOverflowError: as of `half_list`.
    """
    i, j, _, s = _half(structure, cutoff_A, most)
    return i, j, s


def _half(
    structure: Structure, cutoff_A: float, most: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    n = len(structure.numbers)
    expected = n / max(structure.volume_A3, 1e-9) * 4.19 * cutoff_A**3
    if not expected <= most:
        raise NeighbourOverflowError(f"collapsed: about {expected:.0f} neighbours an atom within {cutoff_A:g} Å")
    i, j, d, s = neighbour_list(
        "ijDS",
        cell=structure.cell,
        positions=structure.positions,
        pbc=np.ones(3, dtype=bool),
        cutoff=cutoff_A,
    )
    upper = (s[:, 0] > 0) | ((s[:, 0] == 0) & ((s[:, 1] > 0) | ((s[:, 1] == 0) & (s[:, 2] > 0))))
    once = np.where(i == j, upper, i < j)
    return i[once], j[once], d[once], s[once]


def batch_pairs(
    structures: Sequence[Structure], cutoff_A: float, most: float = MAX_NEIGHBOURS_PER_ATOM
) -> Pairs:
    """Pairs of all structures, atoms numbered through; arguments and errors as in `half_list`."""
    lists = [half_list(s, cutoff_A, most) for s in structures]
    offsets = np.cumsum([0] + [len(s.numbers) for s in structures])
    return Pairs(
        np.concatenate([i + o for (i, _, _), o in zip(lists, offsets, strict=False)]),
        np.concatenate([j + o for (_, j, _), o in zip(lists, offsets, strict=False)]),
        np.concatenate([d for _, _, d in lists]),
        np.repeat(np.arange(len(lists)), [len(i) for i, _, _ in lists]),
    )
