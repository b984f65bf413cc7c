"""Names of common structure types, recognised by space group, occupied sites and closest contact.

`prototypes.csv` holds, for each type: its Strukturbericht symbol where it has one, a name, the space group,
the sites of each element (multiplicity in the standard conventional cell and site symmetry) and the closest
contact, which tells apart types that share all of these (Cu₃Au and ReO₃). The elements are not compared: SiGe
in the zincblende structure is B3. This takes milliseconds; pymatgen's matcher takes 8 s to load.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ase import Atoms
from ase.neighborlist import neighbor_list

from discover.report.symmetry import Symmetry

# A type's free parameters move its closest contact by some per cent; a quarter off is another structure.
CONTACT_TOLERANCE = 0.25


@dataclass(frozen=True)
class Prototype:
    """A structure type; `contact` as in `closest_contact`."""

    strukturbericht: str
    name: str
    contact: float

    def __str__(self) -> str:
        """The way a table shows it."""
        return f"{self.strukturbericht} ({self.name})" if self.strukturbericht else self.name


def prototype_of(symmetry: Symmetry) -> Prototype | None:
    """The structure type, None where it is not one of those known."""
    sites = " | ".join(" + ".join(element) for element in symmetry.sites)
    known = _table().get((symmetry.number, sites), ())
    if not known:
        return None
    contact = closest_contact(symmetry.cell)
    best = min(known, key=lambda p: abs(p.contact - contact))
    return best if abs(best.contact / contact - 1) < CONTACT_TOLERANCE else None


def closest_contact(cell: Atoms) -> float:
    """Shortest distance between atoms over the cube root of the volume per atom."""
    length = float(cell.get_volume() / len(cell)) ** (1 / 3)
    # Spheres of this diameter could not be packed: some pair is nearer than 1.3 lengths (fcc has 1.12).
    distances = neighbor_list("d", cell, 1.3 * length)
    return float(min(distances)) / length


@cache
def _table() -> dict[tuple[int, str], tuple[Prototype, ...]]:
    table: dict[tuple[int, str], tuple[Prototype, ...]] = {}
    text = files("discover.report").joinpath("prototypes.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        key = int(row["space_group"]), row["sites"]
        found = Prototype(row["strukturbericht"], row["name"], float(row["contact"]))
        table[key] = (*table.get(key, ()), found)
    return table
