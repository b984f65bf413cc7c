"""Batched relaxation of positions and cell; every structure is its own risk."""

from potentials.relax.in_flight import InFlightRelaxer, relax
from potentials.relax.settings import Halt, Outcome, Relaxation, RelaxSettings

__all__ = ["Halt", "InFlightRelaxer", "Outcome", "RelaxSettings", "Relaxation", "relax"]
