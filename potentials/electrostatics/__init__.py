"""Charges far apart: Ewald's sum, and what is joined to it."""

from potentials.electrostatics.charges import ChargeError, charges_of
from potentials.electrostatics.coulomb import coulomb, ewald, pme
from potentials.electrostatics.ewald import IonPotential
from potentials.electrostatics.ionic import FieldError, ionic

__all__ = ["ChargeError", "FieldError", "IonPotential", "charges_of", "coulomb", "ewald", "ionic", "pme"]
