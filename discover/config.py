"""What a user types: a campaign, from its YAML and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from discover.config_errors import blame, explain
from discover.config_learning import LearnSettings
from discover.config_properties import PropertiesSettings, checked_stages
from discover.config_sections import (
    AnchorSettings,
    Device,
    DuplicateSettings,
    LadderSettings,
    Number,
    PotentialOptions,
    RelaxSettings,
    ReportSettings,
    SearchSettings,
    Section,
    Whole,
)
from discover.errors import InputError
from discover.yaml_lines import Key, read_yaml
from searchers.space import SearchSpace, SpaceError

OF_A_SEARCH = (
    "witness", "search", "relax", "ladder", "anchor", "duplicates", "references", "hits_within_eV_per_atom", "report",
)  # fmt: skip
"""Keys that mean nothing where the structures are given."""
ANY_SIZE = (1, 10_000)
"""Atoms in a given structure."""


class CampaignConfig(Section):
    """A campaign; `system` is all that must be given.

    structures: files whose crystals are computed as they are, in place of a search.
    """

    system: str
    structures: list[Path] = Field(default_factory=list)
    potential: str = "7net-0"
    potential_options: PotentialOptions = Field(default_factory=dict)
    witness: str = "auto"
    device: Device = "auto"
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0
    search: SearchSettings = SearchSettings()
    relax: RelaxSettings = RelaxSettings()
    ladder: LadderSettings = LadderSettings()
    anchor: AnchorSettings | None = None
    learn: LearnSettings | None = None
    properties: PropertiesSettings | None = None
    duplicates: DuplicateSettings = DuplicateSettings()
    references: Path | None = None
    hits_within_eV_per_atom: Annotated[Number, Field(ge=0)] = 0.05
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _given(self) -> Self:
        """Where structures are given nothing is searched, and something must be said to compute."""
        if not self.structures:
            return self
        for key in OF_A_SEARCH:
            if getattr(self, key) != type(self).model_fields[key].get_default(call_default_factory=True):
                raise ValueError(
                    f"@{key}@belongs to a search, and this campaign gives its structures; remove {key} or structures"
                )
        if self.properties is None and self.learn is None:
            raise ValueError(
                "@properties@is missing; say what to compute of the structures, as in properties: [conductivity]"
            )
        if self.learn is not None and self.learn.explore == "search":
            raise ValueError("@learn.explore@must be md or path where structures are given (is 'search')")
        return self

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        """The system and the numbers of atoms must make a space."""
        low, high = ANY_SIZE if self.structures else self.search.atoms
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
        found = AnchorSettings.model_validate(value)
        files, pseudo_dir = [f.resolve() for f in found.files], found.pseudo_dir and found.pseudo_dir.resolve()
        return found.model_copy(update={"files": files, "pseudo_dir": pseudo_dir})
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
        config = CampaignConfig.model_validate(value)
    except ValidationError as error:
        raise InputError(explain(error, path, lines, set_keys, CampaignConfig)) from None
    return _with_stages(config, path, lines, set_keys), lines, set_keys


def _with_stages(
    config: CampaignConfig, path: Path, lines: Mapping[Key, int], set_keys: Sequence[Key]
) -> CampaignConfig:
    """The same with the settings of each property stage checked and written out."""
    if config.properties is None:
        return config
    section: Key = ("properties", "stages") if ("properties", "stages") in lines else ("properties",)
    stages = checked_stages(
        config.properties.stages, lambda key: blame(path, (*section, *key), lines, set_keys), path.parent
    )
    written = [{name: settings} for name, settings in stages.items()]
    return config.model_copy(update={"properties": config.properties.model_copy(update={"stages": written})})


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

    structures = [found(f, "structures", k) for k, f in enumerate(config.structures)]
    start_from = [found(f, "search", "start_from", k) for k, f in enumerate(config.search.start_from)]
    references = found(config.references, "references") if config.references else None
    search = config.search.model_copy(update={"start_from": start_from})
    anchor = _anchor_with_files(config.anchor, path.parent, found)
    names = {key: _checkpoint(getattr(config, key), path.parent) for key in ("potential", "witness")}
    ladder = _ladder_with_files(config.ladder, path.parent)
    learn = _learn_with_files(config.learn, path.parent, found)
    properties = config.properties
    if properties is not None and properties.potential is not None:
        properties = properties.model_copy(update={"potential": _checkpoint(properties.potential, path.parent)})
    sections = {"search": search, "ladder": ladder, "anchor": anchor, "learn": learn, "properties": properties}
    return config.model_copy(update={**sections, "structures": structures, "references": references, **names})


def _anchor_with_files(
    anchor: AnchorSettings | None, folder: Path, found: Callable[..., Path]
) -> AnchorSettings | None:
    if anchor is None:
        return None
    files = [found(f, "anchor", "files", k) for k, f in enumerate(anchor.files)]
    pseudo_dir = anchor.pseudo_dir and (folder / anchor.pseudo_dir).resolve()
    return anchor.model_copy(update={"files": files, "pseudo_dir": pseudo_dir})


def _learn_with_files(learn: LearnSettings | None, folder: Path, found: Callable[..., Path]) -> LearnSettings | None:
    if learn is None:
        return None
    structures = [found(f, "learn", "structures", k) for k, f in enumerate(learn.structures)]
    path = learn.path and learn.path.model_copy(
        update={"ends": [found(f, "learn", "path", "ends", k) for k, f in enumerate(learn.path.ends)]}
    )
    named: dict[str, Any] = {"pseudo_dir": learn.oracle.pseudo_dir and (folder / learn.oracle.pseudo_dir).resolve()}
    if learn.oracle.potential is not None:
        named["potential"] = _checkpoint(learn.oracle.potential, folder)
    oracle = learn.oracle.model_copy(update=named)
    return learn.model_copy(update={"structures": structures, "path": path, "oracle": oracle})


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
    return yaml.safe_dump(campaign_json(config), sort_keys=False, allow_unicode=True)


def campaign_json(config: CampaignConfig) -> dict[str, Any]:
    """All keys that mean something for this campaign, JSON-able."""
    return config.model_dump(mode="json", exclude=set(OF_A_SEARCH) if config.structures else {"structures"})


def differences(a: dict[str, Any], b: dict[str, Any], prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Keys that two campaigns (as `model_dump` gives them) do not have in common."""
    found: set[tuple[str, ...]] = set()
    for key in a.keys() | b.keys():
        x, y = a.get(key), b.get(key)
        if isinstance(x, dict) and isinstance(y, dict):
            found |= differences(x, y, (*prefix, key))
        elif x != y:
            found.add((*prefix, key))
    return found


def lookup(config: dict[str, Any], key: tuple[str, ...]) -> Any:
    """Value of a key of a campaign (as `model_dump` gives it), None where it has none."""
    value: Any = config
    for part in key:
        value = value.get(part) if isinstance(value, dict) else None
    return value
