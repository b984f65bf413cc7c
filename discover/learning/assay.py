"""How wrong a generation is: on labels, and on what it should not have forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from discover.errors import InputError
from potentials import Potential
from potentials.neighbours import Structure
from potentials.training import Label, LabelError, answers, lineages, shifted
from potentials.uncertainty import ReferenceStructure, read_reference

TESTED = 100
"""Reference structures that are never replayed and tell what was forgotten."""
ORACLES = ("7net-l3i5", "7net-0")
"""Of the shipped set, the better first; nobody is held against itself."""
SOUND_EV_A = 10.0
"""Largest force component of reference structures that are replayed and tested with: one in twenty of the set is a
wreck beyond, whose errors would drown those of all others."""


NEVER_KNOWN_EV_A = 1.0
"""RMS force error of a structure about which a potential is simply wrong: one in twenty-five for 7net-0. In a hole of
its own fine-tuning moves forces by more than everywhere else together."""


@dataclass(frozen=True)
class Errors:
    """Root mean squares over a set of labels, and each label's own.

    Attributes:
        force_eV_A: of force components.
        energy_meV_per_atom: of energies, zeros aligned by the offsets given.
        each_force_eV_A, each_energy_meV_per_atom: the same of each label; energies without sign.
    """

    force_eV_A: float
    energy_meV_per_atom: float
    each_force_eV_A: tuple[float, ...]
    each_energy_meV_per_atom: tuple[float, ...]


def errors_of(potential: Potential, labels: Sequence[Label], offsets_eV: Mapping[str, float]) -> Errors:
    """By model calls on all labels, of which there is at least one.

    offsets_eV: what the labels' zeros of energy lie above the potential's, by element.

    Raises:
        InputError: the potential gives no finite numbers: its training has gone astray.
    """
    try:
        found = answers(potential, [label.structure for label in labels])
    except LabelError as error:
        raise InputError(
            f"{potential.metadata.name}: {error}; lower learn.train.learning_rate and learn in a new folder"
        ) from None
    aligned = shifted(labels, offsets_eV)
    squares = [((f.forces_eV_A - label.forces_eV_A) ** 2) for f, label in zip(found, labels, strict=True)]
    energies = [1000 * abs(f.energy_eV - a.energy_eV) / len(a) for f, a in zip(found, aligned, strict=True)]
    return Errors(
        force_eV_A=float(np.sqrt(np.concatenate([s.ravel() for s in squares]).mean())),
        energy_meV_per_atom=float(np.sqrt(np.mean(np.square(energies)))),
        each_force_eV_A=tuple(float(np.sqrt(s.mean())) for s in squares),
        each_energy_meV_per_atom=tuple(energies),
    )


def reference_sides(
    root: Potential, replayed: int, seed: int
) -> tuple[list[ReferenceStructure], list[ReferenceStructure]]:
    """Structures of the shipped set to replay, and others to test with; never the same chemical system in both."""
    known = root.metadata.elements
    usable = [r for r in read_reference() if _sound(r) and (known is None or _symbols(r.structure) <= set(known))]
    systems = sorted({r.system for r in usable})
    np.random.default_rng([seed, 4]).shuffle(systems)
    replay_side = set(systems[::2])
    sides: tuple[list[ReferenceStructure], list[ReferenceStructure]] = ([], [])
    order = np.random.default_rng([seed, 5]).permutation(len(usable))
    for k in order.tolist():
        sides[usable[k].system not in replay_side].append(usable[k])
    return sides[0][:replayed], sides[1][:TESTED]


def reference_labels(root: Potential, replayed: int, seed: int) -> list[Label]:
    """Of the structures to test with, by an oracle of that set that is no ancestor of the network's.

    Without those that the root is wrong about anyway: what it never knew it cannot forget.
    """
    _, tested = reference_sides(root, replayed, seed)
    oracle = reference_oracle(root)
    found = [(r.structure, r.labels[oracle]) for r in tested]
    labels = [Label(structure, given.energy_eV, given.forces_eV_A) for structure, given in found]
    if not labels:
        return []
    errors = errors_of(root, labels, {}).each_force_eV_A
    return [label for label, error in zip(labels, errors, strict=True) if error <= NEVER_KNOWN_EV_A]


def reference_oracle(root: Potential) -> str:
    """The better of the shipped set's that the network does not come from."""
    name = root.metadata.name
    line = {name, *(made.parent for made in lineages(name))} if Path(name).is_file() else {name}
    return next(name for name in ORACLES if name not in line)


def _sound(reference: ReferenceStructure) -> bool:
    return all(np.abs(labels.forces_eV_A).max() <= SOUND_EV_A for labels in reference.labels.values())


def _symbols(structure: Structure) -> set[str]:
    return {chemical_symbols[z] for z in structure.numbers}
