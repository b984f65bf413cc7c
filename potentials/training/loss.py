"""Predictions that can be learnt from, and how wrong they are.

    L = w_E ⟨h(ΔE/n)⟩ + w_F ⟨h(ΔF)⟩ + w_S ⟨h(VΔσ/n)⟩,     h(x) = x²/2δ below δ, |x| − δ/2 above

(Huber, Ann. Math. Stat. 35, 73 (1964)). V·σ/n is in eV as the energy per atom is, whatever the cell's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from potentials.neighbours import Pairs, batch_pairs
from potentials.training.labels import Label
from potentials.training.settings import TrainSettings
from potentials.training.watch import Errors

Network = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(types, vectors, first, second) -> atomic energies, eV, (n_atoms,)."""


@dataclass(frozen=True)
class Sample:
    """A label with its pairs, which training never changes.

    Attributes:
        weight: of its errors in the loss.
        replayed: whether it is there against forgetting.
    """

    label: Label
    pairs: Pairs
    weight: float = 1.0
    replayed: bool = False

    def __len__(self) -> int:
        return len(self.label)


def samples_of(
    labels: Sequence[Label], cutoff_A: float, most: float, weight: float = 1.0, replayed: bool = False
) -> list[Sample]:
    """Labels with their pairs; cutoff_A and most as in `half_list`."""
    return [Sample(x, batch_pairs([x.structure], cutoff_A, most), weight, replayed) for x in labels]


@dataclass(frozen=True)
class Batch:
    """Several samples as tensors; n atoms, p pairs, m structures.

    Attributes:
        types: indices of species, (n,).
        vectors: Å, (p, 3); first, second: (p,).
        atom_system, pair_system: index of the structure, (n,), (p,).
        counts: atoms of each structure, (m,); volumes: Å³, (m,).
        energies: eV, (m,), double; forces: eV/Å, (n, 3).
        virials: V·σ/n, eV, (m, 3, 3), NaN where a label has no stress.
        weights: of each structure in the loss, (m,); replayed: (m,), bool.
    """

    types: Tensor
    vectors: Tensor
    first: Tensor
    second: Tensor
    atom_system: Tensor
    pair_system: Tensor
    counts: Tensor
    volumes: Tensor
    energies: Tensor
    forces: Tensor
    virials: Tensor
    weights: Tensor
    replayed: Tensor


def collate(samples: Sequence[Sample], types: Tensor, dtype: torch.dtype, device: str) -> Batch:
    """Samples as one batch; types: atomic number -> index of the species, on the CPU."""
    structures = [s.label.structure for s in samples]
    counts = np.array([len(s) for s in samples])
    starts = np.cumsum(counts) - counts
    real: dict[str, Any] = {"dtype": dtype, "device": device}
    systems = np.arange(len(samples))
    stresses = [np.full((3, 3), np.nan) if (s := x.label.stress_eV_A3) is None else s for x in samples]
    virials = [stress * s.volume_A3 / len(s.numbers) for stress, s in zip(stresses, structures, strict=True)]
    ends = [
        np.concatenate([getattr(s.pairs, end) + start for s, start in zip(samples, starts, strict=True)])
        for end in ("first", "second")
    ]
    return Batch(
        types=types[torch.as_tensor(np.concatenate([s.numbers for s in structures]))].to(device),
        vectors=torch.as_tensor(np.concatenate([s.pairs.vectors for s in samples]), **real),
        first=torch.as_tensor(ends[0]).to(device),
        second=torch.as_tensor(ends[1]).to(device),
        atom_system=torch.as_tensor(np.repeat(systems, counts)).to(device),
        pair_system=torch.as_tensor(np.repeat(systems, [len(s.pairs.first) for s in samples])).to(device),
        counts=torch.as_tensor(counts, **real),
        volumes=torch.as_tensor([s.volume_A3 for s in structures], **real),
        energies=torch.as_tensor([s.label.energy_eV for s in samples], dtype=torch.float64, device=device),
        forces=torch.as_tensor(np.concatenate([s.label.forces_eV_A for s in samples]), **real),
        virials=torch.as_tensor(np.stack(virials), **real),
        weights=torch.as_tensor([s.weight for s in samples], **real),
        replayed=torch.as_tensor([s.replayed for s in samples]).to(device),
    )


@dataclass(frozen=True)
class Residuals:
    """Prediction minus label.

    Attributes:
        energies: per atom, eV, (m,).
        forces: eV/Å, (n, 3).
        virials: V·Δσ/n, eV, (m, 3, 3), zero where a label has no stress.
    """

    energies: Tensor
    forces: Tensor
    virials: Tensor


def residuals(network: Network, batch: Batch, learn: bool) -> Residuals:
    """What the network gets wrong; with learn, differentiable by its weights."""
    vectors = batch.vectors.detach().requires_grad_(True)
    atomic = network(batch.types, vectors, batch.first, batch.second)
    (gradient,) = torch.autograd.grad(atomic.sum(), vectors, create_graph=learn)
    m = len(batch.counts)
    # In double precision: the sum of many atoms' energies would round away what the labels know
    energies = torch.zeros_like(batch.energies).index_add(0, batch.atom_system, atomic.double())
    forces = torch.zeros_like(batch.forces).index_add(0, batch.first, gradient).index_add(0, batch.second, -gradient)
    outer = batch.vectors[:, :, None] * gradient[:, None, :]
    virials = outer.new_zeros(m, 3, 3).index_add(0, batch.pair_system, outer) / batch.counts[:, None, None]
    virials = 0.5 * (virials + virials.transpose(1, 2))
    return Residuals(
        ((energies - batch.energies) / batch.counts).to(batch.counts.dtype),
        forces - batch.forces,
        (virials - batch.virials).nan_to_num(nan=0.0),
    )


def structure_losses(error: Residuals, batch: Batch, settings: TrainSettings) -> Tensor:
    """Loss of each structure, (m,): its energy's, the mean of its force components', of its stress's."""
    forces = batch.counts.new_zeros(len(batch.counts)).index_add(
        0, batch.atom_system, _huber(error.forces, settings.huber).mean(1)
    )
    return (
        settings.energy_weight * _huber(error.energies, settings.huber)
        + settings.force_weight * forces / batch.counts
        + settings.stress_weight * _huber(error.virials, settings.huber).mean((1, 2))
    )


def _huber(x: Tensor, delta: float) -> Tensor:
    if math.isinf(delta):
        return 0.5 * x**2
    return torch.nn.functional.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=delta)


class Tally:
    """Errors summed over batches, of the replayed structures or of the others."""

    def __init__(self) -> None:
        self._loss = self._energy = self._force = self._stress = 0.0
        self._structures = self._atoms = self._stresses = 0

    def add(self, error: Residuals, losses: Tensor, batch: Batch, which: Tensor) -> None:
        """Count the structures of a batch for which `which`, (m,) of bool, is true."""
        atoms, stressed = which[batch.atom_system], which & batch.virials.isfinite().all(2).all(1)
        stress = error.virials * (batch.counts / batch.volumes)[:, None, None]
        with torch.no_grad():
            self._loss += float(losses[which].sum())
            self._energy += float((error.energies[which] ** 2).sum())
            self._force += float((error.forces[atoms] ** 2).sum())
            self._stress += float((stress[stressed] ** 2).sum())
        self._structures += int(which.sum())
        self._atoms += int(atoms.sum())
        self._stresses += int(stressed.sum())

    def errors(self) -> Errors | None:
        """Root mean squares; None where nothing was counted."""
        if not self._structures:
            return None
        return Errors(
            math.sqrt(self._energy / self._structures),
            math.sqrt(self._force / (3 * self._atoms)),
            math.sqrt(self._stress / (9 * self._stresses)) if self._stresses else None,
            self._loss / self._structures,
        )
