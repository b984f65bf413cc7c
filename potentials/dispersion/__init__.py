"""London dispersion beside a short-range potential: D3 and D4 from their libraries, and C6 learnt from surroundings."""

from potentials.dispersion.joining import DispersionCountedError, add_dispersion
from potentials.dispersion.settings import METHODS, Dispersion, DispersionError

__all__ = ["METHODS", "Dispersion", "DispersionCountedError", "DispersionError", "add_dispersion"]
