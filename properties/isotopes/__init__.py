"""What isotopes change: rates over a barrier (kinetic isotope effect) and equilibria (fractionation)."""

from properties.isotopes.fractionation import Fractionation, fractionation
from properties.isotopes.kie import kinetic_isotope_effect
from properties.isotopes.masses import ISOTOPES_U, Exchange
from properties.isotopes.result import IsotopeEffect
from properties.isotopes.settings import IsotopeSettings
from properties.isotopes.tunnelling import eckart, eckart_transmission, wigner

__all__ = [
    "ISOTOPES_U", "Exchange", "Fractionation", "IsotopeEffect", "IsotopeSettings", "eckart", "eckart_transmission",
    "fractionation", "kinetic_isotope_effect", "wigner",
]  # fmt: skip
