"""A first guess of a path on which no atom runs into another, found from distances alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matscipy.neighbours import neighbour_list

from properties.barriers.band import BandSettings, relax_band, straight

REACH_A = 5.0
"""Pairs further apart weigh less than a hundredth of neighbours (the weight is d⁻⁴)."""
SETTINGS = BandSettings(
    climb=False, spring_eV_A2=0.5, band_fmax_eV_A=0.02, max_steps=200, longest_A=0.1, optimiser="fire"
)
"""It is a guess: rest to this much is more than enough."""


@dataclass(frozen=True)
class PairSurface:
    """Σ_{i<j} (d_ij − D_ij)²/d_ij⁴ of each image, where D goes evenly from one end's distances to the other's.

    Image dependent pair potential: Smidstrup, Pedersen, Stokbro & Jónsson, J. Chem. Phys. 140, 214106 (2014).
    A pair is an atom and *one* periodic image of another, followed along the path: distances then change smoothly even
    where atoms cross the cell's edge or are neighbours of several of one another's images.

    Attributes:
        positions: of all atoms at the start, Å, (N, 3); those held stay there.
        free: which of them move.
        first, second: of each pair, (p,).
        shifts: of `second`'s image, Å, (p, 3).
        targets: D, one row an image, (m, p).
    """

    positions: np.ndarray
    free: np.ndarray
    first: np.ndarray
    second: np.ndarray
    shifts: np.ndarray
    targets: np.ndarray

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Surface`; of all images with the ends, or of all between them."""
        targets = self.targets if len(points) == len(self.targets) else self.targets[1:-1]
        told = [self._one(x, target) for x, target in zip(points, targets, strict=True)]
        return np.array([e for e, _ in told]), np.stack([f for _, f in told])

    def _one(self, point: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
        positions = self.positions.copy()
        positions[self.free] = point
        vectors, d = self.vectors(positions)
        off = d - target
        slope = 2 * off / d**4 - 4 * off**2 / d**5
        pull = (slope / d)[:, None] * vectors
        forces = np.zeros_like(positions)
        np.add.at(forces, self.first, pull)
        np.add.at(forces, self.second, -pull)
        return float((off**2 / d**4).sum()), forces[self.free]

    def vectors(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From the first of each pair to the second, (p, 3), and their lengths, (p,)."""
        vectors = positions[self.second] + self.shifts - positions[self.first]
        return vectors, np.maximum(np.linalg.norm(vectors, axis=1), 0.1)


def idpp_path(
    positions: np.ndarray, cell: np.ndarray, free: np.ndarray, initial: np.ndarray, final: np.ndarray, images: int
) -> np.ndarray:
    """Points between two ends, with them, (images + 2, n, 3); arguments as of `PairSurface`.

    initial, final: of the free atoms, Å, (n, 3), unwrapped: an atom that crosses the cell's edge goes on beyond it.
    """
    line = straight(initial, final, images)
    pairs = _pairs(positions, cell, free, line)
    start = PairSurface(positions, free, *pairs, targets=np.zeros((len(line), len(pairs[0]))))
    ends = []
    for point in (line[0], line[-1]):
        everywhere = positions.copy()
        everywhere[free] = point
        ends.append(start.vectors(everywhere)[1])
    share = np.linspace(0, 1, len(line))[:, None]
    targets = ends[0] + share * (ends[1] - ends[0])
    surface = PairSurface(positions, free, *pairs, targets=targets)
    return relax_band(surface, line, SETTINGS).points


def _pairs(
    positions: np.ndarray, cell: np.ndarray, free: np.ndarray, line: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs that come within reach anywhere on the straight line, each once; those of held atoms left out."""
    found = set()
    moves = np.zeros(len(positions), bool)
    moves[free] = True
    for point in line:
        everywhere = positions.copy()
        everywhere[free] = point
        i, j, s = neighbour_list("ijS", cell=cell, positions=everywhere, pbc=np.ones(3, bool), cutoff=REACH_A)
        kept = (i < j) & (moves[i] | moves[j])
        found |= set(map(tuple, np.c_[i, j, s][kept].tolist()))
    table = np.array(sorted(found), int).reshape(-1, 5)
    return table[:, 0], table[:, 1], table[:, 2:] @ cell
