"""Axes of a crystal along a row of volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from ase.geometry import cell_to_cellpar
from numpy.polynomial import polynomial

_DEGREE = 3  # of ln V
_WHOLE = 1e-4  # how near to integers the conventional cell's vectors are in the primitive one's


@dataclass(frozen=True)
class Axes:
    """The conventional cell at t volumes.

    Attributes:
        lengths_A: (t, 3), a, b and c.
        angles_degree: (t, 3), α, β and γ.
        expansion: (t, 3), d ln(length)/d ln V; a third each where the shape is kept.
    """

    lengths_A: np.ndarray
    angles_degree: np.ndarray
    expansion: np.ndarray


def axes_at(cells: np.ndarray, conventional: np.ndarray, volumes_A3: np.ndarray) -> Axes:
    """Axes of the shape that the row of cells has at each volume, by cubics in ln V.

    cells: (k, 3, 3), rows are vectors, at least 4 of different volume.
    conventional: (3, 3), see `conventional_axes`.
    volumes_A3: (t,), of cells as those; NaN gives NaN.
    """
    parameters = np.array([cell_to_cellpar(conventional @ cell) for cell in cells])
    volumes = np.abs(np.linalg.det(cells))
    middle = float(np.exp(np.log(volumes).mean()))
    table = np.concatenate([np.log(parameters[:, :3]), parameters[:, 3:]], axis=1)
    cubics = polynomial.polyfit(np.log(volumes / middle), table, _DEGREE)
    x = np.log(np.asarray(volumes_A3) / middle)
    found = polynomial.polyval(x, cubics).T
    slopes = polynomial.polyval(x, polynomial.polyder(cubics[:, :3])).T
    return Axes(np.exp(found[:, :3]), found[:, 3:], slopes)


def conventional_axes(atoms: Atoms, symprec_A: float) -> np.ndarray:
    """Integer matrix (3, 3) whose product with the cell has the rows a, b and c of the conventional cell.

    The cell's own vectors where spglib finds no symmetry. spglib's choice of axes for triclinic crystals.
    """
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    dataset = spglib.get_symmetry_dataset(cell, symprec=symprec_A)
    if dataset is None:
        return np.eye(3, dtype=int)
    # The columns of the transformation matrix are the cell's vectors in those of the conventional one
    exact = np.linalg.inv(dataset.transformation_matrix).T
    whole = exact.round()
    return whole.astype(int) if np.abs(exact - whole).max() < _WHOLE else np.eye(3, dtype=int)
