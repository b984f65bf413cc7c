"""Strain: the same fractional positions in another lattice."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.operators.child import accepted, set_volume
from searchers.operators.supercell import random_fitting
from searchers.space import SearchSpace

SIGMA = (0.08, 0.25)  # from distortions that relax to a neighbouring basin to another Bravais lattice
_TRIES = 8


def strain(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) parent under a symmetric Gaussian strain, at its parent's volume per atom.

    Glass, Oganov and Hansen, Comput. Phys. Commun. 175, 713 (2006). A small rattle goes with it, or the
    parent's symmetry would hold the relaxation on its saddle points.
    """
    volume_A3 = abs(atoms.cell.volume) / len(atoms)
    for _ in range(_TRIES):
        child = random_fitting(atoms, rng, space)
        if child is None:
            return None
        child.set_cell(child.cell.array @ random_strain(rng), scale_atoms=True)
        if abs(child.cell.volume) < 1e-3:
            continue
        set_volume(child, volume_A3 * len(child))
        child.positions += rng.normal(0.0, 0.03 * volume_A3 ** (1 / 3), child.positions.shape)
        if (made := accepted(child, space)) is not None:
            return made
    return None


def random_strain(rng: np.random.Generator) -> np.ndarray:
    """1 + ε with a symmetric ε of normal entries (off-diagonal ones halved, as in Voigt's); (3, 3)."""
    e = rng.normal(0.0, rng.uniform(*SIGMA), 6)
    return np.eye(3) + np.array([[e[0], e[5] / 2, e[4] / 2], [e[5] / 2, e[1], e[3] / 2], [e[4] / 2, e[3] / 2, e[2]]])
