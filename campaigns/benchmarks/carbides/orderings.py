"""Rocksalt with carbon vacancies: every symmetry-distinct ordering of a supercell, and layered ones by their stacking.

Points are whole numbers in the basis of fcc's primitive vectors. Titanium stands on all of them, carbon on those that
are occupied, half a cell's body diagonal away. As Hart and Forcade, PRB 77, 224115 (2008): superlattices in Hermite's
normal form, one of each class under the cube's 48 operations, and of each their occupations, one of each class under
what leaves the superlattice as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product

import numpy as np
from ase import Atoms

LATTICE_A = 4.33
"""Of TiC; relaxation does the rest."""
FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
OCTAHEDRON = np.array([0.5, 0.5, 0.5])
"""From titanium to the carbon of its cell, in the primitive basis."""


def orderings(cells: int, carbons: int) -> Iterator[Atoms]:
    """One structure of each symmetry class of `carbons` atoms on `cells` octahedra, primitive cells only."""
    for lattice in _distinct_superlattices(cells):
        operations, translations = _permutations(lattice)
        seen: set[int] = set()
        for occupied in combinations(range(cells), carbons):
            images = _masks(operations[:, occupied])
            if images.min() in seen:
                continue
            seen.add(int(images.min()))
            mask = sum(1 << k for k in occupied)
            if (_masks(translations[1:, occupied]) != mask).all():
                yield rocksalt(lattice, _points(lattice)[list(occupied)])


def rocksalt_tic() -> Atoms:
    """TiC without vacancies."""
    return rocksalt(np.eye(3, dtype=int), np.zeros((1, 3), int))


def rocksalt(lattice: np.ndarray, carbons: np.ndarray) -> Atoms:
    """Titanium on all points of the superlattice's cell (rows of `lattice`), carbon beside those given, (n, 3)."""
    titanium = _points(lattice)
    at = np.vstack([titanium, carbons + OCTAHEDRON]) @ FCC * LATTICE_A
    symbols = ["Ti"] * len(titanium) + ["C"] * len(carbons)
    atoms = Atoms(symbols, positions=at, cell=lattice @ FCC * LATTICE_A, pbc=True)
    atoms.wrap()
    return atoms


def stacked_six_five(steps: Sequence[int]) -> Atoms:
    """M6C5: every second (111) plane of carbon lacks a third of its atoms, a √3 × √3 net of single vacancies.

    From one such plane to the next the net moves in one of three directions, 120° apart; `steps` (0, 1 or 2) are a
    period of them. Venables, Kahn and Lye, Phil. Mag. 18, 177 (1968); Billingham, Bell and Lewis, Acta Cryst. A 28,
    602 (1972), both for V6C5.
    """
    moves = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]])[list(steps)]
    vacancies = np.vstack([np.zeros((1, 3), int), np.cumsum(moves, axis=0)])
    lattice = normal_form(np.array([[1, 1, -2], [1, -2, 1], vacancies[-1]]))
    points = _points(lattice)
    empty = _index(lattice, vacancies[:-1])
    return rocksalt(lattice, np.delete(points, empty, axis=0))


def normal_form(lattice: np.ndarray) -> np.ndarray:
    """Hermite's normal form (lower triangular) of a superlattice's rows."""
    volume = abs(round(np.linalg.det(lattice)))
    return next(h for h in _superlattices(volume) if not _index(h, lattice).any())


def _distinct_superlattices(volume: int) -> Iterator[np.ndarray]:
    lattices = _superlattices(volume)
    seen: set[int] = set()
    for k in range(len(lattices)):
        if k in seen:
            continue
        rotated = lattices[k] @ _rotations()
        seen |= {j for j, h in enumerate(lattices) if (_index(h, rotated) == 0).all(axis=1).any()}
        yield lattices[k]


def _superlattices(volume: int) -> list[np.ndarray]:
    """All in Hermite's normal form."""
    found = []
    for a, c, f in product(range(1, volume + 1), repeat=3):
        if a * c * f == volume:
            found += [np.array([[a, 0, 0], [b, c, 0], [d, e, f]]) for b in range(a) for d in range(a) for e in range(c)]
    return found


def _points(lattice: np.ndarray) -> np.ndarray:
    """The points of one cell, (volume, 3), in the order of `_index`."""
    a, c, f = np.diag(lattice)
    return np.array([(x, y, z) for z in range(f) for y in range(c) for x in range(a)])


def _index(lattice: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which point of the cell each of `points` (..., 3) is, up to the superlattice."""
    a, c, f = np.diag(lattice)
    rest = points - (points[..., 2] // f)[..., None] * lattice[2]
    rest = rest - (rest[..., 1] // c)[..., None] * lattice[1]
    return rest[..., 0] % a + a * (rest[..., 1] + c * rest[..., 2])


def _rotations() -> np.ndarray:
    """The cube's operations in the primitive basis, (48, 3, 3), to be applied to rows from the right."""
    made = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        cartesian = np.eye(3)[list(order)] * signs
        made.append(np.rint(FCC @ cartesian @ np.linalg.inv(FCC)).astype(int))
    return np.array(made)


def _permutations(lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the crystal's operations make of the cell's points: those that keep the superlattice, and translations."""
    points = _points(lattice)
    keep = [r for r in _rotations() if not _index(lattice, lattice @ r).any()]
    rotated = np.array([[_index(lattice, points @ r + t) for t in points] for r in keep])
    translations = np.array([_index(lattice, points + t) for t in points])
    return rotated.reshape(-1, len(points)), translations


def _masks(occupied: np.ndarray) -> np.ndarray:
    """Sets of points as numbers with a bit for each."""
    return (1 << occupied).sum(axis=-1)
