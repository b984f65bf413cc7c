"""Minima and saddles, brought to rest by Newton's method, and their force constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from potentials.neighbours import Structure
from potentials.potential import Potential
from properties.errors import PropertyError
from properties.evaluating import evaluate_all
from properties.isotopes.harmonic import modes_of

STEP_A = 0.01
"""Of the differences: errors of third order of a bond of 5 eV/Å² are 1e-4 of it, noise in double precision far less."""
FMAX_EV_A = 1e-3
"""At rest: what it leaves in an energy is 1e-7 eV over any vibration here."""
MOST_STEPS = 40
FURTHEST_A = 0.1
"""A Newton step of an atom, so that a poor start does not end elsewhere."""

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stationary:
    """A structure on which no force acts.

    Attributes:
        atoms: it; masses as given.
        moving: atoms that may move, (n,) of bool.
        energy_eV: of it.
        force_constants: eV/Å², (3n, 3n); zero in rows and columns of atoms that do not move.
        moved_A: how far the farthest atom has gone from where it was given.
        model_calls: spent.
    """

    atoms: Atoms
    moving: np.ndarray
    energy_eV: float
    force_constants: np.ndarray
    moved_A: float
    model_calls: int


def stationary(
    potential: Potential, atoms: Atoms, moving: np.ndarray, unstable: int, what: str, tell: Tell
) -> Stationary:
    """The stationary point beside `atoms` with so many unstable modes: 0 a minimum, 1 a first-order saddle.

    Newton steps x − K⁺∇V with force constants by central differences, measured where it begins and where it ends. The
    cell is kept. Calls are in double precision where the potential has it.

    what: "reactant", "saddle", for messages.
    tell: what is done, how much, of how much.

    Raises:
        PropertyError: it does not come to rest, or has another number of unstable modes.
    """
    potential = potential.in_double_precision()
    here, calls = atoms.copy(), 0
    for _ in range(3):
        constants = force_constants(potential, here, moving, lambda k, n: tell(f"force constants, {what}", k, n))
        calls += 6 * int(moving.sum())
        rested, energy, steps = _newton(potential, here, moving, constants)
        calls += steps
        if rested is None:
            raise PropertyError(
                f"{what}: does not come to rest within {MOST_STEPS} Newton steps; relax it first, or give a better one"
            )
        moved = _furthest(rested.positions - here.positions)
        here = rested
        if moved < STEP_A:
            break
    found = len(modes_of(constants, here.get_masses(), moving).unstable)
    if found != unstable:
        wanted = "a minimum has none" if unstable == 0 else "a first-order saddle has exactly one"
        raise PropertyError(f"{what}: has {found} unstable modes; {wanted}")
    return Stationary(here, moving, energy, constants, _furthest(here.positions - atoms.positions), calls)


def force_constants(
    potential: Potential, atoms: Atoms, moving: np.ndarray, on_done: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """K = −∂F/∂x by central differences of 0.01 Å, eV/Å², (3n, 3n), symmetric."""
    n = len(atoms)
    places = [(i, a) for i in np.flatnonzero(moving) for a in range(3)]
    cells = []
    for i, a in places:
        for sign in (1, -1):
            x = atoms.positions.copy()
            x[i, a] += sign * STEP_A
            cells.append(Structure(atoms.numbers, x, np.asarray(atoms.cell.array)))
    told = None if on_done is None else (lambda k: on_done(k, len(cells)))
    forces = np.array([e.forces_eV_A for e in evaluate_all(potential, cells, told)]).reshape(len(places), 2, 3 * n)
    constants = np.zeros((3 * n, 3 * n))
    constants[[3 * i + a for i, a in places]] = (forces[:, 1] - forces[:, 0]) / (2 * STEP_A)
    free = np.repeat(moving, 3)
    return np.where(np.outer(free, free), (constants + constants.T) / 2, 0.0)


def _newton(
    potential: Potential, atoms: Atoms, moving: np.ndarray, constants: np.ndarray
) -> tuple[Atoms | None, float, int]:
    """Where no force is left, its energy, and how many calls that took; None where there is no such place."""
    here = atoms.copy()
    free = np.repeat(moving, 3)
    # Rigid shifts, and directions without a force, have no inverse
    inverse = np.zeros_like(constants)
    inverse[np.ix_(free, free)] = np.linalg.pinv(constants[np.ix_(free, free)], rcond=1e-4, hermitian=True)
    for step in range(1, MOST_STEPS + 1):
        structure = Structure(here.numbers, here.positions.copy(), np.asarray(here.cell.array))
        (told,) = evaluate_all(potential, [structure])
        forces = np.where(moving[:, None], told.forces_eV_A, 0.0)
        if np.abs(forces).max() < FMAX_EV_A:
            return here, told.energy_eV, step
        shift = (inverse @ forces.ravel()).reshape(-1, 3)
        here.positions += shift * min(1.0, FURTHEST_A / _furthest(shift))
    return None, np.nan, MOST_STEPS


def _furthest(shift: np.ndarray) -> float:
    return float(np.linalg.norm(shift, axis=1).max())
