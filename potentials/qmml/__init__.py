"""QM/ML: a region treated by a quantum method inside surroundings treated by a machine-learned potential."""

from potentials.qmml.building import qmml
from potentials.qmml.drift import Drift, loop_work_eV, measured_drift
from potentials.qmml.errors import QMError, QmmlError, RegionError, TopologyError
from potentials.qmml.potential import QmmlCalculator, QmmlPotential
from potentials.qmml.settings import QmmlSettings

__all__ = [
    "Drift",
    "QMError",
    "QmmlCalculator",
    "QmmlError",
    "QmmlPotential",
    "QmmlSettings",
    "RegionError",
    "TopologyError",
    "loop_work_eV",
    "measured_drift",
    "qmml",
]
