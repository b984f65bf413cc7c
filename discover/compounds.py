"""The crystals that compounds are known to form: structures worth trying before any search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from ase import Atoms
from ase.spacegroup import crystal

from searchers.space import SearchSpace
from searchers.volume import estimate_volume

Site = tuple[str, tuple[float, float, float]]
Shape = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Prototype:
    """A structure type of elements A, B, C.

    Attributes:
        name: Strukturbericht symbol and mineral.
        group: international number; origin at the centre of symmetry where there are two choices.
        sites: which element stands on which site (fractional, conventional cell).
        shape: a, b, c and angles of the conventional cell at any scale.
        setting: ASE's number of the origin choice.
    """

    name: str
    group: int
    sites: tuple[Site, ...]
    shape: Shape = (1, 1, 1, 90, 90, 90)
    setting: int = 1

    @property
    def kinds(self) -> tuple[str, ...]:
        """Letters of its elements, in order."""
        return tuple(dict.fromkeys(letter for letter, _ in self.sites))

    def atoms(self, elements: tuple[str, ...]) -> Atoms:
        """Its primitive cell of these elements, at their estimated volume."""
        of = dict(zip(self.kinds, elements, strict=True))
        made = crystal(
            [of[letter] for letter, _ in self.sites],
            [position for _, position in self.sites],
            spacegroup=self.group,
            setting=self.setting,
            cellpar=self.shape,
            primitive_cell=True,
        )
        counts = {e: made.get_chemical_symbols().count(e) for e in elements}
        factor = (estimate_volume(counts) / made.get_volume()) ** (1 / 3)
        made.set_cell(made.cell * factor, scale_atoms=True)
        return made


def compound_prototypes(space: SearchSpace) -> Iterator[tuple[str, Atoms]]:
    """Name and structure of every prototype that has a place in the space, with its elements in every order.

    Parameters: Strukturbericht prototypes as in Villars & Calvert, Pearson's Handbook (1991).
    """
    for prototype in _PROTOTYPES:
        seen: set[tuple[str, ...]] = set()
        for elements in permutations(space.elements, len(prototype.kinds)):
            key = tuple(sorted(elements)) if prototype.name in _ALIKE else elements
            if key in seen:
                continue
            seen.add(key)
            atoms = prototype.atoms(elements)
            if _has_place(atoms, space):
                yield prototype.name, atoms


def _has_place(atoms: Atoms, space: SearchSpace) -> bool:
    """True where some whole number of its cells is a cell of the space."""
    symbols = atoms.get_chemical_symbols()
    return any(space.allows(symbols * n) for n in range(1, space.max_atoms // len(atoms) + 1))


def _hex(c: float) -> Shape:
    return 1, 1, c, 90, 90, 120


def _tetra(c: float) -> Shape:
    return 1, 1, c, 90, 90, 90


_PROTOTYPES = (
    Prototype("B1 (rocksalt)", 225, (("A", (0, 0, 0)), ("B", (0.5, 0.5, 0.5)))),
    Prototype("B2 (CsCl)", 221, (("A", (0, 0, 0)), ("B", (0.5, 0.5, 0.5)))),
    Prototype("B3 (zincblende)", 216, (("A", (0, 0, 0)), ("B", (0.25, 0.25, 0.25)))),
    Prototype("B4 (wurtzite)", 186, (("A", (1 / 3, 2 / 3, 0)), ("B", (1 / 3, 2 / 3, 0.375))), _hex(1.63)),
    Prototype("B8 (NiAs)", 194, (("A", (0, 0, 0)), ("B", (1 / 3, 2 / 3, 0.25))), _hex(1.4)),
    Prototype("Bh (WC)", 187, (("A", (0, 0, 0)), ("B", (1 / 3, 2 / 3, 0.5))), _hex(0.98)),
    Prototype("L10 (CuAu)", 123, (("A", (0, 0, 0)), ("B", (0.5, 0.5, 0.5))), _tetra(1.31)),
    Prototype("C1 (fluorite)", 225, (("A", (0, 0, 0)), ("B", (0.25, 0.25, 0.25)))),
    Prototype("C4 (rutile)", 136, (("A", (0, 0, 0)), ("B", (0.305, 0.305, 0))), _tetra(0.644)),
    Prototype("C6 (CdI2)", 164, (("A", (0, 0, 0)), ("B", (1 / 3, 2 / 3, 0.25))), _hex(1.61)),
    Prototype("C11b (MoSi2)", 139, (("A", (0, 0, 0)), ("B", (0, 0, 0.333))), _tetra(2.45)),
    Prototype("C32 (AlB2)", 191, (("A", (0, 0, 0)), ("B", (1 / 3, 2 / 3, 0.5))), _hex(1.08)),
    Prototype("C15 (MgCu2)", 227, (("A", (1 / 8, 1 / 8, 1 / 8)), ("B", (0.5, 0.5, 0.5))), setting=2),
    Prototype("L12 (Cu3Au)", 221, (("A", (0, 0, 0)), ("B", (0, 0.5, 0.5)))),
    Prototype("D022 (Al3Ti)", 139, (("A", (0, 0, 0)), ("B", (0, 0, 0.5)), ("B", (0, 0.5, 0.25))), _tetra(2.23)),
    Prototype("D03 (BiF3)", 225, (("A", (0, 0, 0)), ("B", (0.25, 0.25, 0.25)), ("B", (0.5, 0.5, 0.5)))),
    Prototype("D09 (ReO3)", 221, (("A", (0, 0, 0)), ("B", (0.5, 0, 0)))),
    Prototype("A15 (Cr3Si)", 223, (("A", (0, 0, 0)), ("B", (0.25, 0, 0.5)))),
    Prototype("D019 (Ni3Sn)", 194, (("A", (1 / 3, 2 / 3, 0.25)), ("B", (1 / 6, 1 / 3, 0.75))), _hex(0.8)),
    Prototype("D51 (corundum)", 167, (("A", (0, 0, 0.352)), ("B", (0.306, 0, 0.25))), _hex(2.73)),
    Prototype("E21 (perovskite)", 221, (("A", (0.5, 0.5, 0.5)), ("B", (0, 0, 0)), ("C", (0.5, 0, 0)))),
    Prototype("C1b (half-Heusler)", 216, (("A", (0, 0, 0)), ("B", (0.25, 0.25, 0.25)), ("C", (0.5, 0.5, 0.5)))),
    Prototype("L21 (Heusler)", 225, (("A", (0.25, 0.25, 0.25)), ("B", (0, 0, 0)), ("C", (0.5, 0.5, 0.5)))),
)
_ALIKE = ("B1 (rocksalt)", "B2 (CsCl)", "B3 (zincblende)", "B4 (wurtzite)", "Bh (WC)", "L10 (CuAu)")
"""Both sites of these are the same, but for the names of their elements."""
