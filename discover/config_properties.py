"""The section `properties` of a campaign: which stages its hits go through, and with which settings."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from discover.config_errors import first_fault
from discover.config_sections import Count, PotentialOptions, Section
from discover.errors import InputError
from discover.yaml_lines import Key

DEFAULT_STAGES = ("validate", "elastic", "phonons")
RESERVED = ("rest",)
"""Runs by itself wherever a stage needs it."""


class PropertiesSettings(Section):
    """What hits go through; a plain list in its place gives the stages.

    potential: None takes the one that the hull is of. most: hits that are not stable, beyond which none is looked at.
    insist: run stages though the potential breaks a law on the structure (`validate`).
    """

    stages: list[Any] = Field(default_factory=lambda: list(DEFAULT_STAGES), min_length=1)
    potential: str | None = None
    potential_options: PotentialOptions = Field(default_factory=dict)
    most: Count = 10
    insist: bool = False

    @model_validator(mode="before")
    @classmethod
    def _plain_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"must be a list of stages, as in [{', '.join(DEFAULT_STAGES)}] (is {value!r})")
        return {"stages": value} if isinstance(value, list) else value


def checked_stages(
    given: Sequence[Any], blamed: Callable[[Key], str], folder: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Settings by stage, every default written out, in the order given.

    given: names, or {name: {key: value}}.
    blamed: says where a key stands: of (1, "phonons") "c.yaml:4: properties[1].phonons".
    folder: that relative paths among the settings are taken from.

    Raises:
        InputError: an unknown stage or key, a value that a stage does not take, a stage given twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for place, item in enumerate(given):
        name, settings, key = _named(item, place, blamed)
        if name in found:
            raise InputError(f"{blamed(key)}: given twice; keep one")
        found[name] = _checked(name, settings, key, blamed, folder)
    return found


def _named(item: Any, place: int, blamed: Callable[[Key], str]) -> tuple[str, dict[str, Any], Key]:
    if isinstance(item, str):
        return item, {}, (place,)
    if isinstance(item, dict) and len(item) == 1:
        ((name, settings),) = item.items()
        if isinstance(settings, dict) or settings is None:
            return str(name), settings or {}, (place, str(name))
    hint = "as in phonons: {supercell_length_A: 12}"
    raise InputError(f"{blamed((place,))}: must be a stage, or one stage with its settings, {hint}")


def _checked(
    name: str, settings: dict[str, Any], key: Key, blamed: Callable[[Key], str], folder: Path | None
) -> dict[str, Any]:
    from discover.compute.registry import HOMES, computation

    if name not in HOMES:
        near = difflib.get_close_matches(name, HOMES, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(HOMES)}"
        if name in RESERVED:
            hint = "it comes by itself where a stage needs it; leave it out"
        raise InputError(f"{blamed(key)}: unknown stage {name!r}; {hint}")
    model = computation(name).Settings
    try:
        found = model.model_validate(settings)
    except ValidationError as error:
        below, text = first_fault(error, model)
        where = key if len(key) == 2 else (*key, name)
        raise InputError(f"{blamed((*where, *below))}: {text}") from None
    return _with_paths(found, folder).model_dump(mode="json")


def _with_paths(settings: BaseModel, folder: Path | None) -> BaseModel:
    paths = {k: v for k, v in settings if isinstance(v, Path)}
    if folder is None or not paths:
        return settings
    return settings.model_copy(update={k: (folder / v).resolve() for k, v in paths.items()})


def with_overrides(
    stages: Mapping[str, Mapping[str, Any]], overrides: Sequence[str]
) -> list[dict[str, dict[str, Any]]]:
    """The same as a campaign gives them, with "stage.key=value" texts put in; a stage that was not there comes last.

    Raises:
        InputError: a text of another form.
    """
    import yaml

    found = {name: dict(settings) for name, settings in stages.items()}
    for text in overrides:
        key, equals, raw = text.partition("=")
        stage, dot, setting = key.strip().partition(".")
        if not equals or not dot or not setting:
            raise InputError(f"--set {text}: write stage.key=value, as in --set phonons.supercell_length_A=12")
        try:
            found.setdefault(stage, {})[setting] = yaml.safe_load(raw)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise InputError(f"--set {text}: {raw!r} is not a YAML value") from None
    return [{name: settings} for name, settings in found.items()]
