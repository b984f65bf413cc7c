"""Crystals of ions for the tests."""

import numpy as np
from ase import Atoms
from ase.build import bulk

from potentials.neighbours import Structure
from potentials.potential import structure_of

CHARGES = {"Na": 1.0, "Cl": -1.0}
SALT = {
    "Na-Cl": {"exponential": {"A_eV": 1256.0, "rho_A": 0.317}},
    "Cl-Cl": {"exponential": {"A_eV": 3485.0, "rho_A": 0.317}, "powers": [{"n": 6, "B_eV_An": -70.0}]},
}
"""Born and Mayer's repulsion with constants like those of Fumi and Tosi (J. Phys. Chem. Solids 25, 31 (1964))."""


def salt(a=5.64, cubic=True):
    return bulk("NaCl", "rocksalt", a=a, cubic=cubic)


def rattled_salt(seed, a=5.64, by=0.1):
    atoms = salt(a)
    atoms.rattle(by, seed=seed)
    return structure_of(atoms)


def skew(n=8, seed=0, odd=0):
    """n ions of either sign, and `odd` more cations, at random in a triclinic cell of no special direction."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    cell = np.array([[7.0, 0, 0], [2.0, 6, 0], [1, -2, 8.0]]) @ (turn * np.sign(np.linalg.det(turn)))
    numbers = np.array([11, 17] * n + [11] * odd)
    grid = np.array(list(np.ndindex(3, 3, 3)))[rng.permutation(27)[: len(numbers)]] / 3
    return Structure(numbers, (grid + 0.04 * rng.normal(size=grid.shape)) @ cell, cell)


def silver_iodide(a=5.06, repeat=1):
    """Iodine on a bcc lattice, silver on two of its six tetrahedral sites."""
    ions = Atoms("I2Ag2", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.25, 0), (0.25, 0, 0.5)], cell=[a] * 3)
    ions.pbc = True
    return ions.repeat(repeat)
