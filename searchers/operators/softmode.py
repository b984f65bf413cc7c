"""Softmode: a parent displaced along one of its lowest vibrations."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.modes import Modes
from searchers.operators.child import accepted, spacing_A
from searchers.space import SearchSpace

AMPLITUDE = (0.2, 0.7)  # of the spacing, the largest atom's: over the barrier to a neighbouring minimum
_HALVED = 3  # the mode that is drawn half as often as the lowest, counted from 0
_ALIKE = 0.02  # of the largest displacement: less between atoms is a shift of the whole crystal
_TRIES = 8


def softmode(atoms: Atoms, modes: Modes, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """The cell displaced along one of its modes, low ones more often, with a random sign and amplitude.

    Soft directions lead over low barriers: the softmutation of Lyakhov, Oganov, Stokes and Zhu, Comput. Phys.
    Commun. 184, 1172 (2013), whose Hessian comes from the hardness of bonds; here it is the potential's. The atoms
    are not brought to another size, for modes belong to one cell.

    Args:
        atoms: the cell of the modes, its atoms in their order; not changed.
        modes: see `Modes`; those that shift all atoms alike are passed over.
        rng: source of every random number.
        space: what the child must belong to.

    Raises:
        ValueError: the modes are those of another number of atoms.
    """
    patterns = _inner(modes, len(atoms))
    for _ in range(_TRIES if len(patterns) else 0):
        shares = 0.5 ** (np.arange(len(patterns)) / _HALVED)
        pattern = patterns[int(rng.choice(len(patterns), p=shares / shares.sum()))]
        amplitude_A = rng.uniform(*AMPLITUDE) * spacing_A(atoms)
        child = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
        child.positions += rng.choice([-1.0, 1.0]) * amplitude_A * pattern
        if (made := accepted(child, space)) is not None:
            return made
    return None


def _inner(modes: Modes, atoms: int) -> np.ndarray:
    """Displacement patterns that change distances, ascending in frequency, shape (k, n, 3)."""
    if modes.displacements.shape[1] != atoms and len(modes.displacements):
        raise ValueError(f"these are modes of {modes.displacements.shape[1]} atoms (the cell has {atoms})")
    patterns = modes.displacements[np.argsort(modes.frequencies_THz, kind="stable")]
    apart = np.ptp(patterns, axis=1).max(-1)
    return np.asarray(patterns[apart > _ALIKE])
