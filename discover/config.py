"""What a user types: a campaign's keys, their defaults and limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from discover.config_errors import explain
from discover.errors import InputError
from discover.yaml_lines import read_yaml
from searchers.space import SearchSpace, SpaceError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GeneticSettings(_Section):
    """The genetic searcher."""

    population: Annotated[int, Field(ge=4)] = 20
    random_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    operators: dict[str, Annotated[float, Field(ge=0)]] | None = None


class AnnealingSettings(_Section):
    """The annealing searcher; temperatures None are chosen from the first energies."""

    replicas: PositiveInt = 8
    t_start_K: PositiveFloat | None = None
    t_end_K: PositiveFloat | None = None
    steps: PositiveInt = 40
    tempering: bool = False
    walk: Literal["minima", "landscape"] = "minima"


class SearchSettings(_Section):
    """Where and how long to look; the first of candidates, model_calls and hours ends the search."""

    searcher: Literal["random", "genetic", "annealing"] = "genetic"
    candidates: PositiveInt | None = 120
    model_calls: PositiveInt | None = None
    hours: PositiveFloat | None = None
    atoms: Annotated[list[PositiveInt], Field(min_length=2, max_length=2)] = [2, 8]
    pressure_GPa: Annotated[float, Field(ge=-50, le=2000)] = 0.0
    start_from: list[Path] = []
    space_groups: Annotated[list[Annotated[int, Field(ge=1, le=230)]], Field(min_length=1)] | None = None
    min_distance_scale: Annotated[float, Field(ge=0.3, le=1.2)] = 0.65
    prototypes: bool = True
    genetic: GeneticSettings = GeneticSettings()
    annealing: AnnealingSettings = AnnealingSettings()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.candidates is None and self.model_calls is None and self.hours is None:
            raise ValueError("needs an end: give candidates, model_calls or hours")
        return self


class RelaxSettings(_Section):
    """The relaxation of each candidate."""

    fmax_eV_A: PositiveFloat = 0.05
    max_steps: PositiveInt = 300
    batch_atoms: PositiveInt | None = None
    compile: Literal["auto", "on", "off"] = "auto"


class DuplicateSettings(_Section):
    """When two structures may be one."""

    energy_eV_per_atom: PositiveFloat = 0.010


class ReportSettings(_Section):
    """What the report shows."""

    near_hull_eV_per_atom: Annotated[float, Field(ge=0)] = 0.1


class CampaignConfig(_Section):
    """A campaign; `system` is all that must be given."""

    system: str
    potential: str = "7net-0"
    potential_options: dict[str, Any] = {}
    witness: str = "auto"
    device: str = "auto"
    seed: Annotated[int, Field(ge=0)] = 0
    search: SearchSettings = SearchSettings()
    relax: RelaxSettings = RelaxSettings()
    duplicates: DuplicateSettings = DuplicateSettings()
    references: Path | None = None
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        """The system and the numbers of atoms must make a space."""
        low, high = self.search.atoms
        try:
            SearchSpace.from_system(self.system, (low, high))
        except SpaceError as error:
            key = "search.atoms" if "atoms" in str(error) else "system"
            raise ValueError(f"@{key}@{error}") from None
        return self


def load_campaign(path: Path, overrides: Sequence[str] = (), seed: int | None = None) -> CampaignConfig:
    """Read a campaign; `overrides` are "a.b=value" as `--set` takes them.

    Relative paths in the file are taken from the file's folder.

    Raises:
        InputError: one line with file, line, key and remedy.
    """
    value, lines = read_yaml(path)
    set_paths = [_override(value, text) for text in overrides]
    if seed is not None:
        value["seed"] = seed
        set_paths.append(("seed",))
    try:
        config = CampaignConfig.model_validate(value)
    except ValidationError as error:
        raise InputError(explain(error, path, lines, set_paths, CampaignConfig)) from None
    return _with_files(config, path, lines)


def _override(value: dict[str, Any], text: str) -> tuple[str, ...]:
    """Put one "a.b=value" into the mapping."""
    key, equals, raw = text.partition("=")
    if not equals or not key:
        raise InputError(f"--set {text}: write key=value, as in --set search.candidates=40")
    parts = tuple(key.strip().split("."))
    try:
        parsed = yaml.safe_load(raw)
    except yaml.YAMLError:
        raise InputError(f"--set {text}: {raw!r} is not a YAML value") from None
    here = value
    for part in parts[:-1]:
        here = here.setdefault(part, {})
        if not isinstance(here, dict):
            raise InputError(f"--set {text}: {part} has no keys below it")
    here[parts[-1]] = parsed
    return parts


def _with_files(config: CampaignConfig, path: Path, lines: dict[tuple[str | int, ...], int]) -> CampaignConfig:
    """The same with absolute paths of files that exist."""

    def found(file: Path, *key: str) -> Path:
        absolute = file if file.is_absolute() else (path.parent / file).resolve()
        if not absolute.is_file():
            line = lines.get(key)
            raise InputError(f"{path}{f':{line}' if line else ''}: {'.'.join(key)}: no such file: {file}")
        return absolute

    start_from = [found(f, "search", "start_from") for f in config.search.start_from]
    references = found(config.references, "references") if config.references else None
    search = config.search.model_copy(update={"start_from": start_from})
    return config.model_copy(update={"search": search, "references": references})


def dump_campaign(config: CampaignConfig) -> str:
    """YAML with every default written out; `load_campaign` reads it back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
