"""Can this potential be asked about this structure at all?"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from matscipy.neighbours import neighbour_list

from potentials.neighbours import Structure
from potentials.potential import Potential, structure_of
from potentials.words import in_words

OVERLAP = 0.5
"""Of the sum of covalent radii: what relaxations refuse to evaluate."""
SAME_PLACE_A = 1e-3
"""Nearer than this, two atoms are one in any units."""


class UnsuitableStructureError(ValueError):
    """A structure that the potential cannot be asked about; the message says why, in one line."""


def check_suitable(potential: Potential, atoms: Atoms) -> None:
    """Refuse what is no crystal that the potential knows; costs one evaluation.

    Raises:
        UnsuitableStructureError: no atoms, no three-dimensional cell, numbers that are not finite, atoms that overlap,
            an element that the potential does not know, a potential that raises something.
    """
    check_crystal(atoms)
    name, known = potential.metadata.name, potential.metadata.elements
    strangers = sorted(set(atoms.symbols) - set(known)) if known is not None else []
    if strangers:
        raise UnsuitableStructureError(
            f"{name} does not know {', '.join(strangers)}; `discover potentials` lists who does"
        )
    structure = structure_of(atoms)
    shortest_A, share = closest(structure, covalent_radii[structure.numbers])
    # One that takes any element and has learnt none may have units of its own, in which covalent radii mean nothing
    real = known is not None or potential.metadata.checkpoint is not None
    if shortest_A < SAME_PLACE_A or (real and share < OVERLAP):
        raise UnsuitableStructureError(
            f"atoms overlap: two are {shortest_A:.3g} Å apart, {share:.2g} of the sum of their covalent radii"
        )
    try:
        potential.evaluate([structure])
    except Exception as error:  # a foreign calculator says with whatever it likes that it does not know an element
        raise UnsuitableStructureError(f"{name} cannot evaluate it ({in_words(error)})") from error


def check_crystal(atoms: Atoms) -> None:
    """Refuse what is no crystal, whatever the potential; errors as in `check_suitable`."""
    if not len(atoms):
        raise UnsuitableStructureError("holds no atoms")
    if atoms.cell.rank < 3:
        raise UnsuitableStructureError("has no three-dimensional cell; give a crystal, or put the molecule into a box")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise UnsuitableStructureError("has positions or a cell that are not finite")


def closest(structure: Structure, radii_A: np.ndarray) -> tuple[float, float]:
    """The shortest distance, Å, and the smallest share of the sum of two radii that any pair is apart."""
    reach = 1.001 * float(np.linalg.norm(structure.cell, axis=1).min())  # an atom's own image is never further
    i, j, r = neighbour_list(
        "ijd", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool), cutoff=reach
    )
    return float(r.min()), float((r / (radii_A[i] + radii_A[j])).min())
