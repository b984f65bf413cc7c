"""Ions on the move: conductivity, diffusion, jumps and activation energies from molecular dynamics."""

from properties.transport.arrhenius import Arrhenius, arrhenius
from properties.transport.conductivity import conductivity
from properties.transport.density import Density, density
from properties.transport.diffusion import Diffusion, self_diffusion
from properties.transport.ensemble import Ensemble, ensembles
from properties.transport.jumps import Jumps, jumps
from properties.transport.result import Conductivity, TemperaturePoint
from properties.transport.settings import TransportSettings

__all__ = [
    "Arrhenius",
    "Conductivity",
    "Density",
    "Diffusion",
    "Ensemble",
    "Jumps",
    "TemperaturePoint",
    "TransportSettings",
    "arrhenius",
    "conductivity",
    "density",
    "ensembles",
    "jumps",
    "self_diffusion",
]
