"""What `discover compute conductivity` can be told."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator, model_validator

from discover.compute.carriers import Carriers
from discover.compute.displacing import Supercell
from properties.dynamics import DynamicsSettings
from properties.errors import PropertyError
from properties.transport.settings import Frame, Spectrum, TransportSettings

_MD = DynamicsSettings()
_TRANSPORT = TransportSettings()
OF_THE_ANALYSIS = ("charges", "mobile", "frame", "spectrum", "largest_relative_error", "jump_A")
"""Settings that the same trajectories serve, whatever they are."""


class Reference(BaseModel):
    """A conductivity that others have measured, for the figure.

    label: who. temperatures_K, conductivity_S_per_cm: one each.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    label: str
    temperatures_K: Annotated[list[PositiveFloat], Field(min_length=1)]
    conductivity_S_per_cm: Annotated[list[PositiveFloat], Field(min_length=1)]

    @field_validator("conductivity_S_per_cm")
    @classmethod
    def _as_many(cls, values: list[float], info: Any) -> list[float]:
        wanted = len(info.data.get("temperatures_K", values))
        if len(values) != wanted:
            raise ValueError(f"must have a value for each of {wanted} temperatures (has {len(values)})")
        return values


class Settings(BaseModel):
    """As `properties.dynamics.DynamicsSettings` and `properties.transport.TransportSettings` have them.

    relax: False begins with the crystal as it was given: one that exists only hot comes to no rest of its own kind.
    temperatures_K: at least four, for an activation energy and a look for a kink.
    replicas: at each temperature; errors come from their scatter.
    anneal_K, anneal_ps: every replica is first run at this temperature, to forget which of more sites than ions the
        structure has them on; None begins with that.
    supercell, supercell_length_A: three multiples of the cell or a 3x3 matrix; None repeats it until opposite faces
        are so far apart.
    pressure_GPa: None keeps the cell; a number gives each temperature the cell that it has under it (`npt_ps`).
    charges: formal, e, by species; None guesses oxidation states.
    mobile: species; None takes those that conduct in known conductors, and where there is none those that moved.
    frame, spectrum, largest_relative_error, jump_A: of the analysis.
    watch: "note" the first departure from the potential's domain, or "stop" a replica there.
    insist: go on though the potential does not conserve energy.
    processes: None takes as many as there are threads.
    references: conductivities of others, for the figure.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    temperatures_K: Annotated[list[PositiveFloat], Field(min_length=1)] = [600.0, 700.0, 800.0, 900.0, 1000.0]
    replicas: Annotated[int, Field(ge=1)] = 5
    relax: bool = True
    anneal_K: PositiveFloat | None = None
    anneal_ps: PositiveFloat = 5.0
    supercell: Supercell | None = None
    supercell_length_A: PositiveFloat = 12.0
    timestep_fs: PositiveFloat = _MD.time_step_fs
    pressure_GPa: float | None = None
    barostat: Literal["isotropic", "anisotropic"] = _MD.barostat
    npt_ps: Annotated[float, Field(ge=0)] = _MD.npt_ps
    equilibrate_ps: Annotated[float, Field(ge=0)] = _MD.equilibrate_ps
    produce_ps: PositiveFloat = 100.0
    ensemble: Literal["nvt", "nve"] = _MD.ensemble
    friction_per_ps: PositiveFloat = _MD.friction_per_ps
    every: Annotated[int, Field(ge=1)] = 2
    frame_every: Annotated[int, Field(ge=1)] = 50
    charges: dict[str, float] | None = None
    mobile: list[str] | None = None
    frame: Frame = _TRANSPORT.frame
    spectrum: Spectrum = _TRANSPORT.spectrum
    largest_relative_error: Annotated[float, Field(gt=0, le=1)] = _TRANSPORT.largest_relative_error
    jump_A: dict[str, PositiveFloat] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    watch: Literal["note", "stop"] | None = None
    insist: bool = False
    processes: Annotated[int, Field(ge=1)] | None = None
    references: list[Reference] = []

    @field_validator("temperatures_K", mode="before")
    @classmethod
    def _one_is_a_list(cls, given: Any) -> Any:
        return [given] if isinstance(given, int | float) and not isinstance(given, bool) else given

    @field_validator("temperatures_K")
    @classmethod
    def _each_once(cls, given: list[float]) -> list[float]:
        if len(set(given)) < len(given):
            raise ValueError(f"names a temperature twice (is {', '.join(f'{t:g}' for t in given)})")
        return sorted(given)

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        try:
            self.dynamics(1)
        except PropertyError as error:
            key, _, text = str(error).partition(": ")
            raise ValueError(f"@{key}@{text}") from None
        return self

    def dynamics(self, processes: int) -> DynamicsSettings:
        """What `run` takes."""
        return DynamicsSettings(
            time_step_fs=self.timestep_fs,
            pressure_GPa=self.pressure_GPa,
            npt_ps=self.npt_ps,
            barostat=self.barostat,
            equilibrate_ps=self.equilibrate_ps,
            friction_per_ps=self.friction_per_ps,
            produce_ps=self.produce_ps,
            ensemble=self.ensemble,
            every=self.every,
            frame_every=self.frame_every,
            watch=self.watch,
            processes=processes,
        )

    def transport(self, carriers: Carriers, atoms: Atoms, cell: Atoms) -> TransportSettings:
        """What `conductivity` takes; `atoms` repeated make up `cell`."""
        matrix = (cell.cell.array @ np.linalg.inv(atoms.cell.array)).round().astype(int)
        plain = np.array_equal(matrix, np.diag(matrix.diagonal()))
        return TransportSettings(
            frame=self.frame,
            mobile=tuple(carriers.mobile) or None,
            spectrum=self.spectrum,
            jump_A=self.jump_A,
            largest_relative_error=self.largest_relative_error,
            repeats=(int(matrix[0, 0]), int(matrix[1, 1]), int(matrix[2, 2])) if plain else (1, 1, 1),
        )
