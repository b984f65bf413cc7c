"""A salt made of Ewald's sum and Born and Mayer's repulsion, and questions that only charges far apart can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from ase.build import bulk

from potentials import Potential, load
from potentials.neighbours import Structure
from potentials.potential import structure_of
from potentials.training import Label, answers, shifted

CHARGES = {"Na": 1.0, "Cl": -1.0}
PAIRS = {
    "Na-Cl": {"exponential": {"A_eV": 1256.0, "rho_A": 0.317}},
    "Cl-Cl": {"exponential": {"A_eV": 3485.0, "rho_A": 0.317}, "powers": [{"n": 6, "B_eV_An": -70.0}]},
}
"""About Fumi and Tosi's (J. Phys. Chem. Solids 25, 31 (1964)); a = 5.6 Å at rest."""
LATTICE_A = 5.64
ION_PAIRS_A = (2.2, 2.4, 2.6, 2.8, 3.1, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0)
SEEN_A = 5.0
"""The network's cut-off: a lone ion further away is invisible to it, and labels have none."""


class Salt:
    """The oracle and its questions."""

    charges = CHARGES

    def __init__(self) -> None:
        self.oracle = load("ionic", "cpu", charges=CHARGES, pairs=PAIRS, accuracy=1e-8)
        self.far = load("ewald", "cpu", charges=CHARGES)

    def labels(self, seed: int = 1, frames: int = 24, pairs: bool = True) -> list[Label]:
        """Crystals of eight ions, strained by about 2 % and rattled by 0.05 to 0.2 Å; ion pairs that a network sees."""
        rng = np.random.default_rng(seed)
        found = []
        for k in range(frames):
            atoms = bulk("NaCl", "rocksalt", a=LATTICE_A, cubic=True)
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.02 * rng.normal(size=(3, 3))), scale_atoms=True)
            atoms.positions += (0.05 + 0.15 * k / frames) * rng.normal(size=(8, 3))
            found.append(structure_of(atoms))
        if pairs:
            found += [_apart(r) for r in ION_PAIRS_A if r <= SEEN_A]
        return answers(self.oracle, found)

    @cached_property
    def schottky(self) -> list[tuple[float, Structure]]:
        """A sodium and a chlorine vacancy in 64 ions, at all their distances."""
        crystal = bulk("NaCl", "rocksalt", a=LATTICE_A, cubic=True).repeat(2)
        sodium = int(np.flatnonzero(crystal.numbers == 11)[0])
        found: dict[float, Structure] = {}
        for chlorine in np.flatnonzero(crystal.numbers == 17):
            distance = round(float(crystal.get_distance(sodium, chlorine, mic=True)), 3)
            if distance not in found:
                left = crystal.copy()
                del left[sorted((sodium, int(chlorine)))]
                found[distance] = structure_of(left)
        return sorted(found.items())

    def truth(self) -> dict[str, Any]:
        """The oracle's own answers."""
        return self._answers(self.oracle)

    def errors(self, potential: Potential, held_out: Sequence[Label], offsets: Mapping[str, float]) -> dict[str, Any]:
        """Of one potential; offsets: of the oracle's zeros of energy above its own, eV an atom."""
        truth, mine = self.truth(), self._answers(potential)
        crystal = answers(potential, [x.structure for x in held_out])
        aligned = shifted(held_out, offsets)
        energies = [(a.energy_eV - b.energy_eV) / len(b) for a, b in zip(crystal, aligned, strict=True)]
        forces = [a.forces_eV_A - b.forces_eV_A for a, b in zip(crystal, held_out, strict=True)]
        apart = np.array(ION_PAIRS_A) > SEEN_A
        pull = np.array(mine["ion_pair_force_eV_A"]) - truth["ion_pair_force_eV_A"]
        schottky = np.array(mine["schottky_eV"]) - truth["schottky_eV"]
        return mine | {
            "crystal_force_eV_A": _rms(np.concatenate(forces)),
            "crystal_energy_meV": 1000 * _rms(np.array(energies)),
            "near_pair_force_eV_A": _rms(pull[~apart]),
            "far_pair_force_eV_A": _rms(pull[apart]),
            "schottky_error_eV": _rms(schottky - schottky.mean()),
        }

    def _answers(self, potential: Potential) -> dict[str, Any]:
        pairs = [potential.evaluate([_apart(r)])[0] for r in ION_PAIRS_A]
        vacancies = [potential.evaluate([s])[0].energy_eV for _, s in self.schottky]
        return {
            "ion_pair_eV": [e.energy_eV for e in pairs],
            "ion_pair_force_eV_A": [float(e.forces_eV_A[1, 0]) for e in pairs],
            "schottky_A": [d for d, _ in self.schottky],
            "schottky_eV": vacancies,
        }


def _apart(distance_A: float) -> Structure:
    """One ion pair, alone but for its distant images."""
    positions = np.array([[0.0, 0, 0], [distance_A, 0, 0]])
    return Structure(np.array([11, 17]), positions, 36.0 * np.eye(3))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
