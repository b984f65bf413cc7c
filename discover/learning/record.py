"""What a learning run has done: generations, labels, errors; what report and status are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from discover.learning.path_record import PathRecord
from potentials.whole_file import write_whole

FILE = "learning.json"


@dataclass(frozen=True)
class LabelRecord:
    """One label and how wrong the potential was before it had it.

    Attributes:
        generation: of the potential that chose it.
        walker, place: where it was met.
        distance: largest atomic one to what was labelled then; None in the first generation.
        force_error_eV_A: RMS over components of that potential's forces.
        energy_error_meV_per_atom: of its energy, zeros of energy aligned.
        why: it was chosen.
    """

    generation: int
    walker: int
    place: float
    distance: float | None
    force_error_eV_A: float
    energy_error_meV_per_atom: float
    why: str


@dataclass(frozen=True)
class Generation:
    """One potential of the line.

    Attributes:
        number: 0 is the one that the campaign names.
        checkpoint: file in the run's folder; the name of a potential for 0.
        sha256: of its weights.
        labels: it was trained on.
        held_out_force_eV_A: RMS error over components on the held-out frames, None without any.
        held_out_energy_meV_per_atom: RMS error of energies there, zeros aligned.
        reference_force_eV_A, reference_energy_meV_per_atom: the same on the part of the shipped reference set that is
            not replayed, by that set's oracle: what was forgotten.
        inner, outer: the band of its exploration, None where there was none.
        seconds: exploring, labelling, training.
        stops: how often its exploration stopped for a label.
        rewinds: how often it was sent back.
        traces: distance by place of each walker, thinned, for the plot.
        offsets_eV: what the oracle's zeros of energy lie above the first potential's, by element.
        path: its barrier, where a path is explored.
    """

    number: int
    checkpoint: str
    sha256: str | None
    labels: int
    held_out_force_eV_A: float | None = None
    held_out_energy_meV_per_atom: float | None = None
    reference_force_eV_A: float | None = None
    reference_energy_meV_per_atom: float | None = None
    inner: float | None = None
    outer: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    stops: int = 0
    rewinds: int = 0
    traces: Sequence[Sequence[tuple[float, float]]] = ()
    offsets_eV: Mapping[str, float] = field(default_factory=dict)
    path: PathRecord | None = None


@dataclass(frozen=True)
class LearningRecord:
    """All of it.

    Attributes:
        system: of the campaign.
        potential: metadata of generation 0.
        oracle: its description.
        explore: the explorer.
        unit: of places.
        budget: labels.
        generations: in order.
        labels: in the order they were made.
        failures: questions that the oracle had no answer to.
        held_out: labels that only test.
        finished: why it ended; empty while it has not.
    """

    system: str
    potential: Mapping[str, Any]
    oracle: Mapping[str, Any]
    explore: str
    unit: str
    budget: int
    generations: tuple[Generation, ...] = ()
    labels: tuple[LabelRecord, ...] = ()
    failures: tuple[str, ...] = ()
    held_out: int = 0
    finished: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self)

    def status(self) -> dict[str, Any]:
        """Where the run stands, JSON-able."""
        last = self.generations[-1]
        return {
            "system": self.system,
            "potential": dict(self.potential),
            "state": self.finished or "unfinished",
            "labels": {"budget": self.budget, "done": len(self.labels), "failed": len(self.failures)},
            "generations": last.number,
            "held_out_force_eV_A": last.held_out_force_eV_A,
            "checkpoint": last.checkpoint,
        }

    def status_text(self) -> str:
        """The same for people."""
        last = self.generations[-1]
        error = "" if last.held_out_force_eV_A is None else f", forces {last.held_out_force_eV_A:.3f} eV/Å off"
        return "\n".join(
            [
                f"{self.system} with {self.potential.get('name')}: {self.finished or 'unfinished'}",
                f"labels: {len(self.labels)}/{self.budget}",
                f"generation {last.number}{error}: {last.checkpoint}",
            ]
        )

    def save(self, folder: Path) -> None:
        """Write learning.json, whole or not at all."""
        write_whole(folder / FILE, json.dumps(self.to_json(), indent=1, allow_nan=False))

    @classmethod
    def read(cls, folder: Path) -> LearningRecord | None:
        """What `save` wrote; None where there is none."""
        if not (folder / FILE).is_file():
            return None
        value = json.loads((folder / FILE).read_text())
        value["generations"] = tuple(_generation(g) for g in value["generations"])
        value["labels"] = tuple(LabelRecord(**r) for r in value["labels"])
        value["failures"] = tuple(value["failures"])
        return cls(**value)


def _generation(value: dict[str, Any]) -> Generation:
    path = value.get("path")
    return Generation(**{**value, "path": path and PathRecord(**path)})
