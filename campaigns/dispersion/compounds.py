"""Layered compounds with published binding energies, for damping parameters that suit a potential.

Binding energies: random-phase approximation, Björkman, Gulans, Krasheninnikov and Nieminen, Phys. Rev. Lett. 108,
235502 (2012), as the LM26 benchmark lists them (KyleBryenton/Oscallot on GitHub, Results/Table_1_Benchmarks/LM26.dat),
whose areas of the cell give a. c is experiment's, written down from memory of the handbooks; the a that go with them
agree with LM26's areas within 0.3 % but for TaSe2 (1 %).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

THIRD = 1 / 3
TESTS = ("graphite", "BN", "MoS2")
"""Never fitted to."""


@dataclass(frozen=True)
class Compound:
    """A layered crystal.

    Attributes:
        kind: 1T, 2H (the 2Hc polytype), PbO, graphite or BN: how layers look and stack.
        area_A2: of the cell in the plane; c_A: of the conventional cell.
        binding_meV_A2: RPA's, to pull the layers of the crystal apart.
    """

    name: str
    kind: str
    symbols: tuple[str, ...]
    area_A2: float
    c_A: float
    binding_meV_A2: float

    @property
    def layers(self) -> int:
        """In the conventional cell."""
        return 1 if self.kind in ("1T", "PbO") else 2

    @property
    def distance_A(self) -> float:
        """From a layer to the next."""
        return self.c_A / self.layers

    @property
    def a_A(self) -> float:
        """Of the cell."""
        return float(np.sqrt(self.area_A2 if self.kind == "PbO" else self.area_A2 * 2 / np.sqrt(3)))


def compounds() -> list[Compound]:
    """LM26's but NbSe2, whose layers stack in a way of their own.

    For graphite and BN it has values of other sources (19.7 and 21.6); 18.3 and 14.5 meV/Å² are Björkman's own, from
    memory.
    """
    rows = [
        ("graphite", "graphite", "C C", 5.2835, 6.708, 18.3), ("BN", "BN", "B N", 5.4560, 6.661, 14.5),
        ("HfS2", "1T", "Hf S S", 11.442989, 5.837, 16.1), ("HfSe2", "1T", "Hf Se Se", 12.165495, 6.159, 17.1),
        ("HfTe2", "1T", "Hf Te Te", 13.560095, 6.651, 18.7), ("MoS2", "2H", "Mo S S", 8.661472, 12.294, 20.5),
        ("MoSe2", "2H", "Mo Se Se", 9.362552, 12.927, 19.6), ("MoTe2", "2H", "Mo Te Te", 10.724305, 13.97, 20.8),
        ("NbTe2", "1T", "Nb Te Te", 11.728062, 6.61, 23.0),
        ("PbO", "PbO", "O Pb", 15.776784, 5.023, 20.2), ("PdTe2", "1T", "Pd Te Te", 14.051075, 5.126, 40.2),
        ("PtS2", "1T", "Pt S S", 10.871700, 5.039, 20.6), ("PtSe2", "1T", "Pt Se Se", 12.034716, 5.081, 19.1),
        ("TaS2", "1T", "Ta S S", 9.777080, 5.897, 17.7), ("TaSe2", "1T", "Ta Se Se", 10.669520, 6.272, 19.4),
        ("TiS2", "1T", "Ti S S", 9.952451, 5.695, 18.9), ("TiSe2", "1T", "Ti Se Se", 10.852684, 6.008, 17.4),
        ("TiTe2", "1T", "Ti Te Te", 12.243521, 6.498, 19.8), ("VS2", "1T", "V S S", 8.962574, 5.755, 25.6),
        ("VSe2", "1T", "V Se Se", 9.689980, 6.104, 22.3), ("WS2", "2H", "W S S", 8.610605, 12.323, 20.2),
        ("WSe2", "2H", "W Se Se", 9.328413, 12.96, 20.0), ("ZrS2", "1T", "Zr S S", 11.613612, 5.813, 17.0),
        ("ZrSe2", "1T", "Zr Se Se", 12.308732, 6.138, 18.5), ("ZrTe2", "1T", "Zr Te Te", 13.525848, 6.660, 16.3),
    ]  # fmt: skip
    return [Compound(name, kind, tuple(symbols.split()), *numbers) for name, kind, symbols, *numbers in rows]


def layer(compound: Compound, half_A: float) -> tuple[list[str], np.ndarray]:
    """Symbols and sites of one layer, fractions in the plane and the height above its middle in Å.

    half_A: height of its outer atoms.
    """
    symbols = list(compound.symbols)
    if compound.kind == "graphite" or compound.kind == "BN":
        return symbols, np.array([[0, 0, 0], [THIRD, 2 * THIRD, 0]])
    if compound.kind == "1T":
        return symbols, np.array([[0, 0, 0], [THIRD, 2 * THIRD, half_A], [2 * THIRD, THIRD, -half_A]])
    if compound.kind == "2H":
        return symbols, np.array([[THIRD, 2 * THIRD, 0], [2 * THIRD, THIRD, half_A], [2 * THIRD, THIRD, -half_A]])
    oxygen, lead = symbols
    return [oxygen, oxygen, lead, lead], np.array([[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, half_A], [0.5, 0, -half_A]])


def stacked(compound: Compound, distance_A: float, half_A: float, alone: bool = False) -> Atoms:
    """The crystal with layers so far apart, or one layer in 30 Å of vacuum."""
    symbols, sites = layer(compound, half_A)
    count = 1 if alone else compound.layers
    height = 30.0 + 2 * half_A if alone else count * distance_A
    all_symbols, all_sites = [], []
    for k in range(count):
        here = sites.copy()
        if k == 1:  # graphite AB, BN AA' with B over N, 2Hc turned by 60°
            here[:, :2] = sites[::-1, :2] if compound.kind == "BN" else -sites[:, :2]
        here[:, 2] = (here[:, 2] + (k + 0.5) * (height / count)) / height
        all_symbols += symbols
        all_sites.append(here)
    a = compound.a_A
    cell = [a, a, height, 90, 90, 90 if compound.kind == "PbO" else 120]
    return Atoms(all_symbols, scaled_positions=np.concatenate(all_sites), cell=cell, pbc=True)
