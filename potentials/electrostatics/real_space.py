"""What pairs of ions feel within the cut-off: the screened half of Ewald's sum, and short-range terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from potentials.electrostatics.constants import COULOMB_EV_A
from potentials.electrostatics.splitting import Splitting

MOST_NEIGHBOURS_PER_A3 = 0.6
"""Neighbours an atom for each Å³ within the cut-off at which a cell has collapsed: diamond, the densest, has 0.18."""


def screened(r: Tensor, charges: Tensor, alpha_per_A: float) -> tuple[Tensor, Tensor]:
    """Energies, eV, and slopes, eV/Å, of K q_i q_j erfc(αr)/r; r: Å, charges: q_i q_j, e², both (pairs,)."""
    over_r = COULOMB_EV_A * charges / r
    energy = over_r * torch.erfc(alpha_per_A * r)
    bell = torch.exp(-((alpha_per_A * r) ** 2)) * (2 * alpha_per_A / sqrt(pi))
    return energy, -energy / r - over_r * bell


@dataclass(frozen=True)
class Terms:
    """Short-range terms of every pair of species: Σ_n B_n/r^n + A e^(−r/ρ), smoothly switched off.

    Attributes:
        powers: n -> B_n, eV Åⁿ, (n_types, n_types).
        amplitude_eV, per_length_A: A and 1/ρ, (n_types, n_types); None where no pair has an exponential.
    """

    powers: Mapping[float, Tensor]
    amplitude_eV: Tensor | None = None
    per_length_A: Tensor | None = None

    def __call__(self, r: Tensor, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Energies, eV, and slopes, eV/Å, (pairs,); pair: index into the raveled tables."""
        energy, minus_slope_r = torch.zeros_like(r), torch.zeros_like(r)
        inverse = 1 / r
        made: dict[float, Tensor] = {}
        for n in sorted(self.powers):
            share = self.powers[n].ravel()[pair] * _power(inverse, n, made)
            energy = energy + share
            minus_slope_r = minus_slope_r + n * share
        slope = -minus_slope_r * inverse
        if self.amplitude_eV is not None and self.per_length_A is not None:
            steep = self.per_length_A.ravel()[pair]
            share = self.amplitude_eV.ravel()[pair] * torch.exp(-r * steep)
            energy, slope = energy + share, slope - share * steep
        return energy, slope

    def to(self, like: Tensor) -> Terms:
        """On another device, in another precision."""
        move = [None if t is None else t.to(like) for t in (self.amplitude_eV, self.per_length_A)]
        return Terms({n: t.to(like) for n, t in self.powers.items()}, *move)


def _power(x: Tensor, n: float, made: dict[float, Tensor]) -> Tensor:
    """x^n by the fewest products from powers made before: 5 times faster than torch.pow for whole n."""
    if n not in made:
        if n == 1:
            made[n] = x
        elif n != int(n) or n < 1:
            made[n] = x**n
        else:
            half = _power(x, n // 2, made)
            made[n] = half * half if n % 2 == 0 else half * half * x
    return made[n]


def switched(energy: Tensor, slope: Tensor, r: Tensor, cutoff_A: float) -> tuple[Tensor, Tensor]:
    """Both times 1 − 10x³ + 15x⁴ − 6x⁵ on x = (r − 0.9 r_c)/(0.1 r_c): continuous to the second derivative."""
    x = ((r / cutoff_A - 0.9) / 0.1).clamp(0.0, 1.0)
    keep = 1 - x**3 * (10 - 15 * x + 6 * x * x)
    fall = -30 * (x * (1 - x)) ** 2 / (0.1 * cutoff_A)
    return keep * energy, keep * slope + fall * energy


class _FromSlopes(torch.autograd.Function):
    """Pair energies whose derivatives by pair vectors are known: no graph is recorded through the formulae."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, energy: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return energy.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return outer[0][:, None] * gradient, None, None


class IonPairs(nn.Module):
    """A `PairVectorModel`'s network: screened Coulomb and short-range terms between ions of fixed charge.

    type_map: atomic number -> type index.
    charges_e: (n_types,).
    """

    charges_e: Tensor

    def __init__(
        self, type_map: Mapping[int, int], charges_e: Tensor, splitting: Splitting, terms: Terms | None = None
    ) -> None:
        super().__init__()
        self.type_map = dict(type_map)
        self.register_buffer("charges_e", charges_e)
        self.splitting, self.terms = splitting, terms
        self.cutoff_A = splitting.cutoff_A
        self.max_neighbours = MOST_NEIGHBOURS_PER_A3 * 4 / 3 * pi * splitting.cutoff_A**3

    def forward(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Energy of each atom, eV."""
        energy, gradient = self.pairs(types, vectors.detach(), first, second)
        half = _FromSlopes.apply(vectors, 0.5 * energy, 0.5 * gradient)
        zero = torch.zeros(len(types), dtype=vectors.dtype, device=vectors.device)
        return zero.index_add(0, first, half).index_add(0, second, half)

    def pairs(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Energies of pairs, eV, (pairs,), and their derivatives by the vectors, eV/Å, (pairs, 3)."""
        r = torch.linalg.norm(vectors, dim=-1)
        one, other = types[first], types[second]
        pair = one * len(self.charges_e) + other
        products = torch.outer(self.charges_e, self.charges_e).ravel()[pair]
        energy, slope = screened(r, products, self.splitting.alpha_per_A)
        if self.terms is not None:
            short = switched(*self.terms(r, pair), r, self.cutoff_A)
            energy, slope = energy + short[0], slope + short[1]
        return energy, (slope / r)[:, None] * vectors
