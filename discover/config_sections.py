"""Sections of a campaign: their keys, defaults and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from searchers.objectives import Sense, objectives_of


def _no_boolean(value: Any) -> Any:
    """YAML reads `on` and `yes` as true, which Python would take for 1."""
    if isinstance(value, bool):
        raise ValueError(f"must be a number (is {str(value).lower()})")
    return value


def switch(value: Any) -> Any:
    """YAML reads `on` and `off` as booleans where they are not quoted."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _all_or_none(value: Any) -> Any:
    """`prototypes: true` and `false` say what they mean."""
    return {True: "all", False: "none"}[value] if isinstance(value, bool) else value


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError(f"names each searcher once (is {', '.join(names)})")
    return names


def _no_reserved(options: dict[str, Any]) -> dict[str, Any]:
    for name, key in (("device", "device"), ("compiled", "relax.compile"), ("name", "potential")):
        if name in options:
            raise ValueError(f"{name!r} is not an option of a potential; use the key {key}")
    return options


Number = Annotated[float, BeforeValidator(_no_boolean)]
Positive = Annotated[Number, Field(gt=0)]
Whole = Annotated[int, Field(strict=True)]
Count = Annotated[Whole, Field(ge=1)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
PotentialOptions = Annotated[dict[str, Any], AfterValidator(_no_reserved)]


def _known_operators(weights: dict[str, float]) -> dict[str, float]:
    from searchers.breeding import operator_names  # takes a second, and few campaigns weigh operators

    for name in weights:
        if name not in operator_names():
            raise ValueError(f"unknown operator {name!r}; there are {', '.join(operator_names())}")
    if not any(weights.values()):
        raise ValueError("needs at least one operator with a weight above 0")
    return weights


def _known_objectives(senses: dict[str, Sense]) -> dict[str, Sense]:
    objectives_of(senses)
    return senses


OperatorWeights = Annotated[dict[str, Annotated[Number, Field(ge=0)]], AfterValidator(_known_operators)]


class Section(BaseModel):
    """Keys that are known, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GeneticSettings(Section):
    """The genetic searcher."""

    population: Annotated[Whole, Field(ge=4)] = 20
    random_share: Annotated[Number, Field(ge=0, le=1)] = 0.25
    operators: OperatorWeights | None = None
    adaptive: bool = True
    elite: Count = 2
    lifetime: Count = 20
    patience: Annotated[Whole, Field(ge=0)] = 60


class AnnealingSettings(Section):
    """The annealing searcher; temperatures None are chosen from the first energies."""

    replicas: Count = 8
    t_start_K: Positive | None = None
    t_end_K: Positive | None = None
    steps: Count = 40
    tempering: bool = False
    walk: Literal["minima", "landscape"] = "minima"

    @model_validator(mode="after")
    def _downwards(self) -> Self:
        if self.t_start_K is not None and self.t_end_K is not None and self.t_end_K > self.t_start_K:
            raise ValueError(f"@t_end_K@must be at most t_start_K, {self.t_start_K:g} (is {self.t_end_K:g})")
        return self


class HoppingSettings(Section):
    """The hopping searcher."""

    walkers: Count = 8
    patience: Count = 5


class ParetoSettings(Section):
    """The Pareto searcher; the energy above the hull is always an objective."""

    population: Annotated[Whole, Field(ge=4)] = 20
    random_share: Annotated[Number, Field(ge=0, le=1)] = 0.25
    objectives: Annotated[dict[str, Sense], AfterValidator(_known_objectives)] = {"density_g_cm3": "max"}
    within_eV_per_atom: Positive = 0.3
    operators: OperatorWeights | None = None
    adaptive: bool = True


class PortfolioSettings(Section):
    """The portfolio: searchers that share the budget, each with its own section's settings."""

    members: Annotated[
        list[Literal["random", "genetic", "annealing", "hopping"]], Field(min_length=1), AfterValidator(_each_once)
    ] = ["genetic", "hopping", "random"]


class SearchSettings(Section):
    """Where and how long to look; the first of candidates, model_calls and hours ends the search."""

    searcher: Literal["random", "genetic", "annealing", "hopping", "pareto", "portfolio"] = "genetic"
    candidates: Count | None = 120
    model_calls: Count | None = None
    hours: Positive | None = None
    atoms: Annotated[list[Count], Field(min_length=2, max_length=2)] = [2, 8]
    pressure_GPa: Annotated[Number, Field(ge=-50, le=2000)] = 0.0
    start_from: list[Path] = []
    space_groups: Annotated[list[Annotated[Whole, Field(ge=1, le=230)]], Field(min_length=1)] | None = None
    min_distance_scale: Annotated[Number, Field(ge=0.3, le=1.2)] = 0.65
    prototypes: Annotated[Literal["all", "elements", "none"], BeforeValidator(_all_or_none)] = "all"
    genetic: GeneticSettings = GeneticSettings()
    annealing: AnnealingSettings = AnnealingSettings()
    hopping: HoppingSettings = HoppingSettings()
    pareto: ParetoSettings = ParetoSettings()
    portfolio: PortfolioSettings = PortfolioSettings()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.candidates is None and self.model_calls is None and self.hours is None:
            raise ValueError("needs an end: give candidates, model_calls or hours")
        return self


class RelaxSettings(Section):
    """The relaxation of each candidate."""

    fmax_eV_A: Positive = 0.05
    max_steps: Count = 300
    risk: Annotated[Number, Field(ge=0, lt=0.5)] = 0.02
    batch_atoms: Count | None = None
    surrogate: Annotated[Literal["auto", "on", "off"], BeforeValidator(switch)] = "auto"
    compile: Annotated[Literal["auto", "on", "off"], BeforeValidator(switch)] = "auto"


class DuplicateSettings(Section):
    """When two structures may be one."""

    energy_eV_per_atom: Positive = 0.010


class ReportSettings(Section):
    """What the report shows."""

    near_hull_eV_per_atom: Annotated[Number, Field(ge=0)] = 0.1


class TidySettings(Section):
    """The rung before the search's potential: a few cheap steps for each new structure."""

    potential: str = "contacts"
    options: PotentialOptions = {}
    max_steps: Count = 10


class RerankSettings(Section):
    """The rung above the search's potential: the lowest structures are relaxed again with a better one."""

    potential: str = "7net-l3i5"
    options: PotentialOptions = {}
    within_eV_per_atom: Annotated[Number, Field(ge=0)] = 0.1
    most: Count = 20
    device: Device = "auto"


class LadderSettings(Section):
    """Potentials below and above the search's own."""

    tidy: TidySettings | None = None
    rerank: RerankSettings | None = None


class AnchorSettings(Section):
    """DFT energies of the few structures that decide the hull, after the search."""

    calculator: Literal["gpaw", "espresso", "abinit", "vasp", "none"] = "gpaw"
    budget: Count = 8
    workers: Count | None = None
    within_eV_per_atom: Positive = 0.1
    most_atoms: Count | None = None
    files: list[Path] = []
    xc: str = "PBE"
    cutoff_eV: Positive = 500.0
    kpoint_density_A: Positive = 4.0
    smearing_eV: Positive = 0.1
    spin: Annotated[Literal["auto", "on", "off"], BeforeValidator(switch)] = "auto"
    relax_steps: Annotated[Whole, Field(ge=0)] = 0
    relax_fmax_eV_A: Positive = 0.05
    pseudopotentials: dict[str, str] = {}
    pseudo_dir: Path | None = None
    command: str | None = None
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        if self.files and self.calculator != "none":
            raise ValueError(
                "@files@energies of files and of a calculator are two methods; write calculator: none with files"
            )
        if self.calculator == "none" and not self.files:
            raise ValueError("@calculator@none needs files with DFT energies; give anchor.files, or a calculator")
        return self
