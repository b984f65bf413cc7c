"""The distinct structures that a campaign has found, and the hull they span: what each new result is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from ase import Atoms

from discover.composition import fractions_of
from discover.hull import ConvexHull
from searchers.duplicates import DuplicateIndex
from searchers.fingerprint import fingerprint

FINGERPRINT_TOLERANCE = 0.2
"""Wider than the index's own 0.12: two relaxations of one soft crystal to 0.05 eV/Å end up to 1 % of length apart,
which is 0.11. Polymorphs that come so close are told apart by their energies and the structure matcher."""

UNRELAXED_TOLERANCE = 0.05
"""A child nearer than this to a known structure (0.4 % of length, atoms 0.03 Å aside) falls back into it."""

Known = tuple[int, Atoms, float, np.ndarray]
"""Candidate id, geometry, energy (eV/atom), fingerprint."""


class Findings:
    """Distinct converged structures of one run.

    Attributes:
        hull: that they span.

    elements: the chemical system.
    stored_atoms: geometry of a structure that the store holds.
    energy_tolerance_eV: per atom; structures further apart are different.
    """

    def __init__(
        self, elements: Sequence[str], stored_atoms: Callable[[int], Atoms], energy_tolerance_eV: float
    ) -> None:
        self.energy_tolerance_eV = energy_tolerance_eV
        self._stored_atoms = stored_atoms
        self._index = DuplicateIndex(self.atoms, FINGERPRINT_TOLERANCE, energy_tolerance_eV)
        self._energies: dict[int, float] = {}
        self._unsaved: dict[int, Atoms] = {}
        self.hull = ConvexHull(elements)

    def restore(self, known: Iterable[Known]) -> None:
        """Take in what the store holds."""
        for id, atoms, energy, vector in known:
            self._note(id, atoms, energy, vector)

    def add(self, id: int, atoms: Atoms, energy_eV_per_atom: float, vector: np.ndarray | None) -> int | None:
        """Take in a converged structure; the id of the one it repeats, None where it is new.

        vector: its fingerprint, where it is at hand.
        """
        vector = fingerprint(atoms) if vector is None else vector
        known = self._index.find(atoms, energy_eV_per_atom, vector)
        if known is None:
            self._unsaved[id] = atoms
            self._note(id, atoms, energy_eV_per_atom, vector)
        else:  # a repeat that relaxed further down
            self.hull.add(fractions_of(atoms), energy_eV_per_atom)
        return known

    def repeated_by(
        self, atoms: Atoms, tolerance: float = UNRELAXED_TOLERANCE, vector: np.ndarray | None = None
    ) -> int | None:
        """Id of the known structure that unrelaxed atoms are already, or None.

        tolerance: of fingerprint distances.
        vector: the atoms' fingerprint, where it is at hand.
        """
        return self._index.find(atoms, None, vector, tolerance)

    def nearest(self, atoms: Atoms, vector: np.ndarray) -> tuple[int | None, float]:
        """Id and fingerprint distance of the nearest known structure of the composition; None and infinity if none.

        vector: the atoms' fingerprint.
        """
        return self._index.nearest(atoms, vector)

    def energy_eV_per_atom(self, id: int) -> float:
        """Energy of a known structure."""
        return self._energies[id]

    def atoms(self, id: int) -> Atoms:
        """Geometry of a known structure, also of one that the store does not hold yet."""
        return self._unsaved[id] if id in self._unsaved else self._stored_atoms(id)

    def saved(self) -> None:
        """The store holds everything now."""
        self._unsaved.clear()

    def _note(self, id: int, atoms: Atoms, energy: float, vector: np.ndarray) -> None:
        self._index.add(id, atoms, energy, vector)
        self._energies[id] = energy
        self.hull.add(fractions_of(atoms), energy)
