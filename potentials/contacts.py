"""Atoms that like the distance of a covalent bond: no physics, but a cheap way out of bad contacts and odd volumes."""

from __future__ import annotations

import torch
from ase.data import covalent_radii
from torch import Tensor, nn

from potentials.metadata import Metadata
from potentials.pair_vector import PairVectorPotential

STEEPNESS = 4.0
"""Of the wall: two atoms at half their bond length cost 40 wells, on top of each other 2900."""
SWITCH_FROM, SWITCH_TO = 1.2, 1.6
"""Bond lengths between which the well is switched off: first neighbours attract each other, second ones do not."""
WIDEST_A = 2 * float(covalent_radii.max())
MOST_NEIGHBOURS = 20_000.0
"""The widest atoms set the range of all (8.3 Å), in which small ones have hundreds of neighbours; ten times the density
of any solid is a collapse."""


class ContactsNetwork(nn.Module):
    """Morse's ε[(1 − e^(−a(x − 1)))² − 1] on x = r/(r_i + r_j), r_i the covalent radius (Phys. Rev. 34, 57 (1929)).

    Finite at any distance, and switched off by the quintic 1 − 10t³ + 15t⁴ − 6t⁵ of the Lennard-Jones crystal, so that
    force constants are continuous.
    """

    type_map = None
    radii: Tensor

    def __init__(self, epsilon_eV: float) -> None:
        super().__init__()
        self.epsilon_eV = epsilon_eV
        self.register_buffer("radii", torch.as_tensor(covalent_radii))
        self.cutoff_A = SWITCH_TO * WIDEST_A
        self.max_neighbours = MOST_NEIGHBOURS

    def forward(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Energy of each atom, eV."""
        x = torch.linalg.norm(vectors, dim=-1) / (self.radii[types[first]] + self.radii[types[second]])
        well = (1 - torch.exp(-STEEPNESS * (x - 1))) ** 2 - 1
        t = ((x - SWITCH_FROM) / (SWITCH_TO - SWITCH_FROM)).clamp(0.0, 1.0)
        pair = 0.5 * self.epsilon_eV * well * (1 - t**3 * (10 - 15 * t + 6 * t * t))
        zero = torch.zeros(len(types), dtype=vectors.dtype, device=vectors.device)
        return zero.index_add(0, first, pair).index_add(0, second, pair)


def contacts(device: str = "cpu", epsilon_eV: float = 0.5) -> PairVectorPotential:
    """Atoms of any elements that repel each other below the sum of their covalent radii, float64.

    Its energies rank nothing: a campaign refuses it wherever they would.
    """
    metadata = Metadata(
        name="contacts",
        version="1",
        training_functional="none: covalent radii, to tidy structures only",
        parameters={"epsilon_eV": epsilon_eV},
        licence="MIT",
    )
    return PairVectorPotential(ContactsNetwork(epsilon_eV), metadata, device, torch.float64, batch_atoms=256)
