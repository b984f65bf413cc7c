"""What is asked of an isotope effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from properties.errors import PropertyError
from properties.path_integrals import PathSettings

Tunnelling = Literal["eckart", "wigner", "instanton", "none"]


@dataclass(frozen=True)
class IsotopeSettings:
    """Temperatures, path integrals, tunnelling.

    Attributes:
        temperatures_K: of the ratios.
        path: how ring polymers are sampled; None leaves them out, and the ratio is the harmonic one.
        nodes: masses between the two isotopes.
        replicas: independent runs of each.
        seed: of all noise.
        tunnelling: which factor the ratio is multiplied by; Wigner's and Eckart's are given in any case.
        instanton_beads: of the whole ring.
        reverse_barrier_eV: height from the product's side, for Eckart's barrier; None takes a symmetric one.
    """

    temperatures_K: Sequence[float] = (300.0,)
    path: PathSettings | None = field(default_factory=PathSettings)
    nodes: int = 3
    replicas: int = 1
    seed: int = 0
    tunnelling: Tunnelling = "eckart"
    instanton_beads: int = 32
    reverse_barrier_eV: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not len(self.temperatures_K) or min(self.temperatures_K) <= 0:
            raise PropertyError("temperatures_K: must be above 0, and at least one")
        for name, least in (("nodes", 1), ("replicas", 1), ("instanton_beads", 8)):
            if getattr(self, name) < least:
                raise PropertyError(f"{name}: must be at least {least} (is {getattr(self, name)})")
        if self.tunnelling not in ("eckart", "wigner", "instanton", "none"):
            raise PropertyError(f"tunnelling: must be eckart, wigner, instanton or none (is {self.tunnelling!r})")
        if self.reverse_barrier_eV is not None and not self.reverse_barrier_eV > 0:
            raise PropertyError(f"reverse_barrier_eV: must be above 0 (is {self.reverse_barrier_eV:g})")
