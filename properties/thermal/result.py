"""What a quasi-harmonic calculation found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import units

from potentials.metadata import Metadata
from properties.phonons.thermodynamics import J_PER_MOL_EV
from properties.thermal.axes import Axes
from properties.thermal.grueneisen import ModeGrueneisen
from properties.thermal.quasi_harmonic import QuasiHarmonic, VolumeVibrations
from properties.thermal.settings import ThermalSettings

AXES = ("a", "b", "c")


@dataclass(frozen=True)
class VolumePoint:
    """One volume of the row, per cell.

    Attributes:
        strain: V/V0 − 1.
        volume_A3, energy_eV: static.
        min_frequency_THz: over the mesh.
        left_out: why it has no part in the result; empty where it has.
    """

    strain: float
    volume_A3: float
    energy_eV: float
    min_frequency_THz: float
    left_out: str = ""


@dataclass(frozen=True)
class Thermal:
    """Thermal properties of one crystal.

    Attributes:
        formula, atoms: of the primitive cell, and how many it has; everything below is per cell.
        rest_energy_eV, rest_volume_A3: static, at rest.
        found: by the chosen equation of state, at the temperatures that the volumes reach.
        others: by the other one, by one through the innermost volumes alone, and by another degree of ln V, at the same
            temperatures.
        axes: of the conventional cell at those.
        vibrations: at the volumes that have a part.
        points: all volumes, ascending.
        gamma: optical modes at Γ at rest, (1, 3n − 3).
        zone: modes over the mesh at rest.
        weights: of its q points.
        mesh: points along each reciprocal vector.
        shape: "scaled" or "relaxed", see `ThermalSettings`.
        supercell: (3, 3).
        warnings: what a reader must know, a line each.
        settings, potential, precision, model_calls: where it comes from, and what it cost.
    """

    formula: str
    atoms: int
    rest_energy_eV: float
    rest_volume_A3: float
    found: QuasiHarmonic
    others: tuple[QuasiHarmonic, ...]
    axes: Axes
    vibrations: VolumeVibrations
    points: tuple[VolumePoint, ...]
    gamma: ModeGrueneisen
    zone: ModeGrueneisen
    weights: np.ndarray
    mesh: tuple[int, int, int]
    shape: str
    supercell: np.ndarray
    warnings: tuple[str, ...]
    settings: ThermalSettings
    potential: Metadata
    precision: str
    model_calls: int

    @property
    def linear_expansion_per_K(self) -> np.ndarray:
        """(t, 3), of a, b and c."""
        return self.axes.expansion * self.found.expansion_per_K[:, None]

    def error(self, name: str) -> np.ndarray:
        """(t,): how far the others lie away in a field of `QuasiHarmonic`, summed; NaN where one has no minimum."""
        mine = getattr(self.found, name)
        return np.sum([np.abs(mine - getattr(other, name)) for other in self.others], axis=0)

    @property
    def error_expansion_per_K(self) -> np.ndarray:
        """(t,): `error`, and what lies between the two routes."""
        found = self.found
        return self.error("expansion_per_K") + np.abs(found.expansion_per_K - found.expansion_from_grueneisen_per_K)

    @property
    def error_volume_A3(self) -> np.ndarray:
        """(t,): `error`, and how far the equation of state has its minimum from the crystal at rest."""
        fit = abs(self.found.equation.volume_A3 - self.rest_volume_A3) if self.settings.pressure_GPa == 0 else 0.0
        return self.error("volume_A3") + fit

    def to_json(self) -> dict[str, Any]:
        """JSON-able; energies, volumes and heat per atom or mole of atoms, null where a number does not exist."""
        return self._temperature_json() | self._modes_json() | self._volumes_json() | self._origin_json()

    def _temperature_json(self) -> dict[str, Any]:
        found, n = self.found, self.atoms
        heat = J_PER_MOL_EV / n
        linear = self.linear_expansion_per_K
        return {
            "temperatures_K": _listed(found.temperatures_K),
            "volumetric_expansion_per_K": _listed(found.expansion_per_K),
            "error_volumetric_expansion_per_K": _listed(self.error_expansion_per_K),
            "expansion_from_grueneisen_per_K": _listed(found.expansion_from_grueneisen_per_K),
            "linear_expansion_per_K": {axis: _listed(linear[:, k]) for k, axis in enumerate(AXES)},
            "cell_lengths_A": {axis: _listed(self.axes.lengths_A[:, k]) for k, axis in enumerate(AXES)},
            "cell_angles_degree": [_listed(row) for row in self.axes.angles_degree],
            "mean_grueneisen": _listed(found.mean_grueneisen),
            "bulk_modulus_GPa": _listed(found.bulk_modulus_GPa),
            "error_bulk_modulus_GPa": _listed(self.error("bulk_modulus_GPa")),
            "adiabatic_bulk_modulus_GPa": _listed(found.adiabatic_bulk_modulus_GPa),
            "volume_A3_per_atom": _listed(found.volume_A3 / n),
            "error_volume_A3_per_atom": _listed(self.error_volume_A3 / n),
            "heat_capacity_v_J_per_K_per_mol_atoms": _listed(found.heat_capacity_v_eV_K * heat),
            "heat_capacity_p_J_per_K_per_mol_atoms": _listed(found.heat_capacity_p_eV_K * heat),
            "error_heat_capacity_p_J_per_K_per_mol_atoms": _listed(self.error("heat_capacity_p_eV_K") * heat),
            "entropy_J_per_K_per_mol_atoms": _listed(found.entropy_eV_K * heat),
            "gibbs_energy_eV_per_atom": _listed(found.gibbs_energy_eV / n),
            "error_gibbs_energy_eV_per_atom": _listed(self.error("gibbs_energy_eV") / n),
            "pressure_GPa": self.settings.pressure_GPa,
        }

    def _modes_json(self) -> dict[str, Any]:
        modes = self.zone
        return {
            "mode_grueneisen_gamma": _listed(self.gamma.grueneisen[0]),
            "mode_frequencies_gamma_THz": _listed(self.gamma.frequencies_THz[0]),
            "zone": {
                "mesh": list(self.mesh),
                "weights": _listed(self.weights),
                "frequencies_THz": [_listed(row, 6) for row in modes.frequencies_THz],
                "grueneisen": [_listed(row, 6) for row in modes.grueneisen],
            },
        }

    def _volumes_json(self) -> dict[str, Any]:
        n, equation, vibrations = self.atoms, self.found.equation, self.vibrations
        return {
            "static_energy_eV_per_atom": self.rest_energy_eV / n,
            "static_volume_A3_per_atom": self.rest_volume_A3 / n,
            "shape": self.shape,
            "equation_of_state": {
                "form": equation.form,
                "energy_eV_per_atom": float(equation.energy_eV / n),
                "volume_A3_per_atom": float(equation.volume_A3 / n),
                "bulk_modulus_GPa": float(equation.bulk_modulus_eV_A3 / units.GPa),
                "pressure_derivative": float(equation.pressure_derivative),
            },
            "volumes": [
                {
                    "strain": point.strain,
                    "volume_A3_per_atom": point.volume_A3 / n,
                    "energy_eV_per_atom": point.energy_eV / n,
                    "min_frequency_THz": point.min_frequency_THz,
                    "left_out": point.left_out,
                }
                for point in self.points
            ],
            "vibrational_volumes_A3_per_atom": _listed(vibrations.volumes_A3 / n),
            "vibrational_free_energy_eV_per_atom": [_listed(row / n) for row in vibrations.free_energy_eV],
            "degree": self.found.degree,
            "roughness_meV_per_atom": 1e3 * self.found.roughness_eV / n,
            "warnings": list(self.warnings),
        }

    def _origin_json(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "formula": self.formula,
            "settings": {
                "volumes": settings.volumes,
                "strains": list(settings.strains),
                "extensions": settings.extensions,
                "shape": settings.shape,
                "equation": settings.equation,
                "mesh_length_A": settings.mesh_length_A,
                "supercell": self.supercell.tolist(),
                "relax": settings.relax,
            },
            "potential": self.potential.to_json(),
            "precision": self.precision,
            "model_calls": self.model_calls,
        }


def _listed(values: Sequence[float] | np.ndarray, digits: int = 12) -> list[float | None]:
    """Numbers to so many significant digits; None for what is not finite."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, float)]
