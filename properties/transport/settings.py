"""What is asked of a transport analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from properties.errors import PropertyError

Frame = Literal["host", "centre of mass", "laboratory"]
Spectrum = Literal["pade", "exppoly", "lorentz", "debye"]

FEWEST_BLOCKS = 5
"""Pieces (replicas, or pieces of long ones) from whose scatter an error is told."""


@dataclass(frozen=True)
class TransportSettings:
    """Frame of reference, spectrum, and what counts as a number.

    Attributes:
        frame: whose mean velocity is at rest: the "host", which is all species but the mobile ones; the "centre of
            mass"; or none ("laboratory"). The conductivity of a neutral cell is the same in all three.
        mobile: species that move; None takes those with a charge whose ions have wandered a jump's length.
        spectrum: STACIE's model of the current's spectrum at low frequencies: "pade" (p0 + p2 f²)/(1 + q2 f²) holds a
            peak at zero (liquids) and a dip (ions that rattle in cages); "exppoly" exp(a + b f²) is four times faster
            and needs longer runs; "lorentz" and "debye" are Padé's two halves, with a time each.
        jump_A: length of a jump by species; None takes the mean distance between nearest ions of the species.
        largest_relative_error: of the conductivity; what is less certain is no number.
        isotropic: True averages directions, False gives them apart, None asks the diffusion tensor.
        repeats: primitive cells in the cell along a, b, c, onto the first of which densities are folded.
        extrapolate_to_K: where Arrhenius' line is read off.
    """

    frame: Frame = "host"
    mobile: tuple[str, ...] | None = None
    spectrum: Spectrum = "pade"
    jump_A: Mapping[str, float] | None = None
    largest_relative_error: float = 0.5
    isotropic: bool | None = None
    repeats: tuple[int, int, int] = (1, 1, 1)
    extrapolate_to_K: float = 300.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 < self.largest_relative_error <= 1:
            raise PropertyError(
                f"largest_relative_error: must be above 0, at most 1 (is {self.largest_relative_error:g})"
            )
        if min(self.repeats) < 1:
            raise PropertyError(f"repeats: must be 1 or more along each axis (are {self.repeats})")
        if self.extrapolate_to_K <= 0:
            raise PropertyError(f"extrapolate_to_K: must be positive (is {self.extrapolate_to_K:g})")
        short = [s for s, length in (self.jump_A or {}).items() if length <= 0]
        if short:
            raise PropertyError(f"jump_A: must be positive (is not for {', '.join(short)})")
