"""What a stage has found of a hit, on disk with all that went into it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from discover.pipeline.stages import REST, VALIDATE, Stage
from discover.whole_files import write_files

FOLDER = "properties"
FIRST = (REST, VALIDATE)
_OWN = ("stage", "status", "reason", "ok", "title", "inputs", "potential", "settings", "seconds", "fault")
"""Keys of the file beside those of the result."""


@dataclass(frozen=True)
class StageResult:
    """A stage's end.

    Attributes:
        stage: its name.
        status: "done" or "failed".
        reason: why it failed, in one line.
        result: what it found, JSON-able; empty where it failed.
        title: that in one line.
        ok: False where it is done and what it found is against the structure or the potential (`Computed.ok`).
        inputs: {"hash", "structure", "potential", "settings", "version"}; None where it was not run, for something that
            it needs had failed.
        potential: metadata of who computed.
        settings: of the stage.
        seconds: wall time.
        fault: the traceback where it failed by an error that no rule foresaw.
    """

    stage: str
    status: str
    potential: Mapping[str, Any]
    settings: Mapping[str, Any]
    reason: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    ok: bool = True
    inputs: Mapping[str, Any] | None = None
    seconds: float = 0.0
    fault: str = ""

    @property
    def done(self) -> bool:
        """Whether it has a result."""
        return self.status == "done"

    def to_json(self) -> dict[str, Any]:
        """The result's keys beside its own; what is no number is null."""
        return clean(dict(self.result) | {key: getattr(self, key) for key in _OWN})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StageResult:
        """What `to_json` gave."""
        result = {k: v for k, v in value.items() if k not in _OWN}
        return cls(**{k: value[k] for k in _OWN}, result=result)


def clean(value: Any) -> Any:
    """The same as plain JSON: arrays as lists, numpy's numbers as Python's, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(k): clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clean(v) for v in value]
    if isinstance(value, np.ndarray):
        return clean(value.tolist())
    if isinstance(value, np.generic):
        return clean(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def structure_json(atoms: Atoms) -> dict[str, Any]:
    """The bare arrays, lengths in Å."""
    return {
        "numbers": atoms.numbers.tolist(),
        "cell": atoms.cell.array.tolist(),
        "positions": atoms.positions.tolist(),
    }


def structure_from(value: Mapping[str, Any]) -> Atoms:
    """What `structure_json` gave, periodic in three directions."""
    return Atoms(value["numbers"], cell=value["cell"], positions=value["positions"], pbc=True)


def inputs_of(atoms: Atoms, potential: Mapping[str, Any], stage: Stage, pressure_GPa: float) -> dict[str, Any]:
    """Everything that decides a stage's result, and the hash of it.

    The structure and the settings count to the last digit, of the potential its name, version, weights and options.
    """
    identity = {k: potential.get(k) for k in ("name", "version", "checkpoint_sha256", "parameters")}
    parts = {
        "structure": _sha(structure_json(atoms)),
        "potential": identity,
        "settings": clean(stage.settings),
        "pressure_GPa": pressure_GPa,
        "version": stage.version,
    }
    return {"hash": _sha([stage.name, parts]), **parts}


def _sha(value: Any) -> str:
    return hashlib.sha256(json.dumps(clean(value), sort_keys=True).encode()).hexdigest()[:16]


def folder_of(id: int | str) -> str:
    """Name of a hit's folder: its id, made safe and unmistakable where it is a reference's."""
    text = str(id)
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in text)
    return safe if isinstance(id, int) else f"{safe}-{_sha(text)[:6]}"


def write_result(run: Path, id: int | str, found: StageResult) -> None:
    """Keep a stage's end in the run's folder, whole or not at all."""
    text = json.dumps(found.to_json(), indent=1, allow_nan=False)
    write_files(run / FOLDER / folder_of(id), {f"{found.stage}.json": text.encode()})


def read_result(run: Path, id: int | str, stage: str) -> StageResult | None:
    """What is kept of a stage; None where there is nothing that can be read, which is then computed again."""
    return _read(run / FOLDER / folder_of(id) / f"{stage}.json")


def read_results(run: Path, id: int | str) -> dict[str, StageResult]:
    """Everything that is kept of a hit, by stage, in the order of their names behind what comes first."""
    files = sorted((run / FOLDER / folder_of(id)).glob("*.json"), key=lambda f: (f.stem not in FIRST, f.stem))
    return {found.stage: found for f in files if (found := _read(f)) is not None}


def _read(file: Path) -> StageResult | None:
    try:
        return StageResult.from_json(json.loads(file.read_text()))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
