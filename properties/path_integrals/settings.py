"""What is asked of path-integral molecular dynamics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from ase import Atoms, units

from potentials.neighbours import SKIN_A
from properties.errors import PropertyError
from properties.path_integrals.ring_polymer import Motion


@dataclass(frozen=True)
class Plane:
    """A plane in the space of all coordinates that a system does not leave: Σ normal · (q − q₀) = 0, q₀ as it came.

    Attributes:
        normal: (n, 3), any length; a covector: of an unstable mode with displacements u it is m u.
        holds: "beads" holds every bead on it: motion across it is classical and stands still. "centroid" holds their
            mean: beads may reach through the barrier (centroid-density transition-state theory: Voth, Chandler &
            Miller, J. Chem. Phys. 91, 7749 (1989)).
    """

    normal: np.ndarray
    holds: Literal["beads", "centroid"] = "beads"


@dataclass(frozen=True)
class RingSystem:
    """One system at one temperature.

    Attributes:
        atoms: positions that all beads begin at; its masses are used, so isotopes are set there
            (`ase.Atoms.set_masses`). Periodic as the potential has it. Not changed.
        temperature_K: of it.
        seed: of its noise: it runs alike alone and in company.
        fixed: atoms that no bead of moves, (n,) of bool; None is none.
        plane: what it is held on, None where it is free.
    """

    atoms: Atoms
    temperature_K: float
    seed: int = 0
    fixed: np.ndarray | None = None
    plane: Plane | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 < self.temperature_K < float("inf"):
            raise PropertyError(f"temperature_K: must be above 0 (is {self.temperature_K:g})")
        if self.fixed is not None and len(self.fixed) != len(self.atoms):
            raise PropertyError(f"fixed: needs one bool an atom ({len(self.atoms)}), has {len(self.fixed)}")
        if not self.moving.any():
            raise PropertyError("fixed: no atom is left to move")
        if self.plane is not None and self.plane.normal.shape != (len(self.atoms), 3):
            raise PropertyError(f"plane: its normal must have the shape ({len(self.atoms)}, 3)")
        if self.plane is not None and not np.abs(self.plane.normal[self.moving]).max() > 0:
            raise PropertyError("plane: its normal is zero for all atoms that move")

    @property
    def moving(self) -> np.ndarray:
        """(n,) of bool."""
        return np.ones(len(self.atoms), bool) if self.fixed is None else ~np.asarray(self.fixed, bool)

    @property
    def kT_eV(self) -> float:
        """k_B T."""
        return float(units.kB * self.temperature_K)


@dataclass(frozen=True)
class PathSettings:
    """How ring polymers are sampled.

    Attributes:
        beads: one is a classical nucleus. Several times βħω of the fastest vibration: 32 for hydrogen at 300 K.
        time_step_fs: of the beads in the potential; springs do not limit it.
        equilibrate_ps: forgotten.
        produce_ps: averaged over.
        every: steps from one sample to the next.
        centroid_ps: how fast the heat bath of the centroid forgets; the other modes' bath is tuned to each (PILE-L).
        motion: of the free ring polymer, see `ring_polymer.rotation`.
        checkpoint_every: steps; an interrupted run goes on from the last one.
        blocks: parts of the run by which errors of what is kept for each atom are measured.
        skin_A: of the neighbour list.
    """

    beads: int = 32
    time_step_fs: float = 0.5
    equilibrate_ps: float = 1.0
    produce_ps: float = 10.0
    every: int = 4
    centroid_ps: float = 0.05
    motion: Motion = "cayley"
    checkpoint_every: int = 200
    blocks: int = 128
    skin_A: float = field(default=SKIN_A)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("time_step_fs", "produce_ps", "centroid_ps", "skin_A"):
            if not 0 < getattr(self, name) < float("inf"):
                raise PropertyError(f"{name}: must be above 0 (is {getattr(self, name):g})")
        if not 0 <= self.equilibrate_ps < float("inf"):
            raise PropertyError(f"equilibrate_ps: must be 0 or more (is {self.equilibrate_ps:g})")
        for name, least in (("beads", 1), ("every", 1), ("checkpoint_every", 1), ("blocks", 8)):
            if getattr(self, name) < least:
                raise PropertyError(f"{name}: must be at least {least} (is {getattr(self, name)})")
        if self.motion not in ("cayley", "exact"):
            raise PropertyError(f"motion: must be cayley or exact (is {self.motion!r})")
        if self.samples < self.blocks:
            raise PropertyError(
                f"produce_ps: {self.produce_ps:g} ps hold {self.samples} samples; {self.blocks} blocks need as many"
            )

    @property
    def equilibration_steps(self) -> int:
        """Steps that are forgotten."""
        return round(1e3 * self.equilibrate_ps / self.time_step_fs)

    @property
    def samples(self) -> int:
        """How many are averaged over."""
        return round(1e3 * self.produce_ps / self.time_step_fs) // self.every

    @property
    def steps(self) -> int:
        """All of them, the equilibration's too."""
        return self.equilibration_steps + self.samples * self.every
