"""Shifts of a layer that symmetry makes equal."""

from __future__ import annotations

import numpy as np
import spglib

from properties.layers.layers import SYMPREC_A, LayeredCrystal


def shift_symmetries(crystal: LayeredCrystal, layer: int) -> list[np.ndarray]:
    """Whole-number matrices M, (2, 2): a shift (u, v) of the layer, in cell vectors, costs what M (u, v) costs.

    A symmetry that takes the layer into itself turns its shift. One that takes it into another layer turns it into a
    shift of that one; where there are two layers, it is the first one's turned round.
    """
    atoms = crystal.atoms
    try:
        found = spglib.get_symmetry(
            (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=SYMPREC_A
        )
    except spglib.SpglibError:
        found = None
    if found is None:
        return [np.eye(2, dtype=int)]
    owner = np.empty(len(atoms), dtype=int)
    for k, member in enumerate(crystal.layers):
        owner[member.atoms] = k
    turns: set[tuple[int, ...]] = {(1, 0, 0, 1)}
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        image = owner[_image(crystal, int(crystal.layers[layer].atoms[0]), rotation, translation)]
        if image == layer or len(crystal.layers) == 2:
            sign = 1 if image == layer else -1
            turns.add(tuple(int(x) for x in sign * rotation[:2, :2].ravel()))
    return [np.array(turn).reshape(2, 2) for turn in sorted(turns)]


def _image(crystal: LayeredCrystal, atom: int, rotation: np.ndarray, translation: np.ndarray) -> int:
    """Which atom a symmetry takes this one to."""
    scaled = crystal.atoms.get_scaled_positions()
    away = scaled - (rotation @ scaled[atom] + translation)
    away = (away - np.round(away)) @ crystal.atoms.cell.array
    away[crystal.atoms.numbers != crystal.atoms.numbers[atom]] = np.inf
    return int(np.argmin((away**2).sum(axis=1)))


def distinct_shifts(grid: tuple[int, int], turns: list[np.ndarray]) -> np.ndarray:
    """For each point of a grid over the cell the first point that symmetry makes equal to it, (n1, n2), flat places.

    A turn that takes the grid's points off the grid is not used.
    """
    n = np.array(grid)
    points = np.stack(np.meshgrid(*(np.arange(x) for x in grid), indexing="ij"), axis=-1).reshape(-1, 2)
    found = np.arange(len(points))
    for turn in turns:
        images = (points / n) @ turn.T * n
        if np.abs(images - np.round(images)).max() > 1e-6:
            continue
        whole = np.round(images).astype(int) % n
        found = np.minimum(found, whole[:, 0] * n[1] + whole[:, 1])
    return found.reshape(grid)
