"""Wyckoff positions of a space group in its primitive cell, and ways to fill them with atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Primitive vectors in terms of the conventional ones, by the first letter of the Hermann-Mauguin symbol
# (International Tables A; R in hexagonal axes, obverse setting).
CENTRING = {
    "P": np.eye(3),
    "A": np.array([[1, 0, 0], [0, 0.5, 0.5], [0, -0.5, 0.5]]),
    "C": np.array([[0.5, 0.5, 0], [-0.5, 0.5, 0], [0, 0, 1]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "F": np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}
_GENERIC = np.array([0.1371, 0.2653, 0.4019])  # a point on no symmetry element
_SAME_POINT = 1e-6  # fractional
_LARGEST_FIRST = 0.5  # share of fillings that take large orbits first; the others take any


@dataclass(frozen=True)
class Site:
    """One Wyckoff position: the points rotations @ x + translations of a free point x.

    Attributes:
        free: degrees of freedom of the point; 0 can be occupied once only.
        rotations: fractional to primitive fractional coordinates, shape (multiplicity, 3, 3).
        translations: primitive fractional coordinates, shape (multiplicity, 3).
    """

    free: int
    rotations: np.ndarray
    translations: np.ndarray

    @property
    def multiplicity(self) -> int:
        """Atoms in the primitive cell."""
        return len(self.translations)

    def points(self, free_point: np.ndarray) -> np.ndarray:
        """Primitive fractional coordinates of the orbit, shape (multiplicity, 3)."""
        return self.rotations @ free_point + self.translations


@dataclass(frozen=True)
class SpaceGroup:
    """A space group by its Wyckoff positions in the primitive cell.

    Attributes:
        lattice_type: "cubic", "hexagonal", ... as pyxtal names the shape of the conventional cell.
        primitive: primitive vectors in terms of the conventional ones, shape (3, 3), rows.
        sites: its Wyckoff positions.
    """

    lattice_type: str
    primitive: np.ndarray
    sites: tuple[Site, ...]

    @property
    def cells(self) -> int:
        """Primitive cells in the conventional one."""
        return round(1 / float(np.linalg.det(self.primitive)))


def space_group(number: int) -> SpaceGroup:
    """The space group of that number, from pyxtal's tables.

    Raises:
        ImportError: pyxtal is not installed.
    """
    from pyxtal.symmetry import Group

    group = Group(number)
    primitive = CENTRING[group.symbol[0]]
    return SpaceGroup(group.lattice_type, primitive, tuple(_site(wp, primitive) for wp in group))


def _site(position: Any, primitive: np.ndarray) -> Site:
    """A Wyckoff position of pyxtal without the points that a centring translation repeats."""
    to_primitive = np.linalg.inv(primitive).T
    rotations = np.array([to_primitive @ op.rotation_matrix for op in position.ops])
    shifts = np.array([to_primitive @ op.translation_vector for op in position.ops])
    points = rotations @ _GENERIC + shifts
    delta = points[:, None] - points[None]
    same = (np.abs(delta - np.rint(delta)) < _SAME_POINT).all(-1)
    first = same.argmax(1) == np.arange(len(points))
    return Site(int(position.get_dof()), rotations[first], shifts[first])


def fill(sites: Sequence[Site], counts: Sequence[int], rng: np.random.Generator) -> list[list[int]] | None:
    """Random sites (indices) for each species that hold exactly its atoms; None where there are none.

    A search in random order that goes back from dead ends and remembers them, so that it always ends soon:
    what matters of a dead end is how many atoms are left and how many fixed sites of each multiplicity are
    taken.

    Args:
        sites: Wyckoff positions.
        counts: atoms of each species in the primitive cell.
        rng: source of random numbers.
    """
    return _Filling(sites, counts, rng).run()


class _Filling:
    def __init__(self, sites: Sequence[Site], counts: Sequence[int], rng: np.random.Generator) -> None:
        self.sites = sites
        self.sizes = [s.multiplicity for s in sites]
        self.chosen: list[list[int]] = [[] for _ in counts]
        self.left = list(counts)
        self.taken: set[int] = set()
        self.dead: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        self.rng = rng
        self.largest_first = bool(rng.random() < _LARGEST_FIRST)

    def run(self) -> list[list[int]] | None:
        return self.chosen if self._extend() else None

    def _extend(self) -> bool:
        species = next((i for i, n in enumerate(self.left) if n), None)
        if species is None:
            return True
        key = (tuple(self.left), tuple(sorted(self.sizes[i] for i in self.taken)))
        if key in self.dead:
            return False
        for index in self._order(self.left[species]):
            if self._take(species, index):
                return True
        self.dead.add(key)
        return False

    def _order(self, left: int) -> list[int]:
        order = [i for i in self.rng.permutation(len(self.sites)).tolist() if self.sizes[i] <= left]
        return sorted(order, key=lambda i: -self.sizes[i]) if self.largest_first else order

    def _take(self, species: int, index: int) -> bool:
        if index in self.taken:
            return False
        fixed = self.sites[index].free == 0
        self.left[species] -= self.sizes[index]
        self.chosen[species].append(index)
        if fixed:
            self.taken.add(index)
        if self._extend():
            return True
        self.left[species] += self.sizes[index]
        self.chosen[species].pop()
        self.taken.discard(index)
        return False
