"""The layers of a crystal: which atoms, how they lie on each other, and how far apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from pymatgen.core.composition import reduce_formula

from properties.errors import InapplicableError
from properties.layers.dimensionality import Dimensionality, dimensionality
from properties.layers.integer_lattice import basis_with_plane, index_in_plane, normal_of
from properties.layers.periodic_graph import Component

SYMPREC_A = 0.02
"""Layers that a symmetry of the crystal takes into each other to within this are of one kind; what they differ by in
energy is of second order in it."""


class NotLayeredError(InapplicableError):
    """A crystal without layers; the message says what it is."""


@dataclass(frozen=True)
class Layer:
    """One layer of the cell.

    Attributes:
        atoms: which of the crystal's, (m,).
        positions: Å, (m, 3): in one piece, whatever cells that takes; its mean height lies in the crystal's cell.
        height_A: mean of its atoms' heights above the plane through the origin.
        bottom_A, top_A: heights of its lowest and its highest atom.
        kind: layers of one number are the same by the crystal's symmetry.
        formula: reduced.
    """

    atoms: np.ndarray
    positions: np.ndarray
    height_A: float
    bottom_A: float
    top_A: float
    kind: int
    formula: str

    @property
    def thickness_A(self) -> float:
        """Between its outermost atoms' centres."""
        return self.top_A - self.bottom_A


@dataclass(frozen=True)
class Gap:
    """Between a layer and the next one above, by their places in the stack; after the last comes the first.

    Attributes:
        lower, upper: layers.
        distance_A: between their mean planes.
        free_A: from the highest atom of the lower to the lowest of the upper one; negative where they interlock.
    """

    lower: int
    upper: int
    distance_A: float
    free_A: float


@dataclass(frozen=True)
class LayeredCrystal:
    """A crystal as a stack.

    Attributes:
        atoms: the same crystal, atoms in the given order and places, in a cell whose first two vectors lie in the
            layers' plane and whose third leads to the next cell of the stack.
        normal: unit vector, upwards.
        miller: of the layers' plane in the cell as given.
        layers: from below.
        dimensionality: how they were found.
    """

    atoms: Atoms
    normal: np.ndarray
    miller: tuple[int, int, int]
    layers: tuple[Layer, ...]
    dimensionality: Dimensionality

    @property
    def area_A2(self) -> float:
        """Of the cell in the plane."""
        return float(np.linalg.norm(np.cross(*self.atoms.cell.array[:2])))

    @property
    def period_A(self) -> float:
        """Height of the cell."""
        return float(self.atoms.cell.array[2] @ self.normal)

    @property
    def interlayer_distance_A(self) -> float:
        """Height of the cell over the number of layers: the distance of mean planes where all are alike."""
        return self.period_A / len(self.layers)

    @property
    def gaps(self) -> list[Gap]:
        """One above each layer."""
        return [self._gap(k) for k in range(len(self.layers))]

    def _gap(self, k: int) -> Gap:
        above = (k + 1) % len(self.layers)
        lower, upper = self.layers[k], self.layers[above]
        lift = self.period_A if above <= k else 0.0
        return Gap(k, above, upper.height_A + lift - lower.height_A, upper.bottom_A + lift - lower.top_A)

    @property
    def kinds(self) -> list[list[int]]:
        """Places of the layers of each kind."""
        return [
            [k for k, layer in enumerate(self.layers) if layer.kind == kind]
            for kind in range(1 + max(layer.kind for layer in self.layers))
        ]

    def to_json(self) -> dict[str, Any]:
        """Lengths in Å."""
        return {
            **self.dimensionality.to_json(),
            "layered": True,
            "n_layers": len(self.layers),
            "stacking_miller": list(self.miller),
            "stacking_direction": self.normal.tolist(),
            "interlayer_distance_A": self.interlayer_distance_A,
            "area_A2": self.area_A2,
            "layers": [
                {
                    "formula": x.formula, "kind": x.kind, "n_atoms": len(x.atoms), "atoms": x.atoms.tolist(),
                    "height_A": x.height_A, "thickness_A": x.thickness_A,
                }
                for x in self.layers
            ],
            "gaps": [
                {"lower": g.lower, "upper": g.upper, "distance_A": g.distance_A, "free_A": g.free_A} for g in self.gaps
            ],
        }  # fmt: skip


def find_layers(atoms: Atoms, bond_scale: float | None = None) -> LayeredCrystal:
    """The layers of a crystal, along whatever direction they are stacked.

    atoms: periodic in three directions; not changed.
    bond_scale: as of `dimensionality`.

    Raises:
        NotLayeredError: it is something else, or its layers do not lie on each other.
    """
    found = dimensionality(atoms, bond_scale)
    if not found.layered:
        raise _not_layered(atoms, found)
    planes = [component.lattice.basis for component in found.components]
    normals = {(int(h), int(k), int(l)) for h, k, l in map(normal_of, planes)}  # noqa: E741
    if len(normals) > 1:
        raise NotLayeredError(f"{formula_of(atoms)} has layers that cross each other: no stack", found.to_json())
    if any(index_in_plane(plane) > 1 for plane in planes):
        raise NotLayeredError(f"{formula_of(atoms)} has nets that run through each other in one layer", found.to_json())
    miller = normals.pop()
    cell = stacking_cell(atoms.cell.array, miller)
    crystal = Atoms(atoms.numbers, atoms.positions, cell=cell, pbc=True)
    normal = np.cross(cell[0], cell[1])
    normal /= np.linalg.norm(normal)
    layers = _stack(atoms, found.components, cell, normal)
    return LayeredCrystal(crystal, normal, miller, layers, found)


def stacking_cell(cell: np.ndarray, miller: Sequence[int]) -> np.ndarray:
    """Vectors of the same lattice, (3, 3) rows, right-handed: two short ones in the plane, the third to the next one.

    cell: rows, Å; miller: whole-number normal of the plane in it.
    """
    a, b, c = basis_with_plane(np.array(miller)) @ cell
    while True:  # Gauss: the shortest basis of a plane
        a, b = (a, b) if a @ a <= b @ b else (b, a)
        times = np.round(a @ b / (a @ a))
        if not times:
            break
        b = b - times * a
    b = -b if a @ b > 1e-9 * (a @ a) else b  # 120 degrees rather than 60
    if np.cross(a, b) @ c < 0:
        c = -c
    plane = np.array([a, b])
    over = np.linalg.lstsq(plane.T, c, rcond=None)[0]
    return np.array([a, b, c - np.round(over - 1e-6) @ plane])


def _stack(
    atoms: Atoms, components: Sequence[Component], cell: np.ndarray, normal: np.ndarray
) -> tuple[Layer, ...]:
    kinds = _kinds(atoms, components)
    period = cell[2] @ normal
    layers = []
    for component, kind in zip(components, kinds, strict=True):
        positions = atoms.positions[component.nodes] + component.cells @ atoms.cell.array
        # A layer at height 0 stays there, whatever rounding says
        positions = positions - np.floor((positions @ normal).mean() / period + 1e-6) * cell[2]
        heights = positions @ normal
        formula = formula_of(atoms[component.nodes])
        layers.append(
            Layer(
                component.nodes, positions, float(heights.mean()), float(heights.min()), float(heights.max()), kind,
                formula,
            )
        )  # fmt: skip
    return _numbered(sorted(layers, key=lambda layer: layer.height_A))


def _numbered(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Kinds counted from below."""
    order = list(dict.fromkeys(layer.kind for layer in layers))
    return tuple(replace(layer, kind=order.index(layer.kind)) for layer in layers)


def _kinds(atoms: Atoms, components: Sequence[Component]) -> list[int]:
    """Layers of one number are the same: a symmetry that takes one atom into another takes its whole layer along."""
    try:
        found = spglib.get_symmetry_dataset(
            (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=SYMPREC_A
        )
    except spglib.SpglibError:
        found = None
    orbit = np.arange(len(atoms)) if found is None else found.crystallographic_orbits
    firsts = [frozenset(orbit[component.nodes].tolist()) for component in components]
    return [firsts.index(first) for first in firsts]


def formula_of(atoms: Atoms) -> str:
    """Reduced, in order of electronegativity; an element is its symbol (O, not O2)."""
    counts = Counter(atoms.symbols)
    return next(iter(counts)) if len(counts) == 1 else str(reduce_formula(counts)[0])


def _not_layered(atoms: Atoms, found: Dimensionality) -> NotLayeredError:
    """What it is instead."""
    as_layers = f"; as layers it would score {found.scores['2D']:.2f}" if "2D" in found.scores else ""
    beside = f", the next contact is {found.next_contact}" if found.next_contact != "none" else ""
    bonds = f"its longest bond is {found.longest_bond}" if found.longest_bond != "none" else "its atoms have no bonds"
    return NotLayeredError(
        f"{formula_of(atoms)} is not layered but {found.words} ({found.kind}, score {found.score:.2f}{as_layers}): "
        f"{bonds}{beside}",
        found.to_json() | {"layered": False},
    )
