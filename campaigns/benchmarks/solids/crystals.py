"""The crystals, and what is known of them."""

from __future__ import annotations

from typing import Any

from ase import Atoms
from ase.build import bulk

CRYSTALS: dict[str, dict[str, Any]] = {
    "Si": {"crystalstructure": "diamond", "a": 5.43},
    "MgO": {"crystalstructure": "rocksalt", "a": 4.21},
    "NaCl": {"crystalstructure": "rocksalt", "a": 5.64},
    "TiC": {"crystalstructure": "rocksalt", "a": 4.33},
    "Al": {"crystalstructure": "fcc", "a": 4.05},
    "Ti": {"crystalstructure": "hcp", "a": 2.95, "c": 4.68},
}
CONSTANTS = {"Ti": {"C11": (0, 0), "C12": (0, 1), "C13": (0, 2), "C33": (2, 2), "C44": (3, 3)}}
"""Voigt indices, where they are not a cubic crystal's."""
CUBIC = {"C11": (0, 0), "C12": (0, 1), "C44": (3, 3)}
EXPERIMENT: dict[str, dict[str, float]] = {
    # Room temperature. Constants (GPa): Si McSkimin & Andreatch, J. Appl. Phys. 35, 2161 (1964); MgO Sumino et al.,
    # J. Phys. Earth 24, 263 (1976); NaCl Spetzler et al., J. Phys. Chem. Solids 33, 1727 (1972); TiC Chang & Graham,
    # J. Appl. Phys. 37, 3778 (1966); Al Simmons & Wang, Single Crystal Elastic Constants (1971); Ti Fisher & Renken,
    # Phys. Rev. 135, A482 (1964). Expansion: shared/REFERENCES.md; Al, Ti: Touloukian, Thermophysical Properties of
    # Matter 12 (1975).
    "Si": {"C11": 165.6, "C12": 63.9, "C44": 79.5, "alpha_V_1e6": 7.8, "gamma_optical": 0.98},
    "MgO": {"C11": 297, "C12": 95.2, "C44": 155.7, "alpha_V_1e6": 31},
    "NaCl": {"C11": 49.5, "C12": 13.2, "C44": 12.8, "alpha_V_1e6": 119},
    "TiC": {"C11": 513, "C12": 106, "C44": 178},
    "Al": {"C11": 106.8, "C12": 60.4, "C44": 28.3, "alpha_V_1e6": 69.3},
    "Ti": {"C11": 162.4, "C12": 92.0, "C13": 69.0, "C33": 180.7, "C44": 46.7, "alpha_V_1e6": 25.8},
}
MEAN_GRUENEISEN = {"MgO": 1.5, "NaCl": 1.6}
"""Thermodynamic, at 300 K: shared/REFERENCES.md."""


def crystal(name: str) -> Atoms:
    """Near its rest."""
    return bulk(name, **CRYSTALS[name])


def constants(name: str) -> dict[str, tuple[int, int]]:
    """Voigt indices of the constants that its symmetry leaves."""
    return CONSTANTS.get(name, CUBIC)
