"""A barrier as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from properties.barriers.barrier import Barrier, Hop
from properties.barriers.path import settled
from properties.barriers.rates import Rates


def to_json(found: Barrier) -> dict[str, Any]:
    """Keys have their units in their names; energies along the path count from its beginning.

    Of a path over several hops, `prefactor_THz`, rates and what proves the saddle are those of the hop with the highest
    one, from that hop's own beginning; `hops_on_path` has each.
    """
    path = found.path
    hops = [_hop(hop, found) for hop in found.hops]
    own = hops[found.highest_place]
    moved = np.linalg.norm(path.points[-1] - path.points[0], axis=-1)
    return {
        "forward_eV": found.forward_eV,
        "reverse_eV": found.reverse_eV,
        **{key: own[key] for key in own if key not in ("forward_eV", "reverse_eV", "energies_eV", "converged")},
        "converged": found.converged,
        "temperatures_K": list(map(float, found.settings.temperatures_K)),
        "path_energies_eV": (path.energies_eV - path.energies_eV[0]).tolist(),
        "path_distances_A": path.distances_A.tolist(),
        "path_slopes_eV_A": path.slopes_eV_A.tolist(),
        "path_structures": {
            "symbols": path.surface.atoms.get_chemical_symbols(),
            "cell_A": path.surface.atoms.cell.array.tolist(),
            "positions_A": [atoms.positions.tolist() for atoms in path.images],
        },
        "hops_on_path": hops,
        "hopper": int(path.surface.free[int(np.argmax(moved))]),
        "atoms": len(path.surface.atoms),
        "formula": path.surface.atoms.get_chemical_formula("metal"),
        "tangent": found.settings.band.tangent,
        "band_steps": path.steps,
        "model_calls": found.model_calls,
        "precision": found.precision,
    }


def _hop(hop: Hop, found: Barrier) -> dict[str, Any]:
    saddle = hop.saddle
    temperatures = found.settings.temperatures_K
    forward, reverse = hop.rates(temperatures), hop.rates(temperatures, reverse=True)
    return {
        "forward_eV": hop.forward_eV,
        "reverse_eV": hop.reverse_eV,
        "energies_eV": list(hop.energies_eV),
        "n_imaginary": None if saddle is None else saddle.n_imaginary,
        "connects": hop.connects,
        "converged": settled(hop.band) and (saddle is None or saddle.found.converged),
        "saddle_force_eV_A": None if saddle is None else float(np.linalg.norm(saddle.found.force_eV_A, axis=-1).max()),
        "saddle_positions_A": None
        if saddle is None
        else found.path.surface.positions(saddle.found.point).tolist(),
        "imaginary_THz": None if saddle is None else abs(float(saddle.modes.frequencies_THz.min())),
        "saddle_frequencies_THz": None if saddle is None else saddle.modes.frequencies_THz.tolist(),
        "minimum_frequencies_THz": None if hop.minima is None else hop.minima[0].frequencies_THz.tolist(),
        "second_curvature_eV_A2": None if saddle is None else saddle.beside.curvature_eV_A2,
        "vibrating_atoms": 0 if saddle is None else len(saddle.region),
        "prefactor_THz": hop.prefactor_THz(),
        "reverse_prefactor_THz": hop.prefactor_THz(reverse=True),
        "zero_point_change_eV": hop.zero_point_change_eV(),
        "reverse_zero_point_change_eV": hop.zero_point_change_eV(reverse=True),
        "rate_per_s": _listed(forward, "classical_per_s"),
        "rate_quantum_per_s": _listed(forward, "quantum_per_s"),
        "reverse_rate_per_s": _listed(reverse, "classical_per_s"),
        "reverse_rate_quantum_per_s": _listed(reverse, "quantum_per_s"),
        "wigner_factor": _listed(forward, "wigner"),
    }


def _listed(found: Rates | None, name: str) -> list[float] | None:
    return None if found is None else getattr(found, name).tolist()


def isotope_json(found: Barrier, symbol: str, mass_u: float) -> Mapping[str, Any]:
    """What another mass of an element changes: zero-point energies, prefactor, rates; of the highest hop."""
    hop = found.with_mass(symbol, mass_u).highest
    forward, reverse = hop.zero_point_change_eV(), hop.zero_point_change_eV(reverse=True)
    own = _hop(hop, found)
    kept = (
        "prefactor_THz", "reverse_prefactor_THz", "imaginary_THz",
        "zero_point_change_eV", "reverse_zero_point_change_eV",
        "rate_per_s", "rate_quantum_per_s", "reverse_rate_per_s", "reverse_rate_quantum_per_s", "wigner_factor",
    )  # fmt: skip
    return {
        "symbol": symbol,
        "mass_u": mass_u,
        "forward_zero_point_eV": None if forward is None else hop.forward_eV + forward,
        "reverse_zero_point_eV": None if reverse is None else hop.reverse_eV + reverse,
        **{key: own[key] for key in kept},
    }
