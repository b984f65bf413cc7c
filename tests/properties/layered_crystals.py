"""Crystals of layers, and others, from their published structures; sheets of Lennard-Jones atoms with their sums."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

HEXAGONAL = (90, 90, 120)
RIGHT = (90, 90, 90)
HOLLOW = (1 / 3, 2 / 3)


@dataclass(frozen=True)
class Known:
    """A published crystal: its space group, cell and sites, its layers in that cell and their distance, Å."""

    group: int
    cell: tuple[float, ...]
    sites: dict[str, tuple[float, float, float]]
    layers: int
    distance_A: float
    setting: int = 1

    def atoms(self) -> Atoms:
        symbols = ["".join(c for c in name if c.isalpha()) for name in self.sites]
        sites = list(self.sites.values())
        made = crystal(symbols, sites, spacegroup=self.group, setting=self.setting, cellpar=self.cell)
        return Atoms(made.numbers, made.positions, cell=made.cell, pbc=True)


LAYERED = {
    "graphite": Known(
        194, (2.461, 2.461, 6.708, *HEXAGONAL), {"C1": (0, 0, 0.25), "C2": (*HOLLOW, 0.25)}, 2, 3.354
    ),
    "hBN": Known(194, (2.504, 2.504, 6.661, *HEXAGONAL), {"B": (*HOLLOW, 0.25), "N": (*HOLLOW, 0.75)}, 2, 3.3305),
    "MoS2": Known(194, (3.161, 3.161, 12.295, *HEXAGONAL), {"Mo": (*HOLLOW, 0.25), "S": (*HOLLOW, 0.621)}, 2, 6.1475),
    "TiS2": Known(164, (3.407, 3.407, 5.695, *HEXAGONAL), {"Ti": (0, 0, 0), "S": (*HOLLOW, 0.25)}, 1, 5.695),
    "black P": Known(64, (3.3136, 10.478, 4.3763, *RIGHT), {"P": (0, 0.10168, 0.08056)}, 2, 5.239),
    "Bi2Te3": Known(
        166, (4.385, 4.385, 30.49, *HEXAGONAL), {"Bi": (0, 0, 0.4), "Te1": (0, 0, 0), "Te2": (0, 0, 0.2095)},
        3, 10.16333,
    ),
    "MoO3": Known(
        62, (13.855, 3.6964, 3.9628, *RIGHT),
        {"Mo": (0.1016, 0.25, 0.0867), "O1": (0.4351, 0.25, 0.4994), "O2": (0.0866, 0.25, 0.5212),
         "O3": (0.2214, 0.25, 0.0373)},
        2, 6.9275,
    ),
    "PbO": Known(129, (3.976, 3.976, 5.023, *RIGHT), {"Pb": (0, 0.5, 0.2385), "O": (0, 0, 0)}, 1, 5.023),
    # Bi-Cl is long: a score without the rule on lone atoms makes chlorine atoms of their own
    "BiOCl": Known(
        129, (3.887, 3.887, 7.354, *RIGHT), {"Bi": (0.25, 0.25, 0.17), "O": (0.75, 0.25, 0), "Cl": (0.25, 0.25, 0.645)},
        1, 7.354, setting=2,
    ),
    "CdI2": Known(164, (4.24, 4.24, 6.84, *HEXAGONAL), {"Cd": (0, 0, 0), "I": (*HOLLOW, 0.249)}, 1, 6.84),
    "Mg(OH)2": Known(
        164, (3.14, 3.14, 4.77, *HEXAGONAL), {"Mg": (0, 0, 0), "O": (*HOLLOW, 0.22), "H": (*HOLLOW, 0.43)}, 1, 4.77
    ),
    "FeSe": Known(129, (3.773, 3.773, 5.526, *RIGHT), {"Fe": (0, 0, 0), "Se": (0, 0.5, 0.267)}, 1, 5.526),
    "Ti2CO2, a MXene": Known(
        164, (3.03, 3.03, 9.5, *HEXAGONAL), {"Ti": (*HOLLOW, 0.12), "C": (0, 0, 0), "O": (2 / 3, 1 / 3, 0.21)}, 1, 9.5
    ),
    "Sb": Known(166, (4.307, 4.307, 11.273, *HEXAGONAL), {"Sb": (0, 0, 0.2335)}, 3, 3.75767),
}  # fmt: skip


def polyethylene() -> Atoms:
    """Two chains of (CH2)2 a cell, zigzag along c; C-C 1.53 Å, C-H 1.09 Å."""
    c, turn = 2.534, np.radians(45)
    chain = [("C", (0.43, 0, 0.25 * c)), ("C", (-0.43, 0, 0.75 * c))]
    chain += [("H", (s * 1.06, side * 0.89, z * c)) for s, z in ((1, 0.25), (-1, 0.75)) for side in (1, -1)]
    places = np.array([place for _, place in chain])
    rotation = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    both = np.concatenate([places @ rotation, places @ rotation.T + [3.7, 2.465, 0]])
    return Atoms([symbol for symbol, _ in chain] * 2, both, cell=[7.4, 4.93, c], pbc=True)


OTHERS = {
    "diamond": ("3D", bulk("C")),
    "NaCl": ("3D", bulk("NaCl", "rocksalt", a=5.64)),
    "Cu": ("3D", bulk("Cu")),
    "Na": ("3D", bulk("Na")),
    "Zn": ("3D", bulk("Zn")),  # the nearest to layers among metals, c/a 1.86
    "CsCl": ("3D", bulk("CsCl", "cesiumchloride", a=4.12)),
    "Ar": ("0D", bulk("Ar")),
    "CO2": ("0D", Known(205, (5.624, 5.624, 5.624, *RIGHT), {"C": (0, 0, 0), "O": (0.118,) * 3}, 0, 0).atoms()),
    "Te": ("1D", Known(152, (4.456, 4.456, 5.921, *HEXAGONAL), {"Te": (0.2633, 0, 1 / 3)}, 0, 0).atoms()),
    "Se": ("1D", Known(152, (4.366, 4.366, 4.954, *HEXAGONAL), {"Se": (0.2254, 0, 1 / 3)}, 0, 0).atoms()),
    "polyethylene": ("1D", polyethylene()),
    # Layers of CoO2 that lithium bonds to each other
    "LiCoO2": (
        "3D",
        Known(
            166, (2.8156, 2.8156, 14.0542, *HEXAGONAL), {"Li": (0, 0, 0.5), "Co": (0, 0, 0), "O": (0, 0, 0.2395)}, 0, 0
        ).atoms(),
    ),
    "Ti2AlC": (
        "3D",
        Known(
            194, (3.06, 3.06, 13.6, *HEXAGONAL), {"Ti": (*HOLLOW, 0.084), "Al": (*HOLLOW, 0.75), "C": (0, 0, 0)}, 0, 0
        ).atoms(),
    ),
}
"""Kind and crystal."""


def another_cell(atoms: Atoms, rng: np.random.Generator, most: int = 4) -> Atoms:
    """The same crystal in a skewed supercell, turned, shifted, wrapped, its atoms in another order."""
    from ase.build import make_supercell

    while True:
        matrix = rng.integers(-2, 3, (3, 3))
        if 1 <= round(np.linalg.det(matrix)) <= most:
            break
    other = make_supercell(atoms, matrix)
    other.rotate(rng.uniform(0, 180), rng.normal(size=3), rotate_cell=True)
    other.translate(5 * rng.normal(size=3))
    other.wrap()
    return other[rng.permutation(len(other))]


# Sheets of copper and silver, a triangular lattice each, in turn: strong among themselves, weak between
STRONG, WEAK = {"sigma_A": 2.5, "epsilon_eV": 0.5}, {"sigma_A": 3.2, "epsilon_eV": 0.02}
CUTOFF_A = 9.0
SHEETS = {**STRONG, "cutoff_A": CUTOFF_A, "pairs": {"Cu-Ag": WEAK}}
"""Options of the potential `lj`."""


def sheets(a: float = 2.77, d: float = 3.1) -> Atoms:
    """Copper under silver's hollow, silver under copper's."""
    cell = [[a, 0, 0], [-a / 2, a * np.sqrt(0.75), 0], [0, 0, 2 * d]]
    return Atoms("CuAg", scaled_positions=[(0, 0, 0.1), (*HOLLOW, 0.6)], cell=cell, pbc=True)


def pair_eV(r: np.ndarray, sigma_A: float, epsilon_eV: float) -> np.ndarray:
    """Lennard-Jones's energy with the switch of `potentials.lennard_jones`, written again."""
    x = np.clip((r / CUTOFF_A - 0.9) / 0.1, 0, 1)
    s6 = (sigma_A / r) ** 6
    return 4 * epsilon_eV * (s6 * s6 - s6) * (1 - x**3 * (10 - 15 * x + 6 * x * x))


def sheet_sum_eV(vectors: np.ndarray, shift: np.ndarray, height_A: float, pair: dict[str, float]) -> float:
    """Energy of one atom with a sheet of atoms: a lattice of `vectors` (2, 2), shifted (2,), so high above it."""
    n = int(np.ceil(1.5 * CUTOFF_A / np.abs(vectors[1, 1]))) + 2
    steps = np.array(list(product(range(-n, n + 1), repeat=2)))
    r = np.sqrt(((steps @ vectors + shift) ** 2).sum(axis=1) + height_A**2)
    return float(pair_eV(r[r > 1e-9], **pair).sum())
