"""Moves that keep a group of symmetry operations: displacements, strains, elements of whole orbits exchanged."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.fingerprint import distance, fingerprint
from searchers.operators.child import set_volume, spacing_A
from searchers.operators.strain import random_strain
from searchers.symmetry import Operations, images, orbits, symmetric_part, symmetric_strain

DISPLACEMENT = (0.05, 0.4)  # largest one, in spacings
_EXCHANGES = 0.5  # share of moves that exchange orbits, where there are such
_NONE = 1e-6  # of a random move of size one: what symmetry forbids is left over by rounding only
_SAME = 1e-3  # distance of fingerprints; copies are within 2e-5, see docs/searchers.md


def symmetric_move(atoms: Atoms, operations: Operations, share: float, rng: np.random.Generator) -> Atoms | None:
    """The atoms after a random move that all operations survive, in a cell of the same volume.

    None where the operations leave no freedom: no coordinate, no shape of the cell, no orbits of unlike atoms
    whose exchange gives another crystal.

    Args:
        atoms: a cell that the operations map onto itself; not changed.
        operations: of that cell.
        share: of the full amplitude, up to 1.
        rng: source of every random number.

    Raises:
        ValueError: the operations do not map the atoms.
    """
    mapped = images(atoms, operations)
    if mapped is None:
        raise ValueError("the operations do not map the atoms onto themselves")
    pairs = _exchangeable(atoms, mapped)
    exchanges_first = rng.random() < _EXCHANGES
    exchanged = _exchanged(atoms, pairs, rng) if exchanges_first else None
    moved = exchanged or _displaced(atoms, operations, mapped, share, rng)
    return moved if moved is not None or exchanges_first else _exchanged(atoms, pairs, rng)


def _displaced(
    atoms: Atoms, operations: Operations, mapped: np.ndarray, share: float, rng: np.random.Generator
) -> Atoms | None:
    field = symmetric_part(rng.normal(size=(len(atoms), 3)) / spacing_A(atoms), operations, mapped)
    field_A = (field - field.mean(0)) @ atoms.cell.array  # where an axis is polar, all atoms may shift: no change
    strain = symmetric_strain(random_strain(rng) - np.eye(3), atoms.cell.array, operations)
    strain -= np.trace(strain) / 3 * np.eye(3)
    largest_A = np.linalg.norm(field_A, axis=1).max()
    moves, strains = largest_A > _NONE * spacing_A(atoms), np.abs(strain).max() > _NONE
    if not (moves or strains):
        return None
    child = atoms.copy()
    if moves:
        child.positions += field_A * (share * rng.uniform(*DISPLACEMENT) * spacing_A(atoms) / largest_A)
    child.set_cell(child.cell.array @ (np.eye(3) + share * strain), scale_atoms=True)
    set_volume(child, abs(atoms.cell.volume))
    return child


def _exchangeable(atoms: Atoms, mapped: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of orbits of unlike atoms and equal size."""
    found = orbits(mapped)
    return [
        (a, b)
        for i, a in enumerate(found)
        for b in found[i + 1 :]
        if len(a) == len(b) and atoms.numbers[a[0]] != atoms.numbers[b[0]]
    ]


def _exchanged(atoms: Atoms, pairs: list[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> Atoms | None:
    """The first exchange in random order that makes another crystal: rocksalt's two give rocksalt again."""
    if not pairs:
        return None
    before = fingerprint(atoms)
    for index in rng.permutation(len(pairs)).tolist():
        first, second = pairs[index]
        child = atoms.copy()
        child.numbers[first], child.numbers[second] = atoms.numbers[second[0]], atoms.numbers[first[0]]
        if distance(fingerprint(child), before) > _SAME:
            return child
    return None
