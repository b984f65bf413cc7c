"""What is asked of a quasi-harmonic crystal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from properties.errors import PropertyError
from properties.phonons.harmonic import MESH_LENGTH_A, DisplacementSettings
from properties.thermal.equation_of_state import Form

FEWEST_VOLUMES = 7
"""With which expansion is worth its name: cubics and an equation of state leave three to tell noise by."""


@dataclass(frozen=True)
class ThermalSettings:
    """Volumes, temperatures and phonons.

    Attributes:
        temperatures_K: None takes 0 to 1000 in steps of 10.
        pressure_GPa: of the whole calculation: the crystal rests under it, and G holds P V.
        volumes: how many, at equal steps.
        strains: V/V0 − 1 of the smallest and of the largest, moved by less than half a step so that V0 is one of them.
        extensions: how often the row may be lengthened where G has its minimum outside of it.
        shape: "relaxed" gives each volume its best shape and atoms, by a pressure of its own; "scaled" keeps the shape
            and relaxes atoms; "auto" relaxes where symmetry leaves something to relax, and falls back on "scaled" where
            that does not come to rest.
        equation: of state; the other one goes into the error bars.
        mesh_length_A: see `HarmonicCrystal.mesh`.
        displacements: supercell and displacements.
        relax: False takes the crystal as at rest under `pressure_GPa`, and refuses it where it is not.
    """

    temperatures_K: Sequence[float] | None = None
    pressure_GPa: float = 0.0
    volumes: int = 9
    strains: tuple[float, float] = (-0.04, 0.06)
    extensions: int = 4
    shape: Literal["auto", "relaxed", "scaled"] = "auto"
    equation: Form = "vinet"
    mesh_length_A: float = MESH_LENGTH_A
    displacements: DisplacementSettings = field(default_factory=DisplacementSettings)
    relax: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.volumes < FEWEST_VOLUMES:
            raise PropertyError(f"volumes: must be at least {FEWEST_VOLUMES} (is {self.volumes})")
        lowest, highest = self.strains
        if not -0.3 < lowest < 0 < highest < 0.5:
            raise PropertyError(f"strains: must enclose 0, from above -0.3 to below 0.5 (are {lowest:g}, {highest:g})")
        if self.temperatures_K is not None and not len(self.temperatures_K):
            raise PropertyError("temperatures_K: there is none")
        if not (self.grid_K() >= 0).all():
            raise PropertyError("temperatures_K: must be 0 or more")

    def grid_K(self) -> np.ndarray:
        """Temperatures, ascending."""
        return np.arange(0.0, 1001.0, 10.0) if self.temperatures_K is None else np.unique(self.temperatures_K)

    @property
    def step(self) -> float:
        """Of V/V0 between neighbours."""
        return (self.strains[1] - self.strains[0]) / (self.volumes - 1)

    def row(self) -> list[float]:
        """V/V0 − 1 of the volumes, zero among them."""
        below = min(max(1, round(-self.strains[0] / self.step)), self.volumes - 2)
        return [self.step * k for k in range(-below, self.volumes - below)]
