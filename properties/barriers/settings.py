"""What is asked of a barrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from properties.barriers.band import BandSettings
from properties.barriers.rates import TEMPERATURES_K
from properties.barriers.surface import BarrierError


@dataclass(frozen=True)
class BarrierSettings:
    """How a barrier is computed.

    Attributes:
        images: between the ends.
        band: how the chain is brought to rest.
        match: give each atom of the final structure its name in the initial one; False takes their order as it is.
        end_fmax_eV_A: the ends, and where a saddle's sides lead, are at rest to this.
        saddle_fmax_eV_A: and so is the saddle, in double precision.
        region_A: vibrations are those of the atoms this near to one that hops, the others held; of all atoms where no
            more than `few_atoms` are free to move.
        few_atoms: see there.
        temperatures_K: of rates.
        most_segments: a path over more minima in between than this less one is given up.
        max_steps: of each relaxation.
        prove: False leaves out saddle, vibrations and rates.
    """

    images: int = 5
    band: BandSettings = field(default_factory=BandSettings)
    match: bool = True
    end_fmax_eV_A: float = 0.005
    saddle_fmax_eV_A: float = 0.005
    region_A: float = 3.5
    few_atoms: int = 30
    temperatures_K: Sequence[float] = TEMPERATURES_K
    most_segments: int = 4
    max_steps: int = 300
    prove: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.images < 1:
            raise BarrierError(f"images: must be at least 1 (is {self.images})")
        if not all(T > 0 for T in self.temperatures_K):
            raise BarrierError("temperatures_K: must be above 0, for rates vanish there")
