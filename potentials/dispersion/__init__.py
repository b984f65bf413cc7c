"""London dispersion beside a short-range potential: D3 and D4 from their libraries, and C6 learnt from surroundings."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potentials.dispersion.joining import DispersionCountedError, add_dispersion
    from potentials.dispersion.settings import METHODS, Dispersion, DispersionError

_HOME = {
    "METHODS": "settings",
    "Dispersion": "settings",
    "DispersionCountedError": "joining",
    "DispersionError": "settings",
    "add_dispersion": "joining",
}

__all__ = ["METHODS", "Dispersion", "DispersionCountedError", "DispersionError", "add_dispersion"]


def __getattr__(name: str) -> object:
    """Import on first use: a potential's name is checked without torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'potentials.dispersion' has no attribute {name!r}")
    return getattr(import_module(f"potentials.dispersion.{_HOME[name]}"), name)
