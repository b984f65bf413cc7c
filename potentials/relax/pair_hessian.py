"""A first guess of the second derivatives: springs between near neighbours, strain included.

A quasi-Newton relaxation that starts from a multiple of the unit matrix spends its first tens of steps learning that
stiff bonds are stiff and how strain couples to positions. Springs that fade with distance tell it beforehand
(Packwood et al., J. Chem. Phys. 144, 164109 (2016)); here the cell is among the coordinates, so one guess serves both.
"""

from __future__ import annotations

import numpy as np
from matscipy.neighbours import neighbour_list

from potentials.neighbours import Structure

DECAY = 3.0
"""Springs fade as exp(-3 (r/r0 - 1)): Packwood et al.'s choice."""
TRANSVERSE = 0.15
"""A bond's stiffness against bending, as a share of that against stretching."""
FLOOR = 0.05
"""Share of the stiffest spring added to the diagonal: keeps the guess positive definite."""

_S = np.sqrt(0.5)
# Orthonormal (Mandel) basis of symmetric strains: xx, yy, zz, yz, xz, xy
STRAIN_BASIS = np.zeros((6, 3, 3))
for _m, (_a, _b) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
    STRAIN_BASIS[_m, _a, _b] = STRAIN_BASIS[_m, _b, _a] = 1.0 if _a == _b else _S


def to_mandel(tensor: np.ndarray) -> np.ndarray:
    """Components (6,) of a symmetric tensor (3, 3) in the orthonormal strain basis."""
    return np.einsum("mab,ab->m", STRAIN_BASIS, tensor)


def from_mandel(components: np.ndarray) -> np.ndarray:
    """The symmetric tensor (3, 3) of its components (6,)."""
    return np.einsum("m,mab->ab", components, STRAIN_BASIS)


def pair_hessian(structure: Structure, stiffness_eV_A2: float = 8.0) -> np.ndarray:
    """Second derivatives with respect to positions (3n) and strain (6), eV/Å², eV/Å and eV: (3n+6, 3n+6).

    stiffness_eV_A2: of a nearest-neighbour bond; a covalent one has about 8.
    """
    n = len(structure.numbers)
    radius = 1.5 * (structure.volume_A3 / n) ** (1 / 3)  # two to three shells of any packing
    i, j, d, r = neighbour_list(
        "ijDd", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool), cutoff=2 * radius
    )
    nearest = np.full(n, np.inf)
    np.minimum.at(nearest, i, r)
    r0 = 0.5 * (nearest[i] + nearest[j])
    near = r < 2 * r0
    i, j, d, r, r0 = i[near], j[near], d[near], r[near], r0[near]
    k = 0.5 * stiffness_eV_A2 * np.exp(-DECAY * (r / r0 - 1))  # every pair is listed twice
    u = d / r[:, None]
    springs = k[:, None, None] * (
        (1 - TRANSVERSE) * u[:, :, None] * u[:, None, :] + TRANSVERSE * np.eye(3)
    )
    strain = np.einsum("mab,eb->eam", STRAIN_BASIS, d)  # derivative of a pair vector by strain
    hessian = np.zeros((3 * n + 6, 3 * n + 6))
    blocks = np.zeros((n, n, 3, 3))
    np.add.at(blocks, (i, i), springs)
    np.add.at(blocks, (j, j), springs)
    np.add.at(blocks, (i, j), -springs)
    np.add.at(blocks, (j, i), -springs)
    hessian[: 3 * n, : 3 * n] = blocks.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)
    coupling = np.einsum("eab,ebm->eam", springs, strain)
    mixed = np.zeros((n, 3, 6))
    np.add.at(mixed, j, coupling)
    np.add.at(mixed, i, -coupling)
    hessian[: 3 * n, 3 * n :] = mixed.reshape(3 * n, 6)
    hessian[3 * n :, : 3 * n] = mixed.reshape(3 * n, 6).T
    hessian[3 * n :, 3 * n :] = np.einsum("eam,ean->mn", strain, coupling)
    hessian[np.diag_indices(3 * n)] += FLOOR * stiffness_eV_A2
    hessian[np.diag_indices(3 * n + 6)] += 1e-3 * stiffness_eV_A2
    return hessian
