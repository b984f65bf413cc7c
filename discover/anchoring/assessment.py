"""The hull by the potential and a few DFT energies: every entry's energy with its error, and who may be stable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from discover.anchoring.choice import Knowledge, knowledge
from discover.anchoring.delta_model import DeltaModel, Features, Posterior
from discover.anchoring.hull_distances import formation_energies, hull_distances, pure_places

DRAWS = 1000
"""Of the joint posterior: a probability of 0.05 is then known to 0.007."""
JOINT = 400
"""Structures drawn jointly, the nearest to the potential's hull and all that are calculated: memory and time go with
the square and more. Of any others the energy and its error are found one by one, and they do not decide the hull."""


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
        self._last: tuple[dict[int, float], Assessment] | None = None
        self._model = DeltaModel(features)
        pure = pure_places(features.fractions)
        self._lowest = [int(rows[np.argmin(features.above[rows])]) for rows in pure if len(rows)]

    def posterior(self, delta: Mapping[int, float], places: Sequence[int] | np.ndarray | None = None) -> Posterior:
        """Of the differences (of these places, of all where none are given), given some by place.

        Raises:
            ValueError: an element's offset is not determined.
        """
        return self._model.given(list(delta), np.array(list(delta.values())), places)

    def assess(self, delta: Mapping[int, float]) -> Assessment:
        """Everything, given DFT − potential of some structures (eV/atom) by place.

        Raises:
            ValueError: an element's offset is not determined.
        """
        if self._last is None or self._last[0] != delta:
            with threadpool_limits(1):  # matrices this small gain nothing, and DFT has the other cores
                self._last = dict(delta), self._assess(delta)
        return self._last[1]

    def _assess(self, delta: Mapping[int, float]) -> Assessment:
        delta = dict(sorted(delta.items()))  # whatever their order was: the last digits are the same
        fractions, n = self._features.fractions, len(self._energies)
        joint, others = self._parts(delta)
        posterior = self.posterior(delta, joint)
        mean, sigma = np.empty(n), np.empty(n)
        mean[joint], sigma[joint] = posterior.mean, posterior.sigma
        for part in others:
            single = self.posterior(delta, part)
            mean[part], sigma[part] = single.mean, single.sigma
        energies = self._energies + mean
        draws = self._energies[joint] + posterior.sample(DRAWS, np.random.default_rng(self._seed))
        known = knowledge(fractions[joint], draws, posterior.covariance, self._within_eV)
        one = np.allclose(fractions, fractions[0])
        return Assessment(
            energies=energies,
            sigma=sigma,
            formation=np.zeros_like(energies) if one else formation_energies(fractions, energies[None])[0],
            above=hull_distances(fractions, energies[None])[0],
            knowledge=Knowledge(
                p_stable=_spread(known.p_stable, joint, n),
                distance_sigma=_spread(known.distance_sigma, joint, n, sigma),
                gain=_spread(known.gain, joint, n),
            ),
        )

    def _parts(self, delta: Mapping[int, float]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Places that are drawn jointly, and all others, some at a time."""
        above = self._features.above.copy()
        above[list(delta)] = -1.0
        above[[k for k in self._lowest if above[k] >= 0]] = -0.5  # every element's, without which there is no hull
        order = np.argsort(above, kind="stable")
        joint, rest = np.sort(order[:JOINT]), order[JOINT:]
        return joint, [rest[k : k + JOINT] for k in range(0, len(rest), JOINT)]

    def expected(self, delta: Mapping[int, float], pending: Sequence[int]) -> dict[int, float]:
        """The same differences and, of what is being calculated, those expected: a choice must not wait for it."""
        waiting = [k for k in pending if k not in delta]
        if not waiting:
            return dict(delta)
        mean = self.posterior(delta, waiting).mean
        return {**delta, **{k: float(value) for k, value in zip(waiting, mean, strict=True)}}


def _spread(values: np.ndarray, places: np.ndarray, n: int, others: np.ndarray | None = None) -> np.ndarray:
    """Values at these places; elsewhere those of `others`, or zero."""
    found = np.zeros(n) if others is None else others.copy()
    found[places] = values
    return found


def undetermined(fractions: np.ndarray, rows: Sequence[int]) -> list[int]:
    """Elements (columns) whose offset these structures leave open, where every element has a pure structure.

    Of structures that have one composition among them all, one calculation determines what can be.
    """
    if np.allclose(fractions, fractions[0]):
        return [] if len(rows) else [int(np.argmax(fractions[0]))]
    pure = {int(np.argmax(fractions[k])) for k in rows if np.isclose(fractions[k].max(), 1.0)}
    return [e for e in range(fractions.shape[1]) if fractions[:, e].any() and e not in pure]
