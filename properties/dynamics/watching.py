"""Does a replica stay within what its potential knows? Asked of features that the steps bring along anyway."""

from __future__ import annotations

import numpy as np
from torch_sim.integrators.npt import NPTState
from torch_sim.models.interface import ModelInterface

from potentials.potential import Potential
from potentials.torch_sim_adapter import features_of
from potentials.uncertainty import NoDomainError, uncertainty_of
from properties.errors import PropertyError


class Watch:
    """The distance of the furthest atom of each system."""

    def __init__(self, potential: Potential) -> None:
        try:
            known = uncertainty_of(potential)
        except NoDomainError as error:
            raise PropertyError(f"watch: {error}") from None
        self.threshold, self._domain = known.threshold, known.domain

    def distances(self, state: NPTState, model: ModelInterface) -> np.ndarray:
        """Of the state that the model was last asked about, (n_systems,)."""
        features = features_of(model)
        if features is None:
            raise PropertyError("watch: the potential gave no features; watch none")
        distance = self._domain.distances(state.atomic_numbers.cpu().numpy(), features.cpu().numpy())
        bounds = np.cumsum([0, *state.n_atoms_per_system.tolist()])[:-1]
        return np.maximum.reduceat(distance, bounds)
