"""Jumps between sites: rates, lengths, and how much of them is undone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import t

from properties.transport.density import Density
from properties.transport.displacement import ONE_SIGMA
from properties.transport.ensemble import Ensemble

CORE = 0.35
"""Radius of a site's core over the distance to the nearest other site: cores leave a third of the way between them."""
LARGEST_CORE_A = 1.0
ENRICHED = 2.0
"""Times the share of the volume that cores must hold of the ions' time; a liquid's hold 1."""
FEWEST_JUMPS = 20
"""A rate of fewer has an error above a fifth."""
FEWEST_FRAMES = 3.0
"""Of a stay: with fewer, jumps there and back between frames go unseen."""


@dataclass(frozen=True)
class Jumps:
    """Of one species.

    Attributes:
        verdict: "sites", "liquid-like", "no sites", "too few jumps".
        note: a line for people.
        sites_A: in the whole cell, (sites, 3).
        rate_per_ps, rate_error_per_ps: jumps of one ion; None without sites.
        vectors_A: (jumps, 3).
        occupied: share of the ions' time in the sites' cores.
    """

    verdict: str
    note: str
    sites_A: np.ndarray
    rate_per_ps: float | None
    rate_error_per_ps: float | None
    vectors_A: np.ndarray
    occupied: float | None

    @property
    def residence_ps(self) -> float | None:
        """Mean stay, 1/rate."""
        return 1 / self.rate_per_ps if self.rate_per_ps else None

    @property
    def lengths_A(self) -> np.ndarray:
        """(jumps,)."""
        return np.linalg.norm(self.vectors_A, axis=1)

    def correlation_factor(self, diffusion_A2_ps: float, error_A2_ps: float) -> tuple[float, float] | None:
        """Jumps' f = 6 D/(Γ ⟨l²⟩) and its error: 1 where each forgets the last, less where they are undone."""
        if self.verdict != "sites" or not self.rate_per_ps or self.rate_error_per_ps is None:
            return None
        factor = 6 * diffusion_A2_ps / (self.rate_per_ps * np.square(self.vectors_A).sum(axis=1).mean())
        relative = np.hypot(error_A2_ps / diffusion_A2_ps, self.rate_error_per_ps / self.rate_per_ps)
        return float(factor), float(abs(factor) * relative)


def jumps(ensemble: Ensemble, symbol: str, where: Density) -> Jumps:
    """Between the density's peaks; an ion is on its way until it enters the core of another site.

    Cores with a gap between (milestones: Faradjian & Elber, J. Chem. Phys. 120, 10880 (2004)) keep an ion that
    trembles on a ridge from counting as a jumper.
    """
    repeats = np.rint(np.linalg.norm(ensemble.cell, axis=1) / np.linalg.norm(where.cell, axis=1)).astype(int)
    shifts = np.stack(np.meshgrid(*[np.arange(r) for r in repeats], indexing="ij"), axis=-1).reshape(-1, 3)
    sites = ((where.peaks()[None] + shifts[:, None]) @ where.cell).reshape(-1, 3)
    if len(sites) == 0:
        return _none("liquid-like", "no peak of the density: liquid-like, or too few frames", sites)
    images = _images(sites, ensemble.cell)
    tree = cKDTree(images)
    nearest = tree.query(sites, k=2)[0][:, 1].min()
    radius = min(CORE * float(nearest), LARGEST_CORE_A)
    at = _core_states(ensemble, symbol, tree, images, radius)
    inside = np.isfinite(at[..., 0])
    occupied = float(inside.mean())
    share = len(sites) * 4 / 3 * np.pi * radius**3 / ensemble.volume_A3
    if occupied < ENRICHED * share:
        words = f"cores of {len(sites)} peaks hold {occupied:.0%} of the ions' time and {share:.0%} of the volume"
        return _none("liquid-like", f"no sites: liquid-like ({words})", sites, occupied)
    return _counted(at, inside, sites, ensemble.frame_ps, occupied)


def _counted(at: np.ndarray, inside: np.ndarray, sites: np.ndarray, frame_ps: float, occupied: float) -> Jumps:
    """at: (replicas, frames, ions, 3), where the ion's core is, NaN between."""
    frames = np.arange(at.shape[1])[None, :, None]
    last = np.maximum.accumulate(np.where(inside, frames, -1), axis=1)
    held = np.take_along_axis(at, np.maximum(last, 0)[..., None], axis=1)
    known = (last[:, :-1] >= 0) & (last[:, 1:] >= 0)
    steps = np.where(known[..., None], held[:, 1:] - held[:, :-1], 0.0)
    jumped = np.square(steps).sum(axis=-1) > 1e-6
    vectors = steps[jumped]
    if len(vectors) < FEWEST_JUMPS:
        note = f"{len(vectors)} jumps seen; a rate needs {FEWEST_JUMPS}"
        return Jumps("too few jumps", note, sites, None, None, vectors, occupied)
    seen = known.sum(axis=(1, 2)) * frame_ps
    rates = jumped.sum(axis=(1, 2)) / seen
    rate = float(jumped.sum() / seen.sum())
    poisson = rate / np.sqrt(len(vectors))
    scatter = 0.0
    if len(rates) > 1:
        scatter = rates.std(ddof=1) / np.sqrt(len(rates)) * t.ppf(0.5 + ONE_SIGMA / 2, len(rates) - 1)
    note = ""
    if 1 / rate < FEWEST_FRAMES * frame_ps:
        note = f"ions stay {1 / rate:.3g} ps, frames are {frame_ps:g} ps apart: jumps go unseen, the rate is too low"
    return Jumps("sites", note, sites, rate, float(max(poisson, scatter)), vectors, occupied)


def _core_states(ensemble: Ensemble, symbol: str, tree: cKDTree, images: np.ndarray, radius: float) -> np.ndarray:
    """(replicas, frames, ions, 3): unwrapped place of the site whose core an ion is in, NaN between cores."""
    places = ensemble.positions_A[:, :, ensemble.members(symbol)]
    flat = places.reshape(-1, 3)
    cells = np.floor(np.linalg.solve(ensemble.cell.T, flat.T).T) @ ensemble.cell
    distance, which = tree.query(flat - cells, distance_upper_bound=radius)
    found = np.full_like(flat, np.nan)
    hit = np.isfinite(distance)
    found[hit] = images[which[hit]] + cells[hit]
    return found.reshape(places.shape)


def _images(sites: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Sites and their images in the cells around, (27 sites, 3)."""
    shifts = np.stack(np.meshgrid(*[[0, -1, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3) @ cell
    return (sites[None] + shifts[:, None]).reshape(-1, 3)


def _none(verdict: str, note: str, sites: np.ndarray, occupied: float | None = None) -> Jumps:
    return Jumps(verdict, note, sites, None, None, np.zeros((0, 3)), occupied)
