"""The smooth half of Ewald's sum on a mesh: for many atoms, N log N where the exact sum grows faster."""

from __future__ import annotations

import torch
from nvalchemiops.torch.interactions.electrostatics import estimate_pme_mesh_dimensions, pme_reciprocal_space
from torch import Tensor

from potentials.electrostatics.constants import COULOMB_EV_A
from potentials.electrostatics.reciprocal_model import atoms_of
from potentials.electrostatics.splitting import Splitting

SPLINE_ORDER = 5
"""nvalchemiops sizes meshes for it without padding to powers of two; Madelung constants come out to 4e-7."""


class MeshSum:
    """Smooth particle-mesh Ewald (Essmann et al., J. Chem. Phys. 103, 8577 (1995)) by nvalchemiops' kernels.

    They hold the background of a charged cell, its stress included (tested).
    """

    def __init__(self, splitting: Splitting) -> None:
        self.splitting = splitting

    def __call__(
        self, charges: Tensor, positions: Tensor, cells: Tensor, sizes: list[int], stress: bool
    ) -> dict[str, Tensor]:
        """As `reciprocal_model.SmoothSum` says."""
        energy, forces, strained = cells.new_empty(len(sizes)), torch.empty_like(positions), torch.empty_like(cells)
        meshes: dict[tuple[int, int, int], list[int]] = {}
        for i in range(len(sizes)):
            meshes.setdefault(self._mesh(cells[i]), []).append(i)
        # A structure has its own mesh whatever stands beside it, so that its answer does not depend on the batch
        for mesh, group in meshes.items():
            atoms = atoms_of(group, sizes, cells.device)
            counts = torch.tensor([sizes[i] for i in group], device=cells.device)
            system = torch.arange(len(group), device=cells.device, dtype=torch.int32).repeat_interleave(counts)
            found = pme_reciprocal_space(
                positions[atoms].contiguous(),
                charges[atoms].contiguous(),
                cells[group].contiguous(),
                self.splitting.alpha_per_A,
                mesh_dimensions=mesh,
                spline_order=SPLINE_ORDER,
                batch_idx=system,
                compute_forces=True,
                compute_virial=stress,
                energy_reduction="system",
            )
            volume = torch.linalg.det(cells[group]).abs()
            energy[group], forces[atoms] = COULOMB_EV_A * found[0], COULOMB_EV_A * found[1]
            if stress:
                strained[group] = -COULOMB_EV_A * found[2] / volume[:, None, None]
        return {"energy": energy, "forces": forces} | ({"stress": strained} if stress else {})

    def _mesh(self, cell: Tensor) -> tuple[int, int, int]:
        alpha = cell.new_tensor([self.splitting.alpha_per_A])
        return estimate_pme_mesh_dimensions(cell[None], alpha, self.splitting.accuracy, spline_order=SPLINE_ORDER)
