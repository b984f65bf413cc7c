"""Heredity: a slab of one parent spliced to a slab of another."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.geometry import cellpar_to_cell

from searchers.distances import nearest_distances
from searchers.operators.child import accepted, expected_volume, set_volume
from searchers.operators.supercell import random_supercell
from searchers.space import SearchSpace

_TRIES = 16
_SHARE = (0.25, 0.75)  # of the child's cell that the first parent fills
_LATTICE_SHARE = (0.0, 1.0)  # of the first parent's lattice in the child's
_RANDOM_POINTS = 8  # per element, for atoms that neither parent can supply


def heredity(first: Atoms, second: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """Cut-and-splice of two parents along a random lattice direction, at random shifts, in a mixed lattice.

    Deaven and Ho, Phys. Rev. Lett. 75, 288 (1995); for crystals Glass, Oganov and Hansen, Comput. Phys.
    Commun. 175, 713 (2006). Parents are brought to the size of the child as supercells first; the slabs'
    atoms are then repaired to the allowed composition nearest to theirs.
    """
    for _ in range(_TRIES):
        size = sum(space.compositions[int(rng.integers(len(space.compositions)))])
        parents = [_resized(p, size, space, rng) for p in (first, second)]
        child = _spliced(parents, rng, space)
        set_volume(child, expected_volume(child.get_chemical_symbols(), [first, second]))
        if (made := accepted(child, space)) is not None:
            return made
    return None


def _resized(atoms: Atoms, size: int, space: SearchSpace, rng: np.random.Generator) -> Atoms:
    """A supercell of about `size` atoms, its lattice vectors in random order and sense."""
    made = random_supercell(atoms, max(1, round(size / len(atoms))), rng)
    # Which axis of one parent meets which of the other is the cut's direction and orientation in one.
    order, signs = rng.permutation(3), rng.choice([-1.0, 1.0], size=3)
    return Atoms(numbers=made.numbers, positions=made.positions, cell=signs[:, None] * made.cell.array[order], pbc=True)


def _spliced(parents: list[Atoms], rng: np.random.Generator, space: SearchSpace) -> Atoms:
    fractions = [(p.get_scaled_positions() + rng.random(3)) % 1.0 for p in parents]
    cut = rng.uniform(*_SHARE)
    inside = np.concatenate([fractions[0][:, 0] < cut, fractions[1][:, 0] >= cut])
    extra = [atomic_numbers[e] for e in space.elements for _ in range(_RANDOM_POINTS)]
    pool = Atoms(
        numbers=np.concatenate([parents[0].numbers, parents[1].numbers, extra]),
        scaled_positions=np.vstack([*fractions, rng.random((len(extra), 3))]),
        cell=_mixed_lattice(parents[0], parents[1], rng.uniform(*_LATTICE_SHARE)),
        pbc=True,
    )
    chosen = np.concatenate([inside, np.zeros(len(extra), dtype=bool)])
    return pool[_repaired(pool, chosen, len(extra), rng, space)]


def _mixed_lattice(first: Atoms, second: Atoms, share: float) -> np.ndarray:
    """Cell of the parents' weighted mean lengths and angles, shape (3, 3), Å.

    Means of metric tensors, unlike those of vectors, do not depend on how the parents are turned; a weighted
    mean of two positive definite ones is one.
    """
    metric = sum(w * _unit_metric(p.cell.array) for w, p in ((share, first), (1 - share, second)))
    lengths = np.sqrt(np.diag(metric))
    cosines = np.clip(metric / np.outer(lengths, lengths), -1.0, 1.0)
    angles = np.degrees(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]]))
    return np.asarray(cellpar_to_cell([*lengths, *angles]))


def _unit_metric(cell: np.ndarray) -> np.ndarray:
    return cell @ cell.T / abs(np.linalg.det(cell)) ** (2 / 3)


def _repaired(pool: Atoms, chosen: np.ndarray, extras: int, rng: np.random.Generator, space: SearchSpace) -> np.ndarray:
    """Indices of the child's atoms: the chosen ones, changed as little as an allowed composition asks.

    Atoms too many go by who is closest to others, missing ones come from what the parents had outside their
    slabs, and from random points only where they had none of that element, by who is farthest from others.
    """
    radii = covalent_radii[pool.numbers]
    ratios = nearest_distances(pool) / (radii[:, None] + radii[None, :])
    np.fill_diagonal(ratios, np.inf)
    chosen = chosen.copy()
    spare = np.arange(len(pool)) < len(pool) - extras
    for element, target in zip(space.elements, _nearest(pool, chosen, rng, space), strict=True):
        alike = pool.numbers == atomic_numbers[element]
        while (chosen & alike).sum() > target:
            mine = np.flatnonzero(chosen & alike)
            chosen[mine[ratios[np.ix_(mine, np.flatnonzero(chosen))].min(1).argmin()]] = False
        while (chosen & alike).sum() < target:
            free = np.flatnonzero(alike & ~chosen & spare)
            free = free if len(free) else np.flatnonzero(alike & ~chosen)
            room = ratios[np.ix_(free, np.flatnonzero(chosen))].min(1, initial=np.inf)
            chosen[free[room.argmax()]] = True
    return np.flatnonzero(chosen)


def _nearest(pool: Atoms, chosen: np.ndarray, rng: np.random.Generator, space: SearchSpace) -> tuple[int, ...]:
    """The allowed counts fewest atoms away from those of the chosen atoms; a random one of several."""
    counts = np.array([(pool.numbers[chosen] == atomic_numbers[e]).sum() for e in space.elements])
    away = np.abs(space.composition_array - counts).sum(1)
    return space.compositions[int(rng.choice(np.flatnonzero(away == away.min())))]
