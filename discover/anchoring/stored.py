"""What anchoring leaves in a run's folder, and the hull that it makes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from discover.errors import InputError
from discover.records import Hull, HullEntry
from discover.whole_files import write_files

FOLDER = "anchors"
STATE = "anchored.json"


@dataclass(frozen=True)
class AnchorStep:
    """One DFT energy, calculated or read from a file.

    Attributes:
        id: of the hull's entry.
        key: of the calculation, its folder in anchors/; a file's name where it was read.
        formula: of the entry.
        space_group: of the entry.
        energy_eV_per_atom: by DFT (enthalpy under pressure), None where it failed.
        delta_eV_per_atom: DFT − potential, None where it failed.
        why: for which reason it was chosen.
        seconds: wall time.
        n_atoms: in the cell that was calculated.
        grid: k-points along each reciprocal vector.
        moment: total, μ_B.
        attempts: what went wrong before it worked, or at all.
    """

    id: int | str
    key: str
    formula: str
    space_group: int | None
    energy_eV_per_atom: float | None
    delta_eV_per_atom: float | None
    why: str
    seconds: float = 0.0
    n_atoms: int = 0
    grid: tuple[int, ...] = ()
    moment: float = 0.0
    attempts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anchoring:
    """What is known of a run's hull from DFT.

    Attributes:
        level: the DFT settings (JSON), or {"files": [...]}.
        identity: version of the code and of its data sets.
        potential: metadata of the potential that was anchored.
        steps: DFT energies in the order in which they came.
        entries: of the anchored hull, by energy above it.
        needs: ids of entries that are not calculated, and by how much a calculation of each is expected to lower the
            hull's error (eV/atom), the most needed first.
        left_out: ids of references without a structure, of which nothing can be said.
        budget: calculations that were allowed.
    """

    level: Mapping[str, Any]
    identity: Mapping[str, str]
    potential: Mapping[str, Any]
    steps: Sequence[AnchorStep]
    entries: Sequence[HullEntry]
    needs: Sequence[tuple[int | str, float]]
    left_out: Sequence[int | str] = ()
    budget: int = 0

    @property
    def method(self) -> str:
        """In a few words: GPAW PBE."""
        code = {"gpaw": "GPAW", "espresso": "Quantum ESPRESSO", "abinit": "ABINIT", "vasp": "VASP"}
        if "files" in self.level:
            return f"energies of {', '.join(self.level['files'])}"
        return f"{code[self.level['code']]} {self.level['xc']}"

    def hull(self, before: Hull) -> Hull:
        """The anchored hull in place of the potential's own; entries of a lower rung stay listed after it."""
        own = {e.id for e in before.own_entries}
        lower = [e for e in before.entries if e.id not in own]
        return replace(before, entries=[*self.entries, *lower], anchored=True)

    def fits(self, hull: Hull) -> bool:
        """Whether it is of this hull: all its structures, and its potential."""
        known = {e.id for e in self.entries} | set(self.left_out)
        return {e.id for e in hull.own_entries} <= known and dict(self.potential) == dict(hull.potential)

    def save(self, folder: Path) -> None:
        """Write anchors/anchored.json, whole or not at all."""
        value = {f.name: getattr(self, f.name) for f in fields(self)}
        value |= {"steps": [asdict(s) for s in self.steps], "entries": [e.to_json() for e in self.entries]}
        text = json.dumps(value, indent=1, allow_nan=False)
        write_files(folder / FOLDER, {STATE: text.encode()})


def read_anchoring(folder: Path) -> Anchoring | None:
    """What stands in a run's folder; None where it was never anchored.

    Raises:
        InputError: it is damaged.
    """
    file = folder / FOLDER / STATE
    if not file.is_file():
        return None
    try:
        value = json.loads(file.read_text())
        value["steps"] = [
            AnchorStep(**s | {"grid": tuple(s["grid"]), "attempts": tuple(s["attempts"])}) for s in value["steps"]
        ]
        value["entries"] = [_entry(e) for e in value["entries"]]
        value["needs"] = [(id, gain) for id, gain in value["needs"]]
        return Anchoring(**value)
    except (ValueError, KeyError, TypeError):
        again = f"delete it and run `discover anchor {folder}` again; no calculation is lost"
        raise InputError(f"{file}: is damaged; {again}") from None


def _entry(value: Mapping[str, Any]) -> HullEntry:
    """NaN was written as null."""
    numbers = ("energy_eV_per_atom", "formation_energy_eV_per_atom", "e_above_hull_eV_per_atom")
    return HullEntry(**dict(value) | {k: float("nan") if value[k] is None else value[k] for k in numbers})
