"""The ring polymers that run together, and one step of them.

A step is kick, free ring polymer, heat bath, free ring polymer, kick: BAOAB (Leimkuhler & Matthews, Appl. Math. Res.
Express 2013, 34) for path integrals (Liu, Li & Liu, J. Chem. Phys. 145, 024103 (2016)), in normal modes, with one call
of the model for all beads of all systems. The bath is PILE-L (Ceriotti, Parrinello, Markland & Manolopoulos, J. Chem.
Phys. 133, 124104 (2010)): white noise on each mode, of friction 2 ω_k, which is critical for a free ring polymer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import torch
import torch_sim as ts
from ase import units
from torch import Tensor
from torch_sim.models.interface import ModelInterface

from properties.errors import PropertyError
from properties.path_integrals.holding import Holding
from properties.path_integrals.ring_polymer import mode_frequencies, normal_modes, rotation
from properties.path_integrals.settings import PathSettings, RingSystem

FARTHEST_A = 2.0
"""Along an axis, that a bead goes in a step: a hundred times what hydrogen does. Beyond, the run has exploded, and a
neighbour search would not end among positions without bounds."""


@dataclass(frozen=True)
class Propagator:
    """What a step needs and what does not change; tensors are (P, N, 1) but for `modes`, (P, P).

    Attributes:
        masses: u, (N, 1).
        cosine, over, back: of half a step of the free ring polymer, see `ring_polymer.rotation`.
        kept, width: of momenta by the heat bath over a step, and its noise.
        stiffness: m ω_k², eV/Å².
        system: of each atom, (N,).
    """

    dt: float
    modes: Tensor
    masses: Tensor
    cosine: Tensor
    over: Tensor
    back: Tensor
    kept: Tensor
    width: Tensor
    stiffness: Tensor
    system: Tensor
    holding: Holding

    @classmethod
    def of(cls, systems: Sequence[RingSystem], settings: PathSettings, device: torch.device) -> Propagator:
        """For these systems."""
        beads, dt = settings.beads, settings.time_step_fs * units.fs
        counts = [len(s.atoms) for s in systems]
        masses = np.concatenate([s.atoms.get_masses() for s in systems])[:, None]
        kT = np.repeat([s.kT_eV for s in systems], counts)
        frequencies = mode_frequencies(beads, kT).T[:, :, None]
        friction = 2 * frequencies
        friction[0] = 1 / (1e3 * settings.centroid_ps * units.fs)
        kept = np.exp(-friction * dt)
        width = np.sqrt((1 - kept**2) * masses * beads * kT[:, None])
        cosine, over, back = rotation(frequencies, dt / 2, settings.motion)
        arrays = {
            "modes": normal_modes(beads),
            "masses": masses,
            "cosine": cosine,
            "over": over,
            "back": back,
            "kept": kept,
            "width": width,
            "stiffness": masses * frequencies**2,
            "system": np.repeat(np.arange(len(systems)), counts),
        }
        tensors: dict[str, Any] = {name: torch.as_tensor(array).to(device) for name, array in arrays.items()}
        return cls(dt=dt, holding=Holding.of(systems, device), **tensors)

    def of_beads(self, modes: Tensor) -> Tensor:
        """From modes to beads, (P, N, 3)."""
        return torch.tensordot(self.modes.T, modes, dims=1)

    def of_modes(self, beads: Tensor) -> Tensor:
        """From beads to modes, (P, N, 3)."""
        return torch.tensordot(self.modes, beads, dims=1)

    def fly(self, q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Half a step of the free ring polymer, in modes."""
        v = p / self.masses
        return self.cosine * q + self.over * v, self.masses * (self.back * q + self.cosine * v)


@dataclass
class Rings:
    """Where all beads are, in normal modes.

    Attributes:
        q, p, forces: of modes, (P, N, 3); Å, √(u eV), eV/Å. Forces are the potential's, whole.
        energies_eV: of each bead of each system, (P, n_systems).
        generators: of each system.
    """

    q: Tensor
    p: Tensor
    forces: Tensor
    energies_eV: Tensor
    generators: list[np.random.Generator]

    @classmethod
    def begin(cls, systems: Sequence[RingSystem], by: Propagator, surface: Surface) -> Rings:
        """All beads of an atom where it is, with thermal momenta: springs take the heat bath's heat in some 1/ω_k."""
        generators = [np.random.default_rng(s.seed) for s in systems]
        kT = torch.as_tensor(np.array([s.kT_eV for s in systems])).to(by.masses.device)[by.system, None]
        widths = torch.sqrt(len(by.modes) * by.masses * kT)
        p = by.holding.kept(widths * noise(generators, by, systems))
        q = torch.zeros_like(p)
        centres = torch.as_tensor(np.concatenate([s.atoms.positions for s in systems])).to(p.device)
        q[0] = centres * len(by.modes) ** 0.5
        forces, energies = surface(by.of_beads(q))
        return cls(q, p, by.of_modes(forces), energies, generators)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything, for a checkpoint."""
        tensors = {name: getattr(self, name).cpu().numpy() for name in ("q", "p", "forces", "energies_eV")}
        return tensors | {"generators": np.array(json.dumps([g.bit_generator.state for g in self.generators]))}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], device: torch.device) -> Rings:
        """What `to_arrays` gave."""
        q, p, forces, energies = (
            torch.as_tensor(arrays[name]).to(device) for name in ("q", "p", "forces", "energies_eV")
        )
        generators = []
        for state in json.loads(str(arrays["generators"])):
            generator = np.random.default_rng()
            generator.bit_generator.state = state
            generators.append(generator)
        return cls(q, p, forces, energies, generators)


def step(rings: Rings, systems: Sequence[RingSystem], by: Propagator, surface: Surface) -> None:
    """One time step, one call of the model."""
    p = rings.p + 0.5 * by.dt * by.holding.kept(rings.forces)
    q, p = by.fly(rings.q, p)
    p = by.kept * p + by.holding.kept(by.width * noise(rings.generators, by, systems))
    rings.q, p = by.fly(q, p)
    forces, rings.energies_eV = surface(by.of_beads(rings.q))
    rings.forces = by.of_modes(forces)
    rings.p = p + 0.5 * by.dt * by.holding.kept(rings.forces)


class Surface:
    """The potential seen by all beads at once."""

    def __init__(self, model: ModelInterface, systems: Sequence[RingSystem], beads: int) -> None:
        self._model, self._systems, self._beads = model, systems, beads
        counts = [len(s.atoms) for s in systems]
        numbers = np.tile(np.concatenate([s.atoms.numbers for s in systems]), beads)
        cells = np.tile(np.stack([s.atoms.cell.array.T for s in systems]), (beads, 1, 1))
        self._system = np.repeat(np.arange(len(counts)), counts)
        self._last: Tensor | None = None
        self._state = ts.SimState(
            positions=torch.zeros((len(numbers), 3), dtype=torch.float64, device=model.device),
            masses=torch.ones(len(numbers), dtype=torch.float64, device=model.device),
            cell=torch.as_tensor(cells, dtype=torch.float64).to(model.device),
            pbc=torch.ones(3, dtype=torch.bool, device=model.device),
            atomic_numbers=torch.as_tensor(numbers).to(model.device),
            system_idx=torch.as_tensor(np.repeat(np.arange(beads * len(counts)), np.tile(counts, beads))).to(
                model.device
            ),
        )

    def __call__(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Forces (P, N, 3), eV/Å, and energies (P, n_systems), eV, of beads at q (P, N, 3).

        Raises:
            PropertyError: one of them is not finite, or a bead has jumped.
        """
        if self._last is not None and not bool(((q - self._last).abs() < FARTHEST_A).all()):
            jumped = ~((q - self._last).abs() < FARTHEST_A).all(0).all(-1)
            self._fail(int(self._system[jumped.nonzero()[0, 0]]))
        self._last = q
        self._state.positions = q.reshape(-1, 3)
        found = self._model(self._state)
        forces = found["forces"].detach().reshape(q.shape)
        energies = found["energy"].detach().reshape(self._beads, -1)
        if not bool(torch.isfinite(forces).all()) or not bool(torch.isfinite(energies).all()):
            self._fail(int(torch.isnan(energies * 0).any(0).int().argmax()))
        return forces, energies

    def _fail(self, which: int) -> NoReturn:
        what = self._systems[which].atoms.get_chemical_formula()
        raise PropertyError(
            f"{what} (system {which + 1} of {len(self._systems)}) has left what the potential can evaluate; a shorter "
            "time_step_fs, or a start nearer to rest, may keep it"
        )


def noise(generators: Sequence[np.random.Generator], by: Propagator, systems: Sequence[RingSystem]) -> Tensor:
    """Standard normal, each system's from its own generator, (P, N, 3)."""
    beads = len(by.modes)
    drawn = [g.standard_normal((beads, len(s.atoms), 3)) for g, s in zip(generators, systems, strict=True)]
    return torch.as_tensor(np.concatenate(drawn, axis=1)).to(by.masses.device)
