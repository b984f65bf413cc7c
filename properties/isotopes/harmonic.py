"""Isotope effects of harmonic vibrations: products of oscillators' partition functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from properties.path_integrals.ring_polymer import HBAR, log_oscillator_partition

RIGID = 1e-6
"""Of the largest eigenvalue: rigid shifts, projected out exactly, are below it."""


@dataclass(frozen=True)
class Modes:
    """Vibrations of one isotopologue.

    Attributes:
        frequencies: ω of the stable ones, ascending, 1/√(u Å²/eV).
        unstable: |ω| of the unstable ones, the largest first; empty at a minimum.
        directions: displacements u of the unstable ones, (m, n, 3), with Σ m u² = 1.
    """

    frequencies: np.ndarray
    unstable: np.ndarray
    directions: np.ndarray


def modes_of(force_constants: np.ndarray, masses_u: np.ndarray, moving: np.ndarray) -> Modes:
    """Of force constants (3n, 3n), eV/Å², of the atoms that move, (n,) of bool; rigid shifts are left out if all do."""
    basis, roots = weighted_basis(masses_u, moving)
    squares, vectors = np.linalg.eigh(_weighted(force_constants, basis, roots))
    squares, vectors = squares[_vibrating(squares)], vectors[:, _vibrating(squares)]
    down = squares < 0
    directions = (basis @ vectors[:, down] / roots[:, None]).T.reshape(-1, len(masses_u), 3)
    return Modes(np.sqrt(squares[~down]), np.sqrt(-squares[down]), directions)


def frequencies_on_plane(
    force_constants: np.ndarray, masses_u: np.ndarray, moving: np.ndarray, normal: np.ndarray
) -> np.ndarray:
    """ω of the system on the plane with that normal, (n, 3), ascending.

    Raises:
        ValueError: it is not stable there.
    """
    basis, roots = weighted_basis(masses_u, moving)
    across = basis.T @ (normal.ravel() / roots)
    across /= np.linalg.norm(across)
    # An orthonormal basis of what is left: the first column of the rotation is the normal
    left = np.linalg.qr(across[:, None], mode="complete")[0][:, 1:]
    squares = np.linalg.eigvalsh(left.T @ _weighted(force_constants, basis, roots) @ left)
    squares = squares[_vibrating(squares)]
    if squares[0] < 0:
        raise ValueError("the plane through the saddle has an unstable direction of its own")
    return np.sqrt(squares)


def log_partition(frequencies: np.ndarray, kT_eV: float, beads: int | None = None) -> float:
    """Σ ln Q of oscillators; with P beads, or exact."""
    return float(log_oscillator_partition(HBAR * frequencies, kT_eV, beads).sum())


def zero_point_eV(frequencies: np.ndarray) -> float:
    """Σ ħω/2."""
    return float(0.5 * HBAR * frequencies.sum())


def weighted_basis(masses_u: np.ndarray, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mass-weighted directions of those that move, without rigid shifts if all do, (3n, m), and √m, (3n,)."""
    roots = np.repeat(np.sqrt(masses_u), 3)
    if not moving.all():
        return np.eye(len(roots))[:, np.repeat(moving, 3)], roots
    shifts = np.tile(np.eye(3), (len(masses_u), 1)) * roots[:, None]
    return np.linalg.qr(shifts, mode="complete")[0][:, 3:], roots


def _weighted(force_constants: np.ndarray, basis: np.ndarray, roots: np.ndarray) -> np.ndarray:
    dynamical = force_constants / np.outer(roots, roots)
    return basis.T @ (dynamical + dynamical.T) @ basis / 2


def _vibrating(squares: np.ndarray) -> np.ndarray:
    """Directions along which there is a force at all; a free one has no frequency to compare."""
    return np.abs(squares) > RIGID * np.abs(squares).max()
