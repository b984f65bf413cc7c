"""Where a checkpoint comes from, written into the checkpoint itself."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

KEY = "discover_lineage"
"""Under which a checkpoint's dictionary keeps it; sevenn reads past it."""
SEMILOCAL = ("LDA", "PBE", "PBESOL", "RPBE", "REVPBE", "PW91", "SCAN", "RSCAN", "R2SCAN", "PBE0", "HSE06")
"""Functionals without dispersion of long range."""
WITHOUT_DISPERSION = ("7net-0", "7net-l3i5", "chgnet")
"""Potentials that learnt from such functionals."""
DISPERSION_KEYS = ("ivdw", "luse_vdw", "vdw_corr", "vdw_xc", "london", "dispersion", "d3", "d4")
"""How VASP, Quantum ESPRESSO, ABINIT and people ask for it beside a semilocal functional."""
OFF = ("", "0", "false", "none", "off", ".false.")


@dataclass(frozen=True)
class Lineage:
    """How one generation was made.

    Attributes:
        parent: what it was trained from, by name or file name.
        parent_sha256: of that checkpoint's file.
        generation: 1 for a child of a published checkpoint.
        functional: what the root of the line was trained on; None where nobody said.
        oracle: who answered, in the caller's words ({"code": "gpaw", "xc": "PBE"}, {"name": "7net-l3i5"}).
        labels: hashes of the labels, in order.
        labels_sha256, replay_sha256, validation_sha256: of the lists; None of an empty one.
        replay_labels, validation_labels: how many.
        settings: `TrainSettings` by name.
        inputs_sha256: of everything that decides the result.
        date: ISO 8601, UTC.
        versions: of the packages that trained it.
        result: `FineTuned` by name: errors, history, offsets_eV.
        electrostatics: what the network was trained beside and is to be used with (`electrostatics.Electrostatics` by
            name, and `constants_eV` of each element); None where it was trained on whole energies.
        before: the parent's own lineage; None for a root.
    """

    parent: str
    parent_sha256: str
    generation: int
    functional: str | None
    oracle: Mapping[str, Any]
    labels: tuple[str, ...]
    labels_sha256: str
    replay_sha256: str | None
    validation_sha256: str | None
    replay_labels: int
    validation_labels: int
    settings: Mapping[str, Any]
    inputs_sha256: str
    date: str
    versions: Mapping[str, str]
    result: Mapping[str, Any] = field(default_factory=dict)
    electrostatics: Mapping[str, Any] | None = None
    before: Lineage | None = None

    @property
    def offsets_eV(self) -> dict[str, float]:
        """The oracle's energies lie this far above the network's, an atom of each element."""
        return dict(self.result.get("offsets_eV", {}))

    @property
    def training_functional(self) -> str:
        """What the energies imitate, from the root on, for people."""
        root = self.before.training_functional if self.before else self.functional or "unknown functional"
        beside = " less electrostatics, which are added" if self.electrostatics else ""
        return f"{root}; fine-tuned on {len(self.labels)} labels of {described(self.oracle)}{beside}"

    @property
    def dispersion(self) -> str | None:
        """As `Metadata.dispersion`: "none" where no energy that it was taught holds any."""
        root = self.before.dispersion if self.before else ("none" if self.functional else None)
        return root if root != "none" else held_by(self.oracle)

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self) | {"labels": list(self.labels), "before": self.before and self.before.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Lineage:
        """What `to_json` gave."""
        before = value["before"] and cls.from_json(value["before"])
        return cls(**{**value, "labels": tuple(value["labels"]), "before": before})


def described(oracle: Mapping[str, Any]) -> str:
    """An oracle in a few words."""
    if "name" in oracle:
        return str(oracle["name"])
    return ", ".join(str(value) for value in oracle.values()) or "an unnamed oracle"


def held_by(oracle: Mapping[str, Any]) -> str | None:
    """Dispersion in an oracle's energies: "none", or by what; None where it does not tell."""
    added = (oracle.get("parameters") or {}).get("dispersion")
    if added:
        return f"{added['name']} of its oracle"
    for key, value in {**oracle, **(oracle.get("options") or {})}.items():
        if key.lower() in DISPERSION_KEYS and str(value).lower() not in OFF:
            return f"{key} {value} of its oracle"
    functional = str(oracle.get("xc", ""))
    if functional.upper() in SEMILOCAL or oracle.get("name") in WITHOUT_DISPERSION:
        return "none"
    return f"{functional} of its oracle" if functional else None


def lineage(path: str | Path) -> Lineage | None:
    """What a checkpoint file says of its making; None where it says nothing (a published one, another format).

    Nothing in the file is run: names of classes and functions in it stay names.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
            with archive.open(name) as f:
                value = _Bare(f).load()
    except (zipfile.BadZipFile, StopIteration, pickle.UnpicklingError, EOFError):
        return None
    found = value.get(KEY) if isinstance(value, dict) else None
    return Lineage.from_json(found) if found else None


def lineages(path: str | Path) -> list[Lineage]:
    """The checkpoint's lineage, its parent's, and so on to the first generation."""
    chain, at = [], lineage(path)
    while at:
        chain.append(at)
        at = at.before
    return chain


class _Bare(pickle.Unpickler):
    """Reads the plain data of a checkpoint; tensors and objects become empty shells."""

    def __init__(self, file: BinaryIO | Any) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        return _Shell

    def persistent_load(self, pid: object) -> Any:
        return None


class _Shell(dict):
    """Whatever an object was made of, forgotten."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        return

    def append(self, value: object) -> None:
        """A list's, which pickles call."""

    def extend(self, values: object) -> None:
        """A list's, which pickles call."""
