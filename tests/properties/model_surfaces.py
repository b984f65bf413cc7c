"""Model potentials with closed forms: energies of positions by torch, forces by its derivatives."""

import numpy as np
import torch
from ase import Atoms
from torch_sim.models.interface import ModelInterface

from potentials.metadata import Metadata
from potentials.potential import Evaluation, Potential


class SurfaceModel(ModelInterface):
    """`energy(positions (systems, n, 3)) -> (systems,)` for batches of systems of equal size."""

    def __init__(self, energy):
        super().__init__()
        self.energy = energy
        self._device, self._dtype = torch.device("cpu"), torch.float64
        self._compute_stress, self._compute_forces = False, True

    def forward(self, state, **kwargs):
        energy, forces = derivatives(self.energy, state.positions.detach().reshape(state.n_systems, -1, 3))
        return {"energy": energy, "forces": forces.reshape(-1, 3)}


def derivatives(energy, positions):
    x = positions.clone().requires_grad_(True)
    e = energy(x)
    return e.detach(), -torch.autograd.grad(e.sum(), x)[0]


class SurfacePotential(Potential):
    def __init__(self, energy):
        self.model = SurfaceModel(energy)
        self.metadata = Metadata(name="model", version="1")
        self.batch_atoms = 100_000

    def evaluate(self, structures):
        e, f = derivatives(self.model.energy, torch.as_tensor(np.stack([s.positions for s in structures])))
        return [Evaluation(float(a), b.numpy(), np.zeros((3, 3))) for a, b in zip(e, f, strict=True)]


CENTRE_A = 5.0


def alone(mass_u=1.0, displaced_A=(0.0, 0.0, 0.0), symbol="H"):
    """One atom in a large cell, about its middle."""
    positions = [CENTRE_A + np.array(displaced_A)]
    return Atoms(symbol, positions=positions, cell=3 * [2 * CENTRE_A], pbc=True, masses=[mass_u])


def well(stiffness_eV_A2):
    """½ Σ k x² of one atom about the middle of its cell; k: number or (3,)."""
    k = torch.as_tensor(np.broadcast_to(stiffness_eV_A2, 3).copy())
    return SurfacePotential(lambda x: (0.5 * k * (x[:, 0] - CENTRE_A) ** 2).sum(-1))
