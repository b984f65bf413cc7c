"""Symmetrised: what a parent nearly is, made exact."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from searchers.operators.child import accepted, set_volume, spacing_A
from searchers.operators.reduction import near_translations
from searchers.operators.supercell import smallest_fitting
from searchers.operators.wyckoff import RELAXED
from searchers.space import SearchSpace
from searchers.symmetry import Ideal, idealised

TOLERANCE = (0.04, 0.35)  # of the spacing: 0.1 to 0.8 Å, from noise to half of a bond
_TRIES = 4  # each takes 1 to 20 ms
_ALL = 48  # operations of the cube, a subgroup of no other point group


def symmetrised(atoms: Atoms, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """The parent with the higher symmetry that it has within a random loose tolerance, at its own volume.

    Higher means more operations, or the same crystal in a smaller cell. None where no tolerance finds such.
    A relaxation that stopped beside a symmetric minimum is carried into it by this step. That searches within
    symmetry find low energies fast: Pickard and Needs, J. Phys.: Condens. Matter 23, 053201 (2011).
    """
    tight = idealised(atoms, RELAXED * spacing_A(atoms))
    # Where translations alone are left to gain, to see that there are none takes 0.1 ms, the tries 80 ms.
    full = tight is not None and len(tight.operations.rotations) == _ALL
    if full and not near_translations(atoms, TOLERANCE[1] * spacing_A(atoms)):
        return None
    for _ in range(_TRIES):
        loose = idealised(atoms, rng.uniform(*TOLERANCE) * spacing_A(atoms))
        if loose is None or not (tight is None or _is_higher(loose, tight)):
            continue
        child = loose.atoms.copy()
        set_volume(child, abs(atoms.cell.volume) * len(child) / len(atoms))
        fitting = smallest_fitting(child, rng, space)
        if fitting is not None and (made := accepted(fitting, space)) is not None:
            return made
    return None


def _is_higher(found: Ideal, than: Ideal) -> bool:
    more = len(found.operations.rotations) > len(than.operations.rotations)
    return len(found.atoms) < len(than.atoms) or (len(found.atoms) == len(than.atoms) and more)
