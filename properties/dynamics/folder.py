"""A run's folder: what was asked for, checkpoints, trajectories, flows."""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from potentials.potential import Potential
from potentials.whole_file import write_whole
from properties.dynamics.flow import Departure, Flow
from properties.dynamics.keeping import InFiles, write_arrays
from properties.dynamics.settings import DynamicsSettings, Replica
from properties.dynamics.stages import Stopped
from properties.errors import PropertyError

ASKED = "run.json"
HOW = ("processes", "skin_A")
"""Settings that change how fast a run is, and not what it is."""
PATIENCE_S = 15.0
"""Children of a run that was killed notice within a step, and hold its files until then."""


@dataclass(frozen=True)
class PartFiles:
    """Of the replicas that one process runs."""

    keepers: Sequence[InFiles]
    checkpoint: Path
    stems: Sequence[str]

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """A checkpoint, whole."""
        write_arrays(self.checkpoint, arrays)

    def load(self) -> dict[str, np.ndarray] | None:
        """The last checkpoint; None where there is none, and then no rows either."""
        if self.checkpoint.exists():
            with np.load(self.checkpoint) as file:
                return {name: file[name] for name in file.files}
        for keeper in self.keepers:
            keeper.cut({})
        return None

    def write_flows(self, flows: Mapping[int, Flow]) -> None:
        """One file a replica, whole; rows that stand in it are removed when all do."""
        by_stem = {stem.split("-")[0]: stem for stem in self.stems}
        for k, flow in flows.items():
            write_arrays(self.checkpoint.parent / f"{by_stem[f'{k:03d}']}.npz", _to_arrays(flow))


class RunFolder:
    """The folder of one run."""

    def __init__(self, folder: Path, replicas: Sequence[Replica], settings: DynamicsSettings) -> None:
        self.folder, self.replicas, self.settings = folder, replicas, settings
        self.stems = [
            f"{k:03d}-{r.atoms.get_chemical_formula('metal')}-{r.temperature_K:g}K-seed{r.seed}"
            for k, r in enumerate(replicas)
        ]

    @classmethod
    def open(
        cls, folder: Path, potential: Potential, replicas: Sequence[Replica], settings: DynamicsSettings
    ) -> RunFolder:
        """The folder of this run, made where there is none.

        Raises:
            PropertyError: it holds another run.
        """
        asked = json.loads(json.dumps(_asked(potential, replicas, settings)))
        path = folder / ASKED
        if path.exists():
            before = json.loads(path.read_text())
            if other := [key for key in asked if before.get(key) != asked[key]]:
                difference = _difference(before, asked, other[0])
                raise PropertyError(f"{folder}: holds a run with {difference}; give another folder")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _write_json(path, asked | {"processes": settings.processes})
        return cls(folder, replicas, settings)

    @property
    def processes(self) -> int:
        """As the run was begun with: checkpoints are theirs."""
        return int(json.loads((self.folder / ASKED).read_text())["processes"])

    def finished(self) -> tuple[dict[int, Flow], list[Stopped]] | None:
        """What a finished run has left; None of one that is not."""
        done = json.loads((self.folder / ASKED).read_text()).get("done")
        if done is None:
            return None
        stopped = [Stopped(**s) for s in done["stopped"]]
        ran = set(range(len(self.replicas))) - {s.replica for s in stopped}
        return {k: _from_arrays(self.folder / f"{self.stems[k]}.npz") for k in sorted(ran)}, stopped

    def finish(self, stopped: Sequence[Stopped]) -> None:
        """All flows are written: say so, then remove what they hold."""
        path = self.folder / ASKED
        said = json.loads(path.read_text()) | {"done": {"stopped": [asdict(s) for s in stopped]}}
        _write_json(path, said)
        for stem, replica in zip(self.stems, self.replicas, strict=True):
            InFiles(self.folder, stem, replica.atoms, 1.0).remove_rows()
        for checkpoint in self.folder.glob("checkpoint-*.npz"):
            checkpoint.unlink()

    @contextmanager
    def part(self, part: Sequence[int]) -> Iterator[PartFiles]:
        """Files of those replicas, for one process at a time.

        Raises:
            PropertyError: another process has them.
        """
        name = f"{part[0]}-of-{len(self.replicas)}-by-{len(part)}"
        frame_ps = 1e-3 * self.settings.time_step_fs * self.settings.frame_every
        with (self.folder / ".lock").open("a") as lock:
            _take(lock, self.folder, part[0])
            stems = [self.stems[k] for k in part]
            keepers = [InFiles(self.folder, self.stems[k], self.replicas[k].atoms, frame_ps) for k in part]
            yield PartFiles(keepers, self.folder / f"checkpoint-{name}.npz", stems)


def _take(lock: Any, folder: Path, byte: int) -> None:
    """Lock one byte of the file: parts of one run have bytes of their own."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            return
        except OSError:
            if time.monotonic() > until:
                raise PropertyError(f"{folder}: another process is running this; wait for it, or stop it") from None
            time.sleep(0.2)


def _asked(potential: Potential, replicas: Sequence[Replica], settings: DynamicsSettings) -> dict[str, Any]:
    """What a run is: the potential, settings and replicas, comparable as JSON."""
    return {
        "potential": potential.metadata.to_json(),
        "settings": {key: value for key, value in asdict(settings).items() if key not in HOW},
        "replicas": [
            {
                "formula": r.atoms.get_chemical_formula(),
                "temperature_K": float(r.temperature_K),
                "seed": r.seed,
                "atoms_sha256": _digest(r),
            }
            for r in replicas
        ],
    }


def _digest(replica: Replica) -> str:
    atoms = replica.atoms
    parts = (atoms.numbers.astype("<i8"), atoms.positions.astype("<f8"), atoms.cell.array.astype("<f8"))
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def _difference(before: Mapping[str, Any], asked: Mapping[str, Any], key: str) -> str:
    """What is different, in words."""
    if key == "settings":
        name = next(k for k in asked[key] if before[key].get(k) != asked[key][k])
        return f"{name} {before[key].get(name)} (asked for: {asked[key][name]})"
    if key == "potential":
        theirs, mine = before[key], asked[key]
        if theirs["name"] != mine["name"]:
            return f"the potential {theirs['name']} (asked for: {mine['name']})"
        return f"another {mine['name']}, of other weights, parameters or version"
    return "other replicas"


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(value, indent=1) + "\n")


def _to_arrays(flow: Flow) -> dict[str, np.ndarray]:
    """Arrays as they are, everything else as JSON."""
    arrays, said = {}, {}
    for field in fields(flow):
        value = getattr(flow, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        else:
            said[field.name] = asdict(value) if isinstance(value, Departure) else value
    return arrays | {"said": np.array(json.dumps(said))}


def _from_arrays(path: Path) -> Flow:
    with np.load(path) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    said = json.loads(str(arrays.pop("said")))
    if said["departure"] is not None:
        said["departure"] = Departure(**said["departure"])
    return Flow(**arrays, **said)
