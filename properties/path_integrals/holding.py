"""Directions that a system may not move along, taken out of momenta and forces.

With a normal g and masses M the momentum that leaves the plane is g (gᵀM⁻¹p)/(gᵀM⁻¹g); a force loses the same part,
which is what the constraint's own force takes (momenta stay in the plane's tangent space, so beads never leave it: the
constraint is linear, and no iteration is needed). Mode by mode, as the constraint does not mix them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from properties.path_integrals.settings import RingSystem


@dataclass(frozen=True)
class Holding:
    """Of a batch with N atoms in all.

    Attributes:
        moving: 1 or 0, (N, 1).
        normal: zero where nothing is held, (N, 3).
        pull: M⁻¹g/(gᵀM⁻¹g), (N, 3).
        system: of each atom, (N,).
        of_beads, of_centroid: by system, whether it holds for all modes, or for the first: 1 or 0, (n_systems, 1).
    """

    moving: Tensor
    normal: Tensor
    pull: Tensor
    system: Tensor
    of_beads: Tensor
    of_centroid: Tensor

    @classmethod
    def of(cls, systems: Sequence[RingSystem], device: torch.device) -> Holding:
        """What these systems ask for."""
        parts = [_plane(s) for s in systems]
        normal, pull = (np.concatenate(p) for p in zip(*parts, strict=True))
        beads, centroid = (
            np.array([[s.plane is not None and s.plane.holds == what] for s in systems], float)
            for what in ("beads", "centroid")
        )
        moving = np.concatenate([s.moving for s in systems]).astype(float)[:, None]
        system = np.repeat(np.arange(len(systems)), [len(s.atoms) for s in systems])
        arrays = (moving, normal, pull, system, beads, centroid)
        return cls(*(torch.as_tensor(a).to(device) for a in arrays))

    @property
    def any_plane(self) -> bool:
        """Whether any system is held on one."""
        return bool(self.normal.any())

    def kept(self, modes: Tensor) -> Tensor:
        """Momenta or forces of normal modes, (P, N, 3), without what is held."""
        modes = modes * self.moving
        if not self.any_plane:
            return modes
        along = torch.zeros((len(modes), len(self.of_beads)), dtype=modes.dtype, device=modes.device)
        along.index_add_(1, self.system, (modes * self.pull).sum(-1))
        held = self.of_beads.T.repeat(len(modes), 1)
        held[0] += self.of_centroid[:, 0]
        return modes - (along * held)[:, self.system, None] * self.normal

    def kept_of_beads(self, forces: Tensor) -> Tensor:
        """Forces on beads, (P, N, 3), without what holds each bead: those that enter the centroid virial."""
        forces = forces * self.moving
        if not self.of_beads.any():
            return forces
        along = torch.zeros((len(forces), len(self.of_beads)), dtype=forces.dtype, device=forces.device)
        along.index_add_(1, self.system, (forces * self.pull).sum(-1))
        return forces - (along * self.of_beads.T)[:, self.system, None] * self.normal


def _plane(system: RingSystem) -> tuple[np.ndarray, np.ndarray]:
    shape = system.atoms.positions.shape
    if system.plane is None:
        return np.zeros(shape), np.zeros(shape)
    g = np.where(system.moving[:, None], system.plane.normal, 0.0)
    over_mass = g / system.atoms.get_masses()[:, None]
    return g, over_mass / (g * over_mass).sum()


def dimensions(system: RingSystem) -> np.ndarray:
    """Quantum degrees of freedom of each atom, Cartesian, (n, 3): 1 where free, 0 where fixed.

    On a plane that holds all beads an atom loses the share of the velocity across it that is its own, g²/m of gᵀM⁻¹g:
    det of the masses in the plane is det M · gᵀM⁻¹g/|g|².
    """
    free = np.repeat(system.moving[:, None], 3, axis=1).astype(float)
    if system.plane is None or system.plane.holds != "beads":
        return free
    normal, pull = _plane(system)
    return free - normal * pull
