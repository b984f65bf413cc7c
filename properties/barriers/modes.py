"""Vibrations of the atoms about a minimum or a saddle, by differences of forces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import units

from properties.barriers.surface import Surface

STEP_A = 0.01
"""Displacement, both ways; copper's frequencies change by 1e-4 of themselves between 0.005 and 0.02."""
THZ = np.sqrt(units._e / units._amu) / 1e-10 / (2 * np.pi) / 1e12
"""Of an eigenvalue of one eV/(Å² u): 15.6 THz."""
SOFT_THZ = 0.1
"""Neither real nor imaginary for sure: what anharmonicity and differences leave."""
AT_ONCE = 64
"""Points in one call: enough for any device, little enough to tell how far it is."""


@dataclass(frozen=True)
class Modes:
    """Harmonic vibrations.

    Attributes:
        frequencies_THz: ascending, imaginary ones negative; shifts of the whole, which have none, left out.
        vectors: displacement of each mode, one each, (k, n, d), normalised over all coordinates.
        hessian_eV_A2: that they are of, (nd, nd).
        floats: shifts of the whole were left out.
    """

    frequencies_THz: np.ndarray
    vectors: np.ndarray
    hessian_eV_A2: np.ndarray
    floats: bool

    @property
    def n_imaginary(self) -> int:
        """How many of them are imaginary."""
        return int((self.frequencies_THz < -SOFT_THZ).sum())

    def with_masses(self, masses_u: np.ndarray) -> Modes:
        """Of other isotopes: the same curvatures, no model call."""
        return modes_of(self.hessian_eV_A2, masses_u, self.floats)


def hessian(
    surface: Surface, point: np.ndarray, step_A: float = STEP_A, on_done: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """Second derivatives, eV/Å², (nd, nd), symmetric; point: (n, d). on_done: points evaluated, of how many."""
    size = point.size
    moves = step_A * np.eye(size).reshape(size, *point.shape)
    points = np.concatenate([point + moves, point - moves])
    forces = []
    for k in range(0, len(points), AT_ONCE):
        forces.append(surface(points[k : k + AT_ONCE])[1])
        if on_done is not None:
            on_done(min(k + AT_ONCE, len(points)), len(points))
    all_of = np.concatenate(forces).reshape(len(points), size)
    slope = -(all_of[:size] - all_of[size:]) / (2 * step_A)
    return np.asarray((slope + slope.T) / 2)


def modes_of(second: np.ndarray, masses_u: np.ndarray, floats: bool) -> Modes:
    """Of a Hessian (nd, nd), of n particles with these masses, (n,); floats: shifts of the whole are left out."""
    d = len(second) // len(masses_u)
    root = np.sqrt(np.repeat(masses_u, d))
    weighted = second / np.outer(root, root)
    basis = _without_shifts(root, d) if floats else np.eye(len(root))
    values, vectors = np.linalg.eigh(basis.T @ weighted @ basis)
    shown = (basis @ vectors).T / root
    shown /= np.linalg.norm(shown, axis=1, keepdims=True)
    frequencies = np.sign(values) * np.sqrt(np.abs(values)) * THZ
    return Modes(frequencies, shown.reshape(len(values), -1, d), second, floats)


def _without_shifts(root_masses: np.ndarray, d: int) -> np.ndarray:
    """Orthonormal basis, (nd, nd − d), of mass-weighted displacements that move the centre of mass nowhere."""
    shifts = np.zeros((len(root_masses), d))
    for axis in range(d):
        shifts[axis::d, axis] = root_masses[axis::d]
    full, _ = np.linalg.qr(np.c_[shifts, np.eye(len(root_masses))])
    return np.asarray(full[:, d:])
