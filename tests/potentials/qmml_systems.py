"""Structures and potentials that QM/ML is tested on."""

from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.build import bulk

from potentials import load
from potentials.qmml import qmml

# A wall well inside capped bonds (1.5 Å): a stiffer one would make differences of energies the test's own error
SOFT = {"sigma_A": 1.2, "epsilon_eV": 1.0, "cutoff_A": 4.5}
OTHER = {"sigma_A": 1.3, "epsilon_eV": 0.6, "cutoff_A": 5.0}
CORE = {"region": {"atoms": [0]}, "buffer": {"hops": 1}}


@lru_cache
def soft():
    return load("lj", "cpu", **SOFT)


@lru_cache
def gentle():
    """The same for molecules, whose bonds are shorter."""
    return load("lj", "cpu", sigma_A=0.7, epsilon_eV=0.5, cutoff_A=4.0)


def silicon(rattle_A=0.05):
    """64 atoms; the region around the first reaches over the cell's corner."""
    atoms = bulk("Si", cubic=True).repeat(2)
    atoms.rattle(rattle_A, seed=1)
    return atoms


def stand_in(atoms=None, parameters=OTHER, **settings):
    """LJ in LJ."""
    given = {"method": "potential", "model": "lj", "options": parameters} | CORE | settings
    return qmml(soft(), silicon() if atoms is None else atoms, given)


def alkane(carbons):
    """A staggered chain in a box of vacuum: C by C in a zigzag, H where bonds are left."""
    step, rise = 1.53 * np.sin(np.radians(56)), 1.53 * np.cos(np.radians(56))
    spine = np.array([[k * step, (k % 2) * rise, 0] for k in range(carbons)])
    hydrogens = []
    for k, place in enumerate(spine):
        up = -1 if k % 2 == 0 else 1
        for side in (-1, 1):
            hydrogens.append(place + 1.09 * np.array([0, up * np.cos(np.radians(54)), side * np.sin(np.radians(54))]))
    for k, away in ((0, -1), (carbons - 1, 1)):
        up = 1 if k % 2 == 0 else -1
        hydrogens.append(spine[k] + 1.09 * np.array([away * np.sin(np.radians(56)), up * np.cos(np.radians(56)), 0]))
    atoms = Atoms("C" * carbons + "H" * len(hydrogens), np.concatenate([spine, hydrogens]))
    atoms.center(vacuum=5.0)
    atoms.pbc = True
    return atoms


def methyl(atoms):
    """Indices of the first carbon of a chain and its hydrogens."""
    near = np.flatnonzero(np.linalg.norm(atoms.positions - atoms.positions[0], axis=1) < 1.3)
    return [int(k) for k in near]


def ethyl(atoms):
    """Indices of the first two carbons and their hydrogens."""
    near = np.linalg.norm(atoms.positions - atoms.positions[1], axis=1) < 1.3
    return sorted({*methyl(atoms), *(int(k) for k in np.flatnonzero(near))})
