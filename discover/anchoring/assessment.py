"""The hull by the potential and a few DFT energies: every entry's energy with its error, and who may be stable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from discover.anchoring.choice import Knowledge, knowledge
from discover.anchoring.delta_model import DeltaModel, Features, Posterior
from discover.anchoring.hull_distances import formation_energies, hull_distances

DRAWS = 1000
"""Of the joint posterior: a probability of 0.05 is then known to 0.007."""


@dataclass(frozen=True)
class Assessment:
    """What is known of all structures; arrays of length n, eV/atom.

    Attributes:
        energies: expected, on DFT's scale.
        sigma: their standard errors.
        formation: formation energies by the expected energies; zero throughout where only one composition occurs.
        above: energy above the hull that they span.
        knowledge: of the joint draws.
    """

    energies: np.ndarray
    sigma: np.ndarray
    formation: np.ndarray
    above: np.ndarray
    knowledge: Knowledge


class Assessor:
    """Assesses one set of structures again and again, as calculations come in.

    features: of all structures.
    energies: (n,) by the potential, eV/atom (enthalpies under pressure).
    within_eV: what counts as near the hull, per atom.
    seed: of the draws, the same for each assessment, so that two of them differ by what was learnt alone.
    """

    def __init__(self, features: Features, energies: np.ndarray, within_eV: float, seed: int = 0) -> None:
        self._features = features
        self._energies = np.asarray(energies, float)
        self._within_eV = within_eV
        self._seed = seed
        self._model = DeltaModel(features)

    def posterior(self, delta: Mapping[int, float]) -> Posterior:
        """Of the differences, given some by place.

        Raises:
            ValueError: an element's offset is not determined.
        """
        return self._model.given(list(delta), np.array(list(delta.values())))

    def assess(self, delta: Mapping[int, float]) -> Assessment:
        """Everything, given DFT − potential of some structures (eV/atom) by place.

        Raises:
            ValueError: an element's offset is not determined.
        """
        posterior = self.posterior(delta)
        fractions, energies = self._features.fractions, self._energies + posterior.mean
        draws = self._energies + posterior.sample(DRAWS, np.random.default_rng(self._seed))
        one = np.allclose(fractions, fractions[0])
        formation = np.zeros_like(energies) if one else formation_energies(fractions, energies[None])[0]
        return Assessment(
            energies=energies,
            sigma=posterior.sigma,
            formation=formation,
            above=hull_distances(fractions, energies[None])[0],
            knowledge=knowledge(fractions, draws, posterior.covariance, self._within_eV),
        )

    def expected(self, delta: Mapping[int, float], pending: Sequence[int]) -> dict[int, float]:
        """The same differences and, of what is being calculated, those expected: a choice must not wait for it."""
        waiting = [k for k in pending if k not in delta]
        if not waiting:
            return dict(delta)
        mean = self.posterior(delta).mean
        return {**delta, **{k: float(mean[k]) for k in waiting}}


def undetermined(fractions: np.ndarray, rows: Sequence[int]) -> list[int]:
    """Elements (columns) whose offset these structures leave open, where every element has a pure structure.

    Of structures that have one composition among them all, one calculation determines what can be.
    """
    if np.allclose(fractions, fractions[0]):
        return [] if len(rows) else [int(np.argmax(fractions[0]))]
    pure = {int(np.argmax(fractions[k])) for k in rows if np.isclose(fractions[k].max(), 1.0)}
    return [e for e in range(fractions.shape[1]) if fractions[:, e].any() and e not in pure]
