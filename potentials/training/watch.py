"""What a training reports: errors, epochs, the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Errors:
    """Root mean squares over a set of labels.

    Attributes:
        energy_eV_per_atom: of energies per atom, over structures.
        force_eV_A: of force components.
        stress_eV_A3: of stress components; None where no label has a stress.
        loss: the mean loss.
    """

    energy_eV_per_atom: float
    force_eV_A: float
    stress_eV_A3: float | None
    loss: float


@dataclass(frozen=True)
class Epoch:
    """One pass over the labels.

    Attributes:
        number: from 1; 0 is the parent, before any step.
        seconds: of this epoch.
        train, replay: errors as they were met, before each step; at number 0 the parent's.
        validation: errors at the end of the epoch.
    """

    number: int
    seconds: float
    train: Errors
    replay: Errors | None = None
    validation: Errors | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Epoch:
        """What `to_json` gave."""
        sets = {k: value[k] and Errors(**value[k]) for k in ("train", "replay", "validation")}
        return cls(value["number"], value["seconds"], **sets)


@dataclass(frozen=True)
class FineTuned:
    """A new checkpoint.

    Attributes:
        path: of the checkpoint.
        history: the parent (number 0), then every epoch.
        best_epoch: whose weights these are: of the lowest validation loss, or the last without validation.
        train, replay, validation: errors of the weights in the checkpoint (the replay's on what of it was watched).
        offsets_eV: of the oracle's energy scale above the network's, an atom of each element.
        seconds: wall time of all epochs.
    """

    path: Path
    history: tuple[Epoch, ...]
    best_epoch: int
    train: Errors
    replay: Errors | None
    validation: Errors | None
    offsets_eV: Mapping[str, float]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields, without the path."""
        fields = asdict(self)
        del fields["path"]
        return fields | {"history": list(fields["history"]), "offsets_eV": dict(self.offsets_eV)}

    @classmethod
    def from_json(cls, path: Path, value: Mapping[str, Any]) -> FineTuned:
        """What `to_json` gave, beside the path."""
        fields = dict(value) | {"history": tuple(Epoch.from_json(e) for e in value["history"])}
        fields |= {k: value[k] and Errors(**value[k]) for k in ("train", "replay", "validation")}
        return cls(path, **fields)
