"""Layered crystals as published, and what is known of their layers."""

from __future__ import annotations

from dataclasses import dataclass

from ase import Atoms
from ase.spacegroup import crystal

HEXAGONAL, RIGHT = (90, 90, 120), (90, 90, 90)
HOLLOW = (1 / 3, 2 / 3)


@dataclass(frozen=True)
class Crystal:
    """A published structure.

    Attributes:
        group, setting: International number, and ASE's setting of it.
        cell, sites: lengths (Å) and angles, fractional coordinates.
        distance_A: between layers, by diffraction at room temperature.
        binding_meV_A2: between layers, by RPA (Björkman et al., Phys. Rev. Lett. 108, 235502 (2012)); of black P by
            quantum Monte Carlo (Shulenburger et al., Nano Lett. 15, 8170 (2015): 81 ± 6 meV/atom). None: unknown to us.
        c33_GPa: by inelastic X-rays or neutrons.
    """

    group: int
    cell: tuple[float, ...]
    sites: dict[str, tuple[float, float, float]]
    distance_A: float
    binding_meV_A2: float | None = None
    c33_GPa: float | None = None
    setting: int = 1

    def atoms(self) -> Atoms:
        """The conventional cell."""
        symbols = ["".join(c for c in name if c.isalpha()) for name in self.sites]
        made = crystal(
            symbols, list(self.sites.values()), spacegroup=self.group, setting=self.setting, cellpar=self.cell
        )
        return Atoms(made.numbers, made.positions, cell=made.cell, pbc=True)


CRYSTALS = {
    "graphite": Crystal(
        194, (2.461, 2.461, 6.708, *HEXAGONAL), {"C1": (0, 0, 0.25), "C2": (*HOLLOW, 0.25)}, 3.354, 18.32, 38.7
    ),
    "hBN": Crystal(
        194, (2.504, 2.504, 6.661, *HEXAGONAL), {"B": (*HOLLOW, 0.25), "N": (*HOLLOW, 0.75)}, 3.331, 14.49, 27.0
    ),
    "MoS2": Crystal(
        194, (3.161, 3.161, 12.295, *HEXAGONAL), {"Mo": (*HOLLOW, 0.25), "S": (*HOLLOW, 0.621)}, 6.148, 20.53, 52.0
    ),
    "WS2": Crystal(
        194, (3.153, 3.153, 12.323, *HEXAGONAL), {"W": (*HOLLOW, 0.25), "S": (*HOLLOW, 0.6225)}, 6.162, 20.24
    ),
    "TiS2": Crystal(164, (3.407, 3.407, 5.695, *HEXAGONAL), {"Ti": (0, 0, 0), "S": (*HOLLOW, 0.25)}, 5.695, 18.88),
    "PbO": Crystal(129, (3.976, 3.976, 5.023, *RIGHT), {"Pb": (0, 0.5, 0.2385), "O": (0, 0, 0)}, 5.023, 20.25),
    "black P": Crystal(64, (3.3136, 10.478, 4.3763, *RIGHT), {"P": (0, 0.10168, 0.08056)}, 5.239, 22.3),
    "Bi2Te3": Crystal(
        166, (4.385, 4.385, 30.49, *HEXAGONAL), {"Bi": (0, 0, 0.4), "Te1": (0, 0, 0), "Te2": (0, 0, 0.2095)}, 10.163
    ),
    "MoO3": Crystal(
        62, (13.855, 3.6964, 3.9628, *RIGHT),
        {"Mo": (0.1016, 0.25, 0.0867), "O1": (0.4351, 0.25, 0.4994), "O2": (0.0866, 0.25, 0.5212),
         "O3": (0.2214, 0.25, 0.0373)},
        6.928,
    ),
}  # fmt: skip
