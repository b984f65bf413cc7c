"""What the campaign hands to hull, report and export: plain frozen records, no database behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ase import Atoms

if TYPE_CHECKING:
    from discover.anchoring.stored import Anchoring
    from discover.pipeline.record import PropertiesRecord


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
        tidy_calls: evaluations by the cheap potential that tidied it first; not among `model_calls`.
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
    tidy_calls: int = 0

    @property
    def structure(self) -> int | None:
        """Id of the first candidate that ended in this structure, its own where it did; None where it has none."""
        return self.id if self.fate == "converged" else self.duplicate_of


@dataclass(frozen=True)
class HullEntry:
    """One distinct structure beside the hull; field names are those of `discover hull --json`.

    `rung` names the potential that its energies are of: the hull's own, or, where the lowest structures were relaxed
    again with a better potential and this one was not, the search's. Its distance is then that to the search's hull.
    `domain_distance`, `in_domain` and `expected_error_eV_per_atom` are that potential's (`discover.familiarity`); None
    where nobody knows its domain.
    """

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
    rung: str = ""
    domain_distance: float | None = None
    in_domain: bool | None = None
    expected_error_eV_per_atom: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Its fields; NaN, where there is no such energy, and infinity are null."""
        fields = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in vars(self).items()}
        return fields | {"composition": dict(self.composition)}


@dataclass(frozen=True)
class Hull:
    """The convex hull of a campaign.

    Entries are sorted by energy above the hull, then by energy; those of a lower rung, which are never on the hull,
    come last. `ladder` names the potentials of all rungs ("rung" and their metadata), the hull's own last; it is empty
    where there is only one.
    """

    system: str
    elements: tuple[str, ...]
    potential: Mapping[str, Any]
    entries: Sequence[HullEntry]
    anchored: bool = False
    pressure_GPa: float = 0.0
    ladder: Sequence[Mapping[str, Any]] = ()

    @property
    def own_entries(self) -> list[HullEntry]:
        """Entries of the hull's own potential: those that may be compared with each other."""
        if not self.ladder:
            return list(self.entries)
        return [e for e in self.entries if e.rung == self.ladder[-1]["rung"]]

    def to_json(self) -> dict[str, Any]:
        """The object that `discover hull --json` prints; what is not known is null."""
        ladder = {"ladder": [dict(rung) for rung in self.ladder]} if self.ladder else {}
        return {
            "system": self.system,
            "potential": dict(self.potential),
            **ladder,
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
        search_hull: hull by the search's own potential, where `hull` is that of a higher rung; else None.
        reranked: what became of the structures that a higher rung relaxed again, under their ids, in the order they
            finished.
        anchoring: what DFT says of the hull, None where it was not asked or where the run has found more since.
        unanchored: the hull by the potential alone, where `hull` is anchored.
        outdated: whether there is an anchoring of an earlier state of the run.
        properties: what the pipeline has found of the hits; None where nobody has asked, or needs it.
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
    search_hull: Hull | None = None
    reranked: Sequence[CandidateRecord] = ()
    anchoring: Anchoring | None = None
    unanchored: Hull | None = None
    outdated: bool = False
    properties: PropertiesRecord | None = None
