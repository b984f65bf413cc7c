"""What heat does to a crystal: expansion, Grüneisen parameters, heat at constant pressure, and how it flows."""

from properties.thermal.equation_of_state import EquationOfState, fit_equation_of_state
from properties.thermal.expansion import DynamicallyUnstableError, thermal
from properties.thermal.grueneisen import ModeGrueneisen, mode_grueneisen, optical_grueneisen
from properties.thermal.quasi_harmonic import QuasiHarmonic, VolumeVibrations, quasi_harmonic
from properties.thermal.result import Thermal
from properties.thermal.settings import ThermalSettings

__all__ = [
    "DynamicallyUnstableError",
    "EquationOfState",
    "ModeGrueneisen",
    "QuasiHarmonic",
    "Thermal",
    "ThermalSettings",
    "VolumeVibrations",
    "fit_equation_of_state",
    "mode_grueneisen",
    "optical_grueneisen",
    "quasi_harmonic",
    "thermal",
]
