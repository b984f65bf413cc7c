"""Composition: one atom more, one less, or one of another element."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from searchers.operators.child import accepted, counts_of, expected_volume, set_volume
from searchers.operators.supercell import random_supercell
from searchers.operators.voids import voids
from searchers.space import SearchSpace
from searchers.supercell import SUPERLATTICES_DRAWN

_TRIES = 8
_ALIKE = 0.95  # of the largest void's room: one of these is taken

Counts = tuple[int, ...]


def composition(
    atoms: Atoms, rng: np.random.Generator, space: SearchSpace, target: Counts | None = None
) -> Atoms | None:
    """A (supercell of a) parent with one atom added in its largest void, removed, or turned into another.

    None where the space has no composition one such step away, or where `target` (counts of the space) is not one.
    With a target, long supercells are made as well as compact ones, for each superlattice orders vacancies in its way.
    """
    kinds = _steps(atoms, space) if target is None else _steps_to(target, atoms, space)
    for _ in range(_TRIES if kinds else 0):
        steps = kinds[int(rng.integers(len(kinds)))]
        factor, counts = steps[int(rng.integers(len(steps)))]
        draws = SUPERLATTICES_DRAWN if target is None else 1 + int(rng.integers(SUPERLATTICES_DRAWN))
        child = _stepped(random_supercell(atoms, factor, rng, draws), counts, rng, space)
        set_volume(child, expected_volume(child.get_chemical_symbols(), [atoms]))
        if (made := accepted(child, space)) is not None:
            return made
    return None


def applies(space: SearchSpace) -> bool:
    """True where compositions are searched, and where one atom is a whole formula unit."""
    return space.formula is None or sum(space.formula) == 1


def _steps(atoms: Atoms, space: SearchSpace) -> list[list[tuple[int, Counts]]]:
    """(cells of the parent, counts one step away) of every step that stays in the space, by kind of step.

    By kind, for exchanges are many: drawn evenly, a compound seldom lost an atom, and vacancies were seldom tried.
    """
    counts = counts_of(atoms, space)
    if counts is None:
        return []
    factors = range(1, (space.max_atoms + 1) // len(atoms) + 1)
    kinds: dict[int, list[tuple[int, Counts]]] = {}
    for factor in factors:
        larger = tuple(factor * c for c in counts)
        for target in space.compositions:
            if _is_step(larger, target):
                kinds.setdefault(sum(target) - sum(larger), []).append((factor, target))
    return [kinds[kind] for kind in sorted(kinds)]


def _steps_to(target: Counts, atoms: Atoms, space: SearchSpace) -> list[list[tuple[int, Counts]]]:
    counts = counts_of(atoms, space)
    factors = [] if counts is None else factors_to(target, counts)
    return [[(factor, target) for factor in factors]] if factors else []


def factors_to(target: Counts, counts: Counts) -> list[int]:
    """How many cells of these counts are one step away from the target; empty where none are."""
    most = (sum(target) + 1) // sum(counts)
    return [f for f in range(1, most + 1) if _is_step(tuple(f * c for c in counts), target)]


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
    """The atoms and one more, at one of the points that are farthest from all, in covalent radii."""
    points, rooms = voids(atoms, symbol)
    alike = points[rooms > _ALIKE * rooms[0]]
    added = Atoms(symbol, positions=[alike[int(rng.integers(len(alike)))]])
    return Atoms(cell=atoms.cell, pbc=True) + atoms + added
