"""The run's energies on one scale: every candidate's formation energy and distance to the final hull."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linprog

from discover.records import CandidateRecord, Hull, HullEntry, RunRecord

Kind = Literal["fixed", "binary", "ternary", "many"]
Fractions = tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """A candidate that has an energy.

    Attributes:
        number: its place, from 1, in the order in which candidates finished.
        fractions: atomic fractions in the order of the run's elements.
        formation_eV: formation energy per atom.
        above_eV: energy per atom above the final hull, never negative.
    """

    number: int
    id: int
    operator: str
    fractions: Fractions
    formation_eV: float
    above_eV: float


@dataclass(frozen=True)
class Landscape:
    """What the figures draw. `kind` says which figure fits the compositions that were met."""

    elements: tuple[str, ...]
    kind: Kind
    entries: Sequence[HullEntry]
    points: Sequence[Point]
    n_candidates: int

    def fractions(self, entry: HullEntry) -> Fractions:
        """Atomic fractions of an entry in the order of the elements."""
        return fractions_of(entry.composition, self.elements)


def fractions_of(composition: Mapping[str, float], elements: Sequence[str]) -> Fractions:
    """Atomic fractions in the order of `elements`, rounded so that equal compositions compare equal."""
    return tuple(round(float(composition.get(e, 0.0)), 6) for e in elements)


def survey(run: RunRecord) -> Landscape:
    """Put every candidate with an energy on the final hull's scale."""
    elements, entries = run.elements, tuple(run.hull.entries)
    with_energy = [(n, r) for n, r in enumerate(run.history, 1) if _has_energy(r)]
    points = tuple(_points(with_energy, run.hull, elements)) if entries else ()
    met = {fractions_of(e.composition, elements) for e in entries} | {p.fractions for p in points}
    return Landscape(elements, _kind(len(met), len(elements)), entries, points, len(run.history))


def _kind(n_compositions: int, n_elements: int) -> Kind:
    if n_compositions == 1 or n_elements == 1:
        return "fixed"
    if n_elements == 2:
        return "binary"
    return "ternary" if n_elements == 3 else "many"


def _has_energy(record: CandidateRecord) -> bool:
    return record.energy_eV_per_atom is not None and record.fate in ("converged", "duplicate")


def _points(
    records: Sequence[tuple[int, CandidateRecord]], hull: Hull, elements: Sequence[str]
) -> list[Point]:
    by_id: dict[int | str, HullEntry] = {e.id: e for e in hull.entries}
    reference = _chemical_potentials(hull, elements)
    hull_energy = _hull_energy(hull, elements)
    points = []
    for number, r in records:
        x = fractions_of(r.composition, elements)
        # An entry's own numbers come first: anchoring may have moved it off the raw energy of the record.
        entry = by_id.get(r.id) or (by_id.get(r.duplicate_of) if r.duplicate_of is not None else None)
        if entry is not None:
            formation, above = entry.formation_energy_eV_per_atom, entry.e_above_hull_eV_per_atom
        else:
            energy = float(r.energy_eV_per_atom or 0.0)
            formation, above = energy - float(np.dot(x, reference)), energy - hull_energy(x)
        points.append(Point(number, r.id, r.operator, x, formation, max(0.0, above)))
    return points


def _chemical_potentials(hull: Hull, elements: Sequence[str]) -> np.ndarray:
    """Energies per atom of the elements that the entries' formation energies were counted from."""
    x = np.array([fractions_of(e.composition, elements) for e in hull.entries])
    offset = [e.energy_eV_per_atom - e.formation_energy_eV_per_atom for e in hull.entries]
    return np.linalg.lstsq(x, np.array(offset), rcond=None)[0]


def _hull_energy(hull: Hull, elements: Sequence[str]) -> Callable[[Fractions], float]:
    """Energy per atom of the hull at a composition; NaN where the entries cannot make that composition."""
    known = {
        fractions_of(e.composition, elements): e.energy_eV_per_atom - e.e_above_hull_eV_per_atom
        for e in hull.entries
    }
    vertices = np.array([fractions_of(e.composition, elements) for e in hull.entries])
    energies = np.array([e.energy_eV_per_atom for e in hull.entries])

    def at(x: Fractions) -> float:
        if x not in known:
            best = linprog(energies, A_eq=vertices.T, b_eq=np.array(x), bounds=(0, None))
            known[x] = float(best.fun) if best.success else float("nan")
        return known[x]

    return at
