"""Subgroup: a parent with part of its symmetry given up, and moved as far as the rest allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.build import make_supercell
from moyopy import SpaceGroupType

from searchers.distances import far_enough
from searchers.generation import PYXTAL_WORKER
from searchers.operators.child import accepted, spacing_A
from searchers.operators.supercell import fitting_factors, smallest_fitting
from searchers.operators.symmetric_move import symmetric_move
from searchers.operators.wyckoff import RELAXED
from searchers.space import SearchSpace
from searchers.subgroups import NoAnswerError, Subgroup, maximal_subgroups
from searchers.symmetry import Ideal, Operations, idealised, standard_operations
from searchers.wyckoff import CENTRING

_MOST_INDEX = 4
_TRIES = 8


def subgroup(
    atoms: Atoms,
    rng: np.random.Generator,
    space: SearchSpace,
    timeout_s: float = 3.0,
    worker: Sequence[str] = PYXTAL_WORKER,
) -> Atoms | None:
    """The parent in a random maximal subgroup of its space group, of index 4 at most, and a move within that.

    Subgroups that lose translations enlarge the cell, where the space allows it. The move is that of
    `wyckoff`: freed coordinates and lattice parameters, or the elements of two orbits exchanged, which may
    have been one orbit before. None where no subgroup tried leaves a freedom, and where pyxtal does not answer.

    Args:
        atoms: not changed.
        rng: source of every random number.
        space: what the child must belong to.
        timeout_s: after so long without an answer the child process that holds pyxtal is stopped.
        worker: arguments of that process.

    Raises:
        GenerationError: pyxtal cannot be run.
    """
    ideal = idealised(atoms, RELAXED * spacing_A(atoms))
    factors = fitting_factors(ideal.atoms, space) if ideal is not None else []
    if ideal is None or not factors:
        return None
    try:
        known = maximal_subgroups(ideal.number, timeout_s, tuple(worker))
    except NoAnswerError:
        return None
    fitting = [
        s
        for s in known
        if s.index <= _MOST_INDEX and (not s.enlarges or any(f % s.index == 0 for f in factors))
    ]
    for attempt in range(_TRIES if fitting else 0):
        chosen = fitting[int(rng.integers(len(fitting)))]
        moved = symmetric_move(*lowered(ideal, chosen), 1 - attempt / _TRIES, rng)
        child = smallest_fitting(moved, rng, space) if moved is not None else None
        # Pushes would break the symmetry, so a child that needs them is made again, smaller.
        if child is not None and far_enough(child, space.min_distance_scale):
            return accepted(child, space)
    return None


def lowered(ideal: Ideal, subgroup: Subgroup) -> tuple[Atoms, Operations]:
    """The crystal in a primitive cell of a subgroup, and that subgroup's operations there."""
    centring = CENTRING[SpaceGroupType(subgroup.number).hm_short[0]]
    vectors = centring @ subgroup.basis @ ideal.conventional.cell.array
    copies = np.rint(vectors @ np.linalg.inv(ideal.atoms.cell.array)).astype(int)
    atoms = make_supercell(ideal.atoms, copies)
    atoms.positions -= subgroup.origin @ ideal.conventional.cell.array
    return atoms, standard_operations(subgroup.number).in_basis(centring, np.zeros(3))
