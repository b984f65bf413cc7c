"""Atomic masses of isotopes, and which atoms are exchanged for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from properties.errors import PropertyError

ISOTOPES_U = {
    "H": 1.00782503, "1H": 1.00782503, "D": 2.01410178, "2H": 2.01410178, "T": 3.01604928, "3H": 3.01604928,
    "6Li": 6.01512289, "7Li": 7.01600343, "10B": 10.01293695, "11B": 11.00930536, "12C": 12.0, "13C": 13.00335484,
    "14N": 14.003074, "15N": 15.0001089, "16O": 15.99491462, "18O": 17.99915961, "20Ne": 19.99244018,
    "22Ne": 21.99138511, "28Si": 27.97692653, "30Si": 29.97377014, "32S": 31.97207117, "34S": 33.96786701,
}  # fmt: skip
"""AME2020 (Wang, Huang, Kondev, Audi & Naimi, Chin. Phys. C 45, 030003 (2021)), u."""


@dataclass(frozen=True)
class Exchange:
    """A light isotope for a heavy one of the same element.

    Attributes:
        light, heavy: as `ISOTOPES_U` has them.
        atoms: indices of those that are exchanged, all at once.
    """

    light: str
    heavy: str
    atoms: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in (self.light, self.heavy):
            if name not in ISOTOPES_U:
                raise PropertyError(f"isotope {name!r} is not known; there are: {', '.join(ISOTOPES_U)}")
        if element(self.light) != element(self.heavy):
            raise PropertyError(f"{self.light} and {self.heavy} are not isotopes of one element")
        if not self.masses_u[0] < self.masses_u[1]:
            raise PropertyError(f"{self.light} is not lighter than {self.heavy}")
        if not self.atoms:
            raise PropertyError(f"there is no {element(self.light)} to exchange")

    @classmethod
    def of(cls, atoms: Atoms, isotopes: str = "H>D", which: Sequence[int] | None = None) -> Exchange:
        """From words, as in "H>D" or "6Li>7Li"; `which` None takes every atom of the element."""
        light, arrow, heavy = (part.strip() for part in isotopes.partition(">"))
        if not arrow:
            raise PropertyError(f"isotopes: write light>heavy, as in H>D (is {isotopes!r})")
        if which is None:
            which = np.flatnonzero(np.array(atoms.get_chemical_symbols()) == element(light)).tolist()
        found = cls(light, heavy, tuple(int(k) for k in which))
        symbols = {k: atoms.symbols[k] if -len(atoms) <= k < len(atoms) else None for k in found.atoms}
        wrong = [k for k, symbol in symbols.items() if symbol != element(light)]
        if wrong:
            raise PropertyError(f"exchange: atom {wrong[0]} is no {element(light)} (is {symbols[wrong[0]]})")
        return found

    @property
    def masses_u(self) -> tuple[float, float]:
        """Light, heavy."""
        return ISOTOPES_U[self.light], ISOTOPES_U[self.heavy]

    def masses_of(self, atoms: Atoms, mass_u: float) -> np.ndarray:
        """All atoms' masses where the exchanged ones have this one, (n,), u."""
        masses = atoms.get_masses().copy()
        masses[list(self.atoms)] = mass_u
        return masses


def element(isotope: str) -> str:
    """As in "D" -> "H", "7Li" -> "Li"."""
    return "H" if isotope in ("D", "T") else isotope.lstrip("0123456789")
