"""Campaigns that run until they have found what they are told to find, their model calls counted at the potential."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.db import connect
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from discover import Campaign
from discover.composition import formula_of, fractions_of
from discover.config import CampaignConfig
from discover.progress import Silent
from potentials.sevennet import SevenNetPotential

WITHIN_EV = 0.005
"""Per atom, above the reference: campaigns relax to 0.05 eV/Å, references to 0.01."""
BELOW_EV = 0.001
"""Per atom: what lies so far below the reference is as good as it."""


@dataclass(frozen=True)
class Goal:
    """A phase to find.

    Attributes:
        name: its reduced formula.
        variants: the reference, and structures that are as good.
        energy_eV_per_atom: of the lowest.
    """

    name: str
    variants: tuple[Atoms, ...]
    energy_eV_per_atom: float

    def met_by(self, atoms: Atoms, energy_eV_per_atom: float) -> bool:
        """True where this is the phase (StructureMatcher, energy), or something lower at its composition."""
        above = energy_eV_per_atom - self.energy_eV_per_atom
        if above > WITHIN_EV or formula_of(fractions_of(atoms)) != self.name:
            return False
        if above < -BELOW_EV:
            return True
        return any(StructureMatcher().fit(_structure(atoms), _structure(known)) for known in self.variants)


def _structure(atoms: Atoms) -> Any:
    return AseAtomsAdaptor.get_structure(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True))


class Enough(Exception):  # noqa: N818 - not an error: every goal is met
    """Ends a campaign."""


@dataclass
class Watch(Silent):
    """Looks at each result as a campaign stores it, and ends the campaign when every goal is met.

    folder: of the run.
    goals: what is sought.
    calls: model calls until now, by the potential's own count.
    """

    folder: Path
    goals: Sequence[Goal]
    calls: dict[str, int]
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    elements_calls: int = 0
    _read: int = 0

    def update(self, done: int, model_calls: int, failed: int, duplicates: int, best: str) -> None:
        """Look at what is new."""
        lines = (self.folder / "log.jsonl").read_text().splitlines()
        with connect(self.folder / "candidates.db", type="db") as stored:
            for line in map(json.loads, lines[self._read :]):
                if line["operator"] == "prototype":
                    self.elements_calls += line["model_calls"]
                if line["fate"] in ("converged", "duplicate"):
                    self._look(next(stored.select(candidate=line["candidate"])), done)
        self._read = len(lines)
        if len(self.found) == len(self.goals):
            raise Enough

    def _look(self, row: Any, done: int) -> None:
        for goal in self.goals:
            if goal.name not in self.found and goal.met_by(row.toatoms(), row.enthalpy_eV_per_atom):
                above_meV = 1000 * float(row.enthalpy_eV_per_atom - goal.energy_eV_per_atom)
                self.found[goal.name] = {
                    "calls": self.calls["7net-0"],
                    "candidates": done,
                    "operator": row.operator,
                    "above_reference_meV": round(above_meV, 2),
                    "space_group": int(row.get("space_group_number", 0)),
                    "atoms": row.natoms,
                }
                print(f"{self.folder.name}: {goal.name} found, {self.found[goal.name]}", flush=True)


@contextmanager
def counted_calls() -> Iterator[dict[str, int]]:
    """Structures evaluated so far by each of SevenNet's networks, counted where every evaluation passes."""
    calls = {"7net-0": 0, "7net-l3i5": 0}
    evaluate = SevenNetPotential.evaluate

    def counting(self: SevenNetPotential, structures: Sequence[Any]) -> Any:
        calls[self.metadata.name] += len(structures)
        return evaluate(self, structures)

    SevenNetPotential.evaluate = counting  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        SevenNetPotential.evaluate = evaluate  # type: ignore[method-assign]


def campaign(goals: Sequence[Goal], config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run one campaign in this process until its goals are met or its budget is spent; what came of it."""
    shutil.rmtree(folder, ignore_errors=True)  # one that was killed: its count of calls went with it
    with counted_calls() as calls:
        watch = Watch(folder, goals, calls)
        with suppress(Enough):
            Campaign(CampaignConfig.model_validate(config)).run(folder, workers=0, progress=watch)
        return {
            "found": watch.found,
            "calls": calls["7net-0"],
            "elements_calls": watch.elements_calls,
            "witness_calls": calls["7net-l3i5"],
        }
