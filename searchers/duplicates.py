"""Has this crystal been found before? Answered in about a millisecond, whatever the number of crystals known.

First tier: fingerprints closer than a tolerance, among crystals of the same reduced composition and, where
energies are known, of the same energy. Second tier: pymatgen's structure matcher on the few nearest of
them.

Distances of fingerprints, measured: diamond - lonsdaleite 0.21, zincblende - wurtzite 0.19, fcc - hcp 0.57,
fcc - bcc 0.18, the closest two of 40 random TiC cells 0.16; copies of six crystals with every atom
displaced at random by 0.01 Å 0.005 (at most 0.024), by 0.03 Å 0.04 (at most 0.19, in cells of 2 atoms); 1 %
of length 0.11.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import cached_property
from itertools import product
from math import gcd
from typing import Any

import numpy as np
from ase import Atoms

from searchers.fingerprint import FINGERPRINT_SIZE
from searchers.fingerprint import fingerprint as make_fingerprint

FINGERPRINT_TOLERANCE = 0.12  # between rattled copies and polymorphs, see above
ENERGY_TOLERANCE_EV_PER_ATOM = 0.010
_SAME = 0.003  # rounding and the last digits of a relaxation; nearer need no matcher (6H and 33R SiC are 0.007 apart)
_MATCHES = 4  # structures that the matcher looks at
_CACHED = 512  # reduced structures kept for the matcher
_LATEST = 4096  # crystals among which the nearest is sought: 0.05 ms
_GRID_DIMENSIONS = 4
_GRID_FROM = 64  # crystals of a composition from which on a grid beats looking at all of them

Composition = tuple[tuple[int, int], ...]


class DuplicateIndex:
    """Crystals known by id, to be asked whether another is one of them.

    Keeps fingerprints and energies (about 0.6 kB a crystal) but no structures: those come from the store
    when the matcher wants them. A crystal that was found again need not be added.

    Attributes:
        fingerprint_tolerance: crystals further apart are different.
        energy_tolerance_eV: per atom; crystals further apart are different where both energies are known.
    """

    def __init__(
        self,
        atoms_of: Callable[[int], Atoms],
        fingerprint_tolerance: float = FINGERPRINT_TOLERANCE,
        energy_tolerance_eV: float = ENERGY_TOLERANCE_EV_PER_ATOM,
    ) -> None:
        self.fingerprint_tolerance = fingerprint_tolerance
        self.energy_tolerance_eV = energy_tolerance_eV
        self._buckets: dict[Composition, _Bucket] = {}
        self._matcher = _Matcher(atoms_of)

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values())

    def add(
        self,
        id: int,
        atoms: Atoms,
        energy_eV_per_atom: float | None = None,
        fingerprint: np.ndarray | None = None,
    ) -> None:
        """Remember a crystal.

        Args:
            id: what `find` will answer.
            atoms: its geometry; `atoms_of(id)` must give the same crystal later.
            energy_eV_per_atom: where it is known.
            fingerprint: of `atoms`, where it is at hand.
        """
        bucket = self._buckets.setdefault(_composition(atoms), _Bucket(self.fingerprint_tolerance))
        vector = make_fingerprint(atoms) if fingerprint is None else fingerprint
        bucket.add(id, vector, np.nan if energy_eV_per_atom is None else energy_eV_per_atom)

    def find(
        self,
        atoms: Atoms,
        energy_eV_per_atom: float | None = None,
        fingerprint: np.ndarray | None = None,
        tolerance: float = np.inf,
    ) -> int | None:
        """Id of the nearest known crystal that is the same, or None.

        Args:
            atoms: the crystal in question.
            energy_eV_per_atom: where it is known.
            fingerprint: of `atoms`, where it is at hand.
            tolerance: in place of `fingerprint_tolerance`, where smaller.
        """
        bucket = self._buckets.get(_composition(atoms))
        if bucket is None:
            return None
        vector = make_fingerprint(atoms) if fingerprint is None else fingerprint
        energy = np.nan if energy_eV_per_atom is None else energy_eV_per_atom
        ids, distances = bucket.near(vector, energy, self.energy_tolerance_eV)
        ids = ids[distances <= tolerance]
        if len(ids) and distances[0] <= _SAME:
            return int(ids[0])
        return self._matcher.first_match(atoms, ids[:_MATCHES].tolist())

    def nearest(self, atoms: Atoms, fingerprint: np.ndarray | None = None) -> tuple[int | None, float]:
        """Id and distance of the crystal of the same composition whose fingerprint is nearest, of the latest 4,096.

        None and infinity where no crystal of the composition is known.
        """
        bucket = self._buckets.get(_composition(atoms))
        if bucket is None:
            return None, np.inf
        return bucket.nearest(make_fingerprint(atoms) if fingerprint is None else fingerprint)


class _Bucket:
    """Fingerprints and energies of one composition in growing arrays, filed by a grid in fingerprint space.

    The grid spans the directions in which the first crystals differ most. Coordinates in it differ by no
    more than fingerprints do, so that with cells as wide as the tolerance the 81 cells around a crystal
    hold all near it.
    """

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._n = 0
        self._ids = np.empty(16, dtype=np.int64)
        self._energies = np.empty(16)
        self._vectors = np.empty((16, FINGERPRINT_SIZE), dtype=np.float32)
        self._squares = np.empty(16, dtype=np.float32)
        self._axes: np.ndarray | None = None
        self._cells: dict[tuple[int, ...], list[int]] = {}

    def __len__(self) -> int:
        return self._n

    def add(self, id: int, vector: np.ndarray, energy: float) -> None:
        if self._n == len(self._ids):
            self._grow()
        self._ids[self._n], self._energies[self._n], self._vectors[self._n] = id, energy, vector
        self._squares[self._n] = self._vectors[self._n] @ self._vectors[self._n]
        self._n += 1
        if self._axes is not None:
            self._cells.setdefault(self._cell(vector), []).append(self._n - 1)
        elif self._n == _GRID_FROM:
            self._lay_grid()

    def near(self, vector: np.ndarray, energy: float, energy_tolerance: float) -> tuple[np.ndarray, np.ndarray]:
        """Ids and distances within the tolerance, nearest first."""
        rows = self._rows_around(vector)
        apart = np.abs(self._energies[rows] - energy)  # NaN where one of them is unknown
        rows = rows[~(apart > energy_tolerance)]
        distances = np.linalg.norm(self._vectors[rows] - vector, axis=1)
        close = distances <= self._tolerance
        rows, distances = rows[close], distances[close]
        order = np.lexsort((self._ids[rows], distances))
        return self._ids[rows[order]], distances[order]

    def nearest(self, vector: np.ndarray) -> tuple[int, float]:
        first, own = max(0, self._n - _LATEST), vector.astype(np.float32)
        # |v - x|² = |v|² - 2 v·x + |x|², the last the same for all: a matrix product, 30 times faster than distances.
        # Rounding may prefer a crystal that is a few thousandths further away than the nearest; nobody asks so closely
        squares = self._squares[first : self._n] - 2 * (self._vectors[first : self._n] @ own)
        row = first + int(squares.argmin())
        return int(self._ids[row]), float(np.linalg.norm(self._vectors[row] - own))

    def _rows_around(self, vector: np.ndarray) -> np.ndarray:
        if self._axes is None:
            return np.arange(self._n)
        home = self._cell(vector)
        found: list[int] = []
        for step in _STEPS:
            found += self._cells.get(tuple(a + b for a, b in zip(home, step, strict=True)), ())
        return np.array(found, dtype=np.int64)

    def _cell(self, vector: np.ndarray) -> tuple[int, ...]:
        assert self._axes is not None
        # A hair wider than the tolerance, for the rounding of float32.
        return tuple(np.floor(self._axes @ vector / (self._tolerance * 1.001)).astype(int).tolist())

    def _lay_grid(self) -> None:
        known = self._vectors[: self._n]
        self._axes = np.linalg.svd(known - known.mean(0), full_matrices=False)[2][:_GRID_DIMENSIONS]
        for row, vector in enumerate(known):
            self._cells.setdefault(self._cell(vector), []).append(row)

    def _grow(self) -> None:
        self._ids, self._energies, self._vectors, self._squares = (
            np.concatenate([old, np.empty_like(old)])
            for old in (self._ids, self._energies, self._vectors, self._squares)
        )


_STEPS = tuple(product((-1, 0, 1), repeat=_GRID_DIMENSIONS))


class _Cells:
    """A crystal's Niggli cell, and its primitive one where that is asked for (1.8 ms of pymatgen's time)."""

    def __init__(self, atoms: Atoms) -> None:
        from pymatgen.core import Lattice, Structure

        lattice = Lattice(atoms.cell.array)
        structure = Structure(lattice, atoms.get_chemical_symbols(), atoms.get_scaled_positions())
        self.niggli: Any = structure.get_reduced_structure()

    @cached_property
    def primitive(self) -> Any:
        return self.niggli.get_primitive_structure().get_reduced_structure()


class _Matcher:
    """pymatgen's StructureMatcher on reduced cells, of which the recent ones are kept."""

    def __init__(self, atoms_of: Callable[[int], Atoms]) -> None:
        self._atoms_of = atoms_of
        self._fitter: Any = None
        self._cache: OrderedDict[int, _Cells] = OrderedDict()

    def first_match(self, atoms: Atoms, ids: list[int]) -> int | None:
        if not ids:
            return None
        if self._fitter is None:
            from pymatgen.analysis.structure_matcher import StructureMatcher

            self._fitter = StructureMatcher(primitive_cell=True, scale=False)
        cells = _Cells(atoms)
        return next((id for id in ids if self._same(cells, self._known(id))), None)

    def _same(self, a: _Cells, b: _Cells) -> bool:
        # Most cells are primitive already; finding that out costs as much as the match.
        if len(a.niggli) == len(b.niggli) and self._fit(a.niggli, b.niggli):
            return True
        if len(a.primitive) == len(a.niggli) and len(b.primitive) == len(b.niggli):
            return False
        return self._fit(a.primitive, b.primitive)

    def _fit(self, a: Any, b: Any) -> bool:
        return bool(self._fitter.fit(a, b, skip_structure_reduction=True))

    def _known(self, id: int) -> _Cells:
        if id not in self._cache:
            self._cache[id] = _Cells(self._atoms_of(id))
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        self._cache.move_to_end(id)
        return self._cache[id]


def _composition(atoms: Atoms) -> Composition:
    counts = Counter(atoms.numbers.tolist())
    divisor = gcd(*counts.values())
    return tuple(sorted((number, n // divisor) for number, n in counts.items()))
