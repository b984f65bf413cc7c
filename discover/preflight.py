"""Whatever of a campaign can be refused before anything starts, each in one line that says how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from discover.config import CampaignConfig
from discover.errors import InputError
from discover.seeds import user_structures
from discover.strategy import search_space
from potentials import DeviceError, UnknownPotentialError, check_name, resolve_device
from searchers.generation import GenerationError, SymmetricGenerator
from searchers.volume import estimate_volume

LJ_VOLUME = 0.92
"""Volume of an atom in the Lennard-Jones crystal, σ³."""


def check_campaign(config: CampaignConfig, here: bool) -> None:
    """Refuse what cannot run.

    here: False where workers run on a cluster, whose devices only Ray knows.

    Raises:
        InputError: an unknown potential, a GPU that is not there, a Lennard-Jones crystal without a size, structures
            of other elements, space groups that no crystal of the space can have.
    """
    for key, name in (("potential", config.potential), ("witness", config.witness)):
        try:
            if name not in ("auto", "none"):
                check_name(name)
        except UnknownPotentialError as error:
            raise InputError(f"{key}: {error}") from None
    if here and config.device not in ("auto", "cpu"):
        try:
            resolve_device(config.device)
        except DeviceError as error:
            raise InputError(f"device: {error}") from None
    _check_sigma(config)
    _check_space(config)


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


def _check_sigma(config: CampaignConfig) -> None:
    """Random crystals have the size of their elements, so Lennard-Jones atoms must be about as large."""
    if config.potential == "lj" and "sigma_A" not in config.potential_options:
        element = search_space(config).elements[0]
        fitting = (estimate_volume({element: 1}) / LJ_VOLUME) ** (1 / 3)
        raise InputError(
            "potential_options: lj needs the size and depth of its atoms; for "
            f"{element} write potential_options: {{sigma_A: {fitting:.2f}, epsilon_eV: 1.0}}"
        )


def _check_space(config: CampaignConfig) -> None:
    space = search_space(config)
    user_structures(config, space)
    if space.space_groups is not None:
        try:
            SymmetricGenerator(space).draw(np.random.default_rng(config.seed))
        except GenerationError as error:
            raise InputError(f"search.space_groups: {error}") from None
