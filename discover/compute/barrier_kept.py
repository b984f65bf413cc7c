"""Paths that are computed stay on disk: the same command, killed among many, goes on at the first that is missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms

from potentials.whole_file import whole_file, write_whole

DIGITS = 4
"""Of positions, Å: ends that are relaxed once more differ below."""


def asked(initial: Atoms, final: Atoms, *others: Any) -> str:
    """A hash of all that decides a path: both structures and whatever else there is, JSON-able."""
    ends = [
        [end.numbers.tolist(), end.positions.round(DIGITS).tolist(), end.cell.array.round(DIGITS).tolist()]
        for end in (initial, final)
    ]
    return hashlib.sha256(json.dumps([ends, *others], sort_keys=True).encode()).hexdigest()


def kept_path(folder: Path, number: int, key: str) -> dict[str, Any] | None:
    """What `keep_path` wrote for the same question; None where it wrote nothing, or for another one."""
    file = folder / f"path-{number}.json"
    if not file.is_file():
        return None
    there = json.loads(file.read_text())
    found: dict[str, Any] | None = there["found"] if there["asked"] == key else None
    return found


def keep_path(folder: Path, number: int, key: str, found: Mapping[str, Any]) -> None:
    """Images and saddle as extended XYZ, energies (eV, from the beginning) along; then all numbers."""
    images = images_of(found)
    _write(folder / f"path-{number}.extxyz", images)
    if found["saddle_positions_A"] is not None:
        saddle = images[0].copy()
        saddle.positions = found["saddle_positions_A"]
        saddle.info["energy_from_start_eV"] = found["forward_eV"]
        _write(folder / f"saddle-{number}.extxyz", [saddle])
    write_whole(folder / f"path-{number}.json", json.dumps({"asked": key, "found": found}))


def _write(file: Path, images: Sequence[Atoms]) -> None:
    with whole_file(file) as part:
        ase.io.write(part, images, format="extxyz")


def images_of(found: Mapping[str, Any]) -> list[Atoms]:
    """The path's structures, with `energy_from_start_eV`."""
    kept = found["path_structures"]
    images = []
    for positions, energy in zip(kept["positions_A"], found["path_energies_eV"], strict=True):
        atoms = Atoms(kept["symbols"], positions, cell=kept["cell_A"], pbc=True)
        atoms.info["energy_from_start_eV"] = energy
        images.append(atoms)
    return images
