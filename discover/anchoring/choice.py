"""Which structure to calculate next: where a result is expected to change most of what is known of the hull."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from discover.anchoring.delta_model import NOISE_EV
from discover.anchoring.hull_distances import drawn_hulls

STABLE_WEIGHT = 10.0
"""Of a structure that is surely on the hull among those that are surely near it: a hull says first who is stable. With
none, three in ten phases of some hulls are still said to be stable falsely after 24 calculations."""


@dataclass(frozen=True)
class Knowledge:
    """What draws from the posterior say of the hull.

    Attributes:
        p_stable: (n,) probability of lying on the hull.
        distance_sigma: (n,) standard deviation of the distance to it, eV/atom.
        gain: (n,) by how much a calculation of that structure is expected to lower the error of the distances of what
            lies near the hull: what it takes off their weighted mean standard error, eV/atom; 0 where there is nothing
            to learn.
    """

    p_stable: np.ndarray
    distance_sigma: np.ndarray
    gain: np.ndarray


def knowledge(
    fractions: np.ndarray,
    energies: np.ndarray,
    covariance: np.ndarray,
    within_eV: float,
    on_hull_eV: float = 1e-6,
) -> Knowledge:
    """Who may be stable, and what a calculation of each structure would tell.

    A calculation fixes one energy E_i, and each distance D_j then loses Cov(D_j, E_i)² / Var(E_i) of its variance; what
    counts is its standard error before and after, so that many small gains do not outweigh one that settles a question.
    The covariance follows from that of the energies and the mean derivatives ∂D_j/∂E_k = δ_jk − (share of k in what j
    would fall apart into), over the draws (Stein's lemma: C. Stein, Ann. Stat. 9, 1135 (1981)). So a reference, or a
    phase that many others hang from, weighs as much as what hangs from it, by the probability that it does. Structures
    count by the probability of lying within `within_eV` of the hull, more so where they may be on it (STABLE_WEIGHT).

    fractions: (n, n_elements).
    energies: (draws, n), eV/atom, joint draws.
    covariance: (n, n) of the energies, eV².
    within_eV: near the hull, per atom.
    """
    drawn = drawn_hulls(fractions, energies)
    p_stable = (drawn.distances <= on_hull_eV).mean(axis=0)
    weights = (drawn.distances <= within_eV).mean(axis=0) * (1.0 + STABLE_WEIGHT * p_stable)
    derivatives = np.eye(len(covariance)) - drawn.shares
    with_distances = derivatives @ covariance
    before = np.maximum((with_distances * derivatives).sum(axis=1), 0.0)
    after = np.maximum(before[:, None] - with_distances**2 / (np.diag(covariance) + NOISE_EV**2), 0.0)
    gain = weights @ (np.sqrt(before)[:, None] - np.sqrt(after))
    return Knowledge(
        p_stable=p_stable,
        distance_sigma=drawn.distances.std(axis=0),
        gain=gain / max(float(weights.sum()), 1e-12),
    )


def next_choice(known: Knowledge, barred: Collection[int]) -> int | None:
    """Place of the structure with the largest gain; None where nothing is left."""
    gain = known.gain.copy()
    gain[list(barred)] = -1.0
    best = int(np.argmax(gain))
    return best if gain[best] > 0 else None
