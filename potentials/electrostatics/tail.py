"""What pair terms would add beyond their cut-off, were the ions there spread evenly."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi

import torch
import torch_sim as ts
from scipy.integrate import quad
from torch import Tensor, nn

from potentials.electrostatics.real_space import Terms, switched
from potentials.stress_on_request import StressOnRequestModel


class TailModel(StressOnRequestModel):
    """E = (2π/V) Σ_ab N_a N_b ∫ r² [1 − s(r)] u_ab(r) dr, s the switch at the cut-off; no forces, stress −E/V.

    Allen & Tildesley, Computer Simulation of Liquids (2017), section 2.8. Without it a pressure depends on the cut-off
    as 1/r_c where there are terms in r⁻⁴: 2.7 GPa in α-AgI at 8 Å.

    type_map: atomic number -> type index.
    """

    integrals: Tensor
    types: Tensor

    def __init__(self, type_map: Mapping[int, int], terms: Terms, cutoff_A: float, device: str = "cpu") -> None:
        """Raises ValueError where a term falls too slowly for the integral to exist."""
        super().__init__()
        self._device, self._dtype = torch.device(device), torch.float64
        self._compute_stress, self._compute_forces = True, True
        self._memory_scales_with = "n_atoms"
        self.integrals = nn.Buffer(integrals(terms, len(type_map), cutoff_A).to(device), persistent=False)
        table = torch.zeros(120, dtype=torch.long)
        for number, index in type_map.items():
            table[number] = index
        self.types = nn.Buffer(table.to(device), persistent=False)

    def forward(self, state: ts.SimState, **kwargs: object) -> dict[str, Tensor]:
        """Energies (n_systems,), forces (n_atoms, 3), all zero, stress (n_systems, 3, 3) if asked for; eV and Å."""
        assert state.system_idx is not None
        found = self.parts(state.atomic_numbers, state.system_idx, state.row_vector_cell)
        return found | {"forces": torch.zeros_like(state.positions, dtype=self._dtype)}

    def parts(self, numbers: Tensor, system: Tensor, cells: Tensor) -> dict[str, Tensor]:
        """Energies and stresses from bare arrays; system: index of each atom's cell."""
        n = len(self.integrals)
        place = system.to(self._device) * n + self.types[numbers.to(self._device)]
        counts = torch.bincount(place, minlength=len(cells) * n).reshape(-1, n).to(self.integrals)
        volume = torch.linalg.det(cells.detach().to(self.integrals)).abs()
        energy = 2 * pi * ((counts @ self.integrals) * counts).sum(1) / volume
        if not self._compute_stress:
            return {"energy": energy}
        return {"energy": energy, "stress": -(energy / volume)[:, None, None] * torch.eye(3).to(self.integrals)}


def integrals(terms: Terms, n_types: int, cutoff_A: float) -> Tensor:
    """∫ r² [1 − s(r)] u(r) dr of every pair of types, eV Å³, (n_types, n_types).

    Raises:
        ValueError: a power of 3 or less, whose integral has no end.
    """
    slow = [n for n, table in terms.powers.items() if n <= 3 and bool(table.any())]
    if slow:
        raise ValueError(f"tail: there is none of 1/r^{min(slow):g}, which falls too slowly; give tail: false")
    found = torch.zeros(n_types, n_types, dtype=torch.float64)
    for place in range(n_types**2):

        def missing(r: float, place: int = place) -> float:
            at = torch.tensor([r], dtype=torch.float64)
            energy, slope = terms(at, torch.tensor([place]))
            return r * r * float(energy - switched(energy, slope, at, cutoff_A)[0])

        inner = quad(missing, 0.9 * cutoff_A, cutoff_A)[0]
        found.view(-1)[place] = inner + quad(missing, cutoff_A, float("inf"))[0]
    return found
