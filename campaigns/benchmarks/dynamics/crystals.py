"""The crystals that run."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

REPLICAS = 8


def argyrodite() -> Atoms:
    """Li6PS5Cl, ordered: F-43m, 52 atoms in its cubic cell; sites of Kraft et al., J. Am. Chem. Soc. 139, 10909 (2017).

    Lithium sits on 24g, between the halves of each 48h pair.
    """
    return crystal(
        ("Li", "P", "S", "S", "Cl"),
        [(0.25, 0.017, 0.25), (0, 0, 0.5), (0.118, -0.118, 0.618), (0.25, 0.25, 0.25), (0, 0, 0)],
        spacegroup=216,
        cellpar=[9.86] * 3 + [90] * 3,
    )


def argon() -> Atoms:
    """256 atoms."""
    return bulk("Ar", "fcc", a=5.4, cubic=True).repeat(4)


CRYSTALS = {"7net-0": (argyrodite, 600.0, 2.0), "lj": (argon, 60.0, 5.0)}
"""By potential: the crystal, its temperature in K, the time step in fs."""
LJ = {"sigma_A": 3.4, "epsilon_eV": 0.0104, "cutoff_A": 8.5}


def replicas(potential: str, count: int = REPLICAS) -> list[Atoms]:
    """The crystal so many times, each rattled in its own way by 0.02 Å."""
    make, _, _ = CRYSTALS[potential]
    found = []
    for k in range(count):
        atoms = make()
        atoms.positions += 0.02 * np.random.default_rng(k).normal(size=atoms.positions.shape)
        found.append(atoms)
    return found
