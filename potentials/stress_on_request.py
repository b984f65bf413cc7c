"""Torch-sim models that save the stress where nobody asks for it."""

from __future__ import annotations

from torch_sim.models.interface import ModelInterface


class StressOnRequestModel(ModelInterface):
    """A model whose `compute_stress` may be set at any time; its `forward` looks at it."""

    @property
    def compute_stress(self) -> bool:
        """Whether the stress comes along."""
        return self._compute_stress

    @compute_stress.setter
    def compute_stress(self, value: bool) -> None:
        self._compute_stress = value
