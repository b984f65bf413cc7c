"""A torch-sim model in double precision for every potential: what molecular dynamics steps with."""

from __future__ import annotations

from contextlib import suppress
from copy import copy

import numpy as np
import torch
import torch_sim as ts
from torch import Tensor
from torch_sim.models.interface import ModelInterface, SumModel

from potentials.neighbours import SKIN_A, NeighbourOverflowError, Structure
from potentials.pair_vector import PairVectorModel
from potentials.potential import Evaluation, Potential, batches
from potentials.sum_potential import RoundedModel
from potentials.verlet import VerletModel


def dynamics_model(potential: Potential, skin_A: float = SKIN_A) -> ModelInterface:
    """The potential's model for states in float64; those of ours follow atoms with a neighbour list.

    Positions change by 10⁻² Å in a step and grow without bound where atoms diffuse: in single precision they would
    lose what the energy's conservation needs.
    """
    if potential.model is None:
        return PotentialModel(potential)
    return _in_double(potential.model, potential.batch_atoms, skin_A)


def set_stress(model: ModelInterface, on: bool) -> None:
    """Ask for the stress, or save it where the model can."""
    with suppress(NotImplementedError):
        model.compute_stress = on


def forget_lists(model: ModelInterface) -> None:
    """Neighbour lists are made new at the next call, wherever the model has some."""
    for part in model.modules():
        if isinstance(part, VerletModel):
            part.forget()


def features_of(model: ModelInterface) -> Tensor | None:
    """Features of the last call, (n_atoms, d), of the first part that has some."""
    parts = (part for part in model.modules() if isinstance(part, VerletModel | PotentialModel))
    return next((part.features for part in parts if part.features is not None), None)


def failures_of(model: ModelInterface) -> dict[int, str]:
    """Of the last call: by index of the system, why it could not be evaluated."""
    failed: dict[int, str] = {}
    for part in model.modules():
        if isinstance(part, VerletModel | PotentialModel):
            failed |= part.failed
    return failed


def _in_double(model: ModelInterface, batch_atoms: int, skin_A: float) -> ModelInterface:
    if isinstance(model, RoundedModel):
        return _in_double(model.inner, batch_atoms, skin_A)
    if isinstance(model, PairVectorModel):
        return VerletModel(model, batch_atoms, skin_A)
    if type(model) is SumModel:
        return SumModel(*(_in_double(part, batch_atoms, skin_A) for part in model.models))  # type: ignore[arg-type]
    return model if model.dtype == torch.float64 else CastModel(model)


class CastModel(ModelInterface):
    """Another precision's model for states in float64: it sees positions inside the cell, which round least."""

    def __init__(self, model: ModelInterface) -> None:
        super().__init__()
        self.inner = model
        self._device, self._dtype = model.device, torch.float64
        self._compute_stress, self._compute_forces = model.compute_stress, model.compute_forces

    def forward(self, state: ts.SimState, **kwargs: object) -> dict[str, Tensor]:
        """As the model's own, in float64."""
        seen = copy(state)
        seen.positions = state.wrap_positions
        found = self.inner(seen.to(dtype=self.inner.dtype), **kwargs)
        return {key: t.double() if t.is_floating_point() else t for key, t in found.items()}


class PotentialModel(ModelInterface):
    """A `Potential` without a model of its own: evaluated structure by structure, periodic in three directions.

    Attributes:
        features, failed: as of `VerletModel`.
    """

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential
        # ASE calculators are asked on the CPU whatever they compute on
        self._device, self._dtype = torch.device("cpu"), torch.float64
        self._compute_stress, self._compute_forces = True, True
        self.features: Tensor | None = None
        self.failed: dict[int, str] = {}

    def forward(self, state: ts.SimState, **kwargs: object) -> dict[str, Tensor]:
        """Energies (n_systems,), forces (n_atoms, 3), stress (n_systems, 3, 3), eV and Å."""
        counts = state.n_atoms_per_system.tolist()
        parts = (torch.split(t.detach().cpu(), counts) for t in (state.atomic_numbers, state.positions))
        structures = [
            Structure(n.numpy(), x.numpy(), cell.numpy())
            for n, x, cell in zip(*parts, state.row_vector_cell.detach().cpu(), strict=True)
        ]
        self.failed = {}
        found = self._evaluate(structures)
        features = [e.features for e in found]
        if all(f is not None for f in features):
            self.features = torch.as_tensor(np.concatenate(features), dtype=self._dtype)  # type: ignore[arg-type]
        return {
            "energy": torch.tensor([e.energy_eV for e in found], dtype=self._dtype),
            "forces": torch.as_tensor(np.concatenate([e.forces_eV_A for e in found]), dtype=self._dtype),
            "stress": torch.as_tensor(np.stack([e.stress_eV_A3 for e in found]), dtype=self._dtype),
        }

    def _evaluate(self, structures: list[Structure]) -> list[Evaluation]:
        try:
            calls = batches(structures, self.potential.batch_atoms)
            return [evaluation for batch in calls for evaluation in self.potential.evaluate(batch)]
        except NeighbourOverflowError:
            return [self._one(k, structure) for k, structure in enumerate(structures)]

    def _one(self, k: int, structure: Structure) -> Evaluation:
        """One of a batch in which some structure has collapsed."""
        try:
            return self.potential.evaluate([structure])[0]
        except NeighbourOverflowError as error:
            self.failed[k] = str(error)
            nothing = np.full(structure.positions.shape, np.nan)
            return Evaluation(float("nan"), nothing, np.full((3, 3), np.nan))
