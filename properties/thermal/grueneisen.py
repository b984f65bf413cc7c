"""Grüneisen parameters, mode by mode: how frequencies follow the volume.

γ_qν = −d ln ω/d ln V = −(1/2ω²) e†(dD/d ln V)e, with D the dynamical matrix at a q of fixed fractional coordinates
and e its eigenvector: first-order perturbation theory, so no mode has to be matched with another between volumes. In a
degenerate subspace dD is diagonalised first. dD/d ln V comes from the D of a row of volumes, by a polynomial of ln V of
as high a degree as they bear (see `smoothing`).

The volumes may be at any pressure, and relaxed in shape or not: γ belongs to the path that they lie on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from phonopy import Phonopy
from phonopy.harmonic.dynamical_matrix import get_dynamical_matrices_at_qpoints

from properties.errors import PropertyError
from properties.phonons.harmonic import HarmonicCrystal
from properties.phonons.thermodynamics import LEAST_THZ
from properties.thermal.smoothing import best_degree

_FEWEST = 4
_DEGENERATE = 1e-4  # of the highest frequency: what symmetry makes equal is equal to 1e-6 with forces to 1e-4 eV/Å
_TELLING = 20  # q points that tell how smooth the row is
_AT_ONCE = 2**22  # elements of dynamical matrices in memory: 64 MB


@dataclass(frozen=True)
class ModeGrueneisen:
    """Modes at m q points of one volume.

    Attributes:
        volume_A3: of the cell.
        frequencies_THz: (m, modes), ascending at each q, imaginary ones negative.
        grueneisen: (m, modes); NaN for frequencies below `LEAST_THZ`.
    """

    volume_A3: float
    frequencies_THz: np.ndarray
    grueneisen: np.ndarray


def mode_grueneisen(
    crystals: Sequence[HarmonicCrystal], q: np.ndarray, at: Sequence[int] | None = None
) -> list[ModeGrueneisen]:
    """Of the crystals named by `at`, of all where it is None.

    crystals: at least 4 volumes of one crystal, the same atoms in the same order in cells that differ by a strain.
    q: (m, 3) in reciprocal vectors of each crystal's own cell.

    Raises:
        PropertyError: too few volumes.
    """
    points = np.asarray(q, float).reshape(-1, 3)
    wanted = range(len(crystals)) if at is None else at
    slopes = _slopes(crystals, points[:: max(1, len(points) // _TELLING)])
    size = 3 * len(crystals[0].phonopy.primitive)
    step = max(1, _AT_ONCE // (len(crystals) * size**2))
    parts: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in wanted]
    for start in range(0, len(points), step):
        matrices = np.array([_dynamical(c.phonopy, points[start : start + step]) for c in crystals])
        for part, k in zip(parts, wanted, strict=True):
            part.append(_perturbed(matrices[k], np.tensordot(slopes[k], matrices, 1)))
    return [
        _modes(crystals[k], np.concatenate([s for s, _ in part]), np.concatenate([d for _, d in part]))
        for part, k in zip(parts, wanted, strict=True)
    ]


def optical_grueneisen(crystals: Sequence[HarmonicCrystal], at: int) -> ModeGrueneisen:
    """Modes at Γ of one crystal without the three in which all atoms move alike; (1, 3n − 3).

    Those are projected out of the dynamical matrices, so none is mistaken for a soft optical mode.

    Raises:
        PropertyError: fewer than 4 volumes.
    """
    phonopy = crystals[at].phonopy
    shifts = np.tile(np.eye(3), (len(phonopy.primitive), 1)) * np.repeat(np.sqrt(phonopy.primitive.masses), 3)[:, None]
    inner = np.linalg.qr(shifts, mode="complete")[0][:, 3:]
    gamma = np.zeros((1, 3))
    matrices = np.array([inner.T @ _dynamical(c.phonopy, gamma) @ inner for c in crystals])
    return _modes(crystals[at], *_perturbed(matrices[at], np.tensordot(_slopes(crystals, gamma)[at], matrices, 1)))


def _dynamical(phonopy: Phonopy, q: np.ndarray) -> np.ndarray:
    """(m, 3n, 3n), eV/(Å² u), Hermitian."""
    if phonopy.dynamical_matrix is None:
        raise ValueError("force constants are missing")
    return get_dynamical_matrices_at_qpoints(phonopy.dynamical_matrix, np.ascontiguousarray(q))


def _slopes(crystals: Sequence[HarmonicCrystal], q: np.ndarray) -> np.ndarray:
    """(k, k): what the row of values at the volumes is multiplied with for its derivatives in ln V at each.

    q: the points whose dynamical matrices tell how smooth the row is.
    """
    if len(crystals) < _FEWEST:
        raise PropertyError(f"Grüneisen parameters need {_FEWEST} volumes (there are {len(crystals)})")
    x = np.log([c.phonopy.primitive.volume for c in crystals])
    x -= x.mean()
    scale = np.abs(x).max()
    table = np.array([_dynamical(c.phonopy, q).ravel() for c in crystals])
    powers = np.arange(best_degree(x, table) + 1)
    basis = (x[:, None] / scale) ** powers
    derivative = powers * (x[:, None] / scale) ** np.maximum(powers - 1, 0) / scale
    return derivative @ np.linalg.pinv(basis)


def _perturbed(matrices: np.ndarray, derivatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of Hermitian matrices (m, s, s), ascending, and their derivatives; (m, s) each."""
    values, vectors = np.linalg.eigh(matrices)
    inner = vectors.conj().swapaxes(1, 2) @ derivatives @ vectors
    slopes = np.einsum("mss->ms", inner).real.copy()
    roots = np.sqrt(np.abs(values)) * np.sign(values)
    tolerance = _DEGENERATE * np.abs(roots).max(initial=0.0)
    for m, gaps in enumerate(np.diff(roots, axis=1) > tolerance):
        for group in np.split(np.arange(values.shape[1]), np.flatnonzero(gaps) + 1):
            if len(group) > 1:
                slopes[m, group] = np.linalg.eigvalsh(inner[m][np.ix_(group, group)])
    return values, slopes


def _modes(crystal: HarmonicCrystal, squares: np.ndarray, slopes: np.ndarray) -> ModeGrueneisen:
    """From eigenvalues and their derivatives in ln V."""
    frequencies = np.sign(squares) * np.sqrt(np.abs(squares)) * crystal.phonopy.unit_conversion_factor
    real = frequencies >= LEAST_THZ
    gamma = np.divide(-slopes, 2 * squares, out=np.full(squares.shape, np.nan), where=real)
    return ModeGrueneisen(float(crystal.phonopy.primitive.volume), frequencies, gamma)
