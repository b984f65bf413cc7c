"""Frames: what an explorer has seen, and how it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from potentials.potential import Evaluation, structure_of
from potentials.relax import RelaxSettings
from potentials.relax.sanity import unphysical_geometry
from potentials.whole_file import whole_file

LARGEST_FORCE_EV_A = 60.0
"""Beyond, atoms are inside each other, whatever the potential: diamond at its melting point stays below 30."""


@dataclass(frozen=True)
class Frame:
    """A structure that an explorer has come to, with the potential's answer.

    Attributes:
        atoms: periodic in three directions, no calculator.
        evaluation: by the generation's potential.
        walker: which of the explorer's walkers.
        place: where on its way, in the explorer's own unit (ps, candidate, step).
    """

    atoms: Atoms
    evaluation: Evaluation
    walker: int
    place: float

    @property
    def sound(self) -> bool:
        """False where no oracle should be asked: atoms inside each other, forces that tear them apart, NaN."""
        if not self.evaluation.finite or np.abs(self.evaluation.forces_eV_A).max() > LARGEST_FORCE_EV_A:
            return False
        return not unphysical_geometry(structure_of(self.atoms), RelaxSettings())


@dataclass(frozen=True)
class Chosen:
    """A frame that waits for its label, or has it.

    Attributes:
        atoms: the structure.
        generation: of the potential that came to it.
        walker, place: as in `Frame`.
        distance: its largest atomic distance to what had labels then; None where nothing had any.
        why: for people.
    """

    atoms: Atoms
    generation: int
    walker: int
    place: float
    distance: float | None
    why: str


def save_chosen(path: Path, chosen: list[Chosen]) -> None:
    """Write whole or not at all, as extended XYZ with what else is known in each comment line."""
    frames = []
    for one in chosen:
        atoms = Atoms(one.atoms.numbers, one.atoms.positions, cell=one.atoms.cell, pbc=True)
        atoms.info = {k: v for k, v in vars(one).items() if k != "atoms" and v is not None}
        frames.append(atoms)
    with whole_file(path) as part:
        ase.io.write(part, frames, format="extxyz", columns=["symbols", "positions"])


def read_chosen(path: Path) -> list[Chosen]:
    """What `save_chosen` wrote; nothing where there is no such file."""
    if not path.is_file():
        return []
    return [
        Chosen(
            atoms=Atoms(a.numbers, a.positions, cell=a.cell, pbc=True),
            generation=int(a.info["generation"]),
            walker=int(a.info["walker"]),
            place=float(a.info["place"]),
            distance=float(a.info["distance"]) if "distance" in a.info else None,
            why=str(a.info["why"]),
        )
        for a in ase.io.read(path, index=":", format="extxyz")
    ]


def evenly(n: int, most: int) -> list[int]:
    """Places of so many among n, the ends included."""
    return np.unique(np.linspace(0, n - 1, most).round().astype(int)).tolist() if n and most > 0 else []
