"""Symmetry of a relaxed structure: space group, conventional cell, occupied sites."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from ase import Atoms

# Å, from strict to lenient: forces of 0.05 eV/Å leave atoms some hundredths of an Å off their sites.
TOLERANCES_A = (0.01, 0.03, 0.1, 0.2)
DEFAULT_TOLERANCE_A = 0.1

Sites = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Symmetry:
    """What spglib finds.

    Attributes:
        number: international number of the space group.
        symbol: its short international symbol.
        cell: the standard conventional cell, idealised.
        sites: for each element, its occupied sites as "multiplicity site-symmetry", sorted; elements sorted.
            Unlike Wyckoff letters these do not depend on the choice of origin.
        tolerance_A: at which it was found.
    """

    number: int
    symbol: str
    cell: Atoms
    sites: Sites
    tolerance_A: float


def symmetry_of(atoms: Atoms, expected: int | None = None) -> Symmetry | None:
    """The structure's symmetry, at the first tolerance that gives the `expected` group where there is one.

    None where spglib finds no symmetry (overlapping atoms).
    """
    trials = TOLERANCES_A if expected is not None else (DEFAULT_TOLERANCE_A,)
    found = None
    for tolerance in trials:
        dataset = _dataset(atoms, tolerance)
        if dataset is None:
            continue
        found = dataset, tolerance
        if expected is None or dataset.number == expected:
            break
    return _summary(*found) if found else None


def _dataset(atoms: Atoms, tolerance_A: float) -> Any:
    import spglib

    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return spglib.get_symmetry_dataset(cell, symprec=tolerance_A)
        except spglib.SpglibError:  # newer spglib raises where the older returned None
            return None


def _summary(dataset: Any, tolerance_A: float) -> Symmetry:
    cell = Atoms(
        numbers=dataset.std_types,
        scaled_positions=dataset.std_positions % 1.0,
        cell=dataset.std_lattice,
        pbc=True,
    )
    return Symmetry(dataset.number, dataset.international, cell, _sites(dataset), tolerance_A)


def _sites(dataset: Any) -> Sites:
    """Count each orbit of the standard cell; the mapping back to the input names its site symmetry."""
    site_of = dict(zip(dataset.mapping_to_primitive, _orbits(dataset), strict=True))
    std = [site_of[p] for p in dataset.std_mapping_to_primitive]
    multiplicity = Counter(orbit for orbit, _, _ in std)
    by_element: dict[int, set[tuple[int, str]]] = defaultdict(set)
    for orbit, number, symbol in std:
        by_element[number].add((orbit, f"{multiplicity[orbit]} {symbol}"))
    return tuple(sorted(tuple(sorted(text for _, text in orbits)) for orbits in by_element.values()))


def _orbits(dataset: Any) -> list[tuple[int, int, str]]:
    primitive_type = dict(zip(dataset.std_mapping_to_primitive, dataset.std_types, strict=True))
    return [
        (int(orbit), int(primitive_type[p]), symbol.replace(".", ""))
        for orbit, p, symbol in zip(
            dataset.crystallographic_orbits,
            dataset.mapping_to_primitive,
            dataset.site_symmetry_symbols,
            strict=True,
        )
    ]
