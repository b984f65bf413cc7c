"""Potentials that misbehave on purpose. A structure that holds krypton is the victim; the rest is argon."""

import numpy as np

from potentials import Evaluation, Metadata, Potential
from tests.potentials.crystals import argon

KRYPTON = 36


class OnKrypton(Potential):
    """Argon, except that `act(structure, evaluation)` answers for structures with krypton."""

    metadata = Metadata("on-krypton", "1")
    batch_atoms = 64

    def __init__(self, act):
        self.act = act
        self.calls = []

    def evaluate(self, structures):
        self.calls.append(len(structures))
        answers = argon().evaluate(structures)
        return [self.act(s, a) if KRYPTON in s.numbers else a for s, a in zip(structures, answers, strict=True)]


def nan(structure, evaluation):
    return Evaluation(float("nan"), evaluation.forces_eV_A, evaluation.stress_eV_A3)


def infinite_force(structure, evaluation):
    return Evaluation(evaluation.energy_eV, np.full_like(evaluation.forces_eV_A, np.inf), evaluation.stress_eV_A3)


def raising(structure, evaluation):
    raise RuntimeError("krypton is\n  not welcome")


def hole(structure, evaluation):
    return Evaluation(-94.0 * len(structure.numbers), evaluation.forces_eV_A, evaluation.stress_eV_A3)


def exploding(structure, evaluation):
    """A gas: the energy falls with the volume for ever."""
    volume = structure.volume_A3
    return Evaluation(-0.01 * volume, np.zeros_like(evaluation.forces_eV_A), -0.01 * np.eye(3))


def collapsing(structure, evaluation):
    """The energy falls as the volume does."""
    return Evaluation(0.1 * structure.volume_A3, np.zeros_like(evaluation.forces_eV_A), 0.1 * np.eye(3))


class Quadratic(Potential):
    """Springs of very different strength that tie atoms to `home`; records every energy it gives."""

    metadata = Metadata("quadratic", "1")

    def __init__(self, home, stiffness, ripple=0.0):
        self.home, self.stiffness, self.ripple = home, stiffness, ripple
        self.energies = []

    def evaluate(self, structures):
        return [self._one(s) for s in structures]

    def _one(self, structure):
        u = structure.positions - self.home
        wave = 12.0
        energy = 0.5 * (self.stiffness * u**2).sum() - self.ripple * np.cos(wave * u).sum()
        forces = -self.stiffness * u - self.ripple * wave * np.sin(wave * u)
        self.energies.append(energy)
        return Evaluation(float(energy), forces, np.zeros((3, 3)))
