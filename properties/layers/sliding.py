"""The energy of one layer that slides over its neighbours, and the lowest way across."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from potentials.potential import Potential
from properties.errors import PropertyError
from properties.evaluating import evaluate_all
from properties.layers.curve import minimum
from properties.layers.layers import LayeredCrystal
from properties.layers.periodic_graph import PeriodicGraph
from properties.layers.shift_symmetry import distinct_shifts, shift_symmetries
from properties.layers.stacks import slid, with_two_layers

OPENINGS_A = (-0.3, -0.15, 0.0, 0.15, 0.3, 0.5, 0.75, 1.05)
"""Of the two gaps of the layer that slides: atoms on top of each other stand up to an Å further apart, and where they
fit into each other, closer (black P by 0.2 Å)."""
SPACING_A = 0.75
"""Between shifts; what is smaller than a bond's length is seen by no energy between layers."""
MULTIPLE = 6
"""Points along each vector come in sixes, so that halves and thirds, where symmetric stackings are, are among them."""
FINE = 60
"""Points along each vector of the surface on which ways are looked for."""


@dataclass(frozen=True)
class SlidingSurface:
    """Energy against the rigid shift of one layer in the plane.

    Attributes:
        vectors: the cell's two in the plane, Å, rows, (2, 3).
        layer: which one slides; the cell is doubled where it has one.
        openings_A: how the two gaps beside it are widened; the best is taken at each shift, so that more than one
            relaxes the distance.
        energies_eV: less that of the crystal's own stacking, of both gaps together, (n1, n2); shift (i/n1, j/n2).
        best_openings_A: where it is lowest, (n1, n2).
        at_the_end: shifts whose lowest opening is the widest or the narrowest of them: their energies are too high.
        symmetries: shifts that cost the same: (u, v) and M (u, v), in cell vectors, M whole-number matrices, (m, 2, 2).
        n_atoms: of the layer that slides.
        evaluations: spent.
    """

    vectors: np.ndarray
    layer: int
    openings_A: tuple[float, ...]
    energies_eV: np.ndarray
    best_openings_A: np.ndarray
    at_the_end: int
    symmetries: np.ndarray
    n_atoms: int
    evaluations: int

    @property
    def meV_per_A2(self) -> np.ndarray:
        """Of each of the two gaps, (n1, n2)."""
        area = float(np.linalg.norm(np.cross(*self.vectors)))
        return 1e3 * self.energies_eV / (2 * area)

    def fine(self, points: int = FINE) -> np.ndarray:
        """The same on a finer grid, (points, points), meV/Å²."""
        return refined(self.meV_per_A2, self.symmetries, points)

    def to_json(self) -> dict[str, Any]:
        """Energies of one gap, lengths in Å; `barrier` is on the way to the layer's own image, and so on for ever."""
        surface = self.meV_per_A2
        area = float(np.linalg.norm(np.cross(*self.vectors)))
        fine = self.fine()
        first, both, way = barriers(fine)
        low = np.unravel_index(int(np.argmin(surface)), surface.shape)
        per_atom = area / self.n_atoms
        return {
            "vectors_A": self.vectors.tolist(),
            "layer": self.layer,
            "openings_A": list(self.openings_A),
            "grid": list(surface.shape),
            "meV_per_A2": surface.tolist(),
            "distance_change_A": self.best_openings_A.tolist(),
            "distances_at_the_end": self.at_the_end,
            "barrier_meV_per_A2": first,
            "barrier_meV_per_atom": first * per_atom,
            "barrier_any_direction_meV_per_A2": both,
            "easy_direction": way,
            "highest_meV_per_A2": float(fine.max()),
            "highest_meV_per_atom": float(fine.max()) * per_atom,
            "lowest_meV_per_A2": float(surface[low]),
            "lowest_shift": [float(low[0] / surface.shape[0]), float(low[1] / surface.shape[1])],
            "symmetries": self.symmetries.tolist(),
            "evaluations": self.evaluations,
        }


def sliding_surface(
    potential: Potential,
    crystal: LayeredCrystal,
    grid: tuple[int, int] | None = None,
    openings_A: Sequence[float] = OPENINGS_A,
    layer: int = 0,
    on_done: Callable[[int, int], None] | None = None,
) -> SlidingSurface:
    """All shifts that symmetry leaves distinct, at all distances, in one batch.

    grid: points along the two vectors; None takes sixes of points no further apart than `SPACING_A`.
    openings_A: one alone holds the distance (0 at the crystal's own).
    layer: which slides, counted from below.
    on_done: told how many evaluations are done, of how many.

    Raises:
        PropertyError: there is no such layer.
        EvaluationError: as of `evaluate_all`.
    """
    check_sliding_layer(crystal, layer)
    stack = with_two_layers(crystal)
    vectors = stack.atoms.cell.array[:2]
    n = grid or points_along(vectors)
    turns = shift_symmetries(stack, layer)
    same = distinct_shifts(n, turns)
    places = np.unique(same)
    shifts = np.stack(np.divmod(places, n[1]), axis=-1) / n @ vectors
    openings = tuple(sorted(set(openings_A)))  # a spline takes each place once
    cells = [slid(stack, layer, shift, opening) for shift in shifts for opening in openings]
    told = evaluate_all(potential, cells, None if on_done is None else lambda done: on_done(done, len(cells)))
    lines = np.array([answer.energy_eV for answer in told]).reshape(len(places), len(openings))
    energies, best, ended = map(np.array, zip(*(_lowest(openings, line) for line in lines), strict=True))
    order = np.searchsorted(places, same)
    return SlidingSurface(
        vectors,
        layer,
        openings,
        (energies - energies[order[0, 0]])[order],
        best[order],
        int(ended[order].sum()),
        np.array(turns),
        len(stack.layers[layer].atoms),
        len(cells),
    )


def check_sliding_layer(crystal: LayeredCrystal, layer: int) -> None:
    """Before anything costs time.

    Raises:
        PropertyError: there is no such layer.
    """
    last = max(len(crystal.layers), 2) - 1  # a cell of one layer is doubled
    if layer > last:
        raise PropertyError(f"sliding_layer: there is no layer {layer}; the last one is {last}")


def points_along(vectors: np.ndarray) -> tuple[int, int]:
    """Points along each vector."""
    first, second = (MULTIPLE * ceil(np.linalg.norm(v) / (MULTIPLE * SPACING_A) - 1e-6) for v in vectors)
    return first, second


def _lowest(openings: Sequence[float], energies: np.ndarray) -> tuple[float, float, bool]:
    """Energy, opening, and whether there may be lower ones beyond the ends."""
    if len(openings) == 1:
        return float(energies[0]), openings[0], False
    found = minimum(openings, energies)
    if found is not None:
        return found.value, found.place, False
    k = int(np.argmin(energies))
    return float(energies[k]), openings[k], True


def refined(values: np.ndarray, symmetries: Sequence[Any] | np.ndarray, points: int) -> np.ndarray:
    """A periodic function on a finer grid, (points, points): the Fourier series of its values (n1, n2), symmetrised.

    The highest waves of a series break a hexagon's symmetry, which it has where it was measured.
    """
    fine = fourier_refined(values, points)
    n = np.arange(points)
    grid = np.stack(np.meshgrid(n, n, indexing="ij"), axis=-1)
    turned = []
    for turn in np.array(symmetries):
        at = grid @ turn.T % points
        turned.append(fine[at[..., 0], at[..., 1]])
    return np.asarray(np.mean(turned, axis=0))


def fourier_refined(values: np.ndarray, points: int) -> np.ndarray:
    """A periodic function on a finer grid, (points, points), through its values (n1, n2): trigonometric interpolation.

    The highest wave of an even number of points is shared by both signs, so that the result is real.
    """
    found = values.astype(complex)
    for axis in (0, 1):
        n = found.shape[axis]
        waves = np.fft.fftfreq(n, 1 / n)
        coefficients = np.moveaxis(np.fft.fft(found, axis=axis) / n, axis, -1)
        phase = 2 * np.pi * np.outer(waves, np.arange(points) / points)
        basis = np.exp(1j * phase)
        if n % 2 == 0:
            basis[n // 2] = np.cos(phase[n // 2])
        found = np.moveaxis(coefficients @ basis, -1, axis)
    return np.asarray(found.real)


def barriers(surface: np.ndarray) -> tuple[float, float, list[int]]:
    """The lowest passes from the first point to its images: in one direction, in all, and that direction.

    Water rises from below: when the pool around the first point reaches its own image, it has found the lowest pass,
    and the lattice vector that it reached is the direction of easy sliding; when it has reached images in two
    directions, the layer slides anywhere.

    surface: periodic, (n1, n2); energies count from its first point.
    """
    n1, n2 = surface.shape
    graph = PeriodicGraph(n1 * n2, 2)
    wet = np.zeros(surface.shape, dtype=bool)
    first: float | None = None
    way: list[int] = []
    for place in np.argsort(surface, axis=None, kind="stable"):
        i, j = divmod(int(place), n2)
        wet[i, j] = True
        for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1)):
            (si, ni), (sj, nj) = divmod(i + di, n1), divmod(j + dj, n2)
            if wet[ni, nj]:
                graph.add(i * n2 + j, ni * n2 + nj, (si, sj))
        if not wet[0, 0]:
            continue
        lattice = graph.lattice(graph.find(0)[0])
        height = max(float(surface[i, j] - surface[0, 0]), 0.0)
        if lattice.rank and first is None:
            first, way = height, [int(x) for x in lattice.basis[0]]
        if lattice.rank == 2 and first is not None:
            return first, height, way
    raise AssertionError("a torus that is all under water has images in two directions")
