"""What is known of a run's hits: the list of them, and what each stage has found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from discover.errors import InputError
from discover.pipeline.hits import Hit
from discover.pipeline.results import FOLDER, StageResult, read_results
from discover.records import HullEntry
from discover.whole_files import write_files

HITS, TABLE = "hits.json", "properties.csv"
_CSV: Mapping[str, tuple[str, ...]] = {
    "space_group_at_rest": ("rest", "space_group"),
    "energy_eV_per_atom": ("rest", "energy_eV_per_atom"),
    "volume_A3_per_atom": ("rest", "volume_A3_per_atom"),
    "laws_obeyed": ("validate", "passed"),
    "bulk_modulus_GPa": ("elastic", "bulk_modulus_GPa", "hill"),
    "error_bulk_modulus_GPa": ("elastic", "modulus_errors", "bulk_modulus_GPa"),
    "shear_modulus_GPa": ("elastic", "shear_modulus_GPa", "hill"),
    "error_shear_modulus_GPa": ("elastic", "modulus_errors", "shear_modulus_GPa"),
    "young_modulus_GPa": ("elastic", "young_modulus_GPa"),
    "poisson_ratio": ("elastic", "poisson_ratio"),
    "born_stable": ("elastic", "born_stable"),
    "debye_temperature_K": ("elastic", "debye_temperature_K"),
    "dynamically_stable": ("phonons", "dynamically_stable"),
    "min_frequency_THz": ("phonons", "min_frequency_THz"),
    "zero_point_energy_eV_per_atom": ("phonons", "zero_point_energy_eV_per_atom"),
    "free_energy_300K_eV_per_atom": ("phonons", "free_energy_eV_per_atom"),
    "volumetric_expansion_300K_per_K": ("thermal", "volumetric_expansion_per_K"),
    "error_volumetric_expansion_300K_per_K": ("thermal", "error_volumetric_expansion_per_K"),
    "bulk_modulus_300K_GPa": ("thermal", "bulk_modulus_GPa"),
    "mean_grueneisen_300K": ("thermal", "mean_grueneisen"),
    "activation_energy_eV": ("conductivity", "activation_energy_eV"),
    "error_activation_energy_eV": ("conductivity", "activation_energy_error_eV"),
    "conductivity_300K_S_per_cm": ("conductivity", "extrapolated_300_K", "value"),
    "dimensionality": ("exfoliation", "dimensionality"),
    "exfoliation_energy_meV_per_atom": ("exfoliation", "exfoliation_energy_meV_per_atom"),
    "interlayer_distance_A": ("exfoliation", "interlayer_distance_A"),
}
"""Columns: the stage and the keys that lead to the number, or to a row of them over temperatures."""
ROOM_K = 300.0
NEXT_TO_K = 20.0
"""What is further away from a temperature says nothing of it."""


@dataclass(frozen=True)
class HitRecord:
    """A hit, as `Hit.to_json` tells it, and what its stages have found, by stage."""

    hit: Mapping[str, Any]
    results: Mapping[str, StageResult]

    @property
    def id(self) -> int | str:
        """The hull entry's."""
        id: int | str = self.hit["id"]
        return id

    def value(self, stage: str, *keys: str) -> Any:
        """What a stage has found under these keys; None where it has not."""
        here: Any = self.results[stage].result if stage in self.results else None
        for key in keys:
            here = here.get(key) if isinstance(here, Mapping) else None
        return here

    def value_at(self, wanted_K: float, stage: str, *keys: str) -> float | None:
        """Of a row over the stage's `temperatures_K`: the value on the grid at, or next to, a temperature."""
        temperatures, values = self.value(stage, "temperatures_K"), self.value(stage, *keys)
        if not temperatures or not isinstance(values, list) or len(temperatures) != len(values):
            return None
        place = min(range(len(temperatures)), key=lambda k: abs(float(temperatures[k]) - wanted_K))
        value = values[place]
        near = abs(float(temperatures[place]) - wanted_K) <= NEXT_TO_K
        return float(value) if near and isinstance(value, int | float) else None

    @property
    def failures(self) -> list[StageResult]:
        """Stages without a result."""
        return [r for r in self.results.values() if not r.done]

    def to_json(self) -> dict[str, Any]:
        """The hit, and every stage's file."""
        return {**self.hit, "stages": {name: found.to_json() for name, found in self.results.items()}}


@dataclass(frozen=True)
class PropertiesRecord:
    """A run's hits and who computed.

    Attributes:
        potential: metadata.
        hits: stable ones first.
        bare: formulas and ids of what has no structure, so that nothing can be computed.
    """

    potential: Mapping[str, Any]
    hits: Sequence[HitRecord]
    bare: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "potential": dict(self.potential),
            "hits": [h.to_json() for h in self.hits],
            "without_structure": list(self.bare),
        }


def write_hits(run: Path, potential: Mapping[str, Any], hits: Sequence[Hit], bare: Sequence[HullEntry]) -> None:
    """Say which hits there are, before anything is computed of them."""
    value = {
        "potential": dict(potential),
        "hits": [hit.to_json() for hit in hits],
        "without_structure": [{"id": e.id, "formula": e.formula} for e in bare],
    }
    write_files(run / FOLDER, {HITS: json.dumps(value, indent=1, allow_nan=False).encode()})


def read_properties(run: Path) -> PropertiesRecord | None:
    """What stands in a run's folder; None where nobody has asked for properties.

    Raises:
        InputError: the list of hits is damaged.
    """
    file = run / FOLDER / HITS
    if not file.is_file():
        return None
    try:
        value = json.loads(file.read_text())
        hits = [HitRecord(hit, read_results(run, hit["id"])) for hit in value["hits"]]
        return PropertiesRecord(value["potential"], hits, value["without_structure"])
    except (ValueError, KeyError, TypeError):
        again = f"delete it and run `discover properties {run}` again; no result is lost"
        raise InputError(f"{file}: is damaged; {again}") from None


def properties_csv(record: PropertiesRecord) -> str:
    """One line a hit; empty where a number is not known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*("id", "formula", "space_group", "e_above_hull_eV_per_atom", "on_hull"), *_CSV, "failed"])
    for h in record.hits:
        numbers = [_number(h, *keys) for keys in _CSV.values()]
        failed = "; ".join(f"{r.stage}: {r.reason}" for r in h.failures)
        writer.writerow([*h.hit.values(), *(_cell(n) for n in numbers), failed])
    return text.getvalue()


def _number(hit: HitRecord, stage: str, *keys: str) -> Any:
    value = hit.value(stage, *keys)
    return hit.value_at(ROOM_K, stage, *keys) if isinstance(value, list) else value


def _cell(value: Any) -> Any:
    return f"{value:.9g}" if isinstance(value, float) else value if isinstance(value, bool | int | str) else None
