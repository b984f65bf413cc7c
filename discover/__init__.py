"""The campaign: configuration, Ray engine, store, hull, hand-off, report, command line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discover.campaign import Campaign
    from discover.errors import InputError
    from discover.records import Hull, HullEntry, RunRecord
    from discover.run_folder import RunFolder

_HOME = {
    "Campaign": "campaign",
    "Hull": "records",
    "HullEntry": "records",
    "InputError": "errors",
    "RunFolder": "run_folder",
    "RunRecord": "records",
}

__all__ = ["Campaign", "Hull", "HullEntry", "InputError", "RunFolder", "RunRecord"]


def __getattr__(name: str) -> object:
    """Import on first use: `discover --help` must not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'discover' has no attribute {name!r}")
    return getattr(import_module(f"discover.{_HOME[name]}"), name)
