"""Cells made of layers that keep their shape: isolated, opened, slid over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from potentials.neighbours import Structure
from properties.layers.layers import Layer, LayeredCrystal


def isolated(crystal: LayeredCrystal, layer: Layer, vacuum_A: float) -> Atoms:
    """One layer by itself, as it is in the crystal, with so much empty space to its next image, straight above it."""
    a, b = crystal.atoms.cell.array[:2]
    cell = np.array([a, b, (layer.thickness_A + vacuum_A) * crystal.normal])
    return Atoms(crystal.atoms.numbers[layer.atoms], layer.positions, cell=cell, pbc=True)


def moved(
    crystal: LayeredCrystal, shifts: Sequence[np.ndarray] | np.ndarray, period: np.ndarray | Sequence[float]
) -> Structure:
    """Each layer shifted rigidly.

    shifts: of each layer, (n_layers, 3), Å; period: what is added to the cell's third vector, (3,), Å.
    """
    cell = crystal.atoms.cell.array.copy()
    cell[2] += np.asarray(period)
    positions = np.empty_like(crystal.atoms.positions)
    for layer, shift in zip(crystal.layers, shifts, strict=True):
        positions[layer.atoms] = layer.positions + shift
    return Structure(crystal.atoms.numbers, positions, cell)


def spread(crystal: LayeredCrystal, opening_A: float) -> Structure:
    """Every gap wider by so much."""
    n = len(crystal.layers)
    steps = opening_A * crystal.normal
    return moved(crystal, np.arange(n)[:, None] * steps, n * steps)


def opened(crystal: LayeredCrystal, gap: int, opening_A: float) -> Structure:
    """One gap wider by so much: the one above layer `gap`."""
    step = opening_A * crystal.normal
    above = np.arange(len(crystal.layers)) > gap
    return moved(crystal, above[:, None] * step, step)


def slid(crystal: LayeredCrystal, layer: int, shift: np.ndarray, opening_A: float) -> Structure:
    """One layer shifted in the plane against all others, its two gaps wider by so much each.

    crystal: of two layers at least; shift: (3,), Å.
    """
    step = opening_A * crystal.normal
    places = np.arange(len(crystal.layers))
    lifts = 1.0 * (places >= layer) + 1.0 * (places > layer)
    return moved(crystal, lifts[:, None] * step + (places == layer)[:, None] * shift, 2 * step)


def with_two_layers(crystal: LayeredCrystal) -> LayeredCrystal:
    """The same; where its cell has one layer, the cell that is twice as high."""
    if len(crystal.layers) > 1:
        return crystal
    (layer,) = crystal.layers
    period = crystal.atoms.cell.array[2]
    rise = float(period @ crystal.normal)
    atoms = crystal.atoms.copy()
    positions = np.concatenate([atoms.positions, atoms.positions + period])
    double = Atoms(np.tile(atoms.numbers, 2), positions, cell=atoms.cell, pbc=True)
    double.cell[2] *= 2
    upper = replace(
        layer,
        atoms=layer.atoms + len(atoms),
        positions=layer.positions + period,
        height_A=layer.height_A + rise,
        bottom_A=layer.bottom_A + rise,
        top_A=layer.top_A + rise,
    )
    return replace(crystal, atoms=double, layers=(layer, upper))
