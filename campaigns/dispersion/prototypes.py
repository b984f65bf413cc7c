"""Crystal prototypes of the recipe: cells and sites with roles A, B, C instead of elements."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

HELD_OUT = ("simple cubic", "arsenic", "wurtzite", "spinel", "PbFCl", "BiI3 layer")
"""Whole prototypes that training never sees."""


@dataclass(frozen=True)
class Prototype:
    """A cell (rows, any unit) and sites.

    Attributes:
        roles: which site holds which of the elements, "AAB".
        scaled: fractional positions, (n, 3).
        layered: layers in the plane of the first two vectors, with a gap along the third.
    """

    name: str
    cell: np.ndarray
    roles: str
    scaled: np.ndarray
    layered: bool = False

    @property
    def elements(self) -> int:
        """How many different ones."""
        return len(set(self.roles))


def _hexagonal(c_over_a: float) -> list[list[float]]:
    return [[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, c_over_a]]


FCC = [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
BCC = [[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]
CUBE = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
T = 0.2625  # of the anions, spinel


def _tetragonal(c_over_a: float) -> list[list[float]]:
    return [[1, 0, 0], [0, 1, 0], [0, 0, c_over_a]]


def _spinel() -> tuple[str, str]:
    """AB2C4 in its primitive cell, origin at the inversion centre: A 8a, B 16d, C 32e."""
    cubic_a = [(1 / 8, 1 / 8, 1 / 8), (7 / 8, 7 / 8, 7 / 8)]
    cubic_b = [(0.5, 0.5, 0.5), (0.25, 0.75, 0), (0.75, 0, 0.25), (0, 0.25, 0.75)]
    signs = [(T, T, T), (T, 0.25 - T, 0.25 - T), (0.25 - T, T, 0.25 - T), (0.25 - T, 0.25 - T, T)]
    cubic_c = [*signs, *[(-x, -y, -z) for x, y, z in signs]]
    inverse = np.linalg.inv(np.array(FCC))
    sites = [np.array(p) @ inverse for p in (*cubic_a, *cubic_b, *cubic_c)]
    return "AA" + "BBBB" + "C" * 8, ", ".join(" ".join(repr(float(x)) for x in site) for site in sites)


def prototypes() -> list[Prototype]:
    """All of them."""
    rows: list[tuple[str, list[list[float]], str, str, bool]] = [
        ("fcc", FCC, "A", "0 0 0", False),
        ("bcc", BCC, "A", "0 0 0", False),
        ("simple cubic", CUBE, "A", "0 0 0", False),
        ("hcp", _hexagonal(1.62), "AA", "1/3 2/3 1/4, 2/3 1/3 3/4", False),
        ("diamond", FCC, "AA", "0 0 0, 1/4 1/4 1/4", False),
        ("white tin", [[-0.5, 0.5, 0.27], [0.5, -0.5, 0.27], [0.5, 0.5, -0.27]], "AA", "0 0 0, 3/4 1/4 1/2", False),
        ("arsenic", _hexagonal(2.8), "AAAAAA", (
            "0 0 0.227, 0 0 0.773, 2/3 1/3 0.5603333333333333, 2/3 1/3 0.10633333333333331, 1/3 2/3 "
            "0.8936666666666666, 1/3 2/3 0.43966666666666665"
        ), False),
        ("honeycomb", _hexagonal(2.7), "AAAA", "0 0 1/4, 1/3 2/3 1/4, 0 0 3/4, 2/3 1/3 3/4", True),
        ("buckled honeycomb", _hexagonal(1.6), "AA", "1/3 2/3 0.42, 2/3 1/3 0.58", True),
        ("triangular layer", _hexagonal(1.5), "A", "0 0 0", True),
        ("square layer", _tetragonal(1.6), "A", "0 0 0", True),
        ("molecules A2", FCC, "AA", "0.06 0.06 0.06, -0.06 -0.06 -0.06", False),
        ("rocksalt", FCC, "AB", "0 0 0, 1/2 1/2 1/2", False),
        ("CsCl", CUBE, "AB", "0 0 0, 1/2 1/2 1/2", False),
        ("zincblende", FCC, "AB", "0 0 0, 1/4 1/4 1/4", False),
        ("wurtzite", _hexagonal(1.633), "AABB", "1/3 2/3 0, 2/3 1/3 1/2, 1/3 2/3 3/8, 2/3 1/3 7/8", False),
        ("NiAs", _hexagonal(1.45), "AABB", "0 0 0, 0 0 1/2, 1/3 2/3 1/4, 2/3 1/3 3/4", False),
        ("L1_0", _tetragonal(1.36), "AB", "0 0 0, 1/2 1/2 1/2", False),
        ("L1_2", CUBE, "ABBB", "0 0 0, 0 1/2 1/2, 1/2 0 1/2, 1/2 1/2 0", False),
        ("fluorite", FCC, "ABB", "0 0 0, 1/4 1/4 1/4, 3/4 3/4 3/4", False),
        ("rutile", _tetragonal(0.65), "AABBBB", (
            "0 0 0, 1/2 1/2 1/2, 0.305 0.305 0, 0.695 0.695 0, 0.195 0.805 1/2, 0.805 0.195 1/2"
        ), False),
        ("AlB2", _hexagonal(1.08), "ABB", "0 0 0, 1/3 2/3 1/2, 2/3 1/3 1/2", False),
        ("ReO3", CUBE, "ABBB", "0 0 0, 1/2 0 0, 0 1/2 0, 0 0 1/2", False),
        ("D0_3", FCC, "ABBB", "0 0 0, 1/4 1/4 1/4, 1/2 1/2 1/2, 3/4 3/4 3/4", False),
        ("binary honeycomb", _hexagonal(2.66), "ABBA", "0 0 1/4, 1/3 2/3 1/4, 0 0 3/4, 1/3 2/3 3/4", True),
        ("CdI2", _hexagonal(1.65), "ABB", "0 0 0, 1/3 2/3 1/4, 2/3 1/3 3/4", True),
        ("MoS2", _hexagonal(3.9), "AABBBB", (
            "1/3 2/3 1/4, 2/3 1/3 3/4, 1/3 2/3 0.62, 2/3 1/3 0.38, 1/3 2/3 0.88, 2/3 1/3 0.12"
        ), True),
        ("PbO", _tetragonal(1.26), "AABB", "0 1/2 0.237, 1/2 0 0.763, 0 0 0, 1/2 1/2 0", True),
        ("BiI3 layer", _hexagonal(1.0), "AABBBBBB", (
            "1/3 2/3 1/2, 2/3 1/3 1/2, 0.35 0 0.72, 0 0.35 0.72, 0.65 0.65 0.72, 0.65 0 0.28, 0 0.65 0.28, 0.35 "
            "0.35 0.28"
        ), True),
        ("half-Heusler", FCC, "ABC", "0 0 0, 1/4 1/4 1/4, 1/2 1/2 1/2", False),
        ("Heusler", FCC, "AABC", "1/4 1/4 1/4, 3/4 3/4 3/4, 0 0 0, 1/2 1/2 1/2", False),
        ("delafossite", [[0.5, -0.289, 1.95], [0, 0.577, 1.95], [-0.5, -0.289, 1.95]], "ABCC", (
            "1/2 1/2 1/2, 0 0 0, 0.24 0.24 0.24, 0.76 0.76 0.76"
        ), False),
        ("Janus CdI2", _hexagonal(1.65), "ABC", "0 0 0, 1/3 2/3 1/4, 2/3 1/3 0.72", True),
        ("PbFCl", _tetragonal(1.8), "AABBCC", "0 1/2 0.2, 1/2 0 0.8, 0 0 0, 1/2 1/2 0, 0 1/2 0.65, 1/2 0 0.35", True),
        ("spinel", FCC, *_spinel(), False),
    ]  # fmt: skip
    return [Prototype(name, np.array(cell, float), roles, _sites(of), flat) for name, cell, roles, of, flat in rows]


def _sites(written: str) -> np.ndarray:
    """Such as "0 0 0, 1/3 2/3 1/4" as (n, 3)."""
    return np.array([[float(Fraction(x)) for x in site.split()] for site in written.split(",")])
