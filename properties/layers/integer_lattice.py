"""Lattices of whole numbers: what the cycles of a periodic graph span, and bases that hold a plane of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np

Vector = tuple[int, ...]


class IntegerLattice:
    """All whole-number combinations of the vectors put in, kept as a triangle (Hermite's form, rows not reduced).

    rows: by the place of their first non-zero number.
    """

    def __init__(self, rows: dict[int, Vector] | None = None) -> None:
        self._rows = dict(rows or {})

    @property
    def rank(self) -> int:
        """How many directions it has."""
        return len(self._rows)

    @property
    def basis(self) -> np.ndarray:
        """(rank, d), whole numbers."""
        return np.array([self._rows[place] for place in sorted(self._rows)], dtype=int)

    def put_in(self, vector: Sequence[int]) -> None:
        """Add one vector by Euclid's algorithm, place by place."""
        rest = tuple(int(x) for x in vector)
        for place in range(len(rest)):
            if not rest[place]:
                continue
            if place not in self._rows:
                self._rows[place] = rest
                return
            row = self._rows[place]
            while rest[place]:
                times = row[place] // rest[place]
                row, rest = rest, tuple(a - times * b for a, b in zip(row, rest, strict=True))
            self._rows[place] = row

    def joined(self, other: IntegerLattice) -> IntegerLattice:
        """The lattice of both."""
        found = IntegerLattice(self._rows)
        for row in other.basis:
            found.put_in(row)
        return found


def normal_of(plane: np.ndarray) -> np.ndarray:
    """The shortest whole-number h with h·v = 0 for both rows v of `plane` (2, 3): the plane's Miller indices.

    Of the two signs that whose first number that is not zero is positive.
    """
    h = np.cross(plane[0], plane[1])
    h = h // gcd(*(int(x) for x in h))
    return h if h[np.flatnonzero(h)[0]] > 0 else -h


def basis_with_plane(h: np.ndarray) -> np.ndarray:
    """A basis of all whole-number vectors, (3, 3) rows: two in the plane h·v = 0, the third with h·v = 1.

    h: without a common divisor. Euclid's algorithm on h, done to the unit matrix's rows alongside.
    """
    rows, left = np.eye(3, dtype=int), np.array(h, dtype=int)
    while np.count_nonzero(left) > 1:
        places = np.flatnonzero(left)
        pivot = places[np.argmin(np.abs(left[places]))]
        for other in places[places != pivot]:
            times = left[other] // left[pivot]
            left[other] -= times * left[pivot]
            rows[other] -= times * rows[pivot]
    last = int(np.flatnonzero(left)[0])
    rows[last] *= left[last]
    return np.concatenate([np.delete(rows, last, axis=0), rows[[last]]])


def index_in_plane(plane: np.ndarray) -> int:
    """How many times larger the cell of `plane` (2, 3) is than that of all whole-number vectors in the same plane."""
    return gcd(*(int(x) for x in np.cross(plane[0], plane[1])))
