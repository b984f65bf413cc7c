"""The reciprocal part of Ewald's sum as a torch-sim model of its own, to stand in a sum beside the model of pairs."""

from __future__ import annotations

import torch
import torch_sim as ts
from torch import Tensor, nn
from torch_sim.models.interface import ModelInterface

from potentials.electrostatics.reciprocal import Grid, grid, smooth, together
from potentials.electrostatics.splitting import Splitting

MOST_GRIDS = 8
"""Kept; a batch of equal sizes has one, so this is for a few batches that take turns."""


class ReciprocalModel(ModelInterface):
    """Self-energy, background and the sum over reciprocal vectors, of ions of fixed charge, in float64.

    Vectors and weights are kept while the cells stay as they are: molecular dynamics at constant volume makes them
    once.

    table: e, by atomic number, (120,); NaN where an element has no charge.
    """

    table: Tensor

    def __init__(self, table: Tensor, splitting: Splitting, device: str = "cpu") -> None:
        super().__init__()
        self.table = nn.Buffer(table.to(device), persistent=False)
        self.splitting = splitting
        self._device, self._dtype = torch.device(device), torch.float64
        self._compute_stress, self._compute_forces = True, True
        self._memory_scales_with = "n_atoms_x_density"
        self._grids: list[tuple[Tensor, Grid]] = []

    @property
    def compute_stress(self) -> bool:
        """Whether the stress comes along."""
        return self._compute_stress

    @compute_stress.setter
    def compute_stress(self, value: bool) -> None:
        self._compute_stress = value

    def forward(self, state: ts.SimState, **kwargs: object) -> dict[str, Tensor]:
        """Energies (n_systems,), forces (n_atoms, 3), stress (n_systems, 3, 3) if asked for; eV and Å.

        Raises:
            ValueError: an element without a charge, a state that is not periodic in three directions.
        """
        if not bool(torch.as_tensor(state.pbc).all()):
            raise ValueError("an Ewald sum needs periodicity in three directions; put the molecule into a box")
        return self.parts(
            state.atomic_numbers, state.positions, state.row_vector_cell, state.n_atoms_per_system.tolist()
        )

    def parts(self, numbers: Tensor, positions: Tensor, cells: Tensor, sizes: list[int]) -> dict[str, Tensor]:
        """As `forward`, from bare arrays: all atoms one after the other, `sizes` of them in each cell."""
        charges = self.table[numbers.to(self._device)]
        return self.of_charges(charges, positions, cells, sizes)

    def of_charges(self, charges: Tensor, positions: Tensor, cells: Tensor, sizes: list[int]) -> dict[str, Tensor]:
        """The same for charges of each atom, e, (n_atoms,)."""
        positions, cells = positions.detach().to(self.table), cells.detach().to(self.table)
        energy = torch.empty(len(sizes), dtype=self._dtype, device=self._device)
        forces = torch.empty_like(positions)
        stress = torch.empty_like(cells)
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        for group in together(sizes):
            n = sizes[group[0]]
            # One group of neighbours, the case of replicas, needs no index
            whole = len(group) == len(sizes)
            atoms = slice(None) if whole else _atoms(starts, group, n, self._device)
            at = self._grid(cells if whole else cells[group])
            part = smooth(
                positions[atoms].reshape(-1, n, 3), charges[atoms].reshape(-1, n), at, self.splitting,
                self._compute_stress,
            )  # fmt: skip
            energy[group], forces[atoms] = part.energy, part.forces.reshape(-1, 3)
            if part.stress is not None:
                stress[group] = part.stress
        return {"energy": energy, "forces": forces} | ({"stress": stress} if self._compute_stress else {})

    def _grid(self, cells: Tensor) -> Grid:
        for known, kept in self._grids:
            if known.shape == cells.shape and torch.equal(known, cells):
                return kept
        made = grid(cells, self.splitting)
        self._grids = [(cells.clone(), made), *self._grids[: MOST_GRIDS - 1]]
        return made


def _atoms(starts: list[int], group: list[int], n: int, device: torch.device) -> Tensor:
    return torch.cat([torch.arange(starts[i], starts[i] + n, device=device) for i in group])
