"""Ions of fixed charge: Ewald's sum, with or without short-range terms between pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from ase.data import atomic_numbers
from torch_sim.models.interface import SumModel

from potentials.electrostatics.real_space import IonPairs, Terms
from potentials.electrostatics.reciprocal_model import EwaldSum, ReciprocalModel, SmoothSum
from potentials.electrostatics.splitting import Splitting
from potentials.electrostatics.tail import TailModel
from potentials.metadata import Metadata
from potentials.neighbours import Structure
from potentials.pair_vector import PairVectorModel
from potentials.potential import Evaluation, Potential

CPU_BATCH_ATOMS = 1000
GPU_BATCH_ATOMS = 20000
"""A guess, as for networks."""


def summed_by(method: str, splitting: Splitting) -> SmoothSum:
    """The smooth half of the sum, exactly (ewald) or on a mesh (pme).

    Raises:
        ValueError: another method.
    """
    if method == "ewald":
        return EwaldSum(splitting)
    if method == "pme":
        from potentials.electrostatics.mesh import MeshSum

        return MeshSum(splitting)
    raise ValueError(f"method: must be ewald or pme (is {method!r})")


class IonPotential(Potential):
    """Ewald's sum in float64; `model` is torch-sim's sum of the pairs' model and the reciprocal one.

    Attributes:
        charges: e, by chemical symbol.
        splitting: of the sum.
    """

    def __init__(
        self,
        charges: Mapping[str, float],
        splitting: Splitting,
        metadata: Metadata,
        device: str = "cpu",
        terms: Terms | None = None,
        tail: bool = False,
        method: str = "ewald",
    ) -> None:
        """terms: their tables have the order of `charges`; tail: with what they would add beyond the cut-off.

        method: ewald or pme.
        """
        self.charges, self.splitting = dict(charges), splitting
        self.metadata, self.device = metadata, device
        self.cutoff_A = splitting.cutoff_A
        self.batch_atoms = CPU_BATCH_ATOMS if device == "cpu" else GPU_BATCH_ATOMS
        type_map = {atomic_numbers[symbol]: index for index, symbol in enumerate(charges)}
        values = torch.tensor(list(charges.values()), dtype=torch.float64)
        table = torch.full((120,), torch.nan, dtype=torch.float64)
        table[list(type_map)] = values
        self.pairs = PairVectorModel(IonPairs(type_map, values, splitting, terms), device, torch.float64)
        self.reciprocal = ReciprocalModel(table, summed_by(method, splitting), device)
        self.tail = TailModel(type_map, terms, splitting.cutoff_A, device) if terms and tail else None
        self.model = SumModel(self.pairs, self.reciprocal, *([self.tail] if self.tail else []))

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order.

        Raises:
            ValueError: an element without a charge.
        """
        sizes = [len(s.numbers) for s in structures]
        arrays = (np.concatenate([getattr(s, what) for s in structures]) for what in ("numbers", "positions"))
        numbers, positions, cells = map(torch.as_tensor, (*arrays, np.stack([s.cell for s in structures])))
        found = self.pairs.derivatives(structures)
        parts = [self.reciprocal.parts(numbers, positions, cells, sizes)]
        if self.tail:
            system = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
            parts.append(self.tail.parts(numbers, system, cells))
        for part in parts:
            found = {key: found[key] + part[key] if key in part else found[key] for key in found}
        forces = np.split(found["forces"].cpu().numpy(), np.cumsum(sizes)[:-1])
        return [
            Evaluation(float(e), f, s)
            for e, f, s in zip(found["energy"].cpu(), forces, found["stress"].cpu().numpy(), strict=True)
        ]
