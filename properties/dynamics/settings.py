"""What is asked of molecular dynamics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ase import Atoms

from potentials.neighbours import SKIN_A
from properties.errors import PropertyError


@dataclass(frozen=True)
class Replica:
    """One crystal at one temperature.

    Attributes:
        atoms: periodic in three directions, with the elements' own masses; not changed.
        temperature_K: that it is brought to.
        seed: of its velocities and its thermostats: a replica runs alike alone and in company.
    """

    atoms: Atoms
    temperature_K: float
    seed: int = 0


@dataclass(frozen=True)
class DynamicsSettings:
    """How replicas are equilibrated, run and recorded.

    Attributes:
        time_step_fs: a tenth of the fastest vibration's period loses 5 % of its frequency; 0.5 where there is hydrogen.
        pressure_GPa: None keeps the cell. A number equilibrates under it for `npt_ps` and goes on in the mean cell.
        npt_ps: with a barostat; the first half is forgotten.
        barostat: "isotropic", or "anisotropic": lengths along x, y and z each on their own.
        barostat_ps: how fast the volume of a crystal of `bulk_modulus_GPa` follows; a softer one follows slower.
        bulk_modulus_GPa: a guess; which volume is found does not depend on it.
        equilibrate_ps: Langevin dynamics in the cell that stays.
        friction_per_ps: of Langevin dynamics.
        produce_ps: what is recorded.
        ensemble: of the production. "nvt" rescales all velocities by one random factor near 1.
        thermostat_ps: how fast the kinetic energy follows in "nvt".
        every: steps from one row of currents to the next.
        frame_every: steps from one frame of positions to the next.
        checkpoint_every: steps; an interrupted run goes on from the last one.
        watch: None; "note" the first departure from the potential's domain; "stop" a replica there.
        watch_every: steps.
        processes: of one thread each, replicas shared out; on a CPU only.
        skin_A: of the neighbour list.
        hottest: times its temperature: what is hotter has exploded.
    """

    time_step_fs: float = 2.0
    pressure_GPa: float | None = None
    npt_ps: float = 10.0
    barostat: Literal["isotropic", "anisotropic"] = "isotropic"
    barostat_ps: float = 1.0
    bulk_modulus_GPa: float = 20.0
    equilibrate_ps: float = 5.0
    friction_per_ps: float = 5.0
    produce_ps: float = 50.0
    ensemble: Literal["nvt", "nve"] = "nvt"
    thermostat_ps: float = 1.0
    every: int = 1
    frame_every: int = 50
    checkpoint_every: int = 500
    watch: Literal["note", "stop"] | None = None
    watch_every: int = 10
    processes: int = 1
    skin_A: float = SKIN_A
    hottest: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in _ABOVE_ZERO:
            if not 0 < getattr(self, name) < float("inf"):
                raise PropertyError(f"{name}: must be above 0 (is {getattr(self, name):g})")
        for name in ("npt_ps", "equilibrate_ps"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise PropertyError(f"{name}: must be 0 or more (is {getattr(self, name):g})")
        for name in ("every", "frame_every", "checkpoint_every", "watch_every", "processes"):
            if getattr(self, name) < 1:
                raise PropertyError(f"{name}: must be at least 1 (is {getattr(self, name)})")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                given = getattr(self, name)
                raise PropertyError(f"{name}: must be one of {', '.join(map(str, known))} (is {given!r})")
        if not self.hottest > 1:
            raise PropertyError(f"hottest: must be above 1 (is {self.hottest:g})")
        longest = max(self.every, self.frame_every)
        if self.steps(self.produce_ps) < longest:
            raise PropertyError(f"produce_ps: must hold {longest} steps, one frame (is {self.produce_ps:g})")
        if self.pressure_GPa is not None and self.steps(self.npt_ps) < 2:
            raise PropertyError(
                f"npt_ps: a pressure needs some ps to find its cell (is {self.npt_ps:g}); without one it stays"
            )

    def steps(self, picoseconds: float) -> int:
        """So many make up that time."""
        return round(1e3 * picoseconds / self.time_step_fs)


_ABOVE_ZERO = (
    "time_step_fs", "barostat_ps", "bulk_modulus_GPa", "friction_per_ps", "produce_ps", "thermostat_ps", "skin_A",
)  # fmt: skip
_CHOICES = {
    "barostat": ("isotropic", "anisotropic"),
    "ensemble": ("nvt", "nve"),
    "watch": (None, "note", "stop"),
}
