"""From energies and stresses of strained cells to elastic constants."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from potentials.potential import Evaluation
from properties.elastic.strains import piola_kirchhoff

DEGREE = 6
"""Of the polynomials that stresses and forces are fitted by: through all of seven points, so that slopes are central
differences of sixth order."""


@dataclass(frozen=True)
class Strains:
    """What is strained and how far.

    Attributes:
        directions: (m, 6), Mandel, unit vectors.
        sizes: (s,), symmetric about the one in the middle, which is zero.
        energy_degree: of the polynomials in the size that energies are fitted by; even, 4 or more, below s.
    """

    directions: np.ndarray
    sizes: np.ndarray
    energy_degree: int

    @property
    def all(self) -> np.ndarray:
        """(m, s, 6)."""
        return self.sizes[None, :, None] * self.directions[:, None, :]


@dataclass(frozen=True)
class Constants:
    """Elastic constants (6, 6), Mandel, GPa, of the same strained cells.

    Attributes:
        energy_GPa: from the energies' curvatures.
        stress_GPa: from the stresses' slopes.
        energy_fit_GPa, stress_fit_GPa: how much a polynomial of two degrees less would change them.
        asymmetry_GPa: the largest that symmetry took off the slope of a stress.
    """

    energy_GPa: np.ndarray
    stress_GPa: np.ndarray
    energy_fit_GPa: np.ndarray
    stress_fit_GPa: np.ndarray
    asymmetry_GPa: float


def constants(
    evaluations: list[list[Evaluation]], strains: Strains, basis: np.ndarray, volume_A3: float, GPa: float
) -> Constants:
    """Least squares for the numbers that symmetry leaves, from energies and, apart, from stresses.

    evaluations: m lists of s, as `Strains.all` has them.
    basis: (k, 6, 6), `independent`.
    volume_A3: of the cell without strain.
    GPa: in eV/Å³.
    """
    energies = np.array([[e.energy_eV for e in row] for row in evaluations]) / volume_A3 / GPa
    stresses = np.array(
        [
            [piola_kirchhoff(e.stress_eV_A3, strain) for e, strain in zip(row, own, strict=True)]
            for row, own in zip(evaluations, strains.all, strict=True)
        ]
    )
    by_degree = []
    for less in (0, 2):
        curvatures = energies @ derivative(strains.sizes, strains.energy_degree - less, 2)
        slopes = np.einsum("msi,s->mi", stresses, derivative(strains.sizes, DEGREE - less, 1)) / GPa
        by_degree.append((_from_energies(curvatures, strains, basis), *_from_stresses(slopes, strains, basis)))
    (energy, stress, asymmetry), (rough_energy, rough_stress, _) = by_degree
    return Constants(energy, stress, np.abs(energy - rough_energy), np.abs(stress - rough_stress), asymmetry)


def derivative(sizes: np.ndarray, degree: int, order: int) -> np.ndarray:
    """Weights, (s,), that give a derivative at zero of the polynomial fitted to values at `sizes`."""
    scale = np.abs(sizes).max()
    powers = np.vander(sizes / scale, degree + 1, increasing=True)
    return factorial(order) * np.linalg.pinv(powers)[order] / scale**order


def _from_energies(curvatures: np.ndarray, strains: Strains, basis: np.ndarray) -> np.ndarray:
    rows = np.einsum("mi,kij,mj->mk", strains.directions, basis, strains.directions)
    return np.tensordot(np.linalg.lstsq(rows, curvatures, rcond=None)[0], basis, axes=1)


def _from_stresses(slopes: np.ndarray, strains: Strains, basis: np.ndarray) -> tuple[np.ndarray, float]:
    rows = np.einsum("kij,mj->mik", basis, strains.directions).reshape(-1, len(basis))
    found = np.tensordot(np.linalg.lstsq(rows, slopes.ravel(), rcond=None)[0], basis, axes=1)
    return found, float(np.abs(slopes - strains.directions @ found).max())
