"""Potentials that add up: a short-range one, and charges or dispersion that reach further than it sees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch_sim as ts
from ase.data import atomic_numbers
from torch import Tensor, nn
from torch_sim.models.interface import ModelInterface, SumModel

from potentials.metadata import Metadata
from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential


class SumPotential(Potential):
    """A potential plus another, less a constant for each atom.

        E = E_short + E_far − Σ_atoms c(Z)

    Features, cut-off and batches are the short-range part's; it alone has learnt anything. Each part computes in its
    own precision. `model` is torch-sim's sum of the parts' models, None where one has none.

    metadata: of the sum; it knows the elements that both parts know.
    constants_eV: c, by chemical symbol; only a choice of zero.
    """

    def __init__(
        self, short: Potential, far: Potential, metadata: Metadata, constants_eV: Mapping[str, float] | None = None
    ) -> None:
        self.short, self.far = short, far
        self.constants_eV = dict(constants_eV or {})
        self.metadata = replace(metadata, elements=_shared(short.metadata.elements, far.metadata.elements))
        self.device, self.precision = short.device, short.precision
        self.batch_atoms, self.cutoff_A = short.batch_atoms, short.cutoff_A
        self._table = np.zeros(120)
        for symbol, value in self.constants_eV.items():
            self._table[atomic_numbers[symbol]] = value
        self.model = self._model()
        self._double: SumPotential | None = None

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order; features of the short-range part.

        Raises:
            ValueError: an element that one part does not know.
        """
        both = zip(structures, self.short.evaluate(structures), self.far.evaluate(structures), strict=True)
        return [
            Evaluation(
                near.energy_eV + far.energy_eV - float(self._table[structure.numbers].sum()),
                near.forces_eV_A + far.forces_eV_A,
                near.stress_eV_A3 + far.stress_eV_A3,
                near.features,
            )
            for structure, near, far in both
        ]

    def descriptors(self, structure: Structure) -> np.ndarray | None:
        """Those of the short-range part."""
        return self.short.descriptors(structure)

    def in_double_precision(self) -> SumPotential:
        """The same sum with both parts in float64."""
        if self.precision == "float64":
            return self
        if self._double is None:
            parts = (self.short.in_double_precision(), self.far.in_double_precision())
            settings = {**(self.metadata.parameters or {}), **(parts[0].metadata.parameters or {})}
            self._double = SumPotential(*parts, replace(self.metadata, parameters=settings), self.constants_eV)
        return self._double

    def warm_up(self) -> None:
        """Of both parts."""
        self.short.warm_up()
        self.far.warm_up()

    def _model(self) -> ModelInterface | None:
        if self.short.model is None or self.far.model is None:
            return None
        dtype = self.short.model.dtype
        added: list[ModelInterface] = [self.far.model]
        if self.constants_eV:
            added.append(ConstantModel(torch.as_tensor(-self._table), self.device))
        model = SumModel(self.short.model, *(m if m.dtype == dtype else RoundedModel(m, dtype) for m in added))
        # Who wants to know whether there are features asks the model
        setattr(model, "has_features", getattr(self.short.model, "has_features", False))  # noqa: B010
        return model


def joined_metadata(short: Metadata, far: Metadata, key: str) -> Metadata:
    """Of a sum that no checkpoint stands for: it shares no hull with the short-range part alone.

    key: under which the parameters tell of the other part.
    """
    told = {"name": far.name, **(far.parameters or {})}
    sha = short.checkpoint_sha256
    if sha is not None:
        sha = hashlib.sha256((sha + json.dumps(told, sort_keys=True)).encode()).hexdigest()
    return replace(
        short,
        name=f"{short.name}+{far.name}",
        checkpoint_sha256=sha,
        parameters={**(short.parameters or {}), key: told},
    )


def _shared(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return one if other is None else other
    return tuple(symbol for symbol in one if symbol in set(other))


class ConstantModel(ModelInterface):
    """A constant for each atom: energies only.

    table: eV, by atomic number, (120,).
    """

    table: Tensor

    def __init__(self, table: Tensor, device: str = "cpu") -> None:
        super().__init__()
        self.table = nn.Buffer(table.to(device, torch.float64), persistent=False)
        self._device, self._dtype = torch.device(device), torch.float64
        self._compute_stress, self._compute_forces = True, True
        self._memory_scales_with = "n_atoms"

    def forward(self, state: ts.SimState, **kwargs: Any) -> dict[str, Tensor]:
        """Energies (n_systems,), eV; forces and stress, which are zero, (n_atoms, 3) and (n_systems, 3, 3)."""
        assert state.system_idx is not None
        energy = self.table.new_zeros(state.n_systems).index_add(0, state.system_idx, self.table[state.atomic_numbers])
        forces, stress = self.table.new_zeros(state.n_atoms, 3), self.table.new_zeros(state.n_systems, 3, 3)
        return {"energy": energy, "forces": forces, "stress": stress}


class RoundedModel(ModelInterface):
    """A model of float64 among models of another precision: it computes as it would, and rounds its answers."""

    def __init__(self, inner: ModelInterface, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = inner
        self._device, self._dtype = inner.device, dtype
        self._compute_stress, self._compute_forces = True, True
        self._memory_scales_with = inner.memory_scales_with

    def forward(self, state: ts.SimState, **kwargs: Any) -> dict[str, Tensor]:
        """The inner model's answers, rounded."""
        found = self.inner(state.clone().to(dtype=self.inner.dtype), **kwargs)
        return {key: value.to(self._dtype) for key, value in found.items()}
