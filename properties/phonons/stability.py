"""Does a crystal lie in a minimum: where its softest mode is, and whether that is more than noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from phonopy.harmonic.dynmat_to_fc import get_commensurate_points

from properties.phonons.harmonic import HarmonicCrystal, Mesh

EXACT_TOLERANCE = 0.01
"""Of the highest frequency. Squares of frequencies are uncertain by about 1e-4 of the largest: by rounding in single
precision, and by what is left of anharmonicity in a displacement of 0.01 Å."""
INTERPOLATED_TOLERANCE = 0.05
"""The same between points that fit into the supercell, where force constants cut off by it let acoustic branches dip
below zero near Γ."""

HALVES = np.array(list(product((0.0, 0.5), repeat=3)))
"""Γ and the points half a reciprocal vector away, where crystals are unstable more often than elsewhere."""


@dataclass(frozen=True)
class Stability:
    """A crystal's softest mode, the three acoustic ones at Γ apart.

    Attributes:
        dynamically_stable: no mode is below its tolerance.
        min_frequency_THz: of the softest mode at any q looked at, imaginary as a negative number.
        min_q: where, fractional.
        min_is_exact: that q fits into the supercell.
        min_exact_frequency_THz, min_exact_q: of the softest among those that do.
        tolerance_THz: an imaginary mode smaller than this counts as zero where q fits into the supercell,
        interpolated_tolerance_THz: or elsewhere.
    """

    dynamically_stable: bool
    min_frequency_THz: float
    min_q: np.ndarray
    min_is_exact: bool
    min_exact_frequency_THz: float
    min_exact_q: np.ndarray
    tolerance_THz: float
    interpolated_tolerance_THz: float


def stability(crystal: HarmonicCrystal, mesh: Mesh) -> Stability:
    """At the points that fit into the supercell, where finite displacements are exact, on a mesh, and at `HALVES`."""
    exact = exact_q(crystal)
    at_exact = softest(exact, crystal.frequencies_THz(exact))
    between = np.vstack([mesh.q, HALVES])
    on_mesh = softest(between, np.vstack([mesh.frequencies_THz, crystal.frequencies_THz(HALVES)]))
    highest = float(np.abs(mesh.frequencies_THz).max())
    tolerance, interpolated = EXACT_TOLERANCE * highest, INTERPOLATED_TOLERANCE * highest
    lower = at_exact if at_exact[0] <= on_mesh[0] + 1e-6 * highest else on_mesh
    return Stability(
        dynamically_stable=at_exact[0] >= -tolerance and on_mesh[0] >= -interpolated,
        min_frequency_THz=lower[0],
        min_q=lower[1],
        min_is_exact=_fits(lower[1], crystal.supercell_matrix),
        min_exact_frequency_THz=at_exact[0],
        min_exact_q=at_exact[1],
        tolerance_THz=tolerance,
        interpolated_tolerance_THz=interpolated,
    )


def exact_q(crystal: HarmonicCrystal) -> np.ndarray:
    """Points that fit into the supercell, one of each star, between −1/2 and 1/2; Γ is the first; (m, 3)."""
    points = get_commensurate_points(crystal.phonopy.supercell_matrix)
    rotations = crystal.phonopy.primitive_symmetry.pointgroup_operations
    kept: list[np.ndarray] = []
    seen: set[tuple[int, ...]] = set()
    # Γ first, then by how short they are written: (0, 0, 1/2) rather than an equal of it
    for q in sorted(inner(points), key=lambda q: (round(float(np.abs(q).sum()), 6), *(-q).round(6))):
        if _key(q) not in seen:
            kept.append(q)
            seen |= {_key(sign * rotation.T @ q) for rotation in rotations for sign in (1, -1)}
    return np.array(kept)


def softest(q: np.ndarray, frequencies_THz: np.ndarray) -> tuple[float, np.ndarray]:
    """The lowest frequency and its q, without the three modes at Γ that are nearest to zero.

    Of a crystal of one atom at Γ nothing remains, and it is left out.
    """
    lowest = [_optical(p, row).min(initial=np.inf) for p, row in zip(q, frequencies_THz, strict=True)]
    if not np.isfinite(lowest).any():
        return 0.0, np.zeros(3)
    k = int(np.argmin(lowest))
    return float(lowest[k]), q[k]


def _optical(q: np.ndarray, frequencies_THz: np.ndarray) -> np.ndarray:
    if np.abs(q - q.round()).max() > 1e-9:
        return frequencies_THz
    return frequencies_THz[np.argsort(np.abs(frequencies_THz))[3:]]


def inner(q: np.ndarray) -> np.ndarray:
    """Points moved by reciprocal vectors to between −1/2 (apart) and 1/2."""
    moved = q - np.ceil(np.asarray(q) - 0.5 - 1e-9)
    return np.where(np.abs(moved) < 1e-9, 0.0, moved)


def _fits(q: np.ndarray, supercell_matrix: np.ndarray) -> bool:
    phase = supercell_matrix @ q
    return bool(np.abs(phase - phase.round()).max() < 1e-6)


def _key(q: np.ndarray) -> tuple[int, ...]:
    return tuple((inner(q) * 10**6).round().astype(int).tolist())
