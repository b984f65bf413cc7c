"""What is kept of each step: currents and energies in memory until the next checkpoint, then handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch_sim.integrators.npt import NPTState

from properties.dynamics.motion import GPA, KELVIN, PS, pressures

CHARGES = "partial_charges"
"""What a model calls the charges it gives each atom, (n_atoms,), e."""


@dataclass(frozen=True)
class Rows:
    """Of one replica, since the last time.

    Attributes:
        currents: Å/ps, (rows, n_species, 3).
        charge_currents: e Å/ps, (rows, 3); no rows where charges are the species'.
        energies: temperature, K, and conserved energy, eV, (rows, 2).
        positions: Å, (frames, n, 3).
        pressures: GPa, (frames,).
    """

    currents: np.ndarray
    charge_currents: np.ndarray
    energies: np.ndarray
    positions: np.ndarray
    pressures: np.ndarray


class Recorder:
    """Follows the systems of one state, in their order. Nothing waits for the device until `take`."""

    def __init__(self, state: NPTState) -> None:
        numbers, counts = state.atomic_numbers.cpu().numpy(), state.n_atoms_per_system.tolist()
        bounds = np.cumsum([0, *counts])
        self._bounds = bounds
        parts = [np.unique(numbers[a:b], return_inverse=True) for a, b in pairwise(bounds)]
        self._species = np.cumsum([0, *(len(kinds) for kinds, _ in parts)])
        rows = np.concatenate([start + of for start, (_, of) in zip(self._species, parts, strict=False)])
        self._row = torch.as_tensor(rows).to(state.device)
        self._free = (3 * state.n_atoms_per_system - 3).to(state.dtype)
        self._clear()

    def _clear(self) -> None:
        self._currents: list[Tensor] = []
        self._charge_currents: list[Tensor] = []
        self._energies: list[Tensor] = []
        self._positions: list[Tensor] = []
        self._pressures: list[Tensor] = []

    def step(self, state: NPTState, kinetic_eV: Tensor, heat_eV: Tensor) -> None:
        """One row; heat_eV: what the thermostat has given so far, (n_systems,)."""
        v = state.momenta * (PS / state.masses)[:, None]
        sums = torch.zeros((int(self._species[-1]), 3), dtype=v.dtype, device=v.device)
        self._currents.append(sums.index_add_(0, self._row, v))
        kelvin = kinetic_eV * (2 / KELVIN) / self._free
        self._energies.append(torch.stack([kelvin, state.energy + kinetic_eV - heat_eV], 1))
        charges = state._atom_extras.get(CHARGES)
        if charges is not None:
            flow = torch.zeros((state.n_systems, 3), dtype=v.dtype, device=v.device)
            self._charge_currents.append(flow.index_add_(0, state.system_idx, charges[:, None] * v))

    def frame(self, state: NPTState, has_stress: bool) -> None:
        """Positions, and the pressure where the stress is this step's."""
        self._positions.append(state.positions.clone())
        nothing = torch.full_like(state.energy, torch.nan)
        self._pressures.append(pressures(state) / GPA if has_stress else nothing)

    def take(self) -> list[Rows]:
        """Everything since the last time, of each system."""
        currents, charge, energies = (
            torch.stack(kept).cpu().numpy() if kept else None
            for kept in (self._currents, self._charge_currents, self._energies)
        )
        positions, pressure = (
            torch.stack(kept).cpu().numpy() if kept else None for kept in (self._positions, self._pressures)
        )
        self._clear()
        species, atoms = self._species, self._bounds
        return [
            Rows(
                currents=_cut(currents, species[k], species[k + 1], (species[k + 1] - species[k], 3)),
                charge_currents=_one(charge, k, (3,)),
                energies=_one(energies, k, (2,)),
                positions=_cut(positions, atoms[k], atoms[k + 1], (atoms[k + 1] - atoms[k], 3)),
                pressures=_one(pressure, k, ()),
            )
            for k in range(len(species) - 1)
        ]


def _cut(array: np.ndarray | None, start: int, end: int, shape: Sequence[int]) -> np.ndarray:
    return np.zeros((0, *shape)) if array is None else array[:, start:end]


def _one(array: np.ndarray | None, k: int, shape: Sequence[int]) -> np.ndarray:
    return np.zeros((0, *shape)) if array is None else array[:, k]
