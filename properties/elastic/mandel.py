"""Second-rank tensors as six numbers, in two ways.

Voigt's, of people and of JSON: xx, yy, zz, yz, xz, xy, shear strains doubled. Mandel's, of this package: the same
order, the last three multiplied by √2 in stresses and strains alike, so that rotations are orthogonal 6×6 matrices, and
the eigenvalues of the elastic constants mean something (Mehrabadi and Cowin, Q. J. Mech. Appl. Math. 43, 15 (1990)).
"""

from __future__ import annotations

import numpy as np

FIRST, SECOND = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])
WEIGHT = np.sqrt([1.0, 1, 1, 2, 2, 2])


def mandel(tensor: np.ndarray) -> np.ndarray:
    """Six numbers, (..., 6), of symmetric tensors, (..., 3, 3)."""
    return tensor[..., FIRST, SECOND] * WEIGHT


def tensor_of(six: np.ndarray) -> np.ndarray:
    """The symmetric tensors, (..., 3, 3), of Mandel's six numbers, (..., 6)."""
    tensor = np.empty((*six.shape[:-1], 3, 3))
    tensor[..., FIRST, SECOND] = tensor[..., SECOND, FIRST] = six / WEIGHT
    return tensor


def to_voigt(stiffness: np.ndarray) -> np.ndarray:
    """Voigt's elastic constants of Mandel's, both (..., 6, 6)."""
    return stiffness / np.outer(WEIGHT, WEIGHT)


def from_voigt(stiffness: np.ndarray) -> np.ndarray:
    """Mandel's elastic constants of Voigt's, both (..., 6, 6)."""
    return np.asarray(stiffness) * np.outer(WEIGHT, WEIGHT)


def rotations_of_six(rotations: np.ndarray) -> np.ndarray:
    """Orthogonal matrices, (g, 6, 6), by which rotations or reflections, (g, 3, 3), act on Mandel's six numbers."""
    units = tensor_of(np.eye(6))
    turned = np.einsum("gia,kab,gjb->gkij", rotations, units, rotations)
    return mandel(turned).transpose(0, 2, 1)
