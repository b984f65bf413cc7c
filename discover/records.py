"""What the campaign hands to hull, report and export: plain frozen records, no database behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ase import Atoms


@dataclass(frozen=True)
class CandidateRecord:
    """One finished candidate, as the store keeps it (all candidates, in the order they finished).

    Attributes:
        id: the candidate's id.
        operator: what made it.
        parents: ids it was made from.
        formula: reduced formula of its cell ("SiGe").
        composition: atomic fractions by element, summing to 1.
        n_atoms: atoms in the final (primitive) cell.
        energy_eV_per_atom: energy (enthalpy under pressure), None where there is none.
        fate: a `searchers.Fate` value.
        reason: one line, empty where all went well.
        duplicate_of: the id it repeats, or None.
        model_calls: what it cost.
        steps: optimiser steps.
        space_group: international number of the final geometry, None where unknown.
        max_force_eV_A: largest force on an atom, None where unknown.
        finished_s: seconds of campaign time (resumes added up) at which it was finished.
        properties: what was measured of the final geometry, by a name that ends in its unit.
    """

    id: int
    operator: str
    parents: tuple[int, ...]
    formula: str
    composition: Mapping[str, float]
    n_atoms: int
    energy_eV_per_atom: float | None
    fate: str
    reason: str
    duplicate_of: int | None
    model_calls: int
    steps: int
    space_group: int | None
    max_force_eV_A: float | None
    finished_s: float
    properties: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class HullEntry:
    """One distinct structure beside the hull; field names are those of `discover hull --json`."""

    id: int | str
    formula: str
    composition: Mapping[str, float]
    energy_eV_per_atom: float
    formation_energy_eV_per_atom: float
    e_above_hull_eV_per_atom: float
    space_group: int | None
    on_hull: bool
    sigma_eV_per_atom: float | None = None
    p_stable: float | None = None
    anchored: bool = False

    def to_json(self) -> dict[str, Any]:
        """Its fields; NaN, where there is no such energy, is null."""
        fields = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in vars(self).items()}
        return fields | {"composition": dict(self.composition)}


@dataclass(frozen=True)
class Hull:
    """The convex hull of a campaign. Entries are sorted by energy above the hull, then by energy."""

    system: str
    elements: tuple[str, ...]
    potential: Mapping[str, Any]
    entries: Sequence[HullEntry]
    anchored: bool = False
    pressure_GPa: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The object that `discover hull --json` prints; what is not known is null."""
        return {
            "system": self.system,
            "potential": dict(self.potential),
            "anchored": self.anchored,
            "pressure_GPa": self.pressure_GPa,
            "entries": [e.to_json() for e in self.entries],
        }


@dataclass(frozen=True)
class RunRecord:
    """Everything a report needs to know of a run.

    Attributes:
        system: as in the campaign ("Si-Ge", "TiC").
        elements: chemical symbols.
        campaign: the campaign as run, every default written out (nested dict).
        hull: the hull.
        history: every finished candidate, in the order they finished.
        atoms_of: structure of an id (final geometry, no calculator).
        provenance: label to value: versions, seed, potential's name and checkpoint SHA-256, functional, machine,
            start, end, resumes; flat, values are str or numbers.
        wall_s: campaign seconds so far (resumes added up).
        complete: False where the budget has not been spent yet.
    """

    system: str
    elements: tuple[str, ...]
    campaign: Mapping[str, Any]
    hull: Hull
    history: Sequence[CandidateRecord]
    atoms_of: Callable[[int | str], Atoms]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    wall_s: float = 0.0
    complete: bool = True
