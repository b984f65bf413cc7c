"""What a potential may be off by, from what its precision allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Limits:
    """Thresholds and steps of one precision.

    Attributes:
        precision: its name.
        epsilon: relative rounding of one number.
        step: of finite differences, as a share of the shortest distance.
        force_eV_A: of forces against energy differences, beside rounding.
        virial_eV_A3: of the stress against strain derivatives, beside rounding.
        invariance_eV: of energies an atom, forces times the shortest distance, V σ an atom, beside rounding.
        drift_meV_atom_ps: slope of the energy of an NVE run.
        drift_over_spread: energy lost in that run over the standard deviation of its kinetic energy.
        jump_eV: of the energy an atom where a pair passes the cut-off.
        jump_eV_A: of a force there.
    """

    precision: str
    epsilon: float
    step: float
    force_eV_A: float
    virial_eV_A3: float
    invariance_eV: float
    drift_meV_atom_ps: float
    drift_over_spread: float
    jump_eV: float
    jump_eV_A: float

    def rounding_eV(self, energy_eV: float) -> float:
        """What rounding does to an energy summed up in this precision: a few units in its last place."""
        return 8 * self.epsilon * abs(energy_eV)


# The step is where truncation (h⁴/30 of the fifth derivative, by the five-point rule) and rounding (ε E/h) both stay
# far below the thresholds. Measured on rattled Si, MgO and NiO: in double precision steps of 1e-4 to 1e-3 Å leave 1e-11
# eV/Å, wider ones meet pairs at the cut-off (4e-6 at 0.003 Å, 7net-0); in single precision 0.003 Å leaves 1e-4 to
# 6e-4 eV/Å, 0.001 Å up to 2e-3, and at 0.01 Å CHGNet's energy bends too sharply (1e-2).
FLOAT64 = Limits(
    precision="float64",
    epsilon=float(np.finfo(np.float64).eps),
    step=1e-4,
    force_eV_A=1e-6,  # 1e5 times what is left of a right force
    virial_eV_A3=1e-6,  # likewise; 1.6e-4 GPa
    invariance_eV=1e-6,  # SevenNet's constants are single precision, which leaves 2e-8
    drift_meV_atom_ps=0.5,  # 5 meV/atom in a correlation run of 10 ps, 20 K: rounding is a thousandth of it in either
    drift_over_spread=0.01,  # a hundredth of what the kinetic energy swings by itself
    jump_eV=1e-6,  # ten crossings a ps lose a fiftieth of the drift allowed; EMT, cut where 1e-4 is left, has 5e-9
    jump_eV_A=1e-4,  # a hundredth of a tight relaxation's threshold
)
FLOAT32 = Limits(
    precision="float32",
    epsilon=float(np.finfo(np.float32).eps),
    step=1.3e-3,
    force_eV_A=2e-3,  # the derivative's own error on models that bend as sharply as CHGNet
    virial_eV_A3=2e-4,  # the same of ten atoms' bonds in their volume
    invariance_eV=1e-4,
    drift_meV_atom_ps=0.5,
    drift_over_spread=0.01,
    jump_eV=1e-6,
    jump_eV_A=5e-4,  # CHGNet's forces are rounded by 1e-5, amplified 5 times, the worst of a scan of hundreds
)
LIMITS = {limits.precision: limits for limits in (FLOAT64, FLOAT32)}


def limits_of(precision: str) -> Limits:
    """By name.

    Raises:
        ValueError: neither float64 nor float32.
    """
    if precision not in LIMITS:
        raise ValueError(f"precision: must be {' or '.join(LIMITS)} (is {precision!r})")
    return LIMITS[precision]
