"""Crystals whose kinship is known."""

import numpy as np
from ase import Atoms
from ase.build import bulk


def wurtzite(first: str, second: str, zincblende_a: float) -> Atoms:
    """Ideal wurtzite with the bond length of zincblende of that lattice constant (Å)."""
    a = zincblende_a / np.sqrt(2)
    return Atoms(
        [first, first, second, second],
        cell=[[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, a * np.sqrt(8 / 3)]],
        scaled_positions=[
            [1 / 3, 2 / 3, 0],
            [2 / 3, 1 / 3, 0.5],
            [1 / 3, 2 / 3, 0.375],
            [2 / 3, 1 / 3, 0.875],
        ],
        pbc=True,
    )


def hcp(symbol: str, fcc_a: float) -> Atoms:
    """Ideal hcp with the distances of fcc of that lattice constant (Å)."""
    a = fcc_a / np.sqrt(2)
    return bulk(symbol, "hcp", a=a, c=a * np.sqrt(8 / 3))


# Pairs of polymorphs with equal or nearly equal volumes and nearest neighbours: the hard ones.
POLYMORPHS = {
    "diamond-lonsdaleite": (bulk("Si", "diamond", a=5.43), wurtzite("Si", "Si", 5.43)),
    "zincblende-wurtzite": (bulk("ZnS", "zincblende", a=5.41), wurtzite("Zn", "S", 5.41)),
    "fcc-hcp": (bulk("Al", "fcc", a=4.05), hcp("Al", 4.05)),
    "fcc-bcc": (bulk("Al", "fcc", a=4.05), bulk("Al", "bcc", a=4.05 / 2 ** (1 / 3))),
    "rocksalt-zincblende": (bulk("MgO", "rocksalt", a=4.2), bulk("MgO", "zincblende", a=4.4)),
}


def rewritten(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    """The same crystal rotated, shifted, with another cell, in another order, up to 4 times as large."""
    other = atoms.repeat(tuple(rng.permutation([1, 1, 2]))) if rng.random() < 0.5 else atoms.copy()
    shear = np.eye(3, dtype=int)
    i, j = rng.permutation(3)[:2]
    shear[i, j] = rng.integers(-2, 3)
    other.set_cell(shear @ other.cell.array)
    other.positions += rng.uniform(-5, 5, 3)
    if rng.random() < 0.5:
        other.wrap()
    other.rotate(rng.uniform(0, 180), rng.normal(size=3), rotate_cell=True)
    return other[rng.permutation(len(other))]
