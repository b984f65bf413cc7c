"""Crystals of every element, at rest and out of shape: what the reference set is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
from ase import Atoms
from pymatgen.core import Element

from discover.compounds import compound_prototypes
from discover.elements import element_prototypes
from discover.tidy import Tidier, TidySpec
from potentials import Potential, RelaxSettings
from potentials.potential import structure_of
from potentials.relax import relax
from potentials.relax.sanity import unphysical_geometry
from searchers.generation import GenerationError, SymmetricGenerator
from searchers.space import SearchSpace
from searchers.spread import spread_crystal
from searchers.starts import Starts

KINDS = ("relaxed", "rattled", "strained", "liquid", "coordination")
MOST_ATOMS = 16
"""In a cell: forces of a hundred thousand atoms in an hour, and room for several shells of neighbours."""
_ANIONS = ("O", "F", "N", "S", "Cl", "H", "Br", "I", "Se", "P", "C", "Te")
_CHARGES = {"O": 2, "Cl": 1}
_RARE = {"He", "Ne", "Ar", "Kr", "Xe", "Tc", "Pm", "Ac", "Pa", "Np", "Pu", "Th", "U"}
_RARE_WEIGHT = 0.4


@dataclass(frozen=True)
class Sample:
    """A structure of the set.

    Attributes:
        system: its elements, sorted and joined ("Mg-O").
        kind: one of KINDS.
        atoms: periodic, no calculator.
    """

    system: str
    kind: str
    atoms: Atoms


def draw_system(elements: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    """One to three elements; every other system holds an element that takes electrons, as most known crystals do."""
    n = int(rng.choice([1, 2, 3], p=[0.12, 0.48, 0.4]))
    weights = np.array([_RARE_WEIGHT if e in _RARE else 1.0 for e in elements])
    drawn = list(rng.choice(elements, n, replace=False, p=weights / weights.sum()))
    if n > 1 and rng.random() < 0.5:
        drawn[0] = str(rng.choice([e for e in _ANIONS if e not in drawn[1:]]))
    return tuple(sorted(map(str, drawn)))


def known_systems(elements: Sequence[str]) -> list[tuple[str, ...]]:
    """Every element, and its oxide and chloride, by its lowest common oxidation state."""
    cations = [e for e in elements if any(s > 0 for s in Element(e).common_oxidation_states) and e not in _CHARGES]
    return [(e,) for e in elements] + [(c, a) for c in cations for a in _CHARGES]


def known_samples(system: Sequence[str], potential: Potential, rng: np.random.Generator) -> list[Sample]:
    """As `samples_of`, of the lowest prototype that an element or a salt has; nothing where no prototype fits."""
    made = list(element_prototypes(system[0]).values()) if len(system) == 1 else _salts(*system)
    ended = [r for atoms in made if (r := _relaxed_with_energy(atoms, potential)) is not None]
    if not ended:
        return []
    return _samples(system, min(ended, key=lambda r: r[0])[1], rng)


def _salts(cation: str, anion: str) -> list[Atoms]:
    """Prototypes of the composition in which charges cancel."""
    charge = min(s for s in Element(cation).common_oxidation_states if s > 0)
    divisor = gcd(charge, _CHARGES[anion])
    wanted = {cation: _CHARGES[anion] // divisor, anion: charge // divisor}
    space = SearchSpace((cation, anion), 1, 10)
    found = []
    for _, atoms in compound_prototypes(space):
        symbols = atoms.get_chemical_symbols()
        if symbols.count(cation) * wanted[anion] == symbols.count(anion) * wanted[cation]:
            found.append(atoms)
    return found


def samples_of(system: Sequence[str], potential: Potential, rng: np.random.Generator) -> list[Sample]:
    """One structure of each kind; fewer where one of them fails."""
    base = _relaxed_with_energy(_crystal(system, rng), potential)
    return [] if base is None else _samples(system, base[1], rng)


def _samples(system: Sequence[str], base: Atoms, rng: np.random.Generator) -> list[Sample]:
    made = {
        "relaxed": base,
        "rattled": _rattled(base, 0.02 * 15.0 ** rng.random(), rng),
        "strained": _strained(base, rng),
        "liquid": _liquid(base, rng),
        "coordination": _coordination(system, rng),
    }
    name = "-".join(sorted(set(base.get_chemical_symbols())))
    return [Sample(name, kind, atoms) for kind, atoms in made.items() if atoms is not None and _usable(atoms)]


def _usable(atoms: Atoms) -> bool:
    return len(atoms) <= MOST_ATOMS and not unphysical_geometry(structure_of(atoms), RelaxSettings(closest=0.55))


def _crystal(system: Sequence[str], rng: np.random.Generator) -> Atoms:
    """A prototype where one fits, more often than a random crystal."""
    space = SearchSpace(tuple(system), 1, 10)
    if rng.random() < 0.6:
        known = [a for _, a in compound_prototypes(space)] if len(system) > 1 else []
        known = [a for a in known if len(set(a.get_chemical_symbols())) == len(system)]
        known = known or list(element_prototypes(system[0]).values() if len(system) == 1 else [])
        if known:
            return known[int(rng.integers(len(known)))].copy()
    starts = Starts(space, SymmetricGenerator(space))
    whole = [c for c in space.compositions if all(c) and sum(c) >= 2]
    for _ in range(20):
        try:
            return starts.draw(rng, [whole[int(rng.integers(len(whole)))]])[1]
        except GenerationError:
            continue
    raise RuntimeError(f"no crystal of {system}")


def _relaxed_with_energy(atoms: Atoms, potential: Potential) -> tuple[float, Atoms] | None:
    """Energy per atom, eV, and structure."""
    done = relax(potential, [atoms], RelaxSettings(fmax_eV_A=0.05, max_steps=60))[0]
    if not np.isfinite(done.energy_eV) or done.max_force_eV_A > 1.0:
        return None
    bare = Atoms(done.atoms.numbers, positions=done.atoms.positions, cell=done.atoms.cell, pbc=True)
    return done.energy_eV / len(bare), bare


def _supercell(atoms: Atoms, least: int) -> Atoms:
    """A copy, repeated along its shortest axis until it has so many atoms."""
    atoms = atoms.copy()
    while len(atoms) < least and 2 * len(atoms) <= MOST_ATOMS:
        axis = int(np.argmin(atoms.cell.lengths()))
        atoms = atoms.repeat([2 if k == axis else 1 for k in range(3)])
    return atoms


def _rattled(atoms: Atoms, amplitude_A: float, rng: np.random.Generator) -> Atoms:
    moved = _supercell(atoms, 4)
    moved.positions += amplitude_A * rng.normal(size=moved.positions.shape)
    return moved


def _strained(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    """Up to a tenth in every component."""
    strain = rng.uniform(0.01, 0.10) * rng.uniform(-1, 1, (3, 3))
    moved = _rattled(atoms, 0.03, rng)
    moved.set_cell(moved.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    return moved


def _liquid(atoms: Atoms, rng: np.random.Generator) -> Atoms | None:
    """The same elements anywhere, contacts mended, at a crystal's density or somewhat less."""
    symbols = _supercell(atoms, 8).get_chemical_symbols()
    counts = {e: symbols.count(e) for e in dict.fromkeys(symbols)}
    volume_A3 = atoms.get_volume() / len(atoms) * len(symbols) * rng.uniform(1.0, 1.25)
    spread = spread_crystal(counts, volume_A3, 0.6, rng)
    return Tidier(TidySpec("contacts", int(rng.integers(3, 15)), relax_cell=False), "cpu").tidy([spread])[0].atoms


def _coordination(system: Sequence[str], rng: np.random.Generator) -> Atoms:
    """Another crystal of these elements as nobody has relaxed it, too tight or too loose."""
    atoms = _crystal(system, rng)
    atoms.set_cell(atoms.cell.array * rng.uniform(0.85, 1.3) ** (1 / 3), scale_atoms=True)
    return atoms
