"""When an explorer stops: the band of distances within which a frame is worth a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from potentials.uncertainty import Domain

INNER_QUANTILE = 0.5
"""Of the distances of labelled frames to the others: below, a frame is like those that have labels. These were chosen
for being far, so that half of them is far enough; 0.9 left a generation three stops where ten were wanted."""
OUTER_FACTOR = 4.0
"""Times the inner edge. Frames of a fine potential stay below 2; beyond 4 they are of dynamics gone wrong."""
PRIOR_STRENGTH = 20.0
"""Atoms; the prior's variance is the labelled frames' own mean variance, so it only rounds their shape off."""
FEWEST_FRAMES = 3
"""With fewer there is no distance of one to the others to speak of."""


@dataclass(frozen=True)
class Known:
    """What has labels: atoms of each frame and their features by one generation's potential.

    Attributes:
        numbers: of each frame, (n,).
        features: of each frame, (n, d).
        projection: (d, k), from features to whitened coordinates.
    """

    numbers: tuple[np.ndarray, ...]
    features: tuple[np.ndarray, ...]
    projection: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def also(self, numbers: np.ndarray, features: np.ndarray) -> Known:
        """With one frame more; it need not have its label yet, for distances ask only where it lies."""
        return replace(self, numbers=(*self.numbers, numbers), features=(*self.features, features))

    def domain(self, leave_out: int | None = None) -> Domain:
        """Gaussians of all frames, or of all but one."""
        kept = [k for k in range(len(self)) if k != leave_out]
        numbers = np.concatenate([self.numbers[k] for k in kept])
        features = np.concatenate([self.features[k] for k in kept])
        return Domain.fit(numbers, features, self.projection, PRIOR_STRENGTH, self._variance)

    @property
    def _variance(self) -> float:
        """Of the whitened coordinates within an element and frames of one material, mean over directions."""
        numbers = np.concatenate(self.numbers)
        whitened = np.concatenate(self.features) @ self.projection
        within = [
            whitened[numbers == z] - whitened[numbers == z].mean(axis=0) for z in np.unique(numbers)
        ]
        return max(float(np.mean(np.concatenate(within) ** 2)), 1e-6)

    def mutual_distances(self) -> np.ndarray:
        """Largest atomic distance of each frame to the domain of the others, (frames,)."""
        return np.array(
            [self.domain(k).distances(self.numbers[k], self.features[k]).max() for k in range(len(self))]
        )


@dataclass(frozen=True)
class Band:
    """Distances of frames that are worth a label: from `inner` to `outer`.

    Attributes:
        domain: to which distances are.
        inner: up to here a frame is known.
        outer: beyond, the potential is not to be trusted on the way there either.
    """

    domain: Domain
    inner: float
    outer: float

    @classmethod
    def around(cls, known: Known, given: Sequence[float] | None = None) -> Band | None:
        """The band that labelled frames set, or that the user gives; None with too few frames to say."""
        if len(known) < FEWEST_FRAMES:
            return None
        if given is not None:
            return cls(known.domain(), given[0], given[1])
        mutual = known.mutual_distances()
        if not np.isfinite(mutual).any():  # no two frames share an element
            return None
        inner = float(np.quantile(mutual[np.isfinite(mutual)], INNER_QUANTILE))
        return cls(known.domain(), inner, OUTER_FACTOR * inner)

    def distance(self, numbers: np.ndarray, features: np.ndarray) -> float:
        """Largest atomic distance of a frame."""
        return float(self.domain.distances(numbers, features).max())
