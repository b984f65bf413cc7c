"""Titanium carbides that the literature describes, and Ti2C's in other hosts: what is relaxed to know 7net-0's hull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ase import Atoms
from ase.spacegroup import crystal
from orderings import stacked_six_five

Site = tuple[float, float, float]

REVIEW = "Gusev, Phys.-Usp. 57, 839 (2014)"
FIVE_FOUR = "Kostenko, Sadovnikov and Gusev, JETP 131, 652 (2020)"


@dataclass(frozen=True)
class Ordering:
    """Vacancies ordered on rocksalt's carbon sites; of several orderings of the symmetry the lowest is meant.

    Attributes:
        cells: titanium atoms in the primitive cell.
        carbons: carbon atoms in it.
        group: space group of the ideal ordering.
        source: who describes it.
    """

    cells: int
    carbons: int
    group: int
    source: str = REVIEW


ORDERINGS = (
    Ordering(2, 1, 166),
    Ordering(8, 4, 227, "Goretzki, phys. stat. sol. 20, K141 (1967)"),
    Ordering(4, 2, 141),
    Ordering(6, 4, 12),
    Ordering(3, 2, 71),
    Ordering(3, 2, 164),
    Ordering(8, 5, 166),
    Ordering(4, 3, 12),
    Ordering(5, 4, 12, FIVE_FOUR),
    Ordering(5, 4, 71, FIVE_FOUR),
    Ordering(5, 4, 87, FIVE_FOUR),
    Ordering(6, 5, 12),
)
LAYERED = {
    "Ti6C5, planes stacked 01": (stacked_six_five((0, 1)), 15, "after Billingham, Bell and Lewis (1972), V6C5"),
    "Ti6C5, planes stacked 012": (stacked_six_five((0, 1, 2)), 151, "Venables, Kahn and Lye (1968), V6C5"),
}
"""Larger than what is enumerated."""


def other_hosts() -> dict[str, tuple[Atoms, int, str]]:
    """Ti2C with titanium (nearly) hexagonal close packed, as the carbides of V, Nb, Mo and W have it."""

    def of(group: int, titanium: Site, carbon: Sequence[Site], a: float, b: float, c: float, gamma: float) -> Atoms:
        symbols, cell = ["Ti"] + ["C"] * len(carbon), [a, b, c, 90, 90, gamma]
        return crystal(symbols, [titanium, *carbon], spacegroup=group, cellpar=cell, primitive_cell=True)

    third, centre = (1 / 3, 2 / 3, 0.25), (0, 0, 0)
    iron_nitride = [(0, 0, 0.5), (1 / 3, 2 / 3, 0)]
    return {
        "Ti2C, anti-CdI2": (of(164, third, [centre], 3.06, 3.06, 4.9, 120), 164, "as W2C"),
        "Ti2C, anti-rutile": (of(136, (0.3, 0.3, 0), [centre], 5.1, 5.1, 3.05, 90), 136, "as Ti2N"),
        "Ti2C, anti-CaCl2": (of(58, (0.33, 0.26, 0), [centre], 5.3, 4.9, 3.05, 90), 58, "as Co2C"),
        "Ti2C, anti-PbO2": (of(60, (0.25, 0.12, 0.08), [(0, 0.36, 0.25)], 4.8, 6.1, 5.3, 90), 60, "as Mo2C"),
        "Ti2C, Fe2N": (of(162, (1 / 3, 0, 0.25), iron_nitride, 5.3, 5.3, 4.9, 120), 162, "as V2C; met by a campaign"),
    }
