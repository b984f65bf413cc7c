"""The section `learn` of a campaign: its keys, defaults and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from discover.config_sections import Count, Number, Positive, PotentialOptions, Section, Whole, switch


class OracleSettings(Section):
    """Who makes the labels: a DFT code by its settings, or a potential by its name."""

    calculator: Literal["gpaw", "espresso", "abinit", "vasp"] | None = None
    potential: str | None = None
    potential_options: PotentialOptions = Field(default_factory=dict)
    workers: Count | None = None
    xc: str = "PBE"
    cutoff_eV: Positive = 500.0
    kpoint_density_A: Positive = 4.0
    smearing_eV: Positive = 0.1
    spin: Annotated[Literal["auto", "on", "off"], BeforeValidator(switch)] = "auto"
    pseudopotentials: dict[str, str] = Field(default_factory=dict)
    pseudo_dir: Path | None = None
    command: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_oracle(self) -> Self:
        if (self.calculator is None) == (self.potential is None):
            raise ValueError("needs one oracle: give calculator (gpaw, espresso, abinit, vasp) or potential")
        return self


class MDSettings(Section):
    """Molecular dynamics as the explorer, at constant volume under a Langevin thermostat.

    temperature_K: one, or several: then every structure has a walker at each.
    """

    temperature_K: Positive | Annotated[list[Positive], Field(min_length=1)] = 300.0
    picoseconds: Positive = 4.0
    timestep_fs: Positive = 2.0
    friction_per_ps: Positive = 10.0
    look_every: Count = 5
    walkers: Count = 2

    @property
    def temperatures_K(self) -> list[float]:
        """As a list, whichever way they were given."""
        return self.temperature_K if isinstance(self.temperature_K, list) else [self.temperature_K]


class PathSettings(Section):
    """A minimum-energy path as the explorer: two ends, and images between them.

    tolerance_meV: a saddle's label off by less, the potential that came to the saddle is trusted.
    """

    ends: Annotated[list[Path], Field(min_length=2, max_length=2)]
    images: Annotated[Whole, Field(ge=3)] = 5
    steps: Count = 200
    match: bool = True
    tolerance_meV: Positive = 10.0


class LearnTrainSettings(Section):
    """How the network is fine-tuned in each generation (`potentials.training.TrainSettings` has the rest).

    energy_weight: None takes 1, and for a path what its cell asks for (`energy_weight_of_path`).
    """

    steps: Count = 900
    learning_rate: Positive = 1e-3
    energy_weight: Annotated[Number, Field(ge=0)] | None = None
    force_weight: Annotated[Number, Field(ge=0)] = 1.0
    stress_weight: Annotated[Number, Field(ge=0)] = 1.0


def energy_weight_of_path(atoms: int) -> float:
    """A barrier is a difference of whole energies, and the loss squares errors per atom: their weight goes as n².

    With 0.4 a barrier that is 10 meV off costs as much as forces that are 0.006 eV/Å off. With a weight of 10 the
    path of a cell of 15 atoms wandered by 60 meV from one training to the next; with this one, 90, by 20.
    """
    return min(max(0.4 * atoms**2, 1.0), 1000.0)


class LearnElectrostatics(Section):
    """Charges that are taken off the labels and added to what is learnt (`potentials.electrostatics`)."""

    charges: dict[str, Any] | Path
    method: Literal["ewald", "pme"] = "ewald"
    cutoff_A: Positive = 10.0
    accuracy: Annotated[Number, Field(ge=1e-14, le=1e-2)] = 1e-6


class LearnSettings(Section):
    """Active learning: where to explore, whom to ask, how many labels, how to train."""

    oracle: OracleSettings
    explore: Literal["md", "search", "path"] = "md"
    structures: list[Path] = Field(default_factory=list)
    supercell: Annotated[list[Count], Field(min_length=3, max_length=3)] = Field(
        default_factory=lambda: [1, 1, 1]
    )
    labels: Count = 40
    per_generation: Count = 10
    held_out: Annotated[Whole, Field(ge=0)] = 10
    choose: Literal["distance", "random", "all"] = "distance"
    band: Annotated[list[Positive], Field(min_length=2, max_length=2)] | None = None
    replay: Annotated[Whole, Field(ge=0)] = 60
    domain: bool = True
    md: MDSettings = MDSettings()
    path: PathSettings | None = None
    train: LearnTrainSettings = LearnTrainSettings()
    electrostatics: LearnElectrostatics | None = None

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_paths(cls, given: Any) -> Any:
        # A path is a few images, and its barrier is the test: held-out frames would be as many labels again
        if isinstance(given, dict) and given.get("explore") == "path":
            return {"per_generation": 3, "held_out": 0, **given}
        return given

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.explore == "path" and self.path is None:
            raise ValueError("@path@is needed to explore a path; give path.ends, two structure files")
        if self.explore == "md" and not self.structures:
            raise ValueError("@structures@is needed for molecular dynamics; give the structure files to start from")
        if self.choose == "all" and self.explore != "path":
            raise ValueError(f"@choose@must be distance or random where explore is {self.explore}; all is for paths")
        if self.band is not None and self.band[1] <= self.band[0]:
            raise ValueError(f"@band@must be [inner, outer] with inner below outer (is {self.band})")
        return self
