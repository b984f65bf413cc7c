"""Batched relaxation of positions and cell; every structure is its own risk."""

from potentials.relax.in_flight import InFlightRelaxer, relax
from potentials.relax.settings import Outcome, Relaxation, RelaxSettings

__all__ = ["InFlightRelaxer", "Outcome", "RelaxSettings", "Relaxation", "relax"]
