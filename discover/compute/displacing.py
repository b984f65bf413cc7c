"""Settings of every computation that displaces atoms in a supercell."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat

from properties.errors import PropertyError
from properties.phonons import DisplacementSettings
from properties.phonons.harmonic import IMAGE_DISTANCE_A, integer_matrix

MeshLength = Annotated[float, Field(gt=0, le=300)]
"""Å; beyond it a mesh of millions of points ends the process."""


def _supercell(given: list[Any]) -> list[Any]:
    """Refuse multiples that make no supercell."""
    try:
        return integer_matrix(given).tolist()
    except PropertyError:
        raise ValueError("give three whole numbers, or a 3x3 matrix of them with a positive determinant") from None


Supercell = Annotated[list[Any], AfterValidator(_supercell)]
"""Three multiples of the cell, or a 3x3 matrix, as a matrix."""


class Displacing(BaseModel):
    """As `properties.phonons.DisplacementSettings` has them.

    supercell_length_A: shortest distance between an atom and its own image in the supercell.
    supercell: three multiples of the cell as given, or a 3x3 matrix, in place of that.
    displacement_A: None takes 0.5 % of the cube root of the volume per atom.
    symprec_A: None takes 0.1 % of the same.
    precision: of forces; auto takes the potential as it is.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    supercell_length_A: PositiveFloat = IMAGE_DISTANCE_A
    supercell: Supercell | None = None
    displacement_A: Annotated[float, Field(gt=0, le=1)] | None = None
    symprec_A: Annotated[float, Field(gt=0, le=0.5)] | None = None
    precision: Literal["auto", "float32", "float64"] = "auto"

    def displacements(self) -> DisplacementSettings:
        """What `harmonic_crystals` takes."""
        return DisplacementSettings(
            self.supercell_length_A, self.supercell, self.displacement_A, self.symprec_A, self.precision
        )
