"""Which frames to label: those that leave least to guess about all that were met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from discover.learning.band import Known
from discover.learning.frames import evenly

LENGTH = 2.0
"""Of the kernel, in units of the met atoms' root mean square distance to their mean: smooth over all of them."""
NOISE = 0.01
"""Of an atom's own variance: a network is not bent by one label as far as it would go."""
LANDMARKS = 400
"""Atoms of an element that span the kernel's functions; more change nothing and cost their cube."""
MOST_MET = 6000
"""Atoms of an element that the guess is averaged over."""
JITTER = 1e-6


@dataclass(frozen=True)
class Surroundings:
    """A frame as the choice sees it: atomic numbers (n,) and features (n, d)."""

    numbers: np.ndarray
    features: np.ndarray


def most_telling(
    met: Sequence[Surroundings], candidates: Sequence[int], known: Known, most: int
) -> list[tuple[int, float]]:
    """Places among `met` of the frames to label, in order, and the share of what is unknown that each leaves.

    An atom's energy is taken for a Gaussian process over its features, one for each element; what is unknown is its
    posterior variance, averaged over all atoms that were met. Greedily, the frame whose label lowers that average most
    comes next: the integrated variance of Cohn, Ghahramani & Jordan, J. Artif. Intell. Res. 4, 129 (1996), A-optimal
    design. Where the largest variance is taken instead, labels go to the rim of what was met, and a random choice
    that stays with its bulk does as well (campaigns/benchmarks/learning).

    met: whatever the walkers came to, of the same features as `known`.
    candidates: places of those that may be chosen.
    known: what has labels already; may be empty.
    most: how many to choose.
    """
    left = list(dict.fromkeys(candidates))
    if not left or most <= 0:
        return []
    elements = np.unique(np.concatenate([met[k].numbers for k in range(len(met))]))
    models = [_Element(int(z), met, known) for z in elements]
    whole = sum(model.unknown for model in models)
    chosen: list[tuple[int, float]] = []
    while left and len(chosen) < most:
        gains = sum(model.gains(left) for model in models)
        at = int(np.argmax(gains))
        place = left.pop(at)
        for model in models:
            model.learn(place)
        chosen.append((place, float(sum(model.unknown for model in models) / max(whole, 1e-300))))
    return chosen


class _Element:
    """The Gaussian process of one element, in the functions that its landmarks span (Nyström)."""

    def __init__(self, z: int, met: Sequence[Surroundings], known: Known) -> None:
        own = [m.features[m.numbers == z] @ known.projection for m in met]
        every = np.concatenate(own)
        centre = every.mean(axis=0)
        scale = np.sqrt(max(float(np.mean(np.sum((every - centre) ** 2, axis=1))), 1e-12))
        at = evenly(len(every), LANDMARKS)
        landmarks = (every[at] - centre) / scale
        root = cholesky(_kernel(landmarks, landmarks) + JITTER * np.eye(len(at)), lower=True)

        def functions(features: np.ndarray) -> np.ndarray:
            """(n, m): values of the landmarks' orthonormal functions."""
            near = _kernel((features - centre) / scale, landmarks)
            return np.asarray(solve_triangular(root, near.T, lower=True).T)

        self._frames = [functions(f) for f in own]
        averaged = functions(every[evenly(len(every), MOST_MET)])
        # Each atom that was met counts once, whatever its element
        self._mean = averaged.T @ averaged * (len(every) / len(averaged))
        self._covariance = np.eye(len(at))
        for numbers, features in zip(known.numbers, known.features, strict=True):
            if np.any(numbers == z):
                self._condition(functions(features[numbers == z] @ known.projection))

    @property
    def unknown(self) -> float:
        """Posterior variance, summed over the atoms that were met."""
        return float(np.sum(self._mean * self._covariance))

    def gains(self, places: Sequence[int]) -> np.ndarray:
        """What each frame's label would take off `unknown`, (places,)."""
        rows = [self._frames[k] for k in places]
        counts = [len(r) for r in rows]
        spread = np.concatenate(rows) @ self._covariance
        weighted = spread @ self._mean
        found = np.zeros(len(rows))
        for k, (end, n) in enumerate(zip(np.cumsum(counts), counts, strict=True)):
            own = slice(end - n, end)
            noisy = spread[own] @ rows[k].T + NOISE * np.eye(n)
            found[k] = np.trace(np.linalg.solve(noisy, weighted[own] @ spread[own].T)) if n else 0.0
        return found

    def learn(self, place: int) -> None:
        """As if this frame had its label."""
        self._condition(self._frames[place])

    def _condition(self, functions: np.ndarray) -> None:
        spread = functions @ self._covariance
        noisy = spread @ functions.T + NOISE * np.eye(len(functions))
        self._covariance = self._covariance - spread.T @ np.linalg.solve(noisy, spread)


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None] - 2 * a @ b.T
    return np.exp(-np.maximum(squares, 0) / (2 * LENGTH**2))

