"""The smooth half of a Coulomb sum as a torch-sim model of its own, to stand in a sum beside the model of pairs."""

from __future__ import annotations

from typing import Protocol

import torch
import torch_sim as ts
from torch import Tensor, nn

from potentials.electrostatics.reciprocal import Grid, grid, smooth, together
from potentials.electrostatics.splitting import Splitting
from potentials.stress_on_request import StressOnRequestModel

MOST_GRIDS = 8
"""Kept; a batch of equal sizes has one, so this is for a few batches that take turns."""


class SmoothSum(Protocol):
    """How the smooth half is summed: exactly (`EwaldSum`) or on a mesh (`MeshSum`)."""

    def __call__(
        self, charges: Tensor, positions: Tensor, cells: Tensor, sizes: list[int], stress: bool
    ) -> dict[str, Tensor]:
        """Energies, forces and, if asked for, stresses, in eV and Å, float64; self-energy and background included.

        charges: e, (n_atoms,); positions: Å, (n_atoms, 3), `sizes` of them in each cell.
        cells: rows, Å, (n_systems, 3, 3).
        """


class EwaldSum:
    """Over all reciprocal vectors; they are kept while the cells stay as they are."""

    def __init__(self, splitting: Splitting) -> None:
        self.splitting = splitting
        self._grids: list[tuple[Tensor, Grid]] = []

    def __call__(
        self, charges: Tensor, positions: Tensor, cells: Tensor, sizes: list[int], stress: bool
    ) -> dict[str, Tensor]:
        """As `SmoothSum` says."""
        energy, forces, strained = cells.new_empty(len(sizes)), torch.empty_like(positions), torch.empty_like(cells)
        for group in together(sizes):
            n, whole = sizes[group[0]], len(group) == len(sizes)
            # Replicas are one group, which needs no index
            atoms = slice(None) if whole else atoms_of(group, sizes, cells.device)
            at = self._grid(cells if whole else cells[group])
            x, q = positions[atoms].reshape(-1, n, 3), charges[atoms].reshape(-1, n)
            part = smooth(x, q, at, self.splitting, stress)
            energy[group], forces[atoms] = part.energy, part.forces.reshape(-1, 3)
            if part.stress is not None:
                strained[group] = part.stress
        return {"energy": energy, "forces": forces} | ({"stress": strained} if stress else {})

    def _grid(self, cells: Tensor) -> Grid:
        for known, kept in self._grids:
            if known.shape == cells.shape and torch.equal(known, cells):
                return kept
        made = grid(cells, self.splitting)
        self._grids = [(cells.clone(), made), *self._grids[: MOST_GRIDS - 1]]
        return made


def atoms_of(group: list[int], sizes: list[int], device: torch.device) -> Tensor:
    """Indices of the atoms of these cells, in order."""
    starts = [sum(sizes[:i]) for i in group]
    return torch.cat([torch.arange(s, s + sizes[i], device=device) for i, s in zip(group, starts, strict=True)])


class ReciprocalModel(StressOnRequestModel):
    """The smooth half for ions of fixed charge.

    table: e, by atomic number, (120,); NaN where an element has no charge.
    """

    table: Tensor

    def __init__(self, table: Tensor, summed: SmoothSum, device: str = "cpu") -> None:
        super().__init__()
        self.table = nn.Buffer(table.to(device), persistent=False)
        self.summed = summed
        self._device, self._dtype = torch.device(device), torch.float64
        self._compute_stress, self._compute_forces = True, True
        self._memory_scales_with = "n_atoms_x_density"

    def forward(self, state: ts.SimState, **kwargs: object) -> dict[str, Tensor]:
        """Energies (n_systems,), forces (n_atoms, 3), stress (n_systems, 3, 3) if asked for; eV and Å.

        Raises:
            ValueError: a state that is not periodic in three directions.
        """
        if not bool(torch.as_tensor(state.pbc).all()):
            raise ValueError("a Coulomb sum needs periodicity in three directions; put the molecule into a box")
        sizes = state.n_atoms_per_system.tolist()
        return self.parts(state.atomic_numbers, state.positions, state.row_vector_cell, sizes)

    def parts(self, numbers: Tensor, positions: Tensor, cells: Tensor, sizes: list[int]) -> dict[str, Tensor]:
        """As `forward`, from bare arrays: all atoms one after the other, `sizes` of them in each cell."""
        charges = self.table[numbers.to(self._device)]
        x, c = (t.detach().to(self.table) for t in (positions, cells))
        return self.summed(charges, x, c, sizes, self._compute_stress)
