"""What every operator asks of its child: to belong to the space, at a sensible volume, without clashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from searchers.candidate import Fate, Relaxed
from searchers.distances import far_enough
from searchers.operators.separation import separated
from searchers.space import SearchSpace
from searchers.volume import estimate_volume

_FLAT_A3 = 1e-3  # a cell of no volume, which a strain may make


def counts_of(atoms: Atoms, space: SearchSpace) -> tuple[int, ...] | None:
    """Atoms of each of `space.elements`; None where there is another element."""
    counts = Counter(atoms.get_chemical_symbols())
    if not set(counts) <= set(space.elements):
        return None
    return tuple(counts.get(e, 0) for e in space.elements)


def converged_counts(result: Relaxed, space: SearchSpace) -> tuple[int, ...] | None:
    """Counts of a converged result; None where it is not, has no finite energy, or holds other elements."""
    if result.fate is not Fate.CONVERGED or not np.isfinite(result.energy_eV):
        return None
    return counts_of(result.atoms, space)


def accepted(atoms: Atoms, space: SearchSpace) -> Atoms | None:
    """The atoms, wrapped, with clashes pushed apart; None where they do not belong or cannot be parted."""
    if not space.allows(atoms.get_chemical_symbols()) or abs(atoms.cell.volume) < _FLAT_A3:
        return None
    parted = separated(atoms, space.min_distance_scale)
    # Asked of the judge of all candidates, which pushes only mean to please.
    if parted is None or not far_enough(parted, space.min_distance_scale):
        return None
    parted.wrap()
    return parted


def expected_volume(symbols: Sequence[str], parents: Sequence[Atoms]) -> float:
    """Volume of a crystal of these atoms, Å^3, judged by its parents.

    The estimate for ambient pressure times how far the parents are off theirs, so that pressure, a
    potential's bias and what the search has learnt are all inherited.
    """
    ratios = [abs(p.cell.volume) / estimate_volume(Counter(p.get_chemical_symbols())) for p in parents]
    return estimate_volume(Counter(symbols)) * float(np.exp(np.mean(np.log(ratios))))


def set_volume(atoms: Atoms, volume_A3: float) -> None:
    """Scale cell and positions to this volume, Å^3, in place."""
    scale = (volume_A3 / abs(atoms.cell.volume)) ** (1 / 3)
    atoms.set_cell(atoms.cell.array * scale, scale_atoms=True)


def spacing_A(atoms: Atoms) -> float:
    """Cube root of the volume per atom, about the distance of neighbours; amplitudes are given in it."""
    return float((abs(atoms.cell.volume) / len(atoms)) ** (1 / 3))
