"""Energy against the distance of layers that keep their shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import units
from scipy.interpolate import make_interp_spline
from scipy.optimize import minimize_scalar

from potentials.potential import Potential
from properties.errors import PropertyError
from properties.evaluating import evaluate_all
from properties.layers.layers import LayeredCrystal
from properties.layers.stacks import spread

OPENINGS_A = (
    -0.5, -0.4, -0.3, -0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5,
    3.0, 4.0, 5.0, 7.0, 10.0,
)  # fmt: skip
"""From the crystal at rest: close around the minimum, for its curvature."""
DEGREE = 5
"""Of the spline through the points: 0.05 Å apart, sheets of Lennard-Jones atoms have their curvature to 0.3 %."""


@dataclass(frozen=True)
class Minimum:
    """Lowest point of a line of energies.

    Attributes:
        place: where; value: the energy there; curvature: its second derivative there.
    """

    place: float
    value: float
    curvature: float


def minimum(places: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> Minimum | None:
    """Of a spline through the points, next to the lowest of them; None where that is the first or the last."""
    x, y = np.asarray(places, float), np.asarray(values, float)
    k = int(np.argmin(y))
    if k in (0, len(x) - 1):
        return None
    spline = make_interp_spline(x, y, k=min(DEGREE, len(x) - 1))
    found = minimize_scalar(spline, bounds=(x[k - 1], x[k + 1]), method="bounded", options={"xatol": 1e-7})
    return Minimum(float(found.x), float(found.fun), float(spline.derivative(2)(found.x)))


@dataclass(frozen=True)
class BindingCurve:
    """Energy of rigid layers against their distance, every gap opened by the same.

    Attributes:
        distances_A: height of the cell over the number of layers, ascending, (n,).
        energies_eV: of the cell, less its layers each alone and of the same shape, (n,).
        area_A2, n_layers, n_atoms: of the cell.
    """

    distances_A: np.ndarray
    energies_eV: np.ndarray
    area_A2: float
    n_layers: int
    n_atoms: int

    @property
    def meV_per_atom(self) -> np.ndarray:
        """(n,)."""
        return 1e3 * self.energies_eV / self.n_atoms

    @property
    def meV_per_A2(self) -> np.ndarray:
        """Of each gap, (n,)."""
        return 1e3 * self.energies_eV / (self.n_layers * self.area_A2)

    @property
    def lowest(self) -> Minimum | None:
        """Distance, Å, energy of a gap, meV/Å², and its curvature, meV/Å⁴; None where the layers do not bind."""
        found = minimum(self.distances_A, self.meV_per_A2)
        return found if found is not None and found.value < 0 else None

    @property
    def c33_GPa(self) -> float | None:
        """Stiffness against pulling rigid layers apart: σ = (dE/dd)/A and strain δd/d give C = d E″/A.

        The crystal's C33 where all gaps are alike, but for the ions' own response, which softens it.
        """
        low = self.lowest
        return None if low is None else low.place * low.curvature * 1e-3 / units.GPa

    def to_json(self) -> dict[str, Any]:
        """Lengths in Å; null where nothing binds."""
        low = self.lowest
        return {
            "distances_A": self.distances_A.tolist(),
            "meV_per_atom": self.meV_per_atom.tolist(),
            "meV_per_A2": self.meV_per_A2.tolist(),
            "distance_A": None if low is None else low.place,
            "depth_meV_per_A2": None if low is None else -low.value,
            "depth_meV_per_atom": None if low is None else -low.value * self.n_layers * self.area_A2 / self.n_atoms,
            "c33_GPa": self.c33_GPa,
        }


def binding_curve(
    potential: Potential,
    crystal: LayeredCrystal,
    apart_eV: float,
    openings_A: Sequence[float] = OPENINGS_A,
    on_done: Callable[[int], None] | None = None,
) -> BindingCurve:
    """All distances in one batch.

    apart_eV: of the cell's layers, each alone and of the crystal's shape.
    openings_A: of every gap, from the crystal's own; those that would press layers through each other are left out.

    Raises:
        PropertyError: none is left.
        EvaluationError: as of `evaluate_all`.
    """
    least = 0.5 * min(gap.distance_A for gap in crystal.gaps)
    wanted = sorted({x for x in openings_A if x > -least})  # a spline takes each place once
    if not wanted:
        raise PropertyError(
            f"openings_A: all of them press layers through each other; give some above {-least:.2f} Å, or none at all"
        )
    told = evaluate_all(potential, [spread(crystal, x) for x in wanted], on_done)
    return BindingCurve(
        crystal.interlayer_distance_A + np.array(wanted),
        np.array([answer.energy_eV for answer in told]) - apart_eV,
        crystal.area_A2,
        len(crystal.layers),
        len(crystal.atoms),
    )
