"""Of the elements between which bonds can be cut: radii by bond order, electronegativities."""

from __future__ import annotations

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from potentials.qmml.errors import QmmlError

_PM = {
    "H": (32, None, None, 2.20),
    "B": (85, 78, 73, 2.04),
    "C": (75, 67, 60, 2.55),
    "N": (71, 60, 54, 3.04),
    "O": (63, 57, 53, 3.44),
    "F": (64, 59, 53, 3.98),
    "Si": (116, 107, 102, 1.90),
    "P": (111, 102, 94, 2.19),
    "S": (103, 94, 95, 2.58),
    "Cl": (99, 95, 93, 3.16),
    "Ge": (121, 111, 114, 2.01),
    "As": (121, 114, 106, 2.18),
    "Se": (116, 107, 107, 2.55),
    "Br": (114, 109, 110, 2.96),
    "Sb": (140, 133, 127, 2.05),
    "Te": (136, 128, 121, 2.10),
    "I": (133, 129, 125, 2.66),
}
"""Radii of single, double and triple bonds, pm, and Pauling's electronegativity. Pyykkö & Atsumi, Chem. Eur. J. 15, 186
and 15, 12770 (2009); Pyykkö, Riedel & Patzschke, Chem. Eur. J. 11, 3511 (2005). All others are metals or noble gases,
between whose atoms no bond is cut."""


def is_metal(number: int) -> bool:
    """Whether it is none of the non-metals and half-metals between which bonds can be cut (noble gases apart)."""
    return not can_be_cut(number) and number not in (2, 10, 18, 36, 54, 86)


def can_be_cut(number: int) -> bool:
    """Whether bonds of this element can be cut, and capped with it."""
    return number in _BY_NUMBER


def single_bond_A(one: int, other: int) -> float:
    """Length of a single bond by the sum of radii, Å.

    Raises:
        QmmlError: an element that no bond is cut at.
    """
    return (_radii(one)[0] + _radii(other)[0]) / 100.0


def bond_order(one: int, other: int, length_A: float) -> float:
    """Estimated from a bond's length: 1, 2 and 3 at the sums of the radii, linear in between, 1 where it is longer.

    Raises:
        QmmlError: an element that no bond is cut at.
    """
    lengths, orders = [single_bond_A(one, other)], [1.0]
    for k in (1, 2):
        pair = _radii(one)[k], _radii(other)[k]
        # Radii of second-row triple bonds may exceed those of double ones; they add nothing then
        if pair[0] is not None and pair[1] is not None and (pair[0] + pair[1]) / 100.0 < lengths[-1]:
            lengths.append((pair[0] + pair[1]) / 100.0)
            orders.append(k + 1.0)
    return float(np.interp(length_A, lengths[::-1], orders[::-1]))


def polarity(one: int, other: int) -> float:
    """Difference of Pauling's electronegativities.

    Raises:
        QmmlError: an element that no bond is cut at.
    """
    return abs(_radii(one)[3] - _radii(other)[3])


def cap_share(host: int, end: int, cap: int) -> float:
    """The g of r_cap = r_host + g (r_end − r_host): the two single bonds' lengths divided.

    A constant of the elements: the derivative of the cap's place is then constant too.
    """
    return single_bond_A(host, cap) / single_bond_A(host, end)


def _radii(number: int) -> tuple[int, int | None, int | None, float]:
    if not can_be_cut(number):
        raise QmmlError(f"no bond to {chemical_symbols[number]} can be cut, nor capped with it")
    return _BY_NUMBER[number]


_BY_NUMBER = {atomic_numbers[symbol]: values for symbol, values in _PM.items()}
