"""The systems that run together: a torch-sim state, its generators, and who they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_sim.integrators.npt import NPTState

from properties.dynamics.motion import KELVIN, PS, Surroundings, maxwell_momenta
from properties.dynamics.settings import DynamicsSettings, Replica

TENSORS = ("positions", "momenta", "forces", "cell", "energy", "stress")
"""Of a state, what changes."""
OF_ATOMS = ("positions", "momenta", "forces")


@dataclass
class Batch:
    """Replicas that are still running.

    Attributes:
        members: their indices among all.
        generators: their own, one each.
        heat_eV: what each one's thermostat has given, (n_systems,).
        cells: sum of the cells since they count, (n_systems, 3, 3), column vectors as torch-sim's.
        counted: so many of them.
    """

    replicas: Sequence[Replica]
    members: list[int]
    state: NPTState
    generators: list[np.random.Generator]
    heat_eV: Tensor
    cells: Tensor
    counted: int = 0

    @classmethod
    def begin(cls, replicas: Sequence[Replica], device: torch.device) -> Batch:
        """As the replicas are given, with Maxwell's velocities; forces are yet to be had."""
        generators = [np.random.default_rng(r.seed) for r in replicas]
        momenta = [
            maxwell_momenta(r.atoms.get_masses(), r.temperature_K * KELVIN, g)
            for r, g in zip(replicas, generators, strict=True)
        ]
        n, atoms = len(replicas), sum(len(r.atoms) for r in replicas)
        arrays = {
            "positions": np.concatenate([r.atoms.positions for r in replicas]),
            "momenta": np.concatenate(momenta),
            "forces": np.zeros((atoms, 3)),
            "cell": np.stack([r.atoms.cell.array.T for r in replicas]),
            "energy": np.zeros(n),
            "stress": np.zeros((n, 3, 3)),
        }
        nothing = torch.zeros(n, dtype=torch.float64, device=device)
        cells = torch.zeros((n, 3, 3), dtype=torch.float64, device=device)
        return cls(replicas, list(range(n)), _state(replicas, arrays, device), generators, nothing, cells)

    def around(self, settings: DynamicsSettings) -> Surroundings:
        """Temperatures, time step and generators of those that run."""
        kelvin = [self.replicas[k].temperature_K for k in self.members]
        kT = torch.tensor(kelvin, dtype=torch.float64, device=self.state.device) * KELVIN
        return Surroundings(kT, 1e-3 * settings.time_step_fs * PS, self.generators)

    def without(self, gone: Sequence[int]) -> Batch:
        """The batch without the systems at those places."""
        keep = [k for k in range(len(self.members)) if k not in gone]
        counts = self.state.n_atoms_per_system.tolist()
        atoms = np.repeat(np.isin(np.arange(len(counts)), keep), counts)
        arrays = {
            name: getattr(self.state, name).cpu().numpy()[atoms if name in OF_ATOMS else keep] for name in TENSORS
        }
        members = [self.members[k] for k in keep]
        state = _state([self.replicas[k] for k in members], arrays, self.state.device)
        generators = [self.generators[k] for k in keep]
        return Batch(self.replicas, members, state, generators, self.heat_eV[keep], self.cells[keep], self.counted)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything that changes, for a checkpoint."""
        said = {
            "members": self.members,
            "generators": [g.bit_generator.state for g in self.generators],
            "counted": self.counted,
        }
        arrays = {name: getattr(self.state, name).cpu().numpy() for name in TENSORS}
        kept = {"heat_eV": self.heat_eV.cpu().numpy(), "cells": self.cells.cpu().numpy()}
        return arrays | kept | {"batch": np.array(json.dumps(said))}

    @classmethod
    def from_arrays(cls, replicas: Sequence[Replica], arrays: Mapping[str, np.ndarray], device: torch.device) -> Batch:
        """What `to_arrays` gave, of the same replicas."""
        said: dict[str, Any] = json.loads(str(arrays["batch"]))
        generators = []
        for state in said["generators"]:
            generator = np.random.default_rng()
            generator.bit_generator.state = state
            generators.append(generator)
        if not said["members"]:
            return replace(cls.begin(replicas, device), members=[])
        state = _state([replicas[k] for k in said["members"]], arrays, device)
        heat, cells = (torch.as_tensor(arrays[name]).to(device) for name in ("heat_eV", "cells"))
        return cls(replicas, said["members"], state, generators, heat, cells, said["counted"])


def _state(replicas: Sequence[Replica], arrays: Mapping[str, np.ndarray], device: torch.device) -> NPTState:
    counts = [len(r.atoms) for r in replicas]
    changing: dict[str, Any] = {
        name: torch.as_tensor(np.ascontiguousarray(arrays[name]), dtype=torch.float64).to(device) for name in TENSORS
    }
    masses = np.concatenate([r.atoms.get_masses() for r in replicas])
    numbers = np.concatenate([r.atoms.numbers for r in replicas])
    return NPTState(
        masses=torch.as_tensor(masses, dtype=torch.float64).to(device),
        pbc=torch.ones(3, dtype=torch.bool, device=device),
        atomic_numbers=torch.as_tensor(numbers).to(device),
        system_idx=torch.as_tensor(np.repeat(np.arange(len(counts)), counts)).to(device),
        **changing,
    )
