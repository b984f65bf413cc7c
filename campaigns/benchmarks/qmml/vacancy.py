"""A silicon vacancy with a neighbour on its way into it: in a nanocrystal capped with H, and in a supercell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

BOND_A = 2.3516
SI_H_A = 1.48
LATTICE_A = 5.431


@dataclass(frozen=True)
class Vacancy:
    """One system.

    Attributes:
        name: for the table.
        images: from the relaxed lattice's place, rattled, half of the way into the vacancy.
        core: the vacancy's four neighbours, the first of which hops.
    """

    name: str
    images: Sequence[Atoms]
    core: list[int]


def nanocrystal(radius_A: float = 7.0, images: int = 5) -> Vacancy:
    """All silicon within a radius of the vacancy, dangling bonds capped; its full quantum treatment is exact."""
    crystal = bulk("Si", cubic=True, a=LATTICE_A).repeat(6)
    middle = int(np.argmin(np.linalg.norm(crystal.positions - crystal.positions.mean(0), axis=1)))
    centre = crystal.positions[middle]
    kept = np.linalg.norm(crystal.positions - centre, axis=1) < radius_A
    i, j, bonds = neighbor_list("ijD", crystal, 1.05 * BOND_A)
    while (thin := kept & (np.bincount(i[kept[j]], minlength=len(kept)) < 2)).any():
        kept &= ~thin
    cut = kept[i] & ~kept[j]
    caps = crystal.positions[i[cut]] + bonds[cut] / BOND_A * SI_H_A
    kept[middle] = False
    silicon = crystal.positions[kept]
    atoms = Atoms(["Si"] * len(silicon) + ["H"] * len(caps), np.concatenate([silicon, caps]) - centre)
    return _hop("nanocrystal", atoms, np.zeros(3), images)


def supercell(images: int = 5) -> Vacancy:
    """63 atoms, periodic, Γ only."""
    atoms = bulk("Si", cubic=True, a=LATTICE_A).repeat(2)
    centre = atoms.positions[0].copy()
    del atoms[0]
    return _hop("supercell", atoms, centre, images)


def _hop(name: str, atoms: Atoms, site: np.ndarray, images: int) -> Vacancy:
    vacancy = Atoms("X", [site], cell=atoms.cell, pbc=atoms.pbc)
    r = (atoms + vacancy).get_distances(len(atoms), range(len(atoms)), mic=bool(atoms.pbc.all()))
    core = [int(k) for k in np.argsort(r)[:4]]
    atoms.rattle(0.05, seed=0)
    way = (vacancy + atoms[core[:1]]).get_distance(1, 0, mic=bool(atoms.pbc.all()), vector=True)
    found = []
    for share in np.linspace(0, 0.5, images):
        moved = atoms.copy()
        moved.positions[core[0]] += share * way
        found.append(moved)
    return Vacancy(name, found, core)
