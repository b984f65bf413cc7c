"""Distances to the convex hull for many draws of the energies at once, and from which structures each of them hangs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull

_BELOW_EV = 1e-9
_SLIVER = 1e-6  # a facet without volume cannot hold a composition beside it


@dataclass(frozen=True)
class DrawnHulls:
    """Hulls of many draws.

    Attributes:
        distances: (draws, n) energy above the hull of its own draw, eV/atom, 0 on it.
        shares: (n, n) mean over the draws of the share of structure k in the mixture of stable phases that structure j
            would fall apart into, [j, k]; rows sum to 1. The derivative of the distance of j to the energy of k is
            δ_jk − shares[j, k].
    """

    distances: np.ndarray
    shares: np.ndarray


def formation_energies(fractions: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """From the lowest structure of each element, (draws, n), eV/atom.

    fractions: (n, n_elements); every element must occur pure.
    energies: (draws, n), eV/atom.

    Raises:
        ValueError: an element does not.
    """
    lowest = np.stack([corner[energies[:, corner].argmin(axis=1)] for corner in _corners(fractions)], axis=1)
    return energies - np.take_along_axis(energies, lowest, axis=1) @ fractions.T


def hull_distances(fractions: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Energy above the convex hull of its own draw, (draws, n), eV/atom, 0 on it.

    Where only one composition occurs it is the energy above the lowest.

    fractions: (n, n_elements), each row summing to 1; every element must occur pure unless all rows are alike.
    energies: (draws, n), eV/atom.
    """
    return _distances(fractions, energies, None)


def drawn_hulls(fractions: np.ndarray, energies: np.ndarray) -> DrawnHulls:
    """Distances, and what hangs from what; arguments as for `hull_distances`."""
    n = energies.shape[1]
    shares = np.zeros((n, n))
    if np.allclose(fractions, fractions[0]):
        shares[:] = np.bincount(energies.argmin(axis=1), minlength=n)
    distances = _distances(fractions, energies, shares)
    return DrawnHulls(distances, shares / len(energies))


def _distances(fractions: np.ndarray, energies: np.ndarray, shares: np.ndarray | None) -> np.ndarray:
    """Of each draw, (draws, n); where there are `shares`, those of the stable phases of each draw are added."""
    if np.allclose(fractions, fractions[0]):
        return energies - energies.min(axis=1, keepdims=True)
    corners = _corners(fractions)
    distances = np.empty_like(energies)
    for row, energy in enumerate(energies):
        ends = np.array([corner[energy[corner].argmin()] for corner in corners])
        formation = energy - fractions @ energy[ends]
        distances[row] = _hang(fractions, formation, ends, shares)
    return distances


def pure_places(fractions: np.ndarray) -> list[np.ndarray]:
    """Places of each element's own structures; an element may have none."""
    return [np.flatnonzero(np.isclose(column, 1.0)) for column in fractions.T]


def _corners(fractions: np.ndarray) -> list[np.ndarray]:
    pure = pure_places(fractions)
    missing = [k for k, corner in enumerate(pure) if not len(corner)]
    if missing:
        raise ValueError(f"element {missing[0]} does not occur pure: formation energies have no zero")
    return pure


def _hang(fractions: np.ndarray, formation: np.ndarray, ends: np.ndarray, shares: np.ndarray | None) -> np.ndarray:
    """Distances of one draw; the shares of its phases are added to `shares`."""
    low = np.flatnonzero(formation < -_BELOW_EV)
    if not len(low):
        if shares is not None:
            shares[:, ends] += fractions
        return formation
    places = np.concatenate([ends, low])
    points = np.column_stack([fractions[places, 1:], formation[places]])
    hull = ConvexHull(points, qhull_options="Qt")
    lower = hull.equations[:, -2] < -_BELOW_EV
    equations, vertices = hull.equations[lower], places[hull.simplices[lower]]
    levels = -(fractions[:, 1:] @ equations[:, :-2].T + equations[:, -1]) / equations[:, -2]
    parts = np.einsum("je,fek->jfk", fractions, np.linalg.pinv(fractions[vertices]))
    # Facets of one plane (a triangulated square) all reach its level: one of them holds the point
    misfit = np.abs(np.einsum("jfk,fke->jfe", parts, fractions[vertices]) - fractions[:, None]).max(axis=2)
    inside = np.where(misfit < _SLIVER, parts.min(axis=2), -np.inf)
    tied = levels >= levels.max(axis=1, keepdims=True) - _BELOW_EV
    facet = np.where(tied, inside, -np.inf).argmax(axis=1)
    parts = np.clip(parts[np.arange(len(parts)), facet], 0.0, 1.0)
    parts /= parts.sum(axis=1, keepdims=True)
    if shares is not None:
        np.add.at(shares, (np.arange(len(fractions))[:, None], vertices[facet]), parts)
    level = np.einsum("jk,jk->j", parts, formation[vertices[facet]])
    return np.maximum(formation - level, 0.0)
