"""The convex hull of what a campaign found, on pymatgen's phase diagram."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ase import Atoms
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from discover.composition import CompositionKey, composition_key, formula_of
from discover.errors import InputError
from discover.familiarity import Familiarity
from discover.records import CandidateRecord, Hull, HullEntry
from potentials import Metadata
from potentials.words import in_words

SAME_EV = 1e-4
"""Energies per atom that differ by less are one: what a relaxation to 0.01 eV/Å leaves."""
ON_HULL_EV = 1e-6
"""Above this an entry is above the hull; single-precision energies are no better."""


class ConvexHull:
    """Lowest energies by composition and the hull they span.

    elements: the chemical system.
    points: atomic fractions and energy (eV per atom) of whatever is known.
    """

    def __init__(self, elements: Sequence[str], points: Iterable[tuple[Mapping[str, float], float]] = ()) -> None:
        self.elements = tuple(elements)
        self._lowest: dict[CompositionKey, tuple[Mapping[str, float], float]] = {}
        self._levels: dict[CompositionKey, float] = {}
        for fractions, energy in points:
            self.add(fractions, energy)

    def add(self, fractions: Mapping[str, float], energy_eV_per_atom: float) -> None:
        """Learn an energy; the hull is built anew only where it lies below (a phase diagram takes 20 ms and more)."""
        key = composition_key(fractions)
        if key in self._lowest and energy_eV_per_atom >= self._lowest[key][1]:
            return
        built = self.__dict__.get("diagram")
        changed = built is None or energy_eV_per_atom < self.level(fractions)
        self._lowest[key] = fractions, energy_eV_per_atom
        if changed:
            self._levels.clear()
            for name in ("diagram", "stable_formulas"):
                self.__dict__.pop(name, None)

    @cached_property
    def diagram(self) -> PhaseDiagram | None:
        """The phase diagram, None where an element has no reference."""
        if any(((e, 1.0),) not in self._lowest for e in self.elements):
            return None
        return PhaseDiagram([PDEntry(Composition(x), e, formula_of(x)) for x, e in self._lowest.values()])

    @property
    def tells_stability(self) -> bool:
        """False where an element has no reference: then compositions cannot be held against each other."""
        return self.diagram is not None or len(self._lowest) == 1

    def level(self, fractions: Mapping[str, float]) -> float:
        """Energy of the hull at a composition, eV/atom.

        Without all references the lowest known at this composition, infinity where nothing is known there.
        """
        key = composition_key(fractions)
        if key not in self._levels:
            self._levels[key] = (
                self._lowest.get(key, (fractions, float("inf")))[1]
                if self.diagram is None
                else float(self.diagram.get_hull_energy_per_atom(Composition(fractions)))
            )
        return self._levels[key]

    @cached_property
    def stable_formulas(self) -> list[str]:
        """Formulas on the hull; none where an element has no reference."""
        stable = [] if self.diagram is None else self.diagram.stable_entries
        return sorted(formula_of(e.composition.get_el_amt_dict()) for e in stable)

    def lowest_eV_per_atom(self) -> float | None:
        """Lowest energy of a structure that holds all the elements."""
        return min((e for x, e in self._lowest.values() if len(x) == len(self.elements)), default=None)

    def formation(self, fractions: Mapping[str, float], energy_eV_per_atom: float) -> float:
        """Formation energy from the elements' lowest, eV/atom; NaN where an element has no reference."""
        if self.diagram is None:
            return float("nan")
        return energy_eV_per_atom - sum(x * self._lowest[((e, 1.0),)][1] for e, x in fractions.items())


def build_hull(
    system: str,
    elements: Sequence[str],
    potential: Mapping[str, Any],
    history: Iterable[CandidateRecord],
    references: Sequence[HullEntry] = (),
    pressure_GPa: float = 0.0,
) -> Hull:
    """Hull of all converged, distinct candidates and the references given.

    A structure found more than once stands there by its lowest copy.
    """
    records = list(_lowest_copies(history))
    points = [(r.composition, float(r.energy_eV_per_atom or 0.0)) for r in records]
    points += [(e.composition, e.energy_eV_per_atom) for e in references]
    hull = ConvexHull(elements, points)
    known: list[CandidateRecord | HullEntry] = [*records, *references]
    entries = [
        _entry(hull, r.id, r.formula, r.composition, float(r.energy_eV_per_atom or 0.0), r.space_group) for r in known
    ]
    entries = [
        _familiar(replace(e, rung=str(potential.get("name") or "")), r) for e, r in zip(entries, known, strict=True)
    ]
    entries.sort(key=lambda e: (e.e_above_hull_eV_per_atom, e.energy_eV_per_atom))
    return Hull(system, tuple(elements), potential, entries, pressure_GPa=pressure_GPa)


def _lowest_copies(history: Iterable[CandidateRecord]) -> Iterable[CandidateRecord]:
    """Of each distinct structure the copy of lowest energy, the first where they agree to 0.1 meV/atom."""
    lowest: dict[int, CandidateRecord] = {}
    for record in history:
        first = record.structure
        if record.energy_eV_per_atom is None or first is None:
            continue
        known = lowest.get(first)
        energy = record.energy_eV_per_atom
        if known is None or energy < float(known.energy_eV_per_atom or 0.0) - SAME_EV:
            lowest[first] = record
    return lowest.values()


def _familiar(entry: HullEntry, record: CandidateRecord | HullEntry) -> HullEntry:
    """With what the potential knows of it; of a reference nothing is known."""
    known = Familiarity.from_properties(record.properties) if isinstance(record, CandidateRecord) else None
    if known is None:
        return entry
    return replace(
        entry,
        domain_distance=known.distance,
        in_domain=known.in_domain,
        expected_error_eV_per_atom=known.expected_error_eV_per_atom,
    )


def _entry(
    hull: ConvexHull,
    id: int | str,
    formula: str,
    composition: Mapping[str, float],
    energy: float,
    space_group: int | None,
) -> HullEntry:
    above = max(0.0, energy - hull.level(composition))
    return HullEntry(
        id=id,
        formula=formula,
        composition=composition,
        energy_eV_per_atom=energy,
        formation_energy_eV_per_atom=hull.formation(composition, energy),
        e_above_hull_eV_per_atom=above,
        space_group=space_group,
        on_hull=hull.tells_stability and above <= ON_HULL_EV,
    )


def read_references(
    path: Path, elements: Sequence[str], potential: Metadata, pressure_GPa: float = 0.0
) -> list[HullEntry]:
    """Entries of a pymatgen ComputedStructureEntry JSON that may stand on this potential's hull.

    Raises:
        InputError: not such a file; an entry of another potential or pressure, or one that does not say whose it is;
            an element outside the system.
    """
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"references: {path}: no such file") from None
    except OSError as error:
        raise InputError(f"references: {path}: cannot be read ({error.strerror})") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        hint = "write pymatgen ComputedStructureEntry JSON"
        raise InputError(f"references: {path}: not JSON ({error}); {hint}") from None
    if not isinstance(values, list) or not all(isinstance(v, dict) and "energy" in v for v in values):
        raise InputError(f"references: {path}: must be a list of pymatgen ComputedStructureEntry objects")
    found = []
    for k, value in enumerate(values):
        where = f"references: {path}: entry {k}"
        entry = _entry_of(value, where)
        _check_reference(entry, where, elements, potential, pressure_GPa)
        found.append(_reference(entry, _id_of(entry, k)))
    return found


def reference_structures(path: Path) -> dict[str, Atoms]:
    """Structures of a references file that `read_references` takes, by the ids of its entries."""
    from pymatgen.io.ase import AseAtomsAdaptor

    found = {}
    for k, value in enumerate(json.loads(path.read_text())):
        if "structure" in value:
            entry = _entry_of(value, f"references: {path}: entry {k}")
            atoms = AseAtomsAdaptor.get_atoms(entry.structure)
            found[_id_of(entry, k)] = Atoms(
                atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True
            )
    return found


def _entry_of(value: dict[str, Any], where: str) -> Any:
    from pymatgen.entries.computed_entries import ComputedEntry, ComputedStructureEntry

    kind: type[Any] = ComputedStructureEntry if "structure" in value else ComputedEntry
    try:
        entry = kind.from_dict(value)
        energy, parameters = float(entry.energy_per_atom), {**entry.parameters}
    except Exception as error:  # whatever pymatgen meets in a text that is no entry
        raise InputError(f"{where}: not a pymatgen entry ({in_words(error, 120)})") from None
    if not math.isfinite(energy):
        raise InputError(f"{where}: its energy must be a finite number (is {energy})")
    if not isinstance(parameters.get("pressure_GPa", 0.0), int | float):
        raise InputError(f"{where}: parameters.pressure_GPa must be a number (is {parameters['pressure_GPa']!r})")
    return entry


def _check_reference(entry: Any, where: str, elements: Sequence[str], potential: Metadata, pressure_GPa: float) -> None:
    strangers = sorted({str(e) for e in entry.composition.elements} - set(elements))
    if strangers:
        raise InputError(f"{where}: holds {strangers[0]}, which is not in {'-'.join(elements)}; leave it out")
    theirs = entry.parameters.get("potential") or entry.data.get("potential")
    if not isinstance(theirs, dict) or not potential.same_energies(theirs):
        name = theirs.get("name") if isinstance(theirs, dict) else theirs
        raise InputError(
            f"{where}: computed with {name or 'an unnamed method'}, this campaign with {potential.name}; energies of "
            "two potentials must not stand on one hull: recompute the entry, or name its potential in "
            'parameters["potential"] as `discover export --format entries` does'
        )
    at_GPa = entry.parameters.get("pressure_GPa", 0.0)
    if at_GPa != pressure_GPa:
        raise InputError(
            f"{where}: its enthalpy is one at {at_GPa:g} GPa, this campaign's are at {pressure_GPa:g}; leave it out"
        )


def _id_of(entry: Any, place: int) -> str:
    return str(entry.entry_id or f"entry {place}")


def _reference(entry: Any, id: str) -> HullEntry:
    """Its place on a hull is not known yet."""
    composition = {str(e): float(x) for e, x in entry.composition.fractional_composition.items()}
    structure = getattr(entry, "structure", None)
    return HullEntry(
        id=id,
        formula=formula_of(composition),
        composition=composition,
        energy_eV_per_atom=entry.energy_per_atom,
        formation_energy_eV_per_atom=float("nan"),
        e_above_hull_eV_per_atom=float("nan"),
        space_group=None if structure is None else structure.get_space_group_info(symprec=0.05)[1],
        on_hull=False,
    )
