"""Whatever of a campaign can be refused before anything starts, each in one line that says how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import potentials
from discover.config import CampaignConfig
from discover.config_sections import RerankSettings, TidySettings
from discover.errors import InputError
from discover.seeds import user_structures
from discover.strategy import search_space
from potentials import DeviceError, LoadError, Metadata, UnknownPotentialError, load, resolve_device
from searchers.generation import GenerationError, SymmetricGenerator
from searchers.volume import estimate_volume

CONTACTS = "contacts"
LJ_VOLUME = 0.92
"""Volume of an atom in the Lennard-Jones crystal, σ³."""


def check_campaign(config: CampaignConfig, here: bool) -> None:
    """Refuse what cannot run.

    here: False where workers run on a cluster, whose devices only Ray knows.

    Raises:
        InputError: an unknown potential, two rungs of the ladder that are one, a GPU that is not there, a Lennard-Jones
            crystal without a size, structures of other elements, space groups that no crystal of the space can have.
    """
    tidy, rerank = config.ladder.tidy, config.ladder.rerank
    check_name("potential", config.potential)
    if config.witness not in ("auto", "none"):
        check_name("witness", config.witness)
    if here:
        check_device("device", config.device)
    _check_sigma("potential_options", config.potential, config.potential_options, config)
    if tidy is not None:
        check_name("ladder.tidy.potential", tidy.potential)
        _check_sigma("ladder.tidy.options", tidy.potential, tidy.options, config)
    if rerank is not None:
        check_name("ladder.rerank.potential", rerank.potential)
        if here:
            check_device("ladder.rerank.device", rerank.device)
        _check_sigma("ladder.rerank.options", rerank.potential, rerank.options, config)
        if (rerank.potential, rerank.options) == (config.potential, config.potential_options):
            raise InputError(_same_rung(rerank.potential))
    _check_space(config)


def check_name(key: str, name: str) -> None:
    """Refuse a potential that is unknown, or that cannot be what `key` wants.

    Raises:
        InputError: it is.
    """
    try:
        potentials.check_name(name)
    except UnknownPotentialError as error:
        raise InputError(f"{key}: {error}") from None
    if name == CONTACTS and key != "ladder.tidy.potential":
        raise InputError(f"{key}: {name} knows no energies, it only tidies; give it as ladder.tidy.potential")


def check_device(key: str, device: str) -> None:
    """Refuse a device that is not here.

    Raises:
        InputError: it is not.
    """
    if device in ("auto", "cpu"):
        return
    try:
        resolve_device(device)
    except DeviceError as error:
        raise InputError(f"{key}: {error}") from None


def check_ladder(config: CampaignConfig) -> Metadata | None:
    """Load the potentials of the other rungs once, in this process, and refuse those that cannot serve.

    Returns the re-ranking's potential, None where there is none. (Workers load them again, hours later: what is wrong
    with them should be known now. 7net-l3i5 takes some seconds.)

    Raises:
        InputError: one cannot be loaded, or does not know an element.
    """
    tidy, rerank = config.ladder.tidy, config.ladder.rerank
    if tidy is not None:
        _load_rung("tidy", tidy, config)
    return None if rerank is None else _load_rung("rerank", rerank, config)


def check_rungs_differ(search: Metadata, top: Metadata | None) -> None:
    """Refuse to climb to where the search is already, whatever the two are called.

    Raises:
        InputError: both have the same weights.
    """
    if top is not None and search.same_energies(top.to_json()):
        raise InputError(_same_rung(top.name))


def _load_rung(key: str, rung: TidySettings | RerankSettings, config: CampaignConfig) -> Metadata:
    try:
        metadata = load(rung.potential, "cpu", **rung.options).metadata
    except LoadError as error:
        raise InputError(f"ladder.{key}.potential: {error}") from None
    strangers = [e for e in search_space(config).elements if metadata.elements and e not in metadata.elements]
    if strangers:
        raise InputError(
            f"ladder.{key}.potential: {rung.potential} does not know {strangers[0]}; "
            "`discover potentials` lists who does"
        )
    return metadata


def _same_rung(name: str) -> str:
    return f"ladder.rerank.potential: {name} is the search's own potential; give a more accurate one, or remove the key"


def check_elements(config: CampaignConfig, known: Sequence[str] | None) -> None:
    """Refuse elements that the potential does not know; None: it takes any.

    Raises:
        InputError: the first of them.
    """
    strangers = [e for e in search_space(config).elements if known is not None and e not in known]
    if strangers:
        raise InputError(
            f"system: {config.potential} does not know {strangers[0]}; `discover potentials` lists who does"
        )


def _check_sigma(key: str, potential: str, options: Mapping[str, Any], config: CampaignConfig) -> None:
    """Random crystals have the size of their elements, so Lennard-Jones atoms must be about as large."""
    if potential == "lj" and "sigma_A" not in options:
        element = search_space(config).elements[0]
        fitting = (estimate_volume({element: 1}) / LJ_VOLUME) ** (1 / 3)
        raise InputError(
            f"{key}: lj needs the size and depth of its atoms; for "
            f"{element} write {key.rpartition('.')[2]}: {{sigma_A: {fitting:.2f}, epsilon_eV: 1.0}}"
        )


def _check_space(config: CampaignConfig) -> None:
    space = search_space(config)
    user_structures(config, space)
    if space.space_groups is not None:
        try:
            SymmetricGenerator(space).draw(np.random.default_rng(config.seed))
        except GenerationError as error:
            raise InputError(f"search.space_groups: {error}") from None
