"""From what the pipeline has found to the hull at temperature: which phases have a free energy, which not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import units

from discover.composition import composition_key
from discover.hull_at_temperature import FreeEnergy, HullAtTemperature, LeftOut, NoHullError, hull_at_temperature
from discover.pipeline.record import HitRecord, PropertiesRecord
from discover.pipeline.results import StageResult
from discover.pipeline.stages import GIVES_FREE_ENERGY
from discover.records import HullEntry, RunRecord

HARMONIC, QUASI_HARMONIC = GIVES_FREE_ENERGY
FEWEST_TEMPERATURES = 4
"""With fewer there is no interpolating between them."""


@dataclass(frozen=True)
class TemperatureHull:
    """The hull at temperature of a run, or why there is none.

    Attributes:
        hull: None where there is none.
        left_out: near-hull phases without a free energy.
        reason: why there is none, in one line.
        source: "phonons" or "thermal"; "mixed" where one phase has only the other.
        static: where static energies come from, in a few words.
    """

    hull: HullAtTemperature | None
    left_out: Sequence[LeftOut]
    reason: str = ""
    source: str = HARMONIC
    static: str = ""

    def to_json(self) -> dict[str, Any]:
        """The hull's object; `reason` and `left_out` alone where there is none."""
        about = {"source": self.source, "static_energies": self.static}
        if self.hull is not None:
            return self.hull.to_json() | about
        return {"reason": self.reason, "left_out": [vars(p) for p in self.left_out], **about}


def temperature_hull(run: RunRecord) -> TemperatureHull | None:
    """None where no stage that gives a free energy was run."""
    record = run.properties
    if record is None or not any(stage in hit.results for hit in record.hits for stage in GIVES_FREE_ENERGY):
        return None
    entries = {e.id: e for e in run.hull.own_entries}
    hits = [hit for hit in record.hits if hit.id in entries]
    source = _source(hits)
    pseudo = run.system if _fixed(run.hull.own_entries) else ""
    phases: list[FreeEnergy] = []
    left_out = [
        LeftOut(b["id"], b["formula"], "has no structure", entries[b["id"]].on_hull)
        for b in record.bare
        if b["id"] in entries
    ]
    for hit in hits:
        entry = entries[hit.id]
        found = _result(hit, source)
        reason = _against(hit, found, record, run.hull.pressure_GPa)
        if found is None or reason:
            left_out.append(LeftOut(hit.id, entry.formula, reason, entry.on_hull))
        else:
            phases.append(_free_energy(entry, found, pseudo, _rest_work_eV(hit, run.hull.pressure_GPa)))
    mixed = len({p.source for p in phases}) > 1
    found_hull = TemperatureHull(None, left_out, source="mixed" if mixed else source, static=_static(run))
    return _built(found_hull, phases, (pseudo,) if pseudo else run.elements)


def _built(found: TemperatureHull, phases: Sequence[FreeEnergy], elements: Sequence[str]) -> TemperatureHull:
    try:
        return replace(found, hull=hull_at_temperature(elements, phases, found.left_out))
    except NoHullError as error:
        return replace(found, reason=str(error))


def _fixed(entries: Sequence[HullEntry]) -> bool:
    """Whether all have one composition, so that only polymorphs are held against each other."""
    return len({composition_key(e.composition) for e in entries}) == 1


def _source(hits: Sequence[HitRecord]) -> str:
    """The quasi-harmonic approximation where every phase has it: one with and one without would not compare.

    A phase that is dynamically unstable is left out of the hull, and has no say.
    """
    stable = [hit for hit in hits if hit.value(HARMONIC, "dynamically_stable") is not False]
    some = [hit for hit in stable if any(_done(hit, stage) for stage in GIVES_FREE_ENERGY)]
    whole = [_done(hit, QUASI_HARMONIC) and _is_whole(hit.results[QUASI_HARMONIC]) for hit in some]
    return QUASI_HARMONIC if some and all(whole) else HARMONIC


def _is_whole(found: StageResult) -> bool:
    """Whether it has a Gibbs energy at every temperature: beyond the volumes that were computed there is none."""
    return None not in found.result["gibbs_energy_eV_per_atom"]


def _done(hit: HitRecord, stage: str) -> bool:
    return stage in hit.results and hit.results[stage].done


def _result(hit: HitRecord, source: str) -> StageResult | None:
    """By the stage that counts, else by the other one."""
    stages = [source, *(s for s in GIVES_FREE_ENERGY if s != source)]
    return next((hit.results[s] for s in stages if _done(hit, s)), None)


def _against(hit: HitRecord, found: StageResult | None, record: PropertiesRecord, pressure_GPa: float) -> str:
    """Why a phase has no free energy that may be used; empty where it has."""
    if hit.value(HARMONIC, "dynamically_stable") is False:
        low = hit.value(HARMONIC, "min_frequency_THz")
        lowest = "" if low is None else f" (lowest frequency {low:.2f} THz)".replace("-", "−")
        return f"is dynamically unstable{lowest}"
    if found is None:
        failed = [r for r in hit.failures if r.stage in GIVES_FREE_ENERGY]
        return f"{failed[0].stage} failed: {failed[0].reason}" if failed else "phonons are not computed yet"
    same = ("name", "checkpoint_sha256", "parameters")
    if len(found.result.get("temperatures_K") or ()) < FEWEST_TEMPERATURES:
        return f"its {found.stage} have fewer than {FEWEST_TEMPERATURES} temperatures"
    under_GPa = found.settings.get("pressure_GPa", pressure_GPa)
    if under_GPa != pressure_GPa:
        return f"its {found.stage} are at {under_GPa:g} GPa, the hull at {pressure_GPa:g}"
    if any(found.potential.get(k) != record.potential.get(k) for k in same):
        return f"its {found.stage} were computed with {found.potential.get('name')}, the others' not"
    return ""


def _rest_work_eV(hit: HitRecord, pressure_GPa: float) -> float:
    """P V of the crystal at rest, eV per atom: an enthalpy of the hull holds it already."""
    return pressure_GPa * units.GPa * float(hit.value("rest", "volume_A3_per_atom") or 0.0)


def _free_energy(entry: HullEntry, found: StageResult, pseudo: str, work_eV: float) -> FreeEnergy:
    """work_eV: that a Gibbs energy holds beside the static energy."""
    result = found.result
    if found.stage == QUASI_HARMONIC:
        added = np.array(result["gibbs_energy_eV_per_atom"], float) - result["static_energy_eV_per_atom"] - work_eV
    else:
        added = np.array(result["free_energy_eV_per_atom"], float)
    known = np.isfinite(added)
    return FreeEnergy(
        entry.id,
        entry.formula,
        {pseudo: 1.0} if pseudo else dict(entry.composition),
        entry.energy_eV_per_atom,
        np.array(result["temperatures_K"], float)[known],
        added[known],
        found.stage,
        entry.space_group,
    )


def _static(run: RunRecord) -> str:
    name = str(run.hull.potential.get("name"))
    return f"{name}, anchored to {run.anchoring.method}" if run.anchoring is not None else name
