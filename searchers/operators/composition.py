"""Composition: one atom more, one less, or one of another element."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from searchers.distances import nearest_distances
from searchers.operators.child import accepted, counts_of, expected_volume, set_volume
from searchers.operators.supercell import random_supercell
from searchers.space import SearchSpace

_TRIES = 8
_PROBES = 60  # random points among which the largest void is sought

Counts = tuple[int, ...]


def composition(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) parent with one atom added in its largest void, removed, or turned into another.

    None where the space has no composition one such step away.
    """
    steps = _steps(atoms, space)
    for _ in range(_TRIES if steps else 0):
        factor, target = steps[int(rng.integers(len(steps)))]
        child = _stepped(random_supercell(atoms, factor, rng), target, rng, space)
        set_volume(child, expected_volume(child.get_chemical_symbols(), [atoms]))
        if (made := accepted(child, space)) is not None:
            return made
    return None


def applies(space: SearchSpace) -> bool:
    """True where compositions are searched, and where one atom is a whole formula unit."""
    return space.formula is None or sum(space.formula) == 1


def _steps(atoms: Atoms, space: SearchSpace) -> list[tuple[int, Counts]]:
    """(cells of the parent, counts one step away) of every step that stays in the space."""
    counts = counts_of(atoms, space)
    if counts is None:
        return []
    factors = range(1, (space.max_atoms + 1) // len(atoms) + 1)
    return [
        (factor, target)
        for factor in factors
        for target in space.compositions
        if _is_step(tuple(factor * c for c in counts), target)
    ]


def _is_step(counts: Counts, target: Counts) -> bool:
    changes = sorted(t - c for c, t in zip(counts, target, strict=True) if t != c)
    return changes in ([1], [-1], [-1, 1])


def _stepped(atoms: Atoms, target: Counts, rng: np.random.Generator, space: SearchSpace) -> Atoms:
    counts = counts_of(atoms, space)
    assert counts is not None
    more = [e for e, c, t in zip(space.elements, counts, target, strict=True) if t > c]
    less = [e for e, c, t in zip(space.elements, counts, target, strict=True) if t < c]
    if not less:
        return with_atom_in_void(atoms, more[0], rng)
    chosen = int(rng.choice(np.flatnonzero(atoms.numbers == atomic_numbers[less[0]])))
    if more:
        atoms.numbers[chosen] = atomic_numbers[more[0]]
    else:
        del atoms[chosen]
    return atoms


def with_atom_in_void(atoms: Atoms, symbol: str, rng: np.random.Generator) -> Atoms:
    """The atoms and one more, at the random point (of some) that is farthest from all, in covalent radii."""
    points = rng.random((_PROBES, 3)) @ atoms.cell.array
    probe = Atoms(
        numbers=[*atoms.numbers, *[atomic_numbers[symbol]] * _PROBES],
        positions=np.vstack([atoms.positions, points]),
        cell=atoms.cell,
        pbc=True,
    )
    n = len(atoms)
    radii = covalent_radii[atoms.numbers] + covalent_radii[atomic_numbers[symbol]]
    room = (nearest_distances(probe)[n:, :n] / radii).min(1)
    return probe[[*range(n), n + int(room.argmax())]]
