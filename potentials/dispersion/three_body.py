"""Axilrod and Teller's and Muto's energy of triples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from potentials.dispersion.pair_sum import Derivatives, PairList, combined, switch

EXPONENT = 16 / 3
"""Of the damping, D4's: α = 16 in (Π R₀ / Π r)^(α/3)."""
TRIPLES_AT_ONCE = 200_000
"""Some 100 MB of intermediate results."""


def triples(first: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Indices (p, q) of pair vectors that start from the same atom, for every triple of atoms once, part by part.

    first: of a half list whose order among atoms and their images is one and the same everywhere, as
        `neighbours.half_list` makes it: every triple has one atom from which both others are listed.
    """
    order = torch.argsort(first, stable=True)
    counts = torch.bincount(first)
    here = counts[first[order]]
    starts = (counts.cumsum(0) - counts)[first[order]]
    later = here - 1 - (torch.arange(len(order), device=first.device) - starts)  # partners behind each in its group
    ends = later.cumsum(0)
    begin = 0
    while begin < len(order):
        done = int(ends[begin - 1]) if begin else 0
        end = max(int(torch.searchsorted(ends, done + TRIPLES_AT_ONCE, right=True)), begin + 1)
        some = later[begin:end]
        p = torch.repeat_interleave(torch.arange(begin, end, device=first.device), some)
        within = torch.arange(len(p), device=first.device) - torch.repeat_interleave(some.cumsum(0) - some, some)
        yield order[p], order[p + 1 + within]
        begin = end


def triple_sum(
    pairs: PairList, c6: Tensor, alpha: Tensor, kinds: Tensor, radii: Tensor, cutoff: float, width: float
) -> Derivatives:
    """E = Σ_triples C9 (1 + 3 cos α cos β cos γ)/(r_ab r_ac r_bc)³ / (1 + 6 (Π R₀/Π r)^(16/3)).

    C9 = √(C6_ab C6_ac C6_bc). Every distance is switched off at the cutoff. Axilrod and Teller, J. Chem. Phys. 11, 299
    (1943); damping as of D4 (Caldeweyher et al., J. Chem. Phys. 150, 154122 (2019)).

    kinds: the atoms' rows in `radii`, R₀ of elements, (n_kinds, n_kinds).
    """
    near = ((pairs.vectors * pairs.vectors).sum(1) < cutoff * cutoff).nonzero()[:, 0]
    close = replace(pairs, **{key: getattr(pairs, key)[near] for key in ("vectors", "first", "second", "system")})
    energy = pairs.vectors.new_zeros(pairs.systems)
    sums = [torch.zeros_like(t) for t in (close.vectors, c6, alpha)]
    for p, q in triples(close.first):
        with torch.enable_grad():
            leaves = [t.detach().requires_grad_(True) for t in (close.vectors, c6, alpha)]
            energies, atom = _energies(close, p, q, leaves, kinds, radii, cutoff, width)
            found = torch.autograd.grad(energies.sum(), leaves)
        energy.index_add_(0, pairs.atom_system[atom], energies.detach())
        for total, part in zip(sums, found, strict=True):
            total += part
    by_vector = torch.zeros_like(pairs.vectors).index_copy_(0, near, sums[0])
    return Derivatives(energy, by_vector, sums[1], sums[2])


def _energies(
    pairs: PairList,
    p: Tensor,
    q: Tensor,
    leaves: list[Tensor],
    kinds: Tensor,
    radii: Tensor,
    cutoff: float,
    width: float,
) -> tuple[Tensor, Tensor]:
    vectors, c6, alpha = leaves
    with torch.no_grad():
        inside = ((vectors[q] - vectors[p]).square().sum(1) < cutoff * cutoff).nonzero()[:, 0]
    p, q = p[inside], q[inside]
    a, b, c = pairs.first[p], pairs.second[p], pairs.second[q]
    sides = [(vectors[p], a, b), (vectors[q], a, c), (vectors[q] - vectors[p], b, c)]
    squares = [v.square().sum(1) for v, _, _ in sides]
    x, y, z = squares
    product2 = x * y * z
    product = product2.sqrt()
    angles = 0.375 * (x + y - z) * (x + z - y) * (y + z - x) / product2 + 1
    core, c9_2, keep = torch.ones_like(product), torch.ones_like(product), torch.ones_like(product)
    for square, (_, i, j) in zip(squares, sides, strict=True):
        core = core * radii[kinds[i], kinds[j]]
        c9_2 = c9_2 * combined(c6[i], c6[j], alpha[i], alpha[j])
        keep = keep * switch(square.sqrt(), cutoff, width)[0]
    damped = 1 + 6 * (core / product) ** EXPONENT
    return keep * c9_2.sqrt() * angles / (product2 * product) / damped, a
