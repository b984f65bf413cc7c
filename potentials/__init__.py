"""What an atom feels: potentials behind one interface, and the batched relaxation of structures under them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potentials.metadata import Metadata
    from potentials.potential import Evaluation, Potential
    from potentials.registry import (
        NAMES,
        DeviceError,
        LoadError,
        UnknownPotentialError,
        available,
        check_name,
        load,
        resolve_device,
    )
    from potentials.relax import InFlightRelaxer, Relaxation, RelaxSettings

_HOME = {
    "NAMES": "registry",
    "DeviceError": "registry",
    "Evaluation": "potential",
    "InFlightRelaxer": "relax",
    "LoadError": "registry",
    "Metadata": "metadata",
    "Potential": "potential",
    "RelaxSettings": "relax",
    "Relaxation": "relax",
    "UnknownPotentialError": "registry",
    "available": "registry",
    "check_name": "registry",
    "load": "registry",
    "resolve_device": "registry",
}

__all__ = [
    "NAMES",
    "DeviceError",
    "Evaluation",
    "InFlightRelaxer",
    "LoadError",
    "Metadata",
    "Potential",
    "RelaxSettings",
    "Relaxation",
    "UnknownPotentialError",
    "available",
    "check_name",
    "load",
    "resolve_device",
]


def __getattr__(name: str) -> object:
    """Import on first use: torch takes seconds, and `discover --help` must not wait for it."""
    if name not in _HOME:
        raise AttributeError(f"module 'potentials' has no attribute {name!r}")
    return getattr(import_module(f"potentials.{_HOME[name]}"), name)
