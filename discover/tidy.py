"""The rung below the search's potential: bad contacts are mended before the first expensive call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from ase import Atoms

import potentials
from potentials import Potential, RelaxSettings

FMAX_EV_A = 0.3
"""Contacts are mended well before forces vanish; every further step goes to the cheap potential's own crystal."""


@dataclass(frozen=True)
class TidySpec:
    """A cheap potential and how far it may go; picklable.

    Attributes:
        potential: name for `potentials.load`.
        max_steps: optimiser steps.
        options: further arguments of `potentials.load`.
        relax_cell: whether the cell follows.
        closest: as in `RelaxSettings`: nearer than this is an overlap.
    """

    potential: str
    max_steps: int
    options: dict[str, Any] = field(default_factory=dict)
    relax_cell: bool = True
    closest: float = RelaxSettings.closest


@dataclass(frozen=True)
class Tidied:
    """A structure after its cheap steps, and what they cost."""

    atoms: Atoms
    calls: int


class Tidier:
    """Takes a few steps with the cheap potential."""

    def __init__(self, spec: TidySpec, device: str) -> None:
        self._spec = spec
        self._device = device

    @cached_property
    def _potential(self) -> Potential:
        return potentials.load(self._spec.potential, self._device, **self._spec.options)

    def tidy(self, structures: Sequence[Atoms]) -> list[Tidied]:
        """Each structure where the steps have led it; as it was where they ended in no crystal."""
        from potentials.relax import relax

        settings = RelaxSettings(
            fmax_eV_A=FMAX_EV_A,
            max_steps=self._spec.max_steps,
            relax_cell=self._spec.relax_cell,
            lowest_eV_per_atom=-np.inf,  # its energies mean nothing, so none of them is a hole
            closest=self._spec.closest,
        )
        ended = relax(self._potential, structures, settings)
        return [
            Tidied(done.atoms if np.isfinite(done.energy_eV) else start, done.model_calls)
            for start, done in zip(structures, ended, strict=True)
        ]
