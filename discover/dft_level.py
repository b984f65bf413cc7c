"""From a section of a campaign to a level of DFT."""

from __future__ import annotations

from dataclasses import fields

from discover.config_learning import OracleSettings
from discover.config_sections import AnchorSettings
from potentials.dft import CODES, DFTSettings


def level_of(settings: AnchorSettings | OracleSettings, pressure_GPa: float = 0.0) -> DFTSettings:
    """The DFT settings in a campaign's `anchor` or `learn.oracle`, whose keys have the names of theirs."""
    assert settings.calculator in CODES
    names = {field.name for field in fields(DFTSettings)}
    taken = {k: v for k, v in settings.model_dump().items() if k in names}
    pseudo_dir = None if settings.pseudo_dir is None else str(settings.pseudo_dir)
    return DFTSettings(**taken | {"code": settings.calculator, "pressure_GPa": pressure_GPa, "pseudo_dir": pseudo_dir})
