"""The crystals that elements are known to form: the references of every formation energy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii
from ase.spacegroup import crystal

from searchers.volume import estimate_volume


def element_prototypes(element: str) -> dict[str, Atoms]:
    """Starting structures of one element by Strukturbericht symbol or name, scaled to the element's size.

    Close packings are scaled to the element's estimated volume, open structures (their bonds point somewhere) to
    bonds of twice its covalent radius. Parameters: Strukturbericht prototypes as in Villars & Calvert, Pearson's
    Handbook of Crystallographic Data (1991).
    """
    volume = estimate_volume({element: 1})
    bond = 2 * covalent_radii[atomic_numbers[element]]
    own = {name: make() for name, make in _OWN.get(element, {}).items()}
    dense = {name: _to_volume(make(element), volume) for name, make in _DENSE.items()}
    open_ = {name: _to_bond(make(element), bond) for name, make in _OPEN.items()}
    return dense | open_ | own


def _to_volume(atoms: Atoms, volume_A3_per_atom: float) -> Atoms:
    factor = (volume_A3_per_atom * len(atoms) / atoms.get_volume()) ** (1 / 3)
    atoms.set_cell(atoms.cell * factor, scale_atoms=True)
    return atoms


def _to_bond(atoms: Atoms, bond_A: float) -> Atoms:
    wide = atoms.repeat(2)
    distances = wide.get_all_distances(mic=True)
    shortest = distances[distances > 1e-6].min()
    atoms.set_cell(atoms.cell * (bond_A / shortest), scale_atoms=True)
    return atoms


def _graphite(element: str) -> Atoms:
    # In units of the bond: layers 2.36 bonds apart, as in graphite (3.35 / 1.42)
    a, c = np.sqrt(3), 2 * 2.36
    fractional = [(0, 0, 0.25), (0, 0, 0.75), (1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)]
    return Atoms(f"{element}4", scaled_positions=fractional, cell=_hexagonal(a, c), pbc=True)


def _dimer(element: str) -> Atoms:
    """Dumbbells on an fcc lattice along the four body diagonals (solid N2 and its like, space group 205)."""
    spacing = 4.5  # in units of the bond: neighbouring molecules keep their van der Waals distance
    x = 0.5 / np.sqrt(3) / spacing
    return crystal([element], [(x, x, x)], spacegroup=205, cellpar=[spacing] * 3 + [90] * 3)


def _hexagonal(a: float, c: float) -> np.ndarray:
    return np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]])


def _by_group(group: int, position: tuple[float, float, float], cellpar: list[float]) -> Callable[[str], Atoms]:
    def make(element: str) -> Atoms:
        return crystal([element], [position], spacegroup=group, cellpar=cellpar, primitive_cell=True)

    return make


def _alpha_boron() -> Atoms:
    """Icosahedra in a rhombohedral cell: Decker and Kasper, Acta Cryst. 12, 503 (1959)."""
    sites = [(0.1177, -0.1177, -0.1073), (0.1961, -0.1961, 0.0245)]
    return crystal(["B", "B"], sites, spacegroup=166, cellpar=[4.908, 4.908, 12.567, 90, 90, 120], primitive_cell=True)


_OWN: dict[str, dict[str, Callable[[], Atoms]]] = {"B": {"alpha-B12": _alpha_boron}}
"""Ground states that none of the common structures comes near, at their own size."""

_DENSE: dict[str, Callable[[str], Atoms]] = {
    "A1 (fcc)": lambda e: bulk(e, "fcc", a=4.0),
    "A2 (bcc)": lambda e: bulk(e, "bcc", a=3.0),
    "A3 (hcp)": lambda e: bulk(e, "hcp", a=3.0, c=4.9),
    "A3' (dhcp)": lambda e: Atoms(
        f"{e}4",
        scaled_positions=[(0, 0, 0), (1 / 3, 2 / 3, 0.25), (0, 0, 0.5), (2 / 3, 1 / 3, 0.75)],
        cell=_hexagonal(3.0, 9.8),
        pbc=True,
    ),
    "A6 (In)": _by_group(139, (0, 0, 0), [3.25, 3.25, 4.95, 90, 90, 90]),
    "A20 (alpha-U)": _by_group(63, (0, 0.1, 0.25), [2.85, 5.87, 4.96, 90, 90, 90]),
    "C32 (omega)": lambda e: Atoms(
        f"{e}3",
        scaled_positions=[(0, 0, 0), (1 / 3, 2 / 3, 0.5), (2 / 3, 1 / 3, 0.5)],
        cell=_hexagonal(4.6, 2.82),
        pbc=True,
    ),
}
_OPEN: dict[str, Callable[[str], Atoms]] = {
    "A4 (diamond)": lambda e: bulk(e, "diamond", a=5.0),
    "A5 (beta-Sn)": _by_group(141, (0, 0, 0), [5.83, 5.83, 3.18, 90, 90, 90]),
    "A7 (alpha-As)": _by_group(166, (0, 0, 0.227), [3.76, 3.76, 10.55, 90, 90, 120]),
    "A8 (gamma-Se)": _by_group(152, (0.217, 0, 1 / 3), [4.37, 4.37, 4.95, 90, 90, 120]),
    "A9 (graphite)": _graphite,
    "A11 (alpha-Ga)": _by_group(64, (0, 0.155, 0.081), [4.52, 7.66, 4.53, 90, 90, 90]),
    "A14 (I2)": _by_group(64, (0, 0.154, 0.118), [4.77, 7.26, 9.77, 90, 90, 90]),
    "A17 (black P)": _by_group(64, (0, 0.102, 0.081), [3.31, 10.48, 4.38, 90, 90, 90]),
    "Ah (sc)": lambda e: bulk(e, "sc", a=3.0),
    "dimers": _dimer,
}
