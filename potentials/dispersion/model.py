"""A torch-sim model of dispersion whose C6 follow the atoms: 7net-0's features, the head, the damped sums."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from ase.units import Bohr, Hartree
from torch import Tensor, nn

from potentials.dispersion.damping import Damping
from potentials.dispersion.head import BOND_A, C6Head
from potentials.dispersion.pair_sum import Derivatives, PairList, pair_sum
from potentials.dispersion.three_body import triple_sum
from potentials.pair_vector import PairVectorModel, assembled
from potentials.sevennet_network import SevenNetNetwork

MOST_NEIGHBOURS_PER_A3 = 0.6
"""Neighbours an atom for each Å³ within the cut-off at which a cell has collapsed: diamond, the densest, has 0.18."""


@dataclass(frozen=True)
class Reach:
    """How far is summed, Å; the last `width` of each fades.

    Pairs beyond 24 Å hold 0.3 meV an atom of graphite's energy; triples beyond 10 Å less.
    """

    pairs_A: float = 24.0
    pair_width_A: float = 4.0
    triples_A: float = 10.0
    triple_width_A: float = 2.0


class DispersionNetwork(nn.Module):
    """What `PairVectorModel` asks for: 7net-0, the head behind it, and how far pairs reach."""

    kinds: Tensor

    def __init__(self, seven: SevenNetNetwork, head: C6Head, damping: Damping, three_body: bool, reach: Reach) -> None:
        super().__init__()
        self.seven, self.head, self.damping, self.three_body, self.reach = seven, head, damping, three_body, reach
        self.cutoff_A = reach.pairs_A
        self.max_neighbours = MOST_NEIGHBOURS_PER_A3 * 4 / 3 * pi * reach.pairs_A**3
        self.type_map = {z: t for z, t in seven.type_map.items() if z in head.numbers}
        rows = torch.zeros(max(seven.type_map.values()) + 1, dtype=torch.long)
        for number, t in self.type_map.items():
            rows[t] = head.numbers.index(number)
        self.register_buffer("kinds", rows, persistent=False)

    def tables(self) -> tuple[Tensor, Tensor]:
        """C8/C6 and R₀ of pairs of kinds, atomic units, float64."""
        q = self.head.r4r2.double()
        ratios = 3 * q[:, None] * q
        return ratios, self.damping.a1 * ratios.sqrt() + self.damping.a2_bohr


class DispersionModel(PairVectorModel):
    """Energies, forces and stress; those of 7net-0 itself along with them where `whole`, from one pass of its network.

    Forces and stress have both parts of the chain rule: distances at fixed C6, and C6 with the positions of all
    neighbours that the network sees.
    """

    def __init__(
        self, network: DispersionNetwork, device: str = "cpu", dtype: torch.dtype = torch.float32, whole: bool = False
    ) -> None:
        super().__init__(network, device, dtype)
        self.whole = whole
        self.has_features = whole
        self.frozen = False  # for tests: C6 as if they did not move

    def derivatives_of_pairs(
        self,
        types: Tensor,
        vectors: Tensor,
        first: Tensor,
        second: Tensor,
        system: Tensor,
        atom_system: Tensor,
        volumes_A3: Tensor,
        stress: bool = True,
    ) -> dict[str, Tensor]:
        """As `PairVectorModel`'s, pairs within the long cut-off."""
        net: DispersionNetwork = self.network
        x = vectors.detach().double()
        near = ((x * x).sum(1) < BOND_A**2).nonzero()[:, 0]
        leaf = vectors.detach()[near].requires_grad_(True)
        kinds = net.kinds[types]
        with torch.enable_grad():
            features, c6, alpha = self.coefficients(types, leaf, first[near], second[near])
            pairs = PairList(x / Bohr, first, second, system, atom_system, len(volumes_A3))
            far = self._far(pairs, c6.detach(), alpha.detach(), kinds)
            moved = c6 * far.by_c6 + alpha * far.by_alpha
            total = Hartree * moved.sum() * (0.0 if self.frozen else 1.0)
            atomic = net.seven.readout(types, features) if self.whole else None
            if atomic is not None:
                total = total + atomic.double().sum()
            by_near = torch.autograd.grad(total, leaf, allow_unused=True)[0]
        gradient = far.by_vector * (Hartree / Bohr)
        if by_near is not None:  # None of atoms that have no neighbours
            gradient.index_add_(0, near, by_near.double())
        energy = far.energy * Hartree
        if atomic is not None:
            energy = energy.index_add(0, atom_system, atomic.detach().double())
        found = assembled(energy, x, gradient, first, second, system, len(types), volumes_A3 if stress else None)
        return found | {"features": features.detach()} if self.whole else found

    def _far(self, pairs: PairList, c6: Tensor, alpha: Tensor, kinds: Tensor) -> Derivatives:
        net: DispersionNetwork = self.network
        ratios, radii = net.tables()
        one, other = kinds[pairs.first], kinds[pairs.second]
        reach, width = net.reach.pairs_A / Bohr, net.reach.pair_width_A / Bohr
        scales = (net.damping.s6, net.damping.s8, net.damping.held)
        found = pair_sum(pairs, c6, alpha, ratios[one, other], radii[one, other], scales, reach, width)
        if not net.three_body:
            return found
        reach, width = net.reach.triples_A / Bohr, net.reach.triple_width_A / Bohr
        third = triple_sum(pairs, c6, alpha, kinds, radii, reach, width)
        return Derivatives(*(getattr(found, key) + getattr(third, key) for key in vars(found)))

    def coefficients(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """7net-0's features, (n_atoms, d), C6 and α, atomic units, (n_atoms,); pairs: half list within BOND_A."""
        net: DispersionNetwork = self.network
        r = vectors.norm(dim=1)
        seen = (r < net.seven.cutoff_A).nonzero()[:, 0]
        features = net.seven.features(types, vectors[seen], first[seen], second[seen])
        return features, *net.head(features, net.kinds[types], first, second, r)
