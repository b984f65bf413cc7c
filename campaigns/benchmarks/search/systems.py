"""What is searched for, on which potential, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.build import bulk
from ase.io import read
from ase.spacegroup import crystal
from trial import Reference

import potentials
from potentials import Potential, RelaxSettings
from potentials.relax import relax
from searchers.space import parse_formula
from searchers.volume import estimate_volume

FMAX_EV_A = 0.05
MAX_STEPS = 300
TIGHT = 0.005
FOUND = Path(__file__).with_name("found.extxyz")
"""Structures that a search found below every prototype; `info` says of which system and under what name."""
Prototypes = Callable[[], dict[str, Atoms]]


@dataclass(frozen=True)
class System:
    """One search.

    Attributes:
        name: as the command line takes it.
        formula: of the cell.
        potential, options: of `potentials.load`.
        prototypes: known crystals of this composition whose cell holds a divisor of its atoms.
        budget: model calls of a run.
        seeds: runs of each method.
        seconds: wall time after which a run is given up.
    """

    name: str
    formula: str
    potential: str
    prototypes: Prototypes
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: int = 3000
    seeds: int = 20
    seconds: float = 1200.0

    @cached_property
    def counts(self) -> dict[str, int]:
        """Atoms of each element."""
        return parse_formula(self.formula)

    @property
    def atoms(self) -> int:
        """In the cell."""
        return sum(self.counts.values())

    @property
    def volume_A3(self) -> float:
        """What a user who knows nothing of the answer would give: our searchers' own estimate."""
        return estimate_volume(self.counts)

    def load(self) -> Potential:
        """Its potential, on one thread of a processor."""
        import torch

        torch.set_num_threads(1)
        return potentials.load(self.potential, "cpu", **self.options)

    def known(self) -> dict[str, Atoms]:
        """The prototypes, and what was ever found below them."""
        found = read(FOUND, ":") if FOUND.exists() else []
        return self.prototypes() | {a.info["name"]: a for a in found if a.info["system"] == self.name}

    def digest(self) -> str:
        """Of all that its reference depends on."""
        told = [self.formula, self.potential, sorted(self.options.items())]
        for name, a in self.known().items():
            positions, cell = (x.round(4) + 0.0 for x in (a.positions, a.cell.array))  # −0.0 is 0.0
            told += [name, a.numbers.tolist(), positions.tolist(), cell.tolist()]
        return sha256(repr(told).encode()).hexdigest()[:16]

    def relaxing(self, fmax_eV_A: float = FMAX_EV_A) -> RelaxSettings:
        """As a campaign relaxes; Lennard-Jones atoms know nothing of covalent radii."""
        closest = 0.0 if self.potential == "lj" else RelaxSettings.closest
        return RelaxSettings(fmax_eV_A=fmax_eV_A, max_steps=MAX_STEPS, closest=closest)


def reference_of(system: System) -> Reference:
    """The lowest of the prototypes and of what was ever found below them."""
    known = system.known()
    ended = dict(zip(known, relax(system.load(), known.values(), system.relaxing(TIGHT)), strict=True))
    energies = {name: r.energy_eV / len(r.atoms) for name, r in ended.items()}
    others = {name: round(energy, 4) for name, energy in energies.items() if energy == energy}
    best = min(others, key=others.__getitem__)  # of several that relax into one, the first
    return Reference(best, ended[best].atoms, energies[best], others)


def _scaled(symbols: Mapping[str, str], cells: Mapping[str, Atoms]) -> dict[str, Atoms]:
    """Every prototype of these elements at the volume that our estimate gives its composition."""
    made = {}
    for name, cell in cells.items():
        atoms = cell.copy()
        atoms.symbols = [symbols[s] for s in atoms.get_chemical_symbols()]
        counts = {s: list(atoms.symbols).count(s) for s in set(atoms.symbols)}
        factor = (estimate_volume(counts) / atoms.get_volume()) ** (1 / 3)
        atoms.set_cell(atoms.cell * factor, scale_atoms=True)
        made[name] = atoms
    return made


def _packings(element: str) -> dict[str, Atoms]:
    """Close packings whose layers repeat in a cell of 16 atoms, and other crystals of an element."""
    cells = {"bcc": bulk("Cu", "bcc", a=3), "sc": bulk("Cu", "sc", a=2.5)}
    named = {"AB": "hcp", "ABC": "fcc", "ABAC": "dhcp", "ABABABAC": "8H (hhhc)", "ABCBACAB": "8H"}
    for layers, name in named.items():
        cells[name] = _stacked(layers)
    for k, layers in enumerate(("ABABABCB", "ABABACAC", "ABCACBAC", "ABCABCAB", "ABCABACB")):
        cells[f"8H {k + 1}"] = _stacked(layers)
    return _scaled({"Cu": element}, cells)


def _stacked(layers: str) -> Atoms:
    where = {"A": (0.0, 0.0), "B": (1 / 3, 2 / 3), "C": (2 / 3, 1 / 3)}
    n = len(layers)
    cell = crystal("Cu", [(0, 0, 0)], cellpar=[2.55, 2.55, 2.55 * (2 / 3) ** 0.5 * n, 90, 90, 120]).cell
    return Atoms(f"Cu{n}", scaled_positions=[(*where[s], k / n) for k, s in enumerate(layers)], cell=cell, pbc=True)


def _equal(one: str, other: str) -> dict[str, Atoms]:
    """Crystals of two elements, one to one."""
    cube = partial(crystal, primitive_cell=True)
    cells = {
        "CsCl": bulk("CuAu", "cesiumchloride", a=3),
        "rocksalt": bulk("CuAu", "rocksalt", a=5),
        "zincblende": bulk("CuAu", "zincblende", a=5),
        "wurtzite": bulk("CuAu", "wurtzite", a=3, c=4.9),
        "NiAs": cube(["Cu", "Au"], [(0, 0, 0), (1 / 3, 2 / 3, 0.25)], spacegroup=194, cellpar=[3, 3, 4.5, 90, 90, 120]),
        "WC": cube(["Cu", "Au"], [(0, 0, 0), (1 / 3, 2 / 3, 0.5)], spacegroup=187, cellpar=[3, 3, 3, 90, 90, 120]),
        "CrB": cube(
            ["Cu", "Au"], [(0, 0.146, 0.25), (0, 0.44, 0.25)], spacegroup=63, cellpar=[2.97, 7.86, 2.93, 90, 90, 90]
        ),
        "FeB": cube(
            ["Cu", "Au"],
            [(0.18, 0.25, 0.125), (0.036, 0.25, 0.61)],
            spacegroup=62,
            cellpar=[5.5, 2.95, 4.06, 90, 90, 90],
        ),
        "B19 (AuCd)": cube(
            ["Cu", "Au"],
            [(0.25, 0, 0.81), (0.25, 0.5, 0.31)],
            spacegroup=51,
            cellpar=[4.76, 3.15, 4.86, 90, 90, 90],
        ),
        "L1_0": cube(["Cu", "Au"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=123, cellpar=[2.8, 2.8, 3.67, 90, 90, 90]),
        "L1_1": cube(["Cu", "Au"], [(0, 0, 0), (0, 0, 0.5)], spacegroup=166, cellpar=[2.7, 2.7, 13.2, 90, 90, 120]),
        "B11 (TiCu)": cube(
            ["Cu", "Au"], [(0.25, 0.25, 0.1), (0.25, 0.25, 0.65)], spacegroup=129, setting=2,
            cellpar=[3.1, 3.1, 5.9, 90, 90, 90],
        ),
        "40 (NbP)": cube(["Cu", "Au"], [(0, 0, 0), (0, 0, 0.5)], spacegroup=141, cellpar=[3.8, 3.8, 7.6, 90, 90, 90]),
    }  # fmt: skip
    made = _scaled({"Cu": one, "Au": other}, cells)
    swapped = {f"{name}, swapped": atoms for name, atoms in _scaled({"Cu": other, "Au": one}, cells).items()}
    return made | swapped


def _three_to_one(many: str, few: str) -> dict[str, Atoms]:
    cells = {
        "L1_2": crystal(["Au", "Cu"], [(0, 0, 0), (0.5, 0.5, 0)], spacegroup=221, cellpar=[3.8] * 3 + [90] * 3),
        "D0_22": crystal(
            ["Au", "Cu", "Cu"], [(0, 0, 0), (0, 0, 0.5), (0, 0.5, 0.25)], spacegroup=139,
            cellpar=[3.8, 3.8, 7.6, 90, 90, 90], primitive_cell=True,
        ),
        "D0_19": crystal(
            ["Au", "Cu"], [(1 / 3, 2 / 3, 0.25), (1 / 6, 1 / 3, 0.75)], spacegroup=194,
            cellpar=[5.4, 5.4, 4.4, 90, 90, 120],
        ),
        "D0_3": crystal(
            ["Au", "Cu", "Cu"], [(0, 0, 0), (0.25, 0.25, 0.25), (0.5, 0.5, 0.5)], spacegroup=225,
            cellpar=[6.0] * 3 + [90] * 3, primitive_cell=True,
        ),
        "A15": crystal(["Au", "Cu"], [(0, 0, 0), (0.25, 0, 0.5)], spacegroup=223, cellpar=[4.9] * 3 + [90] * 3),
    }  # fmt: skip
    return _scaled({"Cu": many, "Au": few}, cells)


KOB_ANDERSEN = {
    "sigma_A": 2.85,
    "epsilon_eV": 1.0,
    "pairs": {"Ni-Pd": {"sigma_A": 2.28, "epsilon_eV": 1.5}, "Ni-Ni": {"sigma_A": 2.508, "epsilon_eV": 0.5}},
}
"""Kob and Andersen, Phys. Rev. E 51, 4626 (1995): A is Pd, B is Ni, whose radii fit the mixture's."""


def _oxides_and_others() -> tuple[System, ...]:
    from known import alumina, carbide, quartz, silicon, titania

    rows = (
        ("si", "Si8", silicon),
        ("tic", "Ti4C4", carbide),
        ("tio2", "Ti4O8", titania),
        ("al2o3", "Al4O6", alumina),
        ("sio2", "Si3O6", quartz),
    )
    return tuple(
        System(name, formula, "7net-0", prototypes, budget=2000, seeds=5, seconds=1800)
        for name, formula, prototypes in rows
    )


def systems() -> dict[str, System]:
    """All of them, by name."""
    found = (
        System("lj", "Cu16", "lj", partial(_packings, "Cu"), {"sigma_A": 2.34, "epsilon_eV": 1.0}),
        System("lj2", "Pd8Ni8", "lj", partial(_equal, "Pd", "Ni"), KOB_ANDERSEN),
        System("cu3au", "Cu6Au2", "emt", partial(_three_to_one, "Cu", "Au"), budget=2000),
        System("cuau", "Cu4Au4", "emt", partial(_equal, "Cu", "Au"), budget=2000),
        *_oxides_and_others(),
    )
    return {s.name: s for s in found}
