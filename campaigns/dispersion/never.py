"""Solids of kinds that the recipe never makes, to see what the head does with the unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from labels import Labelled, labelled
from recipe import Example

from potentials.potential import Potential

RATTLED_A = (0.0, 0.03, 0.08)
THIRD = 1 / 3


def never(potential: Potential) -> dict[str, Labelled]:
    """By kind, every crystal as it is and rattled."""
    found = {}
    for name, solids in kinds().items():
        examples = [Example(x, name, name, "held out") for x in shaken(solids)]
        found[name], left_out = labelled(examples, potential)
        if left_out:
            raise RuntimeError(f"{name}: {left_out} structures that dftd4 or {potential.metadata.name} cannot take")
    return found


def shaken(solids: Sequence[Atoms]) -> Iterator[Atoms]:
    """Each with three displacements of its atoms."""
    for k, atoms in enumerate(solids):
        for sigma in RATTLED_A:
            moved = atoms.copy()
            rng = np.random.default_rng([k, int(sigma * 100)])
            moved.positions += rng.normal(0, sigma + 1e-9, moved.positions.shape)
            yield moved


def kinds() -> dict[str, list[Atoms]]:
    """Crystals by kind; experimental geometries, or idealised ones where a family is meant."""
    return {
        "graphite": [graphite(d) for d in (3.1, 3.35, 3.7, 4.5, 8.0)],
        "diamond": [bulk("C", a=a) for a in (3.45, 3.567, 3.7)],
        "CO2 crystal": [co2(a) for a in (5.4, 5.624, 6.0)],
        "perovskites": [perovskite(*p) for p in PEROVSKITES],
        "MXene slabs": [mxene(*p) for p in MXENES],
        "molecular crystals": [urea(), ice(), benzene()],
        "MOF-5": [mof5()],
        "quartz": [quartz()],
    }


def graphite(distance_A: float = 3.35) -> Atoms:
    """AB stacked; layers so far apart."""
    sites = [(0, 0, 0.25), (THIRD, 2 * THIRD, 0.25), (0, 0, 0.75), (2 * THIRD, THIRD, 0.75)]
    return Atoms("C4", scaled_positions=sites, cell=[2.461, 2.461, 2 * distance_A, 90, 90, 120], pbc=True)


def co2(a_A: float = 5.624) -> Atoms:
    """Pa-3, C at 4a, O at 8c; the molecule's own length kept (Simon and Peters, Acta Cryst. B 36, 2750 (1980))."""
    return crystal(("C", "O"), [(0, 0, 0), (1.16 / 3**0.5 / a_A,) * 3], spacegroup=205, cellpar=[a_A] * 3 + [90] * 3)


PEROVSKITES = (
    ("Sr", "Ti", "O", 3.905), ("Ba", "Ti", "O", 4.00), ("Ca", "Zr", "O", 4.10), ("K", "Nb", "O", 4.02),
    ("La", "Al", "O", 3.79), ("Cs", "Pb", "I", 6.29), ("Cs", "Sn", "Br", 5.80), ("K", "Mg", "F", 3.99),
)  # fmt: skip


def perovskite(a: str, b: str, x: str, length_A: float) -> Atoms:
    """Cubic ABX3."""
    sites = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]
    return Atoms([a, b, x, x, x], scaled_positions=sites, cell=[length_A] * 3, pbc=True)


MXENES = (
    ("Ti", "C", "O", 3.03), ("Ti", "C", "F", 3.05), ("Nb", "C", "O", 3.13), ("Mo", "N", "O", 2.9), ("V", "C", "", 2.9),
)  # fmt: skip


def mxene(metal: str, x: str, end: str, a_A: float, layer_A: float = 1.2, vacuum_A: float = 8.0) -> Atoms:
    """M3X2T2, ABC stacked, T in hollows; a single slab."""
    spots = ((0.0, 0.0), (THIRD, 2 * THIRD), (2 * THIRD, THIRD))
    column = [metal, x, metal, x, metal]
    column = [end, *column, end] if end else column
    height = layer_A * (len(column) - 1) + vacuum_A
    sites = [(*spots[k % 3], (vacuum_A / 2 + layer_A * k) / height) for k in range(len(column))]
    return Atoms(column, scaled_positions=sites, cell=[a_A, a_A, height, 90, 90, 120], pbc=True)


def urea() -> Atoms:
    """P-42_1m (Swaminathan et al., Acta Cryst. B 40, 300 (1984), rounded)."""
    basis = [
        (0, 0.5, 0.326), (0, 0.5, 0.5953), (0.1459, 0.6459, 0.1766), (0.2575, 0.7575, 0.2827), (0.1441, 0.6441, 0.962),
    ]  # fmt: skip
    return crystal(("C", "O", "N", "H", "H"), basis, spacegroup=113, cellpar=[5.565, 5.565, 4.684, 90, 90, 90])


def ice() -> Atoms:
    """Proton-ordered hexagonal ice, Cmc2_1 (Leadbetter et al., J. Chem. Phys. 82, 424 (1985), rounded)."""
    basis = [
        (0, 0.6648, 0.0631), (0.5, 0.8255, 0.9368), (0, 0.6636, 0.1963), (0, 0.5363, 0.0183), (0.6766, 0.7742, 0.9764),
    ]  # fmt: skip
    return crystal(("O", "O", "H", "H", "H"), basis, spacegroup=36, cellpar=[4.465, 7.858, 7.292, 90, 90, 90])


def benzene() -> Atoms:
    """Pbca (Bacon, Curry and Wilson, Proc. R. Soc. A 279, 98 (1964), rounded)."""
    carbons = [(-0.0569, 0.1387, -0.0054), (-0.1335, 0.0460, 0.1264), (-0.0774, -0.0925, 0.1295)]
    hydrogens = [(-0.0976, 0.2447, -0.0177), (-0.2409, 0.0794, 0.2218), (-0.1371, -0.1631, 0.2312)]
    return crystal(["C"] * 3 + ["H"] * 3, carbons + hydrogens, spacegroup=61, cellpar=[7.39, 9.42, 6.81, 90, 90, 90])


def mof5() -> Atoms:
    """Fm-3m, 106 atoms (Li et al., Nature 402, 276 (1999), idealised)."""
    basis = [
        (0.2935, 0.2065, 0.2065), (0.25, 0.25, 0.25), (0.2819, 0.2181, 0.134), (0.25, 0.25, 0.1113),
        (0.25, 0.25, 0.0538), (0.2829, 0.2171, 0.0269), (0.3049, 0.1951, 0.045),
    ]  # fmt: skip
    symbols = ("Zn", "O", "O", "C", "C", "C", "H")
    return crystal(symbols, basis, spacegroup=225, cellpar=[25.83] * 3 + [90] * 3, primitive_cell=True)


def quartz() -> Atoms:
    """α, P3_221 (Levien, Prewitt and Weidner, Am. Mineral. 65, 920 (1980))."""
    basis = [(0.4697, 0, 2 / 3), (0.4133, 0.2672, 0.1188 + 2 / 3)]
    return crystal(("Si", "O"), basis, spacegroup=154, cellpar=[4.916, 4.916, 5.405, 90, 90, 120])
