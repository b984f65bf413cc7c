"""Computations that say what they are asked, for a pipeline to run."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
from pydantic import BaseModel, ConfigDict

from discover.compute.registry import HOMES, Computed
from properties.errors import PropertyError

T = np.arange(0.0, 1001.0, 20.0)


class Settings(BaseModel):
    """One number, which must not be negative, and an element to fail on."""

    model_config = ConfigDict(extra="forbid")

    strength: float = 1.0
    fails_on: str | None = None


def install(monkeypatch, calls, **needs):
    """Stages by name, each with what it needs; `calls` is told of each computation: (stage, formula, settings)."""
    for name, needed in needs.items():
        module = ModuleType(f"fake_{name}")
        module.Settings, module.NEEDS = Settings, needed
        module.compute = _compute(name, calls)
        module.plots = lambda json: ()
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(HOMES, name, module.__name__)


def _compute(name, calls):
    def compute(potential, atoms, settings, progress):
        calls.append((name, atoms.get_chemical_formula(), settings.strength))
        if settings.fails_on in set(atoms.symbols):
            raise PropertyError(f"{settings.fails_on} is too soft")
        energy = potential.evaluate([_bare(atoms)])[0].energy_eV / len(atoms)
        zero_point = 0.01 * settings.strength
        return Computed(
            json={
                "value": energy * settings.strength,
                "nothing": float("nan"),
                "temperatures_K": T,
                "free_energy_eV_per_atom": zero_point - 1e-8 * T**2,
                "dynamically_stable": True,
                "min_frequency_THz": np.float64(-0.0),
            },
            title=f"{name} of {atoms.get_chemical_formula()}",
            head=(),
            rows=(),
        )

    return compute


def _bare(atoms):
    from potentials.potential import structure_of

    return structure_of(atoms)
