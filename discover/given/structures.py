"""Structures that a campaign gives, as its run's folder keeps them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from discover.composition import formula_of, fractions_of
from discover.compute.structures import read_structures
from discover.config import CampaignConfig
from discover.errors import InputError
from discover.pipeline.hits import Hit
from discover.pipeline.results import structure_from, structure_json
from discover.strategy import search_space
from discover.whole_files import write_files

FILE = "structures.json"
"""Cells and positions to the last digit: what is computed is kept by the hash of them."""


@dataclass(frozen=True)
class Given:
    """A structure that nobody has searched; what a hull would say of it is not known.

    Attributes:
        id: its file's name without suffix, with the number of the image where a file holds several.
        file: name of the file that it came in.
    """

    id: str
    formula: str
    composition: Mapping[str, float]
    space_group: int | None
    file: str

    def to_json(self) -> dict[str, Any]:
        """As an entry of a hull has it, with nulls for what is not known."""
        return {
            "id": self.id,
            "formula": self.formula,
            "space_group": self.space_group,
            "e_above_hull_eV_per_atom": None,
            "on_hull": None,
        }


def given_structures(config: CampaignConfig) -> list[tuple[str, str, Atoms]]:
    """Id, file name and structure of everything in `structures`.

    Raises:
        InputError: a file that ASE cannot read or that holds no crystal of the system, two files of one name.
    """
    found = []
    for name, atoms in read_structures(config.structures):
        path, _, image = name.partition("@")
        file = Path(path)
        strangers = sorted(set(atoms.symbols) - set(search_space(config).elements))
        if strangers:
            raise InputError(f"structures: {file.name} holds {strangers[0]}, which is no element of {config.system}")
        found.append((f"{file.stem}-{image}" if image else file.stem, file.name, atoms))
    twice = [id for id, n in Counter(id for id, _, _ in found).items() if n > 1]
    if twice:
        raise InputError(f"structures: two files are called {twice[0]}, which names their results; rename one")
    return found


def keep_structures(folder: Path, found: Sequence[tuple[str, str, Atoms]]) -> None:
    """Write them down, whole or not at all."""
    rows = [{"id": id, "file": file, **structure_json(atoms)} for id, file, atoms in found]
    write_files(folder, {FILE: json.dumps(rows, allow_nan=False).encode()})


def kept_hits(folder: Path) -> list[Hit]:
    """What was written down, as the pipeline takes it.

    Raises:
        InputError: it cannot be read.
    """
    try:
        rows = json.loads((folder / FILE).read_text())
        return [_hit(row) for row in rows]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise InputError(f"{folder / FILE}: is missing or damaged; run the campaign again with --resume") from None


def _hit(row: Mapping[str, Any]) -> Hit:
    from potentials.primitive import space_group

    atoms = structure_from(row)
    shares = fractions_of(atoms)
    return Hit(Given(row["id"], formula_of(shares), shares, space_group(atoms), row["file"]), atoms)
