"""The Lennard-Jones crystal: the field's test bed, exact and cheap."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from potentials.metadata import Metadata
from potentials.pair_vector import PairVectorPotential


class LennardJonesNetwork(nn.Module):
    """4ε[(σ/r)¹² − (σ/r)⁶], smoothly switched off over the last tenth of the cut-off.

    The switch is the quintic 1 − 10x³ + 15x⁴ − 6x⁵ on x = (r − 0.9 r_c)/(0.1 r_c): energy, force and force constants
    are continuous, which a quasi-Newton relaxation needs.
    """

    type_map = None

    def __init__(self, sigma_A: float, epsilon_eV: float, cutoff_A: float) -> None:
        super().__init__()
        self.sigma_A, self.epsilon_eV, self.cutoff_A = sigma_A, epsilon_eV, cutoff_A
        # Close-packed LJ has 4.6 atoms in a sphere of radius sigma; ten times that is a collapse
        self.max_neighbours = 46 * (cutoff_A / sigma_A) ** 3

    def forward(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Energy of each atom, eV."""
        r = torch.linalg.norm(vectors, dim=-1)
        s6 = (self.sigma_A / r) ** 6
        x = ((r / self.cutoff_A - 0.9) / 0.1).clamp(0.0, 1.0)
        pair = 2 * self.epsilon_eV * (s6 * s6 - s6) * (1 - x**3 * (10 - 15 * x + 6 * x * x))
        zero = torch.zeros(len(types), dtype=vectors.dtype, device=vectors.device)
        return zero.index_add(0, first, pair).index_add(0, second, pair)


def lennard_jones(
    device: str = "cpu", sigma_A: float = 1.0, epsilon_eV: float = 1.0, cutoff_A: float | None = None
) -> PairVectorPotential:
    """A Lennard-Jones crystal of any elements, float64, in reduced units by default; the cut-off defaults to 4 σ."""
    cutoff = 4.0 * sigma_A if cutoff_A is None else cutoff_A
    metadata = Metadata(
        name="lj",
        version="1",
        parameters={"sigma_A": sigma_A, "epsilon_eV": epsilon_eV, "cutoff_A": cutoff},
        licence="MIT",
    )
    network = LennardJonesNetwork(sigma_A, epsilon_eV, cutoff)
    return PairVectorPotential(network, metadata, device, torch.float64, batch_atoms=256)
