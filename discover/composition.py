"""Compositions as atomic fractions."""

from __future__ import annotations

from collections import Counter

from ase import Atoms


def fractions_of(atoms: Atoms) -> dict[str, float]:
    """Share of each element's atoms, by symbol, summing to 1."""
    counts = Counter(atoms.symbols)
    return {element: n / len(atoms) for element, n in counts.items()}
