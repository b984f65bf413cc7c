"""The convex hull of what a campaign found, on pymatgen's phase diagram."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from discover.errors import InputError
from discover.records import CandidateRecord, Hull, HullEntry
from potentials import Metadata

ON_HULL_EV = 1e-6
"""Above this an entry is above the hull; single-precision energies are no better."""


class ConvexHull:
    """Lowest energies by composition and the hull they span.

    elements: the chemical system.
    lowest: reduced formula -> (composition, energy in eV per atom) of the lowest entry.
    """

    def __init__(self, elements: Sequence[str], points: Iterable[tuple[Mapping[str, float], float]]) -> None:
        self.elements = tuple(elements)
        self.lowest: dict[str, tuple[Composition, float]] = {}
        for fractions, energy in points:
            composition = Composition(fractions)
            key = composition.reduced_formula
            if key not in self.lowest or energy < self.lowest[key][1]:
                self.lowest[key] = (composition, energy)
        self._levels: dict[str, float] = {}

    @cached_property
    def diagram(self) -> PhaseDiagram | None:
        """The phase diagram, None where an element has no reference."""
        if any(e not in self.lowest for e in self.elements):
            return None
        return PhaseDiagram(
            [PDEntry(c, e * c.num_atoms, c.get_integer_formula_and_factor()[0]) for c, e in self.lowest.values()]
        )

    def level(self, fractions: Mapping[str, float]) -> float:
        """Energy of the hull at a composition, eV/atom.

        Without all references the lowest known at this composition, infinity where nothing is known there.
        """
        composition = Composition(fractions)
        key = composition.reduced_formula
        if key not in self._levels:
            self._levels[key] = (
                self.lowest.get(key, (None, float("inf")))[1]
                if self.diagram is None
                else float(self.diagram.get_hull_energy_per_atom(composition))
            )
        return self._levels[key]

    def formation(self, fractions: Mapping[str, float], energy_eV_per_atom: float) -> float:
        """Formation energy from the elements' lowest, eV/atom; NaN where an element has no reference."""
        if self.diagram is None:
            return float("nan")
        return energy_eV_per_atom - sum(x * self.lowest[e][1] for e, x in fractions.items())


def build_hull(
    system: str,
    elements: Sequence[str],
    potential: Mapping[str, Any],
    history: Iterable[CandidateRecord],
    references: Sequence[HullEntry] = (),
    pressure_GPa: float = 0.0,
) -> Hull:
    """Hull of all converged, distinct candidates and the references given."""
    records = [r for r in history if r.fate == "converged" and r.energy_eV_per_atom is not None]
    points = [(r.composition, float(r.energy_eV_per_atom or 0.0)) for r in records]
    points += [(e.composition, e.energy_eV_per_atom) for e in references]
    hull = ConvexHull(elements, points)
    entries = [
        _entry(hull, r.id, r.formula, r.composition, float(r.energy_eV_per_atom or 0.0), r.space_group)
        for r in records
    ] + [
        _entry(hull, r.id, r.formula, r.composition, r.energy_eV_per_atom, r.space_group) for r in references
    ]
    entries.sort(key=lambda e: (e.e_above_hull_eV_per_atom, e.energy_eV_per_atom))
    return Hull(system, tuple(elements), potential, entries, pressure_GPa=pressure_GPa)


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
        on_hull=above <= ON_HULL_EV,
    )


def read_references(path: Path, elements: Sequence[str], potential: Metadata) -> list[HullEntry]:
    """Entries of a pymatgen ComputedStructureEntry JSON that may stand on this potential's hull.

    Raises:
        InputError: not such a file; an entry of another potential, or one that does not say whose it is; an element
            outside the system.
    """
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"references: {path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"references: {path}: not JSON ({error}); write pymatgen ComputedStructureEntry JSON") from None
    if not isinstance(values, list) or not all(isinstance(v, dict) and "energy" in v for v in values):
        raise InputError(f"references: {path}: must be a list of pymatgen ComputedStructureEntry objects")
    return [_reference(v, f"references: {path}: entry {k}", elements, potential) for k, v in enumerate(values)]


def _reference(value: dict[str, Any], where: str, elements: Sequence[str], potential: Metadata) -> HullEntry:
    from pymatgen.entries.computed_entries import ComputedEntry, ComputedStructureEntry

    kind = ComputedStructureEntry if "structure" in value else ComputedEntry
    try:
        entry = kind.from_dict(value)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: not a pymatgen entry ({type(error).__name__}: {error})") from None
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
    composition = {str(e): float(x) for e, x in entry.composition.fractional_composition.items()}
    group = entry.structure.get_space_group_info(symprec=0.05)[1] if "structure" in value else None
    return HullEntry(
        id=str(entry.entry_id or where.rpartition(" ")[2]),
        formula=entry.composition.reduced_formula,
        composition=composition,
        energy_eV_per_atom=entry.energy_per_atom,
        formation_energy_eV_per_atom=float("nan"),
        e_above_hull_eV_per_atom=float("nan"),
        space_group=group,
        on_hull=False,
    )
