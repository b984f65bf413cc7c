"""Structure files, read and judged before anything long begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import ase.io
from ase import Atoms

from discover.errors import InputError
from potentials import Potential
from potentials.suitable import UnsuitableStructureError, check_crystal, check_suitable
from potentials.words import in_words


def read_structures(paths: Sequence[Path]) -> list[tuple[str, Atoms]]:
    """Every structure of every file, with its name: "a.cif", and "a.extxyz@2" of a file that holds several.

    Raises:
        InputError: no such file, one that ASE cannot read, a structure that is no crystal.
    """
    return [named for path in paths for named in _read(path)]


def check_structures(potential: Potential, structures: Sequence[tuple[str, Atoms]]) -> None:
    """Refuse structures that the potential cannot be asked about.

    Raises:
        InputError: the first of them.
    """
    for name, atoms in structures:
        try:
            check_suitable(potential, atoms)
        except UnsuitableStructureError as error:
            raise InputError(f"{name}: {error}") from None


def _read(path: Path) -> Iterator[tuple[str, Atoms]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        images = ase.io.read(path, index=":")
    except Exception as error:  # ASE's readers raise whatever their parsers meet
        raise InputError(f"{path}: ASE cannot read it ({in_words(error, 120)})") from None
    if not images:
        raise InputError(f"{path}: holds no structure")
    for k, atoms in enumerate(images):
        name = f"{path}@{k}" if len(images) > 1 else str(path)
        try:
            check_crystal(atoms)
        except UnsuitableStructureError as error:
            raise InputError(f"{name}: {error}") from None
        yield name, atoms
