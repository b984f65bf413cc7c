"""Molecular dynamics of many replicas and temperatures at once."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from properties.dynamics.flow import Departure, Flow
    from properties.dynamics.replicas import Run, run, simulate
    from properties.dynamics.settings import DynamicsSettings, Replica
    from properties.dynamics.stages import Stopped
    from properties.dynamics.standing import Standing

_HOME = {
    "Departure": "flow",
    "DynamicsSettings": "settings",
    "Flow": "flow",
    "Replica": "settings",
    "Run": "replicas",
    "Standing": "standing",
    "Stopped": "stages",
    "run": "replicas",
    "simulate": "replicas",
}

__all__ = ["Departure", "DynamicsSettings", "Flow", "Replica", "Run", "Standing", "Stopped", "run", "simulate"]


def __getattr__(name: str) -> object:
    """Import on first use: flows are read, and settings written, without torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'properties.dynamics' has no attribute {name!r}")
    return getattr(import_module(f"properties.dynamics.{_HOME[name]}"), name)
