"""Reduction: a parent cut down to a smaller cell."""

from __future__ import annotations

from math import gcd

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from searchers.operators.child import accepted, counts_of, expected_volume, set_volume, spacing_A
from searchers.operators.supercell import random_supercell, smallest_fitting
from searchers.space import SearchSpace

TOLERANCE = (0.1, 0.5)  # of the spacing, how far a translation may miss an atom
_TRIES = 8
_AVERAGED = 0.5  # share of tries that look for a translation before they cut

Counts = tuple[int, ...]


def reduction(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A parent with a near translation made exact, or with a slab taken out and the cell closed over the gap.

    A near translation maps each atom close to a like one; what it connects is averaged, and the cell becomes a
    half, a third, ... of what it was. A slab leaves an allowed composition of fewer atoms, whose fractions are
    as near to the parent's as the size allows. None where the parent is too small for both.
    """
    counts = counts_of(atoms, space)
    if counts is None:
        return None
    smaller = _smaller(counts, space)
    for _ in range(_TRIES):
        child = _averaged(atoms, rng) if rng.random() < _AVERAGED or not smaller else None
        child = smallest_fitting(child, rng, space) if child is not None else None
        if child is None and smaller:
            child = _cut(atoms, _drawn(smaller, counts, rng), space, rng)
        if child is not None and (made := accepted(child, space)) is not None:
            return made
    return None


def _averaged(atoms: Atoms, rng: np.random.Generator) -> Atoms | None:
    """The cell that a random near translation repeats, its atoms at the means; None where there is none."""
    found = near_translations(atoms, rng.uniform(*TOLERANCE) * spacing_A(atoms))
    return divided(atoms, *found[int(rng.integers(len(found)))]) if found else None


def near_translations(atoms: Atoms, tolerance_A: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Fractional translations (3,) that put each atom within a tolerance of a like one, and onto which (n,).

    Each is an exact fraction of a lattice vector, and no atom stays in its place.
    """
    scaled = atoms.get_scaled_positions()
    rarest = min(sorted(set(atoms.numbers.tolist())), key=lambda z: int((atoms.numbers == z).sum()))
    first, *others = np.flatnonzero(atoms.numbers == rarest).tolist()
    found = []
    for target in others:
        nearly = scaled[target] - scaled[first]
        mapped = _mapped(atoms, nearly, tolerance_A)
        order = _order(mapped) if mapped is not None else 0
        turns = np.rint(order * nearly).astype(int)
        # Else the atoms come back after more steps, or fewer, than the translation makes a lattice vector of
        if mapped is not None and order and gcd(order, *turns.tolist()) == 1:
            found.append((turns / order, mapped))
    return found


def divided(atoms: Atoms, translation: np.ndarray, mapped: np.ndarray) -> Atoms:
    """The cell that the translation repeats, each atom at the mean of those that it stands for.

    Args:
        atoms: not changed.
        translation: an exact fraction of a lattice vector, shape (3,), as `near_translations` gives it.
        mapped: index of the atom next to which it puts each atom, shape (n,).
    """
    order = _order(mapped)
    scaled = atoms.get_scaled_positions()
    chains = [np.arange(len(atoms))]
    for _ in range(order - 1):
        chains.append(mapped[chains[-1]])
    # The start of each chain of equivalent atoms is the one of lowest index.
    starts = np.flatnonzero(np.min(chains, axis=0) == chains[0])
    offsets = [scaled[chain] - step * translation - scaled for step, chain in enumerate(chains)]
    means = scaled + np.mean([offset - np.rint(offset) for offset in offsets], axis=0)
    return Atoms(
        numbers=atoms.numbers[starts],
        positions=means[starts] @ atoms.cell.array,
        cell=_repeated_by(translation, order) @ atoms.cell.array,
        pbc=True,
    )


def _repeated_by(translation: np.ndarray, order: int) -> np.ndarray:
    """Basis (3, 3), rows, of the lattice that the unit vectors and a translation of this order make: Euclid's."""
    rows = [*(order * np.eye(3, dtype=int)), np.rint(order * translation).astype(int)]
    basis = []
    for column in range(3):
        while sum(row[column] != 0 for row in rows) > 1:
            least = min((row for row in rows if row[column]), key=lambda row: abs(row[column]))
            rows = [row if row is least else row - row[column] // least[column] * least for row in rows]
        basis.append(next(row for row in rows if row[column]))
        rows = [row for row in rows if not row[column]]
    return np.array(basis) / order


def _mapped(atoms: Atoms, translation: np.ndarray, tolerance_A: float) -> np.ndarray | None:
    scaled = atoms.get_scaled_positions()
    apart = (scaled + translation)[:, None] - scaled
    apart_A = np.linalg.norm((apart - np.rint(apart)) @ atoms.cell.array, axis=-1)
    apart_A = np.where(atoms.numbers[:, None] == atoms.numbers, apart_A, np.inf)
    nearest = apart_A.argmin(1)
    near = apart_A.min(1) < tolerance_A
    return nearest if near.all() and len(set(nearest.tolist())) == len(nearest) else None


def _order(mapped: np.ndarray) -> int:
    """After how many steps every atom is back in its place, all at once; 0 where some are back sooner."""
    order, now = 1, mapped
    while (now != np.arange(len(mapped))).all():
        order, now = order + 1, mapped[now]
    return order if (now == np.arange(len(mapped))).all() and order > 1 else 0


def _smaller(counts: Counts, space: SearchSpace) -> list[Counts]:
    """Allowed compositions that removing atoms leads to."""
    fits = (space.composition_array <= counts).all(1) & (space.composition_array.sum(1) < sum(counts))
    return [space.compositions[i] for i in np.flatnonzero(fits).tolist()]


def _drawn(smaller: list[Counts], counts: Counts, rng: np.random.Generator) -> Counts:
    """A random size, and of that size the composition nearest to the parent's."""
    size = int(rng.choice(sorted({sum(target) for target in smaller})))
    fractions = np.array(counts) / sum(counts)
    alike = [target for target in smaller if sum(target) == size]
    return min(alike, key=lambda target: float(np.abs(np.array(target) / size - fractions).sum()))


def _cut(atoms: Atoms, target: Counts, space: SearchSpace, rng: np.random.Generator) -> Atoms:
    """The lowest atoms of each element above a random lattice plane, and the cell only as high as they need."""
    made = random_supercell(atoms, 1, rng)
    axis = int(rng.integers(3))
    fractions = (made.get_scaled_positions() + rng.random(3)) % 1.0
    kept = [
        index
        for element, n in zip(space.elements, target, strict=True)
        for index in sorted(
            np.flatnonzero(made.numbers == atomic_numbers[element]).tolist(), key=lambda i: fractions[i, axis]
        )[:n]
    ]
    cell = made.cell.array.copy()
    positions = fractions[kept] @ cell
    cell[axis] *= len(kept) / len(made)
    child = Atoms(numbers=made.numbers[kept], positions=positions, cell=cell, pbc=True)
    set_volume(child, expected_volume(child.get_chemical_symbols(), [atoms]))
    return child
