"""What a user types: a campaign's keys, their defaults and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from discover.config_errors import blame, explain
from discover.errors import InputError
from discover.yaml_lines import Key, read_yaml
from searchers.objectives import Sense, objectives_of
from searchers.space import SearchSpace, SpaceError


def _no_boolean(value: Any) -> Any:
    """YAML reads `on` and `yes` as true, which Python would take for 1."""
    if isinstance(value, bool):
        raise ValueError(f"must be a number (is {str(value).lower()})")
    return value


def _switch(value: Any) -> Any:
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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GeneticSettings(_Section):
    """The genetic searcher."""

    population: Annotated[Whole, Field(ge=4)] = 20
    random_share: Annotated[Number, Field(ge=0, le=1)] = 0.25
    operators: OperatorWeights | None = None
    adaptive: bool = True
    elite: Count = 2
    lifetime: Count = 20
    patience: Annotated[Whole, Field(ge=0)] = 60


class AnnealingSettings(_Section):
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


class HoppingSettings(_Section):
    """The hopping searcher."""

    walkers: Count = 8
    patience: Count = 5


class ParetoSettings(_Section):
    """The Pareto searcher; the energy above the hull is always an objective."""

    population: Annotated[Whole, Field(ge=4)] = 20
    random_share: Annotated[Number, Field(ge=0, le=1)] = 0.25
    objectives: Annotated[dict[str, Sense], AfterValidator(_known_objectives)] = {"density_g_cm3": "max"}
    within_eV_per_atom: Positive = 0.3
    operators: OperatorWeights | None = None
    adaptive: bool = True


class PortfolioSettings(_Section):
    """The portfolio: searchers that share the budget, each with its own section's settings."""

    members: Annotated[
        list[Literal["random", "genetic", "annealing", "hopping"]], Field(min_length=1), AfterValidator(_each_once)
    ] = ["genetic", "hopping", "random"]


class SearchSettings(_Section):
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


class RelaxSettings(_Section):
    """The relaxation of each candidate."""

    fmax_eV_A: Positive = 0.05
    max_steps: Count = 300
    risk: Annotated[Number, Field(ge=0, lt=0.5)] = 0.02
    batch_atoms: Count | None = None
    surrogate: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = "auto"
    compile: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = "auto"


class DuplicateSettings(_Section):
    """When two structures may be one."""

    energy_eV_per_atom: Positive = 0.010


class ReportSettings(_Section):
    """What the report shows."""

    near_hull_eV_per_atom: Annotated[Number, Field(ge=0)] = 0.1


class TidySettings(_Section):
    """The rung before the search's potential: a few cheap steps for each new structure."""

    potential: str = "contacts"
    options: Annotated[dict[str, Any], AfterValidator(_no_reserved)] = {}
    max_steps: Count = 10


class RerankSettings(_Section):
    """The rung above the search's potential: the lowest structures are relaxed again with a better one."""

    potential: str = "7net-l3i5"
    options: Annotated[dict[str, Any], AfterValidator(_no_reserved)] = {}
    within_eV_per_atom: Annotated[Number, Field(ge=0)] = 0.1
    most: Count = 20
    device: Device = "auto"


class LadderSettings(_Section):
    """Potentials below and above the search's own."""

    tidy: TidySettings | None = None
    rerank: RerankSettings | None = None


class AnchorSettings(_Section):
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
    spin: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = "auto"
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


class CampaignConfig(_Section):
    """A campaign; `system` is all that must be given."""

    system: str
    potential: str = "7net-0"
    potential_options: Annotated[dict[str, Any], AfterValidator(_no_reserved)] = {}
    witness: str = "auto"
    device: Device = "auto"
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0
    search: SearchSettings = SearchSettings()
    relax: RelaxSettings = RelaxSettings()
    ladder: LadderSettings = LadderSettings()
    anchor: AnchorSettings | None = None
    duplicates: DuplicateSettings = DuplicateSettings()
    references: Path | None = None
    hits_within_eV_per_atom: Annotated[Number, Field(ge=0)] = 0.05
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        """The system and the numbers of atoms must make a space."""
        low, high = self.search.atoms
        try:
            SearchSpace.from_system(self.system, (low, high))
        except SpaceError as error:
            about_atoms = str(error).startswith(("atoms must", "no cell"))
            key = "search.atoms" if about_atoms else "system"
            raise ValueError(f"@{key}@{str(error).removeprefix('atoms ')}") from None
        return self


def load_campaign(path: Path, overrides: Sequence[str] = (), seed: int | None = None) -> CampaignConfig:
    """Read a campaign; `overrides` are "a.b=value" as `--set` takes them.

    Relative paths in the file are taken from the file's folder.

    Raises:
        InputError: one line with file, line, key and remedy.
    """
    config, lines, set_keys = _validated(path, overrides, seed)
    return _with_files(config, path, lines, set_keys)


def anchor_settings(config: CampaignConfig, given: Mapping[str, Any], overrides: Sequence[str] = ()) -> AnchorSettings:
    """The campaign's `anchor` section, or its defaults, with what the command line says.

    given: by key; None leaves the campaign's.
    overrides: "key=value", as `--set` takes them.

    Raises:
        InputError: a key or value that the section does not take.
    """
    value = config.anchor.model_dump() if config.anchor is not None else {}
    value |= {k: v for k, v in given.items() if v is not None}
    if given.get("files") and given.get("calculator") is None:
        value["calculator"] = "none"
    if given.get("calculator") not in (None, "none"):
        value["files"] = []
    keys = [_override(value, text) for text in overrides]
    try:
        return AnchorSettings.model_validate(value)
    except ValidationError as error:
        raise InputError(explain(error, Path("discover anchor"), {}, keys, AnchorSettings)) from None


def read_campaign(path: Path) -> CampaignConfig:
    """A campaign as it was run; the files that it names need not be there any more.

    Raises:
        InputError: as `load_campaign`.
    """
    return _validated(path, (), None)[0]


def _validated(
    path: Path, overrides: Sequence[str], seed: int | None
) -> tuple[CampaignConfig, Mapping[Key, int], Sequence[Key]]:
    """The campaign, the line of each key, and the keys that --set gave."""
    value, lines = read_yaml(path)
    set_keys = [_override(value, text) for text in overrides]
    if seed is not None:
        value["seed"] = seed
        set_keys.append(("seed",))
    try:
        return CampaignConfig.model_validate(value), lines, set_keys
    except ValidationError as error:
        raise InputError(explain(error, path, lines, set_keys, CampaignConfig)) from None


def _override(value: dict[str, Any], text: str) -> Key:
    """Put one "a.b=value" into the mapping."""
    key, equals, raw = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {text}: write key=value, as in --set search.candidates=40")
    parts = tuple(key.strip().split("."))
    try:
        parsed = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InputError(f"--set {text}: {raw!r} is not a YAML value") from None
    here = value
    for part in parts[:-1]:
        if here.get(part) is None:  # absent, or `search:` with nothing below it
            here[part] = {}
        here = here[part]
        if not isinstance(here, dict):
            raise InputError(f"--set {text}: {part} has no keys below it")
    here[parts[-1]] = parsed
    return parts


def _with_files(
    config: CampaignConfig, path: Path, lines: Mapping[Key, int], set_keys: Sequence[Key]
) -> CampaignConfig:
    """The same with absolute paths of files that exist."""

    def found(file: Path, *key: str | int) -> Path:
        absolute = file if file.is_absolute() else (path.parent / file).resolve()
        if not absolute.is_file():
            raise InputError(f"{blame(path, key, lines, set_keys)}: no such file: {file}")
        return absolute

    start_from = [found(f, "search", "start_from", k) for k, f in enumerate(config.search.start_from)]
    references = found(config.references, "references") if config.references else None
    search = config.search.model_copy(update={"start_from": start_from})
    anchor = _anchor_with_files(config.anchor, path.parent, found)
    names = {key: _checkpoint(getattr(config, key), path.parent) for key in ("potential", "witness")}
    ladder = _ladder_with_files(config.ladder, path.parent)
    sections = {"search": search, "ladder": ladder, "anchor": anchor}
    return config.model_copy(update={**sections, "references": references, **names})


def _anchor_with_files(
    anchor: AnchorSettings | None, folder: Path, found: Callable[..., Path]
) -> AnchorSettings | None:
    if anchor is None:
        return None
    files = [found(f, "anchor", "files", k) for k, f in enumerate(anchor.files)]
    pseudo_dir = anchor.pseudo_dir and (folder / anchor.pseudo_dir).resolve()
    return anchor.model_copy(update={"files": files, "pseudo_dir": pseudo_dir})


def _ladder_with_files(ladder: LadderSettings, folder: Path) -> LadderSettings:
    rungs = {key: rung for key in ("tidy", "rerank") if (rung := getattr(ladder, key)) is not None}
    named = {k: r.model_copy(update={"potential": _checkpoint(r.potential, folder)}) for k, r in rungs.items()}
    return ladder.model_copy(update=named)


def _checkpoint(name: str, folder: Path) -> str:
    """A potential's name, absolute where it is a checkpoint file in the campaign's folder."""
    file = folder / name
    return str(file.resolve()) if file.is_file() else name


def dump_campaign(config: CampaignConfig) -> str:
    """YAML with every default written out; `load_campaign` reads it back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
