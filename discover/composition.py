"""Compositions as atomic fractions, as keys, and as people write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from math import lcm

from ase import Atoms
from pymatgen.core.composition import reduce_formula

MOST_ATOMS = 10_000
"""In a cell whose fractions are told from rounding errors."""

CompositionKey = tuple[tuple[str, float], ...]


def fractions_of(atoms: Atoms) -> dict[str, float]:
    """Share of each element's atoms, by symbol, summing to 1."""
    counts = Counter(atoms.symbols)
    return {element: n / len(atoms) for element, n in counts.items()}


def composition_key(fractions: Mapping[str, float]) -> CompositionKey:
    """Equal for equal compositions, whatever the order of elements and the last digits."""
    return tuple(sorted((element, round(x, 6)) for element, x in fractions.items() if x > 0))


def formula_of(fractions: Mapping[str, float]) -> str:
    """Reduced formula in order of electronegativity: SiGe, TiO2, Li6PS5Cl; an element is its symbol (O, not O2).

    fractions: shares or counts of atoms by symbol, at any scale.
    """
    total = sum(fractions.values())
    shares = {e: Fraction(x / total).limit_denominator(MOST_ATOMS) for e, x in fractions.items() if x > 0}
    if len(shares) == 1:
        return next(iter(shares))
    whole = lcm(*(share.denominator for share in shares.values()))
    return reduce_formula({e: int(share * whole) for e, share in shares.items()})[0]
