"""Small crystals and the potentials that tests share, each loaded once."""

from functools import lru_cache

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk

from potentials import Potential, load

AR_SIGMA_A, AR_EPSILON_EV = 3.4, 0.0104
FCC_LJ_A = 1.5417375706  # exact, infinite cut-off, in sigma
FCC_LJ_ENERGY = -8.6101875652  # in epsilon


@lru_cache
def potential(name: str) -> Potential:
    """By name; "+64" behind it asks for double precision."""
    name, _, double = name.partition("+")
    return load(name, "cpu", **({"dtype": torch.float64} if double else {}))


@lru_cache
def argon() -> Potential:
    """Lennard-Jones in Å and eV, so that rules written for real crystals hold."""
    return load("lj", "cpu", sigma_A=AR_SIGMA_A, epsilon_eV=AR_EPSILON_EV)


def argon_fcc() -> Atoms:
    return bulk("Ar", "fcc", a=FCC_LJ_A * AR_SIGMA_A)


def rattled(atoms: Atoms, stdev_A: float = 0.08, strain: float = 0.02, seed: int = 0) -> Atoms:
    rng = np.random.default_rng(seed)
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain * rng.normal(size=(3, 3))), scale_atoms=True)
    atoms.positions += stdev_A * rng.normal(size=atoms.positions.shape)
    return atoms


def triclinic() -> Atoms:
    """Four atoms without any symmetry in a cell with no right angle."""
    return Atoms(
        "Ti2C2",
        cell=[[3.1, 0.2, -0.4], [0.9, 4.0, 0.3], [-0.7, 1.1, 4.6]],
        scaled_positions=[[0.03, 0.11, 0.05], [0.52, 0.47, 0.58], [0.49, 0.08, 0.31], [0.02, 0.55, 0.84]],
        pbc=True,
    )
