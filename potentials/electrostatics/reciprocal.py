"""The smooth half of Ewald's sum, in reciprocal space, for many cells at once.

    E = ½ Σ_k w(k) |S(k)|² − K α/√π Σ_j q_j² − K π Q²/(2α²V)
    w(k) = 4πK e^(−k²/4α²)/(V k²),   S(k) = Σ_j q_j e^(ik·r_j)

over reciprocal lattice vectors 0 < |k| ≤ k_c; the second term takes out each charge's own Gaussian, the third is the
uniform background that makes a charged cell neutral (Q the total charge), whose stress is −E_background/V.

cos(k·r) and sin(k·r) are sums of products of three factors, one along each lattice vector. The sums over atoms are
therefore matrix products of real numbers,

    M_abc = Σ_j q_j X_a(j) Y_b(j) Z_c(j),   X = (1, cos x, cos 2x, …, 0, sin x, sin 2x, …),   x = 2π × fractional,

and E is a quadratic form in M, one 8 × 8 block for each (|h|, |k|, |l|). Forces are the same products with the form's
gradient. One number for each atom and plane of k is made, none for each atom and k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt

import torch
from torch import Tensor

from potentials.electrostatics.constants import COULOMB_EV_A
from potentials.electrostatics.splitting import Splitting

SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Of k and l; with h ≥ 0 they are all vectors up to k → −k."""


@dataclass(frozen=True)
class Grid:
    """Reciprocal vectors k = 2π cell⁻¹·(h, ±k, ±l) of m cells, h, k, l ≥ 0.

    Attributes:
        inverse: cell⁻¹, (m, 3, 3); a position times it is fractional.
        volume_A3: (m,).
        lengths: how many h, k and l there are.
        weight: w(k) times the number of equal terms that it stands for, zero beyond k_c, eV/e², (m, 4, h·k·l).
        stretch: k⊗k (2/k² + 1/2α²), minus what strain does to log(w V), (m, 4·h·k·l, 9).
    """

    inverse: Tensor
    volume_A3: Tensor
    lengths: tuple[int, int, int]
    weight: Tensor
    stretch: Tensor


def grid(cells: Tensor, splitting: Splitting) -> Grid:
    """The vectors of cells (m, 3, 3), rows, Å, of either hand; axes are as long as the largest cell needs."""
    inverse, volume = torch.linalg.inv(cells), torch.linalg.det(cells).abs()
    # |h| = |k·a|/2π is at most k_c |a|/2π
    reach = (splitting.k_cutoff_per_A * torch.linalg.norm(cells, dim=2) / (2 * pi)).amax(0).floor().long() + 1
    axes = [torch.arange(n, dtype=cells.dtype, device=cells.device) for n in reach.tolist()]
    corner = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
    signs = cells.new_tensor([(1, *pair) for pair in SIGNS])
    vectors = 2 * pi * torch.einsum("sgr,mcr->msgc", signs[:, None, :] * corner, inverse)
    square = (vectors * vectors).sum(-1)
    inside = (square > 0) & (square <= splitting.k_cutoff_per_A**2)
    safe = torch.where(inside, square, 1.0)
    # k and −k are one term, and so are all signs of an index that is zero
    equal = 2.0 / 2.0 ** (corner == 0).sum(-1)
    fall = torch.where(inside, equal * torch.exp(-square / (4 * splitting.alpha_per_A**2)) / safe, 0.0)
    weight = 4 * pi * COULOMB_EV_A / volume[:, None, None] * fall
    grows = torch.where(inside, 2 / safe + 1 / (2 * splitting.alpha_per_A**2), 0.0)
    stretch = (grows[..., None, None] * vectors[..., :, None] * vectors[..., None, :]).reshape(len(cells), -1, 9)
    return Grid(inverse, volume, (len(axes[0]), len(axes[1]), len(axes[2])), weight, stretch)


@dataclass(frozen=True)
class Smooth:
    """The reciprocal part of m cells of n atoms each.

    Attributes:
        energy: eV, (m,), self-energy and background included.
        forces: eV/Å, (m, n, 3).
        stress: eV/Å³, (m, 3, 3); None where it was not asked for.
    """

    energy: Tensor
    forces: Tensor
    stress: Tensor | None


def smooth(positions: Tensor, charges: Tensor, at: Grid, splitting: Splitting, stress: bool = True) -> Smooth:
    """Energy, forces and stress of positions (m, n, 3), Å, and charges (m, n), e."""
    (x, dx), (y, dy), (z, dz) = _waves(positions, at)
    m, n, planes = *charges.shape, x.shape[-1] * y.shape[-1]
    xy = (x[..., :, None] * y[..., None, :]).reshape(m, n, planes)
    moments = (z * charges[..., None]).transpose(1, 2) @ xy
    gradient, shares = _form(moments, at)
    field, field_z = z @ gradient, dz @ gradient
    # Σ_ab of X'Y, XY' and XY with the field of each atom
    rows = (field.reshape(m, n, x.shape[-1], -1) * y[..., None, :]).sum(-1)
    columns = (field.reshape(m, n, x.shape[-1], -1) * x[..., :, None]).sum(-2)
    slopes = torch.stack([(rows * dx).sum(-1), (columns * dy).sum(-1), (xy * field_z).sum(-1)], dim=-1)
    forces = -2 * pi * charges[..., None] * (slopes @ at.inverse.transpose(1, 2))
    energy = 0.5 * shares.sum((1, 2))
    own = -COULOMB_EV_A * splitting.alpha_per_A / sqrt(pi) * (charges**2).sum(1)
    background = -COULOMB_EV_A * pi * charges.sum(1) ** 2 / (2 * splitting.alpha_per_A**2 * at.volume_A3)
    strained = _stress(shares, energy + background, at) if stress else None
    return Smooth(energy + own + background, forces, strained)


def _waves(positions: Tensor, at: Grid) -> list[tuple[Tensor, Tensor]]:
    """For each axis cosines and sines, and their derivatives by x, each (m, n, 2·length)."""
    waves = []
    for fractional, length in zip((positions @ at.inverse).unbind(-1), at.lengths, strict=True):
        index = torch.arange(length, dtype=positions.dtype, device=positions.device)
        phase = 2 * pi * fractional[..., None] * index
        cos, sin = torch.cos(phase), torch.sin(phase)
        waves.append((torch.cat([cos, sin], dim=-1), torch.cat([-index * sin, index * cos], dim=-1)))
    return waves


def _form(moments: Tensor, at: Grid) -> tuple[Tensor, Tensor]:
    """Of moments (m, 2l, 2h·2k): the energy's gradient, alike, and w|S|², (m, 4, h·k·l)."""
    m = len(moments)
    h, k, l = at.lengths  # noqa: E741
    eight = moments.reshape(m, 2, l, 2, h, 2, k).permute(0, 3, 5, 1, 4, 6, 2).reshape(m, 8, -1)
    turn = _turn(moments)
    factors = turn @ eight  # real parts of S for the four signs, then imaginary ones
    weighted = factors * at.weight.repeat(1, 2, 1)
    gradient = (turn.T @ weighted).reshape(m, 2, 2, 2, h, k, l).permute(0, 3, 6, 1, 4, 2, 5)
    shares = factors * weighted
    return gradient.reshape(moments.shape), shares[:, :4] + shares[:, 4:]


def _turn(like: Tensor) -> Tensor:
    """From products (ccc, ccs, csc, css, scc, scs, ssc, sss) to Re and Im of e^i(hx ± ky ± lz), (8, 8)."""
    real = [(1, 0, 0, -a * b, 0, -b, -a, 0) for a, b in SIGNS]
    imaginary = [(0, b, a, 0, 1, 0, 0, -a * b) for a, b in SIGNS]
    return like.new_tensor(real + imaginary)


def _stress(shares: Tensor, varying: Tensor, at: Grid) -> Tensor:
    """Stress of the sum and of the background; shares: w|S|²; varying: energy of both, (m,)."""
    # ∂/∂ε of w|S|²/2: −δ from the volume, the rest from k's length; S keeps its phases
    kk = (shares.reshape(len(shares), 1, -1) @ at.stretch).reshape(-1, 3, 3)
    unit = torch.eye(3, dtype=kk.dtype, device=kk.device)
    return (0.5 * kk - varying[:, None, None] * unit) / at.volume_A3[:, None, None]


def together(sizes: Sequence[int]) -> list[list[int]]:
    """Which cells may be summed in one go: those with equal numbers of atoms, by their places."""
    groups: dict[int, list[int]] = {}
    for place, size in enumerate(sizes):
        groups.setdefault(size, []).append(place)
    return list(groups.values())


def smooth_matrix(positions: Tensor, at: Grid, splitting: Splitting) -> Tensor:
    """∂²E/∂q_i∂q_j of one cell, eV/e², (n, n); positions: (n, 3), Å; `at` of that cell alone."""
    fractional = positions @ at.inverse[0]
    axes = torch.meshgrid(*(torch.arange(n, dtype=positions.dtype) for n in at.lengths), indexing="ij")
    corner = torch.stack([axis.ravel() for axis in axes], dim=-1)
    found = torch.zeros(len(positions), len(positions), dtype=positions.dtype)
    for signs, weight in zip(SIGNS, at.weight[0], strict=True):
        some = weight > 0
        phase = 2 * pi * fractional @ (corner[some] * corner.new_tensor((1, *signs))).T
        for wave in (torch.cos(phase), torch.sin(phase)):
            found += (wave * weight[some]) @ wave.T
    own = 2 * COULOMB_EV_A * splitting.alpha_per_A / sqrt(pi)
    background = COULOMB_EV_A * pi / (splitting.alpha_per_A**2 * at.volume_A3[0])
    return found - own * torch.eye(len(positions), dtype=positions.dtype) - background
