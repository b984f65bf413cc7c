"""The two ends of a hop: the same atoms, each known again, none carried around the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from scipy.optimize import linear_sum_assignment

from properties.barriers.surface import BarrierError

SAME_CELL_A = 1e-3
SAME_PLACE_A = 0.05
"""Ends are one and the same where no atom is further from its place."""
ROUNDS = 5  # of matching and taking the shift off in turn; two settle it


@dataclass(frozen=True)
class Ends:
    """Two structures, atom k of one being atom k of the other.

    Attributes:
        initial: as given.
        final: in the order of `initial`, unwrapped: each atom at its nearest image, seen from where it was.
        order: which atom of the given final structure each is, (N,).
        shift_A: by which the final structure as a whole was moved, (3,).
    """

    initial: Atoms
    final: Atoms
    order: np.ndarray
    shift_A: np.ndarray

    @property
    def steps_A(self) -> np.ndarray:
        """Displacement of each atom, (N, 3)."""
        return np.asarray(self.final.positions - self.initial.positions)

    @property
    def farthest_A(self) -> float:
        """How far the atom that hops goes."""
        return float(np.linalg.norm(self.steps_A, axis=1).max())


def matched(initial: Atoms, final: Atoms, match: bool = True, floats: bool = True) -> Ends:
    """Give each atom of the final structure its name in the initial one.

    Of each element the assignment with the least sum of squared distances is taken (Hungarian method), distances to the
    nearest images. A shift of the whole is taken off, in turn with matching, where nothing holds the crystal.

    match: False takes the order of atoms as given, for hops in which equal atoms change places.
    floats: False leaves the whole where it is, as a slab with atoms that are held.

    Raises:
        BarrierError: other atoms, another cell, the same structure.
    """
    _check_alike(initial, final)
    order = np.arange(len(initial))
    shift = np.zeros(3)
    for _ in range(ROUNDS):
        steps = _steps(initial, final, shift)
        order = _assigned(initial, final, steps) if match else order
        own = steps[np.arange(len(initial)), order]
        more = -own.mean(0) if floats else np.zeros(3)
        shift = shift + more
        if np.linalg.norm(more) < 1e-10:
            break
    own = _steps(initial, final, shift)[np.arange(len(initial)), order]
    moved = initial.copy()
    moved.calc = None
    moved.set_positions(initial.positions + own, apply_constraint=False)
    ends = Ends(initial, moved, order, shift)
    _check_apart(ends, match)
    return ends


def _check_alike(initial: Atoms, final: Atoms) -> None:
    if sorted(initial.numbers) != sorted(final.numbers):
        raise BarrierError(
            f"final: has other atoms, {final.get_chemical_formula()} instead of {initial.get_chemical_formula()}"
        )
    off = float(np.abs(initial.cell.array - final.cell.array).max())
    if off > SAME_CELL_A:
        raise BarrierError(
            f"final: has another cell (vectors differ by up to {off:.3g} Å); give both ends in one cell, with the same "
            "vectors"
        )


def _check_apart(ends: Ends, match: bool) -> None:
    if ends.farthest_A < SAME_PLACE_A:
        hint = "; if equal atoms change places, give match=false to follow the order of atoms" if match else ""
        raise BarrierError(f"final: is the initial structure (no atom is {SAME_PLACE_A:g} Å from its place){hint}")


def _steps(initial: Atoms, final: Atoms, shift: np.ndarray) -> np.ndarray:
    """From each atom of one to each of the other, shifted, at its nearest image, (N, N, 3)."""
    n = len(initial)
    there = final.positions + shift
    vectors = (there[None] - initial.positions[:, None]).reshape(-1, 3)
    return np.asarray(find_mic(vectors, initial.cell, pbc=True)[0]).reshape(n, n, 3)


def _assigned(initial: Atoms, final: Atoms, steps: np.ndarray) -> np.ndarray:
    """Which atom of the final structure is each of the initial one."""
    order = np.zeros(len(initial), int)
    squared = (steps**2).sum(-1)
    for z in np.unique(initial.numbers):
        here, there = np.flatnonzero(initial.numbers == z), np.flatnonzero(final.numbers == z)
        rows, columns = linear_sum_assignment(squared[np.ix_(here, there)])
        order[here[rows]] = there[columns]
    return order
