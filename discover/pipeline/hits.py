"""Which structures go through the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ase import Atoms

from discover.records import Hull, HullEntry

SHOWN = ("id", "formula", "space_group", "e_above_hull_eV_per_atom", "on_hull")


class Entry(Protocol):
    """What a hull says of a structure, or what is known of one that was given."""

    @property
    def id(self) -> int | str:
        """The search's number; a name where it was given."""

    @property
    def formula(self) -> str:
        """Reduced."""

    @property
    def composition(self) -> Mapping[str, float]:
        """Share of each element's atoms."""

    def to_json(self) -> dict[str, Any]:
        """`SHOWN` among its keys; null is not known."""


@dataclass(frozen=True)
class Hit:
    """A structure to compute: on the hull or near it, or given.

    Attributes:
        entry: its row of the hull, or what stands for it.
        atoms: as the search relaxed it, or as it was given.
    """

    entry: Entry
    atoms: Atoms

    @property
    def id(self) -> int | str:
        """The entry's."""
        return self.entry.id

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.entry.formula} ({self.id})"

    def to_json(self) -> dict[str, Any]:
        """What is known of it before anything is computed."""
        entry = self.entry.to_json()
        return {key: entry[key] for key in SHOWN}


def hits_of(
    hull: Hull, atoms_of: Callable[[int | str], Atoms], within_eV_per_atom: float, most: int
) -> tuple[list[Hit], list[HullEntry]]:
    """The stable structures, then the nearest ones, and apart those that are energies without a structure.

    Everything on the hull is a hit: a hull at temperature stands on it, its elements above all. Of the others at most
    `most` are.
    """
    stable = [e for e in hull.own_entries if e.on_hull]
    near = [e for e in hull.own_entries if not e.on_hull and e.e_above_hull_eV_per_atom <= within_eV_per_atom]
    hits: list[Hit] = []
    bare: list[HullEntry] = []
    for entry in [*stable, *_nearest(near, most)]:
        try:
            hits.append(Hit(entry, atoms_of(entry.id)))
        except KeyError:  # a reference may be an energy alone
            bare.append(entry)
    return hits, bare


def _nearest(near: Sequence[HullEntry], most: int) -> Sequence[HullEntry]:
    return sorted(near, key=lambda e: (e.e_above_hull_eV_per_atom, e.energy_eV_per_atom))[:most]
