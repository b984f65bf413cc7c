"""Structures for C6: every element that 7net-0 and dftd4 know, in crystals, layers, surfaces, molecules and alone.

Nothing is downloaded. All are functions of a seed. Never among them, for they test what is learnt: graphite, diamond,
CO2, perovskites, MXenes, and the crystals of urea, ice, benzene, quartz and MOF-5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import molecule, surface
from ase.collections import g2
from ase.data import atomic_numbers, covalent_radii
from matscipy.neighbours import neighbour_list
from prototypes import HELD_OUT, Prototype, prototypes

ANIONS = {
    "O": 5, "S": 2, "F": 2, "Cl": 2, "N": 2, "H": 1, "C": 2, "Se": 1, "Te": 1, "Br": 1, "I": 1, "P": 1, "B": 1, "Si": 1,
    "As": 1,
}  # fmt: skip
ORGANIC = {"C": 5, "H": 5, "N": 2, "O": 3, "F": 1, "S": 1, "P": 0.5, "Cl": 1, "Br": 0.5}
COUNTS = {
    "atoms": 200, "dimers": 1800, "elements": 4500, "crystals": 6500, "layers": 3000, "random": 5500, "molecules": 3500,
    "surfaces": 1800, "clusters": 1800, "salts": 6000, "liquids": 1500,
}  # fmt: skip
MOST_ATOMS = 40
RADII_A = np.maximum(covalent_radii, 0.5)
"""Of atoms, covalent; hydrogen's own 0.31 Å would make metals of 7 atoms in an Å³."""


@dataclass(frozen=True)
class Example:
    """A periodic structure of the recipe.

    Attributes:
        kind: its class, one of COUNTS.
        group: prototype or origin, by which whole groups are held out.
        part: "train", "watch" (which tells when training ends) or "held out".
    """

    atoms: Atoms
    kind: str
    group: str
    part: str


def part_of(atoms: Atoms, kind: str, group: str) -> str:
    """By elements, so that no compound of those held out was ever seen; whole prototypes are held out as well."""
    if group in HELD_OUT:
        return "held out"
    symbols = sorted(set(atoms.get_chemical_symbols()))
    if len(symbols) == 1:  # an element's own environments are held out by prototype
        return "train"
    draw = int(hashlib.sha256(" ".join(symbols).encode()).hexdigest(), 16) % 100
    return "held out" if draw < 12 else "watch" if draw < 17 else "train"


def examples(elements: list[str], seed: int = 1, counts: Mapping[str, int] = COUNTS) -> Iterator[Example]:
    """All of them, class by class; each has a generator of its own, so classes do not change one another."""
    for index, (kind, count) in enumerate(counts.items()):
        make = MAKERS[kind]
        for k in range(count):
            rng = np.random.default_rng([seed, index, k])
            atoms, group = make(rng, elements, k)
            if atoms is not None and 0 < len(atoms) <= MOST_ATOMS and not _excluded(atoms, group):
                atoms.pbc = True
                yield Example(atoms, kind, group, part_of(atoms, kind, group))


def _excluded(atoms: Atoms, group: str) -> bool:
    symbols = set(atoms.get_chemical_symbols())
    return (symbols == {"C"} and group in ("honeycomb", "diamond")) or (symbols == {"C", "O"} and group == "salt")


def _drawn(rng: np.random.Generator, table: Mapping[str, float], known: list[str]) -> str:
    names = [name for name in table if name in known]
    weights = np.array([table[name] for name in names], float)
    return str(rng.choice(names, p=weights / weights.sum()))


def species(rng: np.random.Generator, known: list[str], count: int) -> list[str]:
    """Different elements: salts, alloys, organic and metal-organic ones."""
    way = rng.random()
    metals = [s for s in known if s not in ANIONS]
    found: list[str] = []
    while len(found) < count:
        if way < 0.45:
            new = _drawn(rng, ANIONS, known) if len(found) * 2 >= count else str(rng.choice(metals))
        elif way < 0.75:
            new = str(rng.choice(known))
        elif way < 0.87 or len(found):
            new = _drawn(rng, ORGANIC, known)
        else:
            new = str(rng.choice(metals))
        if new not in found:
            found.append(new)
    if rng.random() < 0.2:
        found.reverse()
    return found


def tightest(atoms: Atoms) -> float:
    """Shortest distance in sums of covalent radii; infinity where none is near."""
    i, j, d = neighbour_list("ijd", atoms, 6.0)
    radii = RADII_A[atoms.numbers]
    return float((d / (radii[i] + radii[j])).min()) if len(d) else float("inf")


def scaled_to(atoms: Atoms, ratio: float) -> Atoms:
    """The cell scaled until the shortest distance is so many sums of covalent radii."""
    atoms.set_cell(atoms.cell * 3.0, scale_atoms=True)
    for _ in range(8):
        now = tightest(atoms)
        if np.isfinite(now):
            atoms.set_cell(atoms.cell * (ratio / now), scale_atoms=True)
            return atoms
        atoms.set_cell(atoms.cell * 0.6, scale_atoms=True)
    return atoms


def shaken(rng: np.random.Generator, atoms: Atoms) -> Atoms:
    """Two in three rattled by up to 0.15 Å, half of those strained as well."""
    if rng.random() < 0.67:
        atoms.positions += rng.normal(0, rng.uniform(0.01, 0.15), atoms.positions.shape)
        if rng.random() < 0.5:
            strain = rng.normal(0, 0.03, (3, 3))
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    return atoms


def built(prototype: Prototype, symbols: list[str]) -> Atoms:
    """A prototype with elements in their roles."""
    names = [symbols[ord(role) - ord("A")] for role in prototype.roles]
    return Atoms(names, scaled_positions=prototype.scaled, cell=prototype.cell, pbc=True)


def pushed_apart(atoms: Atoms, ratio: float, steps: int = 30, anion: str = "", like: float | None = None) -> Atoms:
    """Overlaps below so many sums of covalent radii are undone pair by pair; like: of two anions or two cations."""
    radii = RADII_A[atoms.numbers]
    negative = np.array([symbol == anion for symbol in atoms.get_chemical_symbols()])
    for _ in range(steps):
        i, j, d, v = neighbour_list("ijdD", atoms, 2 * radii.max() * max(ratio, like or 0.0))
        wanted = np.where(negative[i] == negative[j], like or ratio, ratio)
        lacking = wanted * (radii[i] + radii[j]) - d
        near = (lacking > 0) & (i != j)
        if not near.any():
            break
        push = 0.3 * (lacking / np.maximum(d, 0.1))[near, None] * v[near]
        np.add.at(atoms.positions, i[near], -push)
    return atoms


def _atom(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    return Atoms(known[k % len(known)], cell=np.eye(3) * rng.uniform(11, 18), pbc=True), "atom"


def _dimer(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    one, other = (str(s) for s in rng.choice(known, 2))
    length = sum(RADII_A[atomic_numbers[s]] for s in (one, other)) * rng.uniform(0.8, 3.0)
    return Atoms([one, other], [[0, 0, 0], [0, 0, length]], cell=np.eye(3) * (length + 11), pbc=True), "dimer"


def _from(rng: np.random.Generator, symbols: list[str], prototype: Prototype, low: float, high: float) -> Atoms:
    return shaken(rng, scaled_to(built(prototype, symbols), rng.uniform(low, high)))


def _element(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    single = [p for p in prototypes() if p.elements == 1]
    symbol, prototype = known[k % len(known)], single[(k // len(known)) % len(single)]
    return _from(rng, [symbol], prototype, 0.85, 1.45), prototype.name


def _crystal(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    several = [p for p in prototypes() if p.elements > 1]
    prototype = several[k % len(several)]
    return _from(rng, species(rng, known, prototype.elements), prototype, 0.82, 1.3), prototype.name


def _layer(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    """Layers at any distance from each other, up to alone."""
    flat = [p for p in prototypes() if p.layered]
    prototype = flat[k % len(flat)]
    atoms = _from(rng, species(rng, known, prototype.elements), prototype, 0.85, 1.2)
    atoms.center()
    cell = atoms.cell.array.copy()
    cell[2] *= 1 + rng.exponential(0.5)
    atoms.set_cell(cell)  # one gap, wherever the cell ends
    return atoms, prototype.name


def _random(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    symbols = species(rng, known, int(rng.integers(1, 5)))
    names = [str(s) for s in rng.choice(symbols, int(rng.integers(2, 13)))]
    radii = np.array([RADII_A[atomic_numbers[s]] for s in names])
    volume = (4.2 * radii**3).sum() * rng.uniform(1.2, 4.0)
    cell = np.eye(3) + rng.normal(0, 0.2, (3, 3))
    cell *= (volume / abs(np.linalg.det(cell))) ** THIRD_POWER
    atoms = Atoms(names, scaled_positions=rng.random((len(names), 3)), cell=cell, pbc=True)
    atoms = pushed_apart(atoms, rng.uniform(0.85, 1.1))
    return (atoms if tightest(atoms) > 0.75 else scaled_to(atoms, 0.85)), "random"


THIRD_POWER = 1 / 3
FAMILIES = (("C", "Si", "Ge", "Sn"), ("N", "P", "As", "Sb"), ("O", "S", "Se", "Te"), ("F", "Cl", "Br", "I"))


def _substituted(rng: np.random.Generator, atoms: Atoms) -> Atoms:
    """Elements of the same columns, the molecule scaled with their radii."""
    before = RADII_A[atoms.numbers].mean()
    swaps = {s: str(rng.choice(family)) for family in FAMILIES for s in family}
    atoms.set_chemical_symbols([swaps.get(s, s) for s in atoms.get_chemical_symbols()])
    atoms.positions *= RADII_A[atoms.numbers].mean() / before
    return atoms


def _molecule(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms | None, str]:
    """One of ASE's G2 molecules, alone or packed with copies of itself."""
    names = [n for n in g2.names if n not in ("CO2",) and set(g2[n].get_chemical_symbols()) <= set(known)]
    name = names[k % len(names)]
    one = molecule(name)
    if rng.random() < 0.5:
        one = _substituted(rng, one)
    one.positions += rng.normal(0, rng.choice([0.0, 0.05]), one.positions.shape)
    if len(set(one.get_chemical_symbols())) == 2 and set(one.get_chemical_symbols()) == {"C", "O"} and len(one) == 3:
        return None, name
    copies = int(rng.integers(1, 4)) if rng.random() < 0.6 else 1
    gap = float(rng.uniform(1.8, 4.0)) if copies > 1 or rng.random() < 0.3 else 9.0
    packed, height = Atoms(), 0.0
    widest = np.zeros(2)
    for _ in range(copies):
        turned = one.copy()
        turned.euler_rotate(*rng.uniform(0, 360, 3))
        turned.positions -= turned.positions.min(axis=0)
        turned.positions[:, 2] += height
        height = turned.positions[:, 2].max() + gap
        widest = np.maximum(widest, turned.positions[:, :2].max(axis=0))
        packed += turned
    packed.set_cell(np.diag([*(widest + gap), height]))
    return packed, "molecule"


def _surface(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms | None, str]:
    solid = [p for p in prototypes() if not p.layered and len(p.scaled) <= 4]
    prototype = solid[k % len(solid)]
    bulk = scaled_to(built(prototype, species(rng, known, prototype.elements)), rng.uniform(0.9, 1.1))
    face = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (0, 0, 1), (1, 0, 1)][int(rng.integers(5))]
    slab = surface(bulk, face, int(rng.integers(2, 5)), vacuum=float(rng.uniform(3, 8)), periodic=True)
    return shaken(rng, slab), "surface of " + prototype.name


def _cluster(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    symbols = species(rng, known, int(rng.integers(1, 5)))
    names = [str(s) for s in rng.choice(symbols, int(rng.integers(2, 14)))]
    radii = np.array([RADII_A[atomic_numbers[s]] for s in names])
    side = (8 * (radii**3).sum()) ** THIRD_POWER * rng.uniform(0.7, 1.3)
    atoms = Atoms(names, rng.random((len(names), 3)) * side, cell=np.eye(3) * (side + 12), pbc=True)
    return pushed_apart(atoms, rng.uniform(0.85, 1.2)), "cluster"


def _salt(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms, str]:
    """Cations among anions at bond lengths as salts have them, in prototypes or, two in three, at random."""
    metals = [s for s in known if s not in ANIONS] + ["Si", "B", "P", "C", "As", "H"]
    anion = _drawn(rng, {"O": 6, "F": 2, "N": 1, "S": 2, "Cl": 1.5, "Se": 1, "Br": 1, "I": 1, "Te": 1, "H": 0.5}, known)
    cations = [str(s) for s in rng.choice([m for m in metals if m != anion], 2, replace=False)]
    if k % 3 == 0:
        several = [p for p in prototypes() if p.elements in (2, 3)]
        prototype = several[(k // 3) % len(several)]
        symbols = [*cations[: prototype.elements - 1], anion]
        return _from(rng, symbols, prototype, 0.8, 1.05), prototype.name
    count = int(rng.integers(1, 5))
    names = [cations[int(x)] for x in rng.integers(0, 2, count)] + [anion] * int(rng.integers(count, 3 * count + 1))
    radii = np.array([RADII_A[atomic_numbers[s]] for s in names])
    cell = np.eye(3) + rng.normal(0, 0.15, (3, 3))
    cell *= ((radii**3).sum() * rng.uniform(9, 20) / abs(np.linalg.det(cell))) ** THIRD_POWER
    atoms = Atoms(names, scaled_positions=rng.random((len(names), 3)), cell=cell, pbc=True)
    return pushed_apart(atoms, rng.uniform(0.84, 1.02), 60, anion, rng.uniform(1.2, 1.9)), "salt"


SMALL = (
    "H2O",
    "NH3",
    "HF",
    "CH4",
    "HCl",
    "SH2",
    "CO",
    "N2",
    "H2CO",
    "HCN",
    "CH3OH",
    "CH3Cl",
    "C2H2",
    "C2H4",
    "H2",
    "SO2",
)


def _liquid(rng: np.random.Generator, known: list[str], k: int) -> tuple[Atoms | None, str]:
    """Small molecules packed as close as hydrogen bonds bring them, of one or two kinds."""
    kinds = [str(s) for s in rng.choice(SMALL, 2)]
    packed = Atoms(cell=np.eye(3), pbc=True)
    count = int(rng.integers(2, 7))
    side = 3.0 * count**THIRD_POWER * rng.uniform(0.95, 1.4)
    least = float(rng.uniform(1.5, 2.5))
    packed.set_cell(np.eye(3) * side)
    for _ in range(60):
        one = molecule(kinds[0] if rng.random() < 0.7 else kinds[1])
        one.euler_rotate(*rng.uniform(0, 360, 3))
        one.positions += rng.random(3) * side
        both = packed + one
        i, j = neighbour_list("ij", both, least)
        old = len(packed)
        own = np.linalg.norm(one.positions[:, None] - one.positions, axis=2)
        if not ((i < old) & (j >= old)).any() and ((i >= old) & (j >= old)).sum() == ((own < least) & (own > 0)).sum():
            packed = both
            count -= 1
        if count == 0:
            break
    return (packed if len(packed) else None), "liquid"


MAKERS: Mapping[str, Callable[[np.random.Generator, list[str], int], tuple[Atoms | None, str]]] = {
    "atoms": _atom, "dimers": _dimer, "elements": _element, "crystals": _crystal, "layers": _layer,
    "random": _random, "molecules": _molecule, "surfaces": _surface, "clusters": _cluster,
    "salts": _salt, "liquids": _liquid,
}  # fmt: skip
