"""What no physical crystal does: each rule names itself."""

from __future__ import annotations

import numpy as np
from ase.data import covalent_radii
from matscipy.neighbours import neighbour_list

from potentials.neighbours import Structure
from potentials.potential import Evaluation
from potentials.relax.settings import RelaxSettings


def unphysical_geometry(structure: Structure, settings: RelaxSettings) -> str:
    """Why this geometry must not be evaluated, or an empty string."""
    if not len(structure.numbers):
        return "empty: no atoms"
    if not (np.isfinite(structure.positions).all() and np.isfinite(structure.cell).all()):
        return "exploded: positions or cell are not finite"
    per_atom = structure.volume_A3 / len(structure.numbers)
    if per_atom > settings.largest_volume_A3_per_atom:
        return f"fell apart: {per_atom:.0f} Å³ an atom"
    if per_atom < 0.5:
        return f"collapsed: {per_atom:.2g} Å³ an atom"
    closest = closest_ratio(structure, settings.closest)
    if closest < settings.closest:
        return f"overlap: two atoms at {closest:.2f} of the sum of their covalent radii"
    return ""


def closest_ratio(structure: Structure, below: float) -> float:
    """Smallest distance over the sum of covalent radii; infinity where none is below `below`."""
    radii = covalent_radii[structure.numbers]
    if below <= 0:
        return float("inf")
    i, j, r = neighbour_list(
        "ijd", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool), cutoff=2 * below * radii.max()
    )
    return float(np.min(r / (radii[i] + radii[j]), initial=np.inf))


def unphysical_energy(structure: Structure, evaluation: Evaluation, settings: RelaxSettings) -> str:
    """Why this energy must not be believed, or an empty string."""
    if not evaluation.finite:
        return "the potential gave NaN or infinity"
    per_atom = evaluation.energy_eV / len(structure.numbers)
    if per_atom < settings.lowest_eV_per_atom:
        return f"hole in the potential: {per_atom:.1f} eV an atom"
    return ""
