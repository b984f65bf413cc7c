"""The random cells that every method relaxes: made once, then read from the file beside this one."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read, write

FILE = Path(__file__).with_name("cells.extxyz")
SEED = 20261124
SYSTEMS = ("Ti-C", "Si")
TRY_S = 10.0
"""pyxtal may search without end for some groups and compositions: such a choice is given up."""


def cells(count: int) -> list[Atoms]:
    """The first `count` of the stored cells; a file that is not there is made, 48 cells."""
    if not FILE.exists():
        write(FILE, list(_made(48)))
    return read(FILE, index=f":{count}")


def _made(count: int) -> Iterator[Atoms]:
    """Ti-C and Si in turn, 4 to 16 atoms in pyxtal's conventional cell, any space group."""
    rng = np.random.default_rng(SEED)
    for index in range(count):
        system = SYSTEMS[index % 2]
        atoms = None
        while atoms is None:
            group = int(rng.integers(2, 231))
            counts = {"Si": [int(rng.integers(4, 17))]}.get(system) or [int(n) for n in rng.integers(2, 9, size=2)]
            atoms = _try(group, system.split("-"), counts, int(rng.integers(1 << 31)))
        atoms.info = {"index": index, "space_group": group}
        print(f"cell {index}: {atoms.get_chemical_formula()} in group {group}", flush=True)
        yield atoms


def _try(group: int, species: list[str], counts: list[int], seed: int) -> Atoms | None:
    """A crystal by pyxtal, or None where the composition does not fit the group or the search takes too long."""
    here, there = mp.Pipe()
    child = mp.get_context("fork").Process(target=_generate, args=(there, group, species, counts, seed))
    child.start()
    there.close()
    try:
        return here.recv() if here.poll(TRY_S) else None
    except EOFError:
        return None
    finally:
        child.kill()
        child.join()


def _generate(out: Connection, group: int, species: list[str], counts: list[int], seed: int) -> None:
    from pyxtal import pyxtal
    from pyxtal.msg import Comp_CompatibilityError, VolumeError

    crystal = pyxtal()
    try:
        crystal.from_random(3, group, species, counts, random_state=seed)
    except (Comp_CompatibilityError, VolumeError):
        out.send(None)
        return
    out.send(crystal.to_ase() if crystal.valid else None)
