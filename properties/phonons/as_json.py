"""Phonons as JSON: per atom and per mole of atoms, rounded to what they are good for."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms

from properties.phonons.bands import Bands
from properties.phonons.following import Followed
from properties.phonons.thermodynamics import J_PER_MOL_EV
from properties.phonons.vibrations import Phonons


def to_json(found: Phonons) -> dict[str, Any]:
    """The keys of docs/phonons.md."""
    crystal, stable, thermal, error = found.crystal, found.stable, found.thermal, found.error
    n = len(crystal.atoms)
    molar = J_PER_MOL_EV / n
    return {
        "formula": crystal.atoms.get_chemical_formula("metal", empirical=True),
        "frequencies_gamma_THz": _rounded(found.gamma_THz, 4),
        "frequencies_gamma_polar_THz": [
            {"direction": list(axis), "frequencies_THz": _rounded(f, 4)} for axis, f in found.gamma_along
        ],
        "min_frequency_THz": round(stable.min_frequency_THz, 4),
        "min_frequency_q": _rounded(stable.min_q, 6),
        "min_frequency_fits_supercell": stable.min_is_exact,
        "dynamically_stable": stable.dynamically_stable,
        "imaginary_tolerance_THz": {
            "fits_supercell": round(stable.tolerance_THz, 4),
            "interpolated": round(stable.interpolated_tolerance_THz, 4),
        },
        "energy_eV_per_atom": round(crystal.energy_eV / n, 7),
        "zero_point_energy_eV_per_atom": round(thermal.zero_point_energy_eV / n, 7),
        "temperatures_K": _rounded(thermal.temperatures_K, 2),
        "free_energy_eV_per_atom": _rounded(thermal.free_energy_eV / n, 7),
        "entropy_J_per_K_per_mol_atoms": _rounded(thermal.entropy_eV_K * molar, 4),
        "heat_capacity_J_per_K_per_mol_atoms": _rounded(thermal.heat_capacity_eV_K * molar, 4),
        "modes_left_out_per_cell": {
            "zero": round(thermal.left_out.zero, 6),
            "imaginary": round(thermal.left_out.imaginary, 6),
        },
        "bands": _bands(found.bands),
        "dos": {
            "frequencies_THz": _rounded(found.density.frequencies_THz, 4),
            "density": _rounded(found.density.density_1_THz, 5),
        },
        "supercell_matrix": crystal.supercell_matrix.tolist(),
        "supercell_atoms": len(crystal.phonopy.supercell),
        "mesh": list(found.mesh.counts),
        "precision": crystal.precision,
        "sum_rule_violation_eV_A2": float(f"{crystal.sum_rule_violation_eV_A2:.3g}"),
        "largest_force_eV_A": float(f"{crystal.largest_force_eV_A:.3g}"),
        "error": None
        if error is None
        else {
            "by": f"a supercell of {error.atoms} atoms, images {error.image_distance_A:.1f} Å apart",
            "frequency_THz": round(error.frequency_THz, 4),
            "free_energy_300K_meV_per_atom": round(1e3 * error.free_energy_eV / n, 4),
        },
        "followed": [_followed(f) for f in found.descent.followed],
        "primitive_cell": _structure(crystal.atoms),
        "model_calls": found.model_calls,
    }


def _bands(bands: Bands) -> dict[str, Any]:
    return {
        "segments": [list(ends) for ends in bands.segments],
        "labels": [{"distance_1_A": round(place, 5), "label": label} for place, label in bands.ticks()],
        "distances_1_A": [_rounded(d, 5) for d in bands.distances_1_A],
        "frequencies_THz": [_rounded(f, 3) for f in bands.frequencies_THz],
    }


def _followed(mode: Followed) -> dict[str, Any]:
    """Without a structure where that is none to offer."""
    return {
        "q": _rounded(mode.q, 6),
        "frequency_THz": round(mode.frequency_THz, 4),
        "degeneracy": mode.degeneracy,
        "outcome": mode.outcome,
        "energy_drop_meV_per_atom": round(mode.energy_drop_meV_per_atom, 3),
        "space_group": mode.space_group,
        "structure": _structure(mode.atoms) if mode.lower and mode.atoms is not None else None,
    }


def _structure(atoms: Atoms) -> dict[str, Any]:
    return {
        "numbers": atoms.numbers.tolist(),
        "cell": _rounded(atoms.cell.array, 8),
        "positions": _rounded(atoms.positions, 8),
    }


def _rounded(values: np.ndarray, decimals: int) -> list[Any]:
    """As lists; a zero has no sign."""
    return (np.round(np.asarray(values, float), decimals) + 0.0).tolist()
