"""Is it a crystal, or a molecule, a chain or a layer in a box?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from potentials.potential import Potential
from properties.errors import PropertyError

EMPTY_A = 6.5
"""Atoms further apart belong to different things: more than the closest atoms of any solid that holds together are
(caesium 5.3 Å, layers of graphite 3.4 Å and 4.4 Å where a functional does not bind them, helium 3.6 Å), less than the
vacuum that slabs and molecules are given."""
WORDS = ("a molecule", "a chain", "a layer")


class NotACrystalError(PropertyError):
    """Something that is periodic in fewer than three directions; the message says in how many, in one line."""


def check_three_dimensional(atoms: Atoms, potential: Potential | None = None) -> None:
    """Refuse molecules, chains and layers in a box.

    Crystals of layers or molecules pass: it is empty space of 6.5 Å that makes a molecule of a cell.

    Args:
        atoms: with a three-dimensional cell, taken as periodic in three directions.
        potential: one that may have units of its own (any element, nothing learnt), in which Å mean nothing, lets
            everything pass.

    Raises:
        NotACrystalError: it is periodic in fewer than three directions.
    """
    if potential is not None and potential.metadata.elements is None and potential.metadata.checkpoint is None:
        return
    dimension = dimensionality(atoms)
    if dimension < 3:
        raise NotACrystalError(
            f"{atoms.get_chemical_formula()} is {WORDS[dimension]} in a box, no crystal: more than {EMPTY_A:g} Å are "
            "empty around it; give a crystal, periodic in three directions"
        )


def dimensionality(atoms: Atoms, reach_A: float = EMPTY_A) -> int:
    """In how many directions one can go on for ever by steps no longer than the reach, from atom to atom: 0 to 3."""
    i, j, shift = neighbour_list(
        "ijS", cell=atoms.cell.array, positions=atoms.positions, pbc=np.ones(3, bool), cutoff=reach_A
    )
    order = np.argsort(i, kind="stable")
    starts = np.searchsorted(i[order], np.arange(len(atoms) + 1))
    steps = [
        list(zip(j[own].tolist(), map(tuple, shift[own].tolist()), strict=True))
        for own in np.split(order, starts[1:-1])
    ]
    return max(_rank(loops) for loops in _loops(steps))


def _loops(steps: list[list[tuple[int, tuple[int, ...]]]]) -> Iterator[np.ndarray]:
    """Of each connected piece the lattice vectors, (m, 3), by which its closed ways differ."""
    image: dict[int, np.ndarray] = {}
    for first in range(len(steps)):
        if first in image:
            continue
        image[first] = np.zeros(3, int)
        found, waiting = {(0, 0, 0)}, deque([first])
        while waiting:
            here = waiting.popleft()
            for there, shift in steps[here]:
                arrived = image[here] + shift
                if there not in image:
                    image[there] = arrived
                    waiting.append(there)
                found.add(tuple((arrived - image[there]).tolist()))
        yield np.array(sorted(found))


def _rank(vectors: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(vectors))
