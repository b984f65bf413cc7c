"""`--qm FILE`: a quantum region inside the potential that everything is computed with."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from ase import Atoms

from discover.errors import InputError
from potentials import Potential
from potentials.qmml import QmmlError, QmmlSettings, qmml
from potentials.uncertainty import NoDomainError

FORCES_SUFFICE = ("conductivity", "uncertainty", "validate")
"""What can be computed where forces are no derivatives of an energy."""


@dataclass(frozen=True)
class Quantum:
    """Settings with the file that they are from."""

    path: Path
    settings: QmmlSettings

    def within(self, potential: Potential, label: str, atoms: Atoms) -> Potential:
        """The potential with the region in it, chosen in this structure; says on stderr what it is.

        Raises:
            InputError: it cannot be set up so.
        """
        try:
            found = qmml(potential, atoms, self.settings)
        except (QmmlError, NoDomainError) as error:
            raise InputError(f"{label}: {self.path}: {error}") from None
        print(found.summary(), file=sys.stderr)
        if (beware := found.advice()) is not None:
            print(f"note: {beware}", file=sys.stderr)
        return found


def read_quantum(path: Path, name: str) -> Quantum:
    """A YAML file of `potentials.qmml.QmmlSettings`.

    name: of what is to be computed.

    Raises:
        InputError: no such file, no YAML, a key or a value that it cannot have, a scheme without an energy where one is
            needed.
    """
    if path.is_dir():
        raise InputError(f"--qm {path}: is a folder; give a YAML file")
    if not path.is_file():
        raise InputError(f"--qm {path}: no such file")
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: no YAML ({' '.join(str(error).split())[:120]})") from None
    try:
        settings = QmmlSettings.of(given)
    except QmmlError as error:
        raise InputError(f"{path}: {error}") from None
    if settings.scheme == "force_mixing" and name not in FORCES_SUFFICE:
        raise InputError(
            f"{path}: scheme: force_mixing has no energy that its forces are derivatives of, and {name} needs one; use "
            "scheme: subtractive"
        )
    return Quantum(path, settings)
