"""What follows from elastic constants: stability, moduli, anisotropy, sound, and two estimates.

Elastic constants come in Mandel's form, (6, 6), GPa.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import units

from properties.elastic.mandel import WEIGHT, to_voigt

_METRES_PER_SECOND = 1e3  # sqrt(GPa / (g/cm³)) in m/s


@dataclass(frozen=True)
class Mean:
    """Of grains in all orientations: of equal strain (Voigt), of equal stress (Reuss), and between them (Hill)."""

    voigt: float
    reuss: float

    @property
    def hill(self) -> float:
        """The mean of both; Proc. Phys. Soc. A 65, 349 (1952)."""
        return (self.voigt + self.reuss) / 2

    def to_json(self) -> dict[str, float]:
        """All three."""
        return {"voigt": self.voigt, "reuss": self.reuss, "hill": self.hill}


@dataclass(frozen=True)
class Softening:
    """A strain that lowers the energy.

    Attributes:
        eigenvalue_GPa: of the elastic constants in Mandel's form, not positive.
        strain: (6,), Voigt, the unit strain it belongs to.
    """

    eigenvalue_GPa: float
    strain: np.ndarray


@dataclass(frozen=True)
class Moduli:
    """Of a polycrystal without texture.

    Attributes:
        bulk_GPa, shear_GPa: with all three means.
        young_GPa, poisson_ratio: from Hill's means.
        universal_anisotropy: 5 G_V/G_R + B_V/B_R − 6, zero for isotropic ones (Ranganathan and Ostoja-Starzewski,
            Phys. Rev. Lett. 101, 055504 (2008)).
    """

    bulk_GPa: Mean
    shear_GPa: Mean
    young_GPa: float
    poisson_ratio: float
    universal_anisotropy: float


@dataclass(frozen=True)
class Sound:
    """Waves in the polycrystal, and the Debye temperature of their mean velocity.

    Anderson, J. Phys. Chem. Solids 24, 909 (1963): θ = (h/k_B) (3ν/4π)^(1/3) v_m with ν atoms a volume and
    3/v_m³ = 2/v_t³ + 1/v_l³.
    """

    longitudinal_m_s: float
    transverse_m_s: float
    mean_m_s: float
    debye_temperature_K: float


def softenings(stiffness: np.ndarray) -> tuple[np.ndarray, list[Softening]]:
    """The six eigenvalues, GPa, ascending, and Born's criterion: those of them that are not positive.

    Necessary and sufficient without load: Mouhat and Coudert, Phys. Rev. B 90, 224104 (2014).
    """
    values, vectors = np.linalg.eigh(stiffness)
    return values, [
        Softening(float(value), vector * WEIGHT) for value, vector in zip(values, vectors.T, strict=True) if value <= 0
    ]


def moduli(stiffness: np.ndarray) -> Moduli:
    """Voigt's, Reuss's and Hill's means and what follows from them; the elastic constants must have an inverse."""
    C, S = to_voigt(stiffness), np.linalg.inv(to_voigt(stiffness))
    bulk = Mean(C[:3, :3].sum() / 9, 1 / S[:3, :3].sum())
    shear = Mean(
        (3 * np.trace(C[:3, :3]) - C[:3, :3].sum() + 6 * np.trace(C[3:, 3:])) / 30,
        15 / (6 * np.trace(S[:3, :3]) - 2 * S[:3, :3].sum() + 3 * np.trace(S[3:, 3:])),
    )
    B, G = bulk.hill, shear.hill
    return Moduli(
        bulk,
        shear,
        9 * B * G / (3 * B + G),
        (3 * B - 2 * G) / (6 * B + 2 * G),
        5 * shear.voigt / shear.reuss + bulk.voigt / bulk.reuss - 6,
    )


def zener_ratio(stiffness: np.ndarray) -> float:
    """2 C44/(C11 − C12) of a cubic crystal, 1 where it is isotropic."""
    C = to_voigt(stiffness)
    return float(2 * C[3, 3] / (C[0, 0] - C[0, 1]))


def sound(bulk_GPa: float, shear_GPa: float, density_g_cm3: float, atoms_per_A3: float) -> Sound:
    """Of positive moduli; `Sound` says by which formulae."""
    transverse = _METRES_PER_SECOND * np.sqrt(shear_GPa / density_g_cm3)
    longitudinal = _METRES_PER_SECOND * np.sqrt((bulk_GPa + 4 / 3 * shear_GPa) / density_g_cm3)
    mean = (3 / (2 / transverse**3 + 1 / longitudinal**3)) ** (1 / 3)
    planck_over_boltzmann_K_s = units._hplanck / units._k
    debye = planck_over_boltzmann_K_s * (3 * atoms_per_A3 * 1e30 / (4 * np.pi)) ** (1 / 3) * mean
    return Sound(float(longitudinal), float(transverse), float(mean), float(debye))


def hardness_estimates_GPa(bulk_GPa: float, shear_GPa: float) -> dict[str, float | None]:
    """Vickers hardness guessed from moduli by two fits to measured ones; None where a fit gives less than nothing.

    chen_2011: 2 (G³/B²)^0.585 − 3, Chen et al., Intermetallics 19, 1275 (2011). teter_1998: 0.151 G, Teter, MRS Bull.
    23, 22 (1998). Both miss the hardness of ductile metals and of layered crystals by factors.
    """
    chen = 2 * (shear_GPa**3 / bulk_GPa**2) ** 0.585 - 3
    return {"chen_2011": chen if chen > 0 else None, "teter_1998": 0.151 * shear_GPa}
