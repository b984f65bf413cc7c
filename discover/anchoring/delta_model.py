"""How far DFT lies from a potential, learned from a few structures: a Gaussian process with honest errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import stdtr

PRIOR_EV = 0.02
"""Typical size of what does not cancel, per atom on the hull, before anything is known: 7net-0 is 3 (Mg-Si) to 24
meV/atom (Al-Ni) off 7net-l3i5; universal potentials are 30 to 50 off PBE for all that Matbench Discovery asks."""
PRIOR_ROWS = 5.0
"""How many calculations that expectation is worth; a variance wants more than 2."""
_TYPICAL_OF = 500  # structures suffice to know a typical distance
_HIGHEST_EV = 1.0  # what lies higher is no crystal that anybody asks for, and must not weigh on the others
NOISE_EV = 5e-4
"""Of a DFT energy per atom: what k-points, cut-off and the self-consistent field leave."""
_SMALLEST_WEIGHT = 0.01
_ONE_SIGMA = 0.6827
_BISECTIONS = 30


@dataclass(frozen=True)
class Features:
    """What the difference may depend on.

    Attributes:
        fractions: (n, n_elements) atomic fractions.
        descriptors: (n, d) mean over the atoms of the potential's invariant features; d may be 0.
        above: (n,) energy above the potential's own hull, eV/atom.
    """

    fractions: np.ndarray
    descriptors: np.ndarray
    above: np.ndarray

    def __len__(self) -> int:
        return len(self.fractions)


@dataclass(frozen=True)
class _Shape:
    """Of the covariance, at a variance of 1 on the hull.

    Lengths are in units of the typical distance, shares are of the variance. growth_eV: energy above the hull, per
    atom, over which the size of the difference grows by its size on the hull: potentials are trained on what lies low.
    """

    like_share: float
    composition_length: float
    descriptor_length: float
    own_share: float
    growth_eV: float


SHAPES = tuple(
    _Shape(*values) for values in product((0.2, 0.6), (0.3, 1.0), (0.35, 0.5, 0.8), (0.003, 0.03, 0.2), (0.15, 0.4))
)


@dataclass(frozen=True)
class Component:
    """One shape's posterior: energies are `mean + √(s²) root z`, s² = `scale` · `rows` / χ²_rows, z standard normal.

    Attributes:
        weight: probability of the shape; those of all components sum to 1.
        mean: (n,) eV/atom.
        covariance: (n, n) at s² = 1.
        rows: degrees of freedom.
        scale: of s², eV².
    """

    weight: float
    mean: np.ndarray
    covariance: np.ndarray
    rows: float
    scale: float


@dataclass(frozen=True)
class Posterior:
    """What is known of the differences of all n structures, as a mixture of multivariate Student t distributions."""

    components: Sequence[Component]

    @cached_property
    def mean(self) -> np.ndarray:
        """(n,) eV/atom."""
        return np.sum([c.weight * c.mean for c in self.components], axis=0)

    @cached_property
    def covariance(self) -> np.ndarray:
        """(n, n) eV²: within the components, and between them."""
        mean = self.mean
        total = np.zeros((len(mean), len(mean)))
        for c in self.components:
            variance = c.scale * c.rows / (c.rows - 2)
            off = c.mean - mean
            total = total + c.weight * (variance * c.covariance + np.outer(off, off))
        return total

    @property
    def sigma(self) -> np.ndarray:
        """(n,) half of the interval about the mean that holds 68.27 %, eV/atom: what a normal distribution's σ is.

        A Student t of few degrees of freedom has a larger standard deviation, for its far tails.
        """
        mean = self.mean
        low, high = np.zeros(len(mean)), 20.0 * np.sqrt(np.maximum(np.diag(self.covariance), 1e-20))
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            enough = self._within(mean, middle) >= _ONE_SIGMA
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return high

    def _within(self, mean: np.ndarray, half: np.ndarray) -> np.ndarray:
        """Probability of lying within `half` of `mean`, (n,)."""
        total = np.zeros(len(mean))
        for c in self.components:
            width = np.sqrt(np.maximum(c.scale * np.diag(c.covariance), 1e-20))
            total += c.weight * (stdtr(c.rows, (mean + half - c.mean) / width))
            total -= c.weight * (stdtr(c.rows, (mean - half - c.mean) / width))
        return total

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Joint draws, (count, n), eV/atom; every component in proportion to its weight."""
        shares = rng.multinomial(count, [c.weight for c in self.components])
        drawn = []
        for c, k in zip(self.components, shares, strict=True):
            values, vectors = np.linalg.eigh(c.covariance)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            s = np.sqrt(c.scale * c.rows / rng.chisquare(c.rows, (k, 1)))
            drawn.append(c.mean + s * (rng.standard_normal((k, len(values))) @ root.T))
        return np.concatenate(drawn)


class DeltaModel:
    """DFT − potential, per atom: an offset of each element, and what is left.

    Δ(i) = Σ_e x_e(i) μ_e + g(i). Of the offsets μ nothing is assumed (they cancel in formation energies; a flat prior,
    Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, eq. 2.42); g is a Gaussian process whose
    covariance has three parts: what structures of like composition share, what those of like composition and like
    descriptors share, and what is a structure's own. Its variance has a scaled inverse χ² prior and is integrated over,
    so that with few calculations the distribution has a Student t's broad tails; so are the lengths and shares, on a
    grid.

    features: of all structures.
    prior_eV: expected size of g, per atom.
    prior_rows: how many calculations that expectation is worth.
    """

    def __init__(self, features: Features, prior_eV: float = PRIOR_EV, prior_rows: float = PRIOR_ROWS) -> None:
        self._basis = _independent(features.fractions)
        self._fractions = features.fractions
        self._descriptors = _scaled(features.descriptors)
        self._above = np.clip(features.above, 0.0, _HIGHEST_EV)
        self._prior = prior_eV, prior_rows

    def given(
        self, known: Sequence[int], delta_eV_per_atom: np.ndarray, places: Sequence[int] | np.ndarray | None = None
    ) -> Posterior:
        """The posterior over some structures, given the differences of some.

        known: their places; every element that occurs must be determined by them.
        delta_eV_per_atom: (len(known),).
        places: whose posterior is wanted, all where not given; memory goes with their number squared.

        Raises:
            ValueError: too few for the elements' offsets.
        """
        rows = np.asarray(known, int)
        if len(rows) == 0 or np.linalg.matrix_rank(self._basis[rows]) < self._basis.shape[1]:
            raise ValueError("the calculations do not determine every element's offset; calculate each element")
        wanted = np.arange(len(self._basis)) if places is None else np.asarray(places, int)
        both = np.concatenate([rows, wanted])
        alike = _Alike(
            composition=_squares(self._fractions[both]),
            descriptors=_squares(self._descriptors[both]),
            same=both[:, None] == both,
            above=self._above[both],
        )
        fits = [_fit(_covariance(alike, s), self._basis[both], delta_eV_per_atom, *self._prior) for s in SHAPES]
        logs = np.array([log for log, _ in fits])
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        kept = [(w, c) for w, (_, c) in zip(weights, fits, strict=True) if w >= _SMALLEST_WEIGHT]
        total = sum(w for w, _ in kept)
        return Posterior([Component(w / total, *c) for w, c in kept])


def _independent(fractions: np.ndarray) -> np.ndarray:
    """Columns that span the same space as the fractions: of one composition alone only one offset is left."""
    u, s, _ = np.linalg.svd(fractions, full_matrices=False)
    return u[:, s > 1e-8 * s[0]] * np.sqrt(len(fractions))


def _scaled(descriptors: np.ndarray) -> np.ndarray:
    """Each divided by its spread, all by their typical distance; without any that varies, (n, 0)."""
    spread = descriptors.std(axis=0)
    scaled = descriptors[:, spread > 0] / spread[spread > 0]
    some = scaled[:: max(1, len(scaled) // _TYPICAL_OF)]
    distance = _squares(some)[np.triu_indices(len(some), 1)]
    typical = np.median(distance) if len(distance) else 0.0
    return scaled / np.sqrt(typical) if typical > 0 else scaled[:, :0]


@dataclass(frozen=True)
class _Alike:
    """How alike n structures are: squared distances (n, n), whether two are one, energies above the hull (n,)."""

    composition: np.ndarray
    descriptors: np.ndarray
    same: np.ndarray
    above: np.ndarray


def _covariance(alike: _Alike, shape: _Shape) -> np.ndarray:
    """Of g at a variance of 1, (n, n)."""
    mixed = shape.like_share * np.exp(-0.5 * alike.composition / shape.composition_length**2)
    mixed += (1.0 - shape.like_share) * np.exp(-0.5 * alike.descriptors / shape.descriptor_length**2)
    mixed = (1.0 - shape.own_share) * mixed + shape.own_share * alike.same
    size = 1.0 + alike.above / shape.growth_eV
    return mixed * np.outer(size, size)


def _squares(x: np.ndarray) -> np.ndarray:
    """Squared distances between rows, (n, n)."""
    if x.shape[1] == 0:
        return np.zeros((len(x), len(x)))
    norms = (x**2).sum(axis=1)
    return np.maximum(norms[:, None] + norms[None] - 2 * x @ x.T, 0.0)


def _fit(
    K: np.ndarray, basis: np.ndarray, delta: np.ndarray, prior_eV: float, prior_rows: float
) -> tuple[float, tuple[np.ndarray, np.ndarray, float, float]]:
    """Log evidence of a shape, and mean, covariance, degrees of freedom and scale of all but the known.

    K: covariance of the known, which come first, and of those that are wanted.
    """
    n, p = len(delta), basis.shape[1]
    noise = (NOISE_EV / prior_eV) ** 2
    factor = cho_factor(K[:n, :n] + noise * np.eye(n), lower=True)
    H, wanted = basis[:n], basis[n:]
    solved = cho_solve(factor, H)
    a_factor = cho_factor(H.T @ solved, lower=True)
    offsets = cho_solve(a_factor, solved.T @ delta)
    residual = delta - H @ offsets
    squares = float(residual @ cho_solve(factor, residual))
    freedom = prior_rows + n - p
    scale = (prior_rows * prior_eV**2 + squares) / freedom
    half = solve_triangular(factor[0], K[:n, n:], lower=True)
    R = wanted - K[n:, :n] @ solved
    mean = wanted @ offsets + K[n:, :n] @ cho_solve(factor, residual)
    covariance = K[n:, n:] - half.T @ half + R @ cho_solve(a_factor, R.T)
    determinants = np.log(np.diag(factor[0])).sum() + np.log(np.diag(a_factor[0])).sum()
    log_evidence = -determinants - 0.5 * freedom * np.log(freedom * scale)
    return float(log_evidence), (mean, covariance, freedom, scale)
