"""Lower structures that an unstable hit's own modes have led to, offered back to the search."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path

import ase.io
from ase import Atoms

from discover.pipeline.results import StageResult, folder_of, structure_from
from discover.whole_files import write_files

FOLDER = "offers"
OPERATOR = "offer"
"""Of the candidates that the search makes of them."""


def write_offers(run: Path, id: int | str, found: StageResult) -> list[str]:
    """Write every lower structure that a stage has `followed` modes to; the files' names, which are there for good.

    A name holds the hash of what the stage was given: the same result is the same offer, however often it is written.
    """
    if not found.done or found.inputs is None:
        return []
    files: dict[str, bytes] = {}
    for place, led_to in enumerate(found.result.get("followed") or ()):
        if not led_to.get("structure") or not (led_to.get("energy_drop_meV_per_atom") or 0.0) > 0.0:
            continue
        atoms = structure_from(led_to["structure"])
        atoms.info |= {
            "offered_by": str(id),
            "stage": found.stage,
            "potential": str(found.potential.get("name")),
            "energy_drop_meV_per_atom": led_to["energy_drop_meV_per_atom"],
        }
        text = io.StringIO()
        ase.io.write(text, atoms, format="extxyz")
        files[f"{folder_of(id)}-{found.stage}-{found.inputs['hash']}-{place}.extxyz"] = text.getvalue().encode()
    if files:
        write_files(run / FOLDER, files)
    return list(files)


def read_offers(run: Path, taken: Collection[str]) -> list[tuple[str, Atoms]]:
    """File name and structure of every offer that is not among those taken, by name."""
    found = []
    for file in sorted((run / FOLDER).glob("*.extxyz")):
        if file.name not in taken:
            atoms = ase.io.read(file)
            assert isinstance(atoms, Atoms)
            found.append((file.name, Atoms(atoms.numbers, cell=atoms.cell, positions=atoms.positions, pbc=True)))
    return found
