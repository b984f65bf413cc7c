"""What is read off the beads at each sample, and how it adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from properties.path_integrals.holding import dimensions
from properties.path_integrals.rings import Propagator, Rings
from properties.path_integrals.settings import RingSystem


@dataclass(frozen=True)
class Observer:
    """Estimators of a batch.

    dimensions: of each atom's quantum motion, see `holding.dimensions`, (N, 3).
    kT_eV: of each atom's system, (N, 1).
    """

    by: Propagator
    dimensions: Tensor
    kT_eV: Tensor
    n_systems: int

    @classmethod
    def of(cls, systems: Sequence[RingSystem], by: Propagator) -> Observer:
        """Of these systems."""
        device = by.masses.device
        kT = np.array([s.kT_eV for s in systems])
        return cls(
            by,
            torch.as_tensor(np.concatenate([dimensions(s) for s in systems])).to(device),
            torch.as_tensor(kT).to(device)[by.system, None],
            len(systems),
        )

    def kinetic_tensors(self, rings: Rings) -> Tensor:
        """Centroid-virial kinetic energy of each atom, eV, (N, 3, 3); its trace is the energy.

        ½ k_B T d − (1/2P) Σ_j (q_j − q_c)·F_j, with d = 3 and the tensor symmetric (Herman, Bruskin & Berne, J. Chem.
        Phys. 76, 5150 (1982); Cao & Berne, ibid. 91, 6359 (1989)); on a plane d is less and F without what holds it.
        """
        beads = len(self.by.modes)
        forces = self.by.of_modes(self.by.holding.kept_of_beads(self.by.of_beads(rings.forces)))
        virial = torch.einsum("kia,kib->iab", rings.q[1:], forces[1:]) / beads
        classical = torch.diag_embed(0.5 * self.kT_eV * self.dimensions)
        return classical - 0.25 * (virial + virial.transpose(1, 2))

    def gyration_A2(self, rings: Rings) -> Tensor:
        """Σ_j |q_j − q_c|²/P of each atom, (N,)."""
        return (rings.q[1:] ** 2).sum((0, 2)) / len(self.by.modes)

    def scalars(self, rings: Rings, kinetic: Tensor) -> Tensor:
        """Potential, kinetic (centroid virial), kinetic (primitive) energy of each system, eV, (3, n_systems)."""
        beads = len(self.by.modes)
        springs = (0.5 * self.by.stiffness * rings.q**2).sum((0, 2)) / beads
        primitive = 0.5 * beads * (self.kT_eV * self.dimensions).sum(1) - springs
        virial = torch.diagonal(kinetic, dim1=1, dim2=2).sum(1)
        return torch.stack([rings.energies_eV.mean(0), self._by_system(virial), self._by_system(primitive)])

    def mode_temperatures(self, rings: Rings) -> Tensor:
        """p²/m of each mode of each system, eV, (P, n_systems); k_B T P a degree of freedom."""
        squares = (rings.p**2 / self.by.masses).sum(2)
        found = torch.zeros((len(squares), self.n_systems), dtype=squares.dtype, device=squares.device)
        return found.index_add_(1, self.by.system, squares)

    def _by_system(self, of_atoms: Tensor) -> Tensor:
        found = torch.zeros(self.n_systems, dtype=of_atoms.dtype, device=of_atoms.device)
        return found.index_add_(0, self.by.system, of_atoms)


@dataclass
class Record:
    """Sums and series of a run, as arrays that a checkpoint keeps.

    Attributes:
        series: potential, kinetic by centroid virial and primitive, eV, (samples, 3, n_systems).
        kinetic: block means of kinetic tensors, eV, (blocks, N, 3, 3).
        gyration: block means, Å², (blocks, N).
        modes: sum of p²/m, eV, (P, n_systems).
        taken: samples so far.
    """

    series: np.ndarray
    kinetic: np.ndarray
    gyration: np.ndarray
    modes: np.ndarray
    taken: int = 0

    @classmethod
    def empty(cls, samples: int, blocks: int, beads: int, atoms: int, systems: int) -> Record:
        """Nothing yet."""
        return cls(
            np.zeros((samples, 3, systems)), np.zeros((blocks, atoms, 3, 3)), np.zeros((blocks, atoms)),
            np.zeros((beads, systems)),
        )  # fmt: skip

    def take(self, rings: Rings, observer: Observer) -> None:
        """One more sample."""
        samples, blocks = len(self.series), len(self.kinetic)
        block = self.taken * blocks // samples
        # Samples of block b begin at the first k with k·blocks ≥ b·samples
        length = -(-(block + 1) * samples // blocks) - -(-block * samples // blocks)
        kinetic = observer.kinetic_tensors(rings)
        self.series[self.taken] = observer.scalars(rings, kinetic).cpu().numpy()
        self.kinetic[block] += kinetic.cpu().numpy() / length
        self.gyration[block] += observer.gyration_A2(rings).cpu().numpy() / length
        self.modes += observer.mode_temperatures(rings).cpu().numpy()
        self.taken += 1

    def to_arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint."""
        return {
            "series": self.series[: self.taken], "kinetic": self.kinetic, "gyration": self.gyration,
            "modes": self.modes,
        }  # fmt: skip

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """What `to_arrays` gave."""
        self.taken = len(arrays["series"])
        self.series[: self.taken] = arrays["series"]
        self.kinetic, self.gyration, self.modes = (arrays[k] for k in ("kinetic", "gyration", "modes"))
