"""Where the mobile ions are: their density on the lattice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

from properties.transport.ensemble import Ensemble

VOXEL_A = 0.25
"""Edge of a voxel: a third of an ion's thermal motion in a site."""
BLUR_A = 0.35
"""Of the density before its peaks are looked for: thermal motion again, so that noise makes no peaks."""
PEAK = 2.0
"""Times the mean density that a site's peak has: a liquid's fluctuate by less."""
APART_A = 1.2
"""Between sites: nearer peaks are one that is split."""
MAP_BINS = 32
"""Of a projected map along each axis."""


@dataclass(frozen=True)
class Density:
    """Ions per Å³ on a grid over a cell, onto which the whole crystal is folded.

    Attributes:
        cell: row vectors, Å.
        per_A3: (na, nb, nc); voxel (i, j, k) has its centre at ((i + ½)/na, …) of the cell: ready for isosurfaces.
        fractional: (samples, 3), the positions it is made of.
        ions: in the folded cell, on average.
    """

    cell: np.ndarray
    per_A3: np.ndarray
    fractional: np.ndarray
    ions: float

    @property
    def mean_per_A3(self) -> float:
        """Of the cell."""
        return float(self.per_A3.mean())

    @cached_property
    def blurred(self) -> np.ndarray:
        """By a Gaussian of BLUR_A along each axis, as `per_A3`."""
        edges = np.linalg.norm(self.cell, axis=1) / self.per_A3.shape
        return gaussian_filter(self.per_A3, BLUR_A / edges, mode="wrap")

    def peaks(self) -> np.ndarray:
        """Fractional coordinates of sites, highest first, (sites, 3)."""
        edges = np.linalg.norm(self.cell, axis=1) / self.per_A3.shape
        size = tuple(int(2 * np.ceil(APART_A / 2 / e) + 1) for e in edges)
        top = (self.blurred == maximum_filter(self.blurred, size=size, mode="wrap")) & (
            self.blurred > PEAK * self.mean_per_A3
        )
        places = np.argwhere(top)
        order = np.argsort(-self.blurred[tuple(places.T)], kind="stable")
        kept: list[np.ndarray] = []
        for place in (places[order] + 0.5) / self.per_A3.shape:
            if all(_distance_A(place - other, self.cell) > APART_A for other in kept):
                kept.append(place)
        return np.array(kept).reshape(-1, 3)

    def projection_per_A2(self, first: int, second: int) -> np.ndarray:
        """(bins, bins), of ions in the cell seen along its third axis."""
        counts = np.histogram2d(
            self.fractional[:, first], self.fractional[:, second], bins=MAP_BINS, range=[[0, 1], [0, 1]]
        )[0]
        area = np.linalg.norm(np.cross(self.cell[first], self.cell[second])) / MAP_BINS**2
        return counts * (self.ions / len(self.fractional) / area)


def density(ensemble: Ensemble, symbol: str, repeats: tuple[int, int, int] = (1, 1, 1)) -> Density:
    """Of a species, all frames of all replicas, in the frame of reference the ensemble is seen from."""
    cell = ensemble.cell / np.array(repeats)[:, None]
    places = ensemble.positions_A[:, :, ensemble.members(symbol)].reshape(-1, 3)
    fractional = np.linalg.solve(cell.T, places.T).T % 1.0 % 1.0  # a tiny negative number % 1 is 1.0
    shape = np.maximum(np.ceil(np.linalg.norm(cell, axis=1) / VOXEL_A).astype(int), 4)
    counts = np.histogramdd(fractional, bins=shape.tolist(), range=[(0, 1)] * 3)[0]
    ions = len(ensemble.members(symbol)) / np.prod(repeats)
    voxel = abs(np.linalg.det(cell)) / np.prod(shape)
    return Density(cell, counts * (ions / len(fractional) / voxel), fractional, float(ions))


def _distance_A(fractional: np.ndarray, cell: np.ndarray) -> float:
    return float(np.linalg.norm((fractional - np.round(fractional)) @ cell))
