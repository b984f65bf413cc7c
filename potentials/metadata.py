"""Who a potential is: enough to never mix two of them on one hull."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Metadata:
    """A potential's identity, written beside every result.

    Attributes:
        name: what `potentials.load` was given.
        version: of the package that evaluates it.
        checkpoint: the weights' file name, None where there are none.
        checkpoint_sha256: of the weights' file, None where there are none.
        training_functional: what its energies imitate ("PBE", "PBE+U", ...), None for model potentials.
        elements: chemical symbols it knows; None where it takes any.
        licence: of the weights or the code.
        parameters: settings that change energies (sigma_A, epsilon_eV, ...).
        dispersion: "none" where its energies hold none; where they do, by which method; None where nobody knows.
    """

    name: str
    version: str
    checkpoint: str | None = None
    checkpoint_sha256: str | None = None
    training_functional: str | None = None
    elements: tuple[str, ...] | None = None
    licence: str | None = None
    parameters: Mapping[str, Any] | None = None
    dispersion: str | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields, without the long list of elements."""
        fields = asdict(self)
        del fields["elements"]
        return fields

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Metadata:
        """What `to_json` gave, the elements apart."""
        return cls(**value)

    def same_energies(self, other: Mapping[str, Any]) -> bool:
        """True where energies of the other potential (its `to_json`) may stand on one hull with this one's."""
        mine = self.to_json()
        if self.checkpoint_sha256 is not None:
            return self.checkpoint_sha256 == other.get("checkpoint_sha256")
        return all(mine[k] == other.get(k) for k in ("name", "parameters")) and not other.get("checkpoint_sha256")


@lru_cache
def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
