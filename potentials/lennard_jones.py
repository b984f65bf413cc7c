"""The Lennard-Jones crystal: the field's test bed, exact and cheap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from ase.data import atomic_numbers
from torch import Tensor, nn

from potentials.metadata import Metadata
from potentials.pair_vector import PairVectorPotential

Pairs = Mapping[str, Mapping[str, float]]
"""{"Ni-Pd": {"sigma_A": 2.3, "epsilon_eV": 1.5}}: what a pair of elements has of its own, in either order."""
KEYS = ("sigma_A", "epsilon_eV")


class LennardJonesNetwork(nn.Module):
    """4ε[(σ/r)¹² − (σ/r)⁶], smoothly switched off over the last tenth of the cut-off; σ and ε may depend on the pair.

    The switch is the quintic 1 − 10x³ + 15x⁴ − 6x⁵ on x = (r − 0.9 r_c)/(0.1 r_c): energy, force and force constants
    are continuous, which a quasi-Newton relaxation needs.
    """

    type_map = None
    sigma_A: Tensor
    epsilon_eV: Tensor

    def __init__(self, sigma_A: Tensor, epsilon_eV: Tensor, cutoff_A: float) -> None:
        """The first two: (120, 120), by both atomic numbers."""
        super().__init__()
        self.register_buffer("sigma_A", sigma_A)
        self.register_buffer("epsilon_eV", epsilon_eV)
        self.cutoff_A = cutoff_A
        # Close-packed LJ has 4.6 atoms in a sphere of radius sigma; ten times that is a collapse
        self.max_neighbours = 46 * (cutoff_A / float(sigma_A.min())) ** 3

    def forward(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Energy of each atom, eV."""
        one, other = types[first], types[second]
        r = torch.linalg.norm(vectors, dim=-1)
        s6 = (self.sigma_A[one, other] / r) ** 6
        x = ((r / self.cutoff_A - 0.9) / 0.1).clamp(0.0, 1.0)
        pair = 2 * self.epsilon_eV[one, other] * (s6 * s6 - s6) * (1 - x**3 * (10 - 15 * x + 6 * x * x))
        zero = torch.zeros(len(types), dtype=vectors.dtype, device=vectors.device)
        return zero.index_add(0, first, pair).index_add(0, second, pair)


def lennard_jones(
    device: str = "cpu",
    sigma_A: float = 1.0,
    epsilon_eV: float = 1.0,
    cutoff_A: float | None = None,
    pairs: Pairs | None = None,
) -> PairVectorPotential:
    """A Lennard-Jones crystal of any elements, float64, in reduced units by default.

    sigma_A, epsilon_eV: of every pair of atoms that `pairs` says nothing else of.
    cutoff_A: of all pairs; 4 of the largest σ by default.

    Raises:
        ValueError: a pair that is none, or that has other parameters.
    """
    own = {name: _checked(name, pair) for name, pair in (pairs or {}).items()}
    sigma, epsilon = (_table(own, key, value) for key, value in zip(KEYS, (sigma_A, epsilon_eV), strict=True))
    cutoff = 4.0 * float(sigma.max()) if cutoff_A is None else cutoff_A
    parameters: dict[str, Any] = {"sigma_A": sigma_A, "epsilon_eV": epsilon_eV, "cutoff_A": cutoff}
    if own:
        parameters["pairs"] = {"-".join(sorted(name.split("-"))): pair for name, pair in sorted(own.items())}
    metadata = Metadata(name="lj", version="1", parameters=parameters, licence="MIT", dispersion="its r^-6 term")
    network = LennardJonesNetwork(sigma, epsilon, cutoff)
    return PairVectorPotential(network, metadata, device, torch.float64, batch_atoms=256)


def _checked(name: str, pair: Mapping[str, float]) -> dict[str, float]:
    if len(name.split("-")) != 2 or not all(symbol in atomic_numbers for symbol in name.split("-")):
        raise ValueError(f"pairs: {name!r} is no pair of elements; write it as in Ni-Pd")
    if not pair or not set(pair) <= set(KEYS):
        raise ValueError(f"pairs: {name} may have {' and '.join(KEYS)} (has {', '.join(pair) or 'nothing'})")
    return dict(pair)


def _table(own: Pairs, key: str, elsewhere: float) -> Tensor:
    """One parameter by both atomic numbers."""
    table = torch.full((120, 120), float(elsewhere), dtype=torch.float64)
    for name, pair in own.items():
        one, other = (atomic_numbers[symbol] for symbol in name.split("-"))
        table[one, other] = table[other, one] = pair.get(key, elsewhere)
    return table
