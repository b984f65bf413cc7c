"""The damped sum over pairs, with its derivatives by distance and by each atom's C6 and polarizability."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ase.units import Bohr
from torch import Tensor

HELD_TO_BOHR, HELD_FADES_BOHR = 10 / Bohr, 5 / Bohr
"""Beyond what networks of 5 Å see in a step nothing is held for sure; a slope right there would shift layers."""

@dataclass(frozen=True)
class Derivatives:
    """A part of the energy. Units are the caller's: atomic ones inside this package.

    Attributes:
        energy: of each system, (n_systems,).
        by_vector: of each pair vector, (n_pairs, 3).
        by_c6, by_alpha: of each atom, (n_atoms,).
    """

    energy: Tensor
    by_vector: Tensor
    by_c6: Tensor
    by_alpha: Tensor


@dataclass(frozen=True)
class PairList:
    """Who meets whom, each pair once.

    Attributes:
        vectors: float64, (n_pairs, 3). first, second, system: of the pairs, (n_pairs,).
        atom_system: of the atoms, (n_atoms,). systems: how many.
    """

    vectors: Tensor
    first: Tensor
    second: Tensor
    system: Tensor
    atom_system: Tensor
    systems: int


def combined(c6_i: Tensor, c6_j: Tensor, alpha_i: Tensor, alpha_j: Tensor) -> Tensor:
    """C6 of unlike atoms, 2 C_i C_j / (C_i α_j/α_i + C_j α_i/α_j).

    London's formula with each atom's one frequency from its own C6 and α, the one-term Casimir–Polder integral (Tang,
    Phys. Rev. 177, 108 (1969); Tkatchenko and Scheffler, Phys. Rev. Lett. 102, 073005 (2009)).
    """
    ratio = alpha_j / alpha_i
    return 2 * c6_i * c6_j / (c6_i * ratio + c6_j / ratio)


def switch(r: Tensor, cutoff: float, width: float) -> tuple[Tensor, Tensor]:
    """1 up to cutoff − width, 0 from the cutoff on, 1 − 10x³ + 15x⁴ − 6x⁵ between; and its slope."""
    x = ((r - (cutoff - width)) / width).clamp(0.0, 1.0)
    return 1 - x**3 * (10 - 15 * x + 6 * x * x), -30 * (x * (1 - x)) ** 2 / width


def couples(pairs: PairList) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of atoms (i, j) whose C6 is wanted, and for each pair vector which: a small cell's images share theirs."""
    counts = torch.bincount(pairs.atom_system, minlength=pairs.systems)
    if int((counts * counts).sum()) > len(pairs.first):
        return pairs.first, pairs.second, torch.arange(len(pairs.first), device=pairs.first.device)
    per_atom = counts[pairs.atom_system]
    starts = (counts.cumsum(0) - counts)[pairs.atom_system]
    base = per_atom.cumsum(0) - per_atom
    i = torch.repeat_interleave(torch.arange(len(per_atom), device=counts.device), per_atom)
    j = torch.arange(len(i), device=counts.device) - base[i] + starts[i]
    return i, j, base[pairs.first] + pairs.second - starts[pairs.first]


def pair_sum(
    pairs: PairList,
    c6: Tensor,
    alpha: Tensor,
    ratios: Tensor,
    radii: Tensor,
    scales: tuple[float, float, float],
    cutoff: float,
    width: float,
) -> Derivatives:
    """E = −Σ_pairs C6_ij (1 − h g(r)) [s6/(r⁶ + R₀⁶) + s8 (C8/C6)/(r⁸ + R₀⁸)], switched off at the cutoff.

    h is what the potential holds already where it looks, g(r) 1 up to 5 Å and 0 from 10 Å on: the far end is whole.

    C8/C6 = 3 Q_i Q_j and R₀ are elements' alone (Grimme et al., J. Chem. Phys. 132, 154104 (2010); Johnson and Becke,
    J. Chem. Phys. 124, 174104 (2006)): the bracket is geometry, and summing it over all images of (i, j) leaves one C6
    a couple of atoms to differentiate.

    ratios, radii: C8/C6 and R₀ of each pair, (n_pairs,); scales: s6, s8, h.
    """
    i, j, which = couples(pairs)
    bracket, slope, r = _bracket(pairs.vectors, ratios, radii, scales, cutoff, width)
    summed = bracket.new_zeros(len(i)).index_add_(0, which, bracket)
    with torch.enable_grad():
        c, a = c6.detach().requires_grad_(True), alpha.detach().requires_grad_(True)
        of_couple = combined(c[i], c[j], a[i], a[j])
        energies = -of_couple * summed
        by_c6, by_alpha = torch.autograd.grad(energies.sum(), (c, a))
    energy = bracket.new_zeros(pairs.systems).index_add_(0, pairs.atom_system[i], energies.detach())
    by_vector = (-of_couple.detach()[which] * slope / r)[:, None] * pairs.vectors
    return Derivatives(energy, by_vector, by_c6, by_alpha)


def _bracket(
    vectors: Tensor, ratios: Tensor, radii: Tensor, scales: tuple[float, float, float], cutoff: float, width: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The bracket, its slope by r, and r, (n_pairs,)."""
    squared = (vectors * vectors).sum(1)
    r = squared.sqrt()
    sixth, radius2 = squared**3, radii * radii
    six = scales[0] / (sixth + radius2**3)
    eight = scales[1] * ratios / (sixth * squared + radius2**4)
    minus_slope = 6 * sixth * six / (sixth + radius2**3) + 8 * sixth * squared * eight / (sixth * squared + radius2**4)
    keep, fall = switch(r, cutoff, width)
    if scales[2]:
        inside, falls = switch(r, HELD_TO_BOHR, HELD_FADES_BOHR)
        left = 1 - scales[2] * inside
        keep, fall = keep * left, fall * left - keep * scales[2] * falls
    return keep * (six + eight), fall * (six + eight) - keep * minus_slope / r, r
