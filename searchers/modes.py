"""The lowest vibrations of a crystal, as whoever knows the forces tells them to a searcher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Modes:
    """Vibrations at Γ of one cell, lowest first, without the three in which all atoms move alike.

    Attributes:
        frequencies_THz: ascending, an unstable mode's imaginary one as a negative number, shape (m,).
        displacements: of the atoms of that cell, Cartesian (eigenvectors over the roots of the masses), each mode
            scaled to a largest atomic displacement of 1, shape (m, n, 3).

    Raises:
        ValueError: shapes that do not fit each other.
    """

    frequencies_THz: np.ndarray
    displacements: np.ndarray

    def __post_init__(self) -> None:
        m = len(self.frequencies_THz)
        shape = self.displacements.shape
        if self.frequencies_THz.shape != (m,) or len(shape) != 3 or (shape[0], shape[2]) != (m, 3):
            raise ValueError(f"displacements must have the shape ({m}, n, 3) (is {shape})")

    def to_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return {"frequencies_THz": self.frequencies_THz.tolist(), "displacements": self.displacements.tolist()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        displacements = np.array(value["displacements"], dtype=float)
        frequencies_THz = np.array(value["frequencies_THz"], dtype=float)
        return cls(frequencies_THz, displacements if len(frequencies_THz) else np.empty((0, 0, 3)))
