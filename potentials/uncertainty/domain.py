"""How far an atom's surroundings are from those that a reference set holds: Mahalanobis distances by element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

DIRECTIONS = 48
"""Of feature space that count. Of SevenNet's 128, the first 48 principal directions rank errors on crystals of unseen
systems nearly as well as all of them, 16 worse; files are a seventh of the size."""
PRIOR_STRENGTH = 30.0
"""Atoms that the pooled covariance is worth beside an element's own; 100 does about as well, 1000 worse."""


@dataclass(frozen=True)
class Gaussian:
    """One element's reference surroundings in whitened coordinates.

    Attributes:
        count: atoms it was fitted to.
        mean: (k,).
        whitening: (k, k); |(y − mean) whitening| is the distance of y.
    """

    count: int
    mean: np.ndarray
    whitening: np.ndarray


@dataclass(frozen=True)
class Domain:
    """Where a reference set lies in the space of a potential's features.

    Distances are Mahalanobis' (Proc. Natl. Inst. Sci. India 2, 49 (1936)) to one Gaussian an element. Features are
    first projected on the leading principal directions of the covariance within elements, pooled over all of them,
    and scaled to unit variance there. An element's covariance S of n atoms is shrunk to that pooled one, there the unit
    matrix: (n S + κ v 1) / (n + κ), a conjugate prior's mean (κ atoms' worth; v = 1 unless told otherwise) in the form
    of Ledoit and Wolf (J. Multivar. Anal. 88, 365 (2004)). A v of each element's own, its mean variance, ranks errors
    worse: elements that were met in many surroundings would look safe everywhere.

    Attributes:
        projection: (d, k), from features to whitened coordinates.
        gaussians: by atomic number.
    """

    projection: np.ndarray
    gaussians: Mapping[int, Gaussian]

    @classmethod
    def fit(
        cls,
        numbers: np.ndarray,
        features: np.ndarray,
        projection: np.ndarray | None = None,
        prior_strength: float = PRIOR_STRENGTH,
        prior_variance: float = 1.0,
    ) -> Domain:
        """The domain of these atoms.

        numbers: atomic numbers, (n,).
        features: (n, d).
        projection: (d, k) of another domain, for too few atoms to find one by; None finds it.
        prior_strength: κ above, in atoms.
        prior_variance: v above; smaller where the reference set is of one material.

        Raises:
            ValueError: no atoms, or features that are not finite.
        """
        numbers, features = np.asarray(numbers), np.asarray(features, float)
        if not len(numbers) or not np.isfinite(features).all():
            raise ValueError("a domain needs atoms, and finite features of each")
        if projection is None:
            projection = _projection(numbers, features)
        whitened = features @ projection
        return cls(
            projection,
            {int(z): _gaussian(whitened[numbers == z], prior_strength, prior_variance) for z in np.unique(numbers)},
        )

    def distances(self, numbers: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Distance of each atom, (n,); infinite for an element that the reference set lacks.

        numbers: (n,); features: (n, d).
        """
        whitened = np.asarray(features, self.projection.dtype) @ self.projection
        found = np.full(len(whitened), np.inf)
        for z in np.unique(numbers):
            gaussian = self.gaussians.get(int(z))
            if gaussian is not None:
                here = numbers == z
                found[here] = np.linalg.norm((whitened[here] - gaussian.mean) @ gaussian.whitening, axis=1)
        return found

    def to_arrays(self) -> dict[str, np.ndarray]:
        """For `numpy.savez`, in single precision, which holds a distance to 1e-5 of itself."""
        gaussians = list(self.gaussians.values())
        return {
            "projection": self.projection.astype(np.float32),
            "numbers": np.array(list(self.gaussians), int),
            "counts": np.array([g.count for g in gaussians], int),
            "means": np.array([g.mean for g in gaussians], np.float32),
            "whitenings": np.array([g.whitening for g in gaussians], np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Domain:
        """What `to_arrays` gave."""
        rows = zip(arrays["numbers"], arrays["counts"], arrays["means"], arrays["whitenings"], strict=True)
        gaussians = {int(z): Gaussian(int(n), mean.astype(float), w.astype(float)) for z, n, mean, w in rows}
        return cls(arrays["projection"].astype(float), gaussians)


def _projection(numbers: np.ndarray, features: np.ndarray) -> np.ndarray:
    """(d, k): leading directions of the pooled covariance within elements, each scaled to unit variance."""
    scatter = np.zeros((features.shape[1], features.shape[1]))
    for z in np.unique(numbers):
        centred = features[numbers == z] - features[numbers == z].mean(axis=0)
        scatter += centred.T @ centred
    variances, directions = np.linalg.eigh(scatter / len(numbers))
    leading = np.argsort(variances)[::-1][:DIRECTIONS]
    # Fewer atoms than directions leave some without any variance; they would make distances of rounding
    kept = leading[variances[leading] > 1e-8 * max(variances[-1], 1e-300)]
    return directions[:, kept] / np.sqrt(variances[kept])


def _gaussian(whitened: np.ndarray, prior_strength: float, prior_variance: float) -> Gaussian:
    n, k = whitened.shape
    mean = whitened.mean(axis=0)
    scatter = (whitened - mean).T @ (whitened - mean)
    shrunk = (scatter + prior_strength * prior_variance * np.eye(k)) / (n + prior_strength)
    variances, directions = np.linalg.eigh(shrunk)
    return Gaussian(n, mean, directions / np.sqrt(variances))
