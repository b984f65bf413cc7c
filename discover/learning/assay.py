"""How wrong a generation is: on held-out frames, and on what it should not have forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols

from potentials import Potential
from potentials.neighbours import Structure
from potentials.training import Label, answers, fit_offsets, shifted
from potentials.uncertainty import ReferenceStructure, read_reference

TESTED = 100
"""Reference structures that are never replayed and tell what was forgotten."""
REFERENCE_ORACLE = "7net-l3i5"
SOUND_EV_A = 10.0
"""Largest force component of reference structures that are replayed and tested with: one in twenty of the set is a
wreck beyond, whose errors would drown those of all others."""


@dataclass(frozen=True)
class Errors:
    """Root mean squares over a set of labels, and each label's own.

    Attributes:
        force_eV_A: of force components.
        energy_meV_per_atom: of energies, after the elements' offsets that take the two scales closest together.
        each_force_eV_A, each_energy_meV_per_atom: the same of each label; energies without sign.
    """

    force_eV_A: float
    energy_meV_per_atom: float
    each_force_eV_A: tuple[float, ...]
    each_energy_meV_per_atom: tuple[float, ...]


def errors_of(potential: Potential, labels: Sequence[Label]) -> Errors:
    """By model calls on all labels."""
    found = answers(potential, [label.structure for label in labels])
    aligned = shifted(labels, fit_offsets(labels, [f.energy_eV for f in found]))
    squares = [((f.forces_eV_A - label.forces_eV_A) ** 2) for f, label in zip(found, labels, strict=True)]
    energies = [1000 * abs(f.energy_eV - a.energy_eV) / len(a) for f, a in zip(found, aligned, strict=True)]
    return Errors(
        force_eV_A=float(np.sqrt(np.concatenate([s.ravel() for s in squares]).mean())),
        energy_meV_per_atom=float(np.sqrt(np.mean(np.square(energies)))),
        each_force_eV_A=tuple(float(np.sqrt(s.mean())) for s in squares),
        each_energy_meV_per_atom=tuple(energies),
    )


def network_reference(
    potential: Potential, replayed: int, seed: int
) -> tuple[list[ReferenceStructure], list[ReferenceStructure]]:
    """Structures of the shipped set to replay, and others to test with; never the same chemical system in both."""
    known = potential.metadata.elements
    usable = [r for r in read_reference() if _sound(r) and (known is None or _symbols(r.structure) <= set(known))]
    systems = sorted({r.system for r in usable})
    np.random.default_rng([seed, 4]).shuffle(systems)
    replay_side = set(systems[::2])
    sides: tuple[list[ReferenceStructure], list[ReferenceStructure]] = ([], [])
    order = np.random.default_rng([seed, 5]).permutation(len(usable))
    for k in order.tolist():
        sides[usable[k].system not in replay_side].append(usable[k])
    return sides[0][:replayed], sides[1][:TESTED]


def forgotten(potential: Potential, root: Potential, replayed: int, seed: int) -> Errors:
    """Errors on reference structures of systems that are not replayed, by that set's oracle."""
    _, tested = network_reference(root, replayed, seed)
    labels = [
        Label(r.structure, r.labels[REFERENCE_ORACLE].energy_eV, r.labels[REFERENCE_ORACLE].forces_eV_A)
        for r in tested
    ]
    return errors_of(potential, labels)


def _sound(reference: ReferenceStructure) -> bool:
    return all(np.abs(labels.forces_eV_A).max() <= SOUND_EV_A for labels in reference.labels.values())


def _symbols(structure: Structure) -> set[str]:
    return {chemical_symbols[z] for z in structure.numbers}
