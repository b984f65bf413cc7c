"""What elastic constants are told with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from properties.elastic.directional import Extreme, extremes
from properties.elastic.fit import Constants
from properties.elastic.mandel import from_voigt, to_voigt
from properties.elastic.moduli import Moduli, Softening, Sound, hardness_estimates_GPa, moduli, softenings, sound
from properties.elastic.moduli import zener_ratio as zener
from properties.elastic.setting import CONVENTION, StandardCell
from properties.elastic.symmetry import independent, independent_entries

CUBIC = 195
"""The first cubic space group."""


@dataclass(frozen=True)
class Elasticity:
    """Elastic constants of a crystal at rest, in its standard setting.

    Attributes:
        formula: of the primitive cell.
        potential: metadata of whom was asked.
        settings: as measured.
        cell: the primitive cell in the standard setting, and its symmetry.
        clamped: constants with ions that follow the strain and nothing else.
        relaxed: with ions at rest in each strained cell; None where clamped ones alone were asked for.
        response_GPa: (6, 6), Mandel, of relaxed ions by another way, C_clamped − Λᵀ K⁺ Λ/V; None as `relaxed`.
        lowest_inner_curvature_eV_A2: of the energy, for displacements at Γ; None where no ion is free to move.
        n_directions: strains measured, each in so many sizes as the settings say.
        residual_stress_GPa: (3, 3), of the cell without strain.
        max_force_eV_A: the largest there.
        density_g_cm3, atoms_per_A3: of it.
        model_calls: spent on what: "rest", "strains", "ions".
    """

    formula: str
    potential: Mapping[str, Any]
    settings: Mapping[str, Any]
    cell: StandardCell
    clamped: Constants
    relaxed: Constants | None
    response_GPa: np.ndarray | None
    lowest_inner_curvature_eV_A2: float | None
    n_directions: int
    residual_stress_GPa: np.ndarray
    max_force_eV_A: float
    density_g_cm3: float
    atoms_per_A3: float
    model_calls: Mapping[str, int]

    @property
    def best(self) -> Constants:
        """With relaxed ions, where they were asked for."""
        return self.clamped if self.relaxed is None else self.relaxed

    @property
    def stiffness_GPa(self) -> np.ndarray:
        """(6, 6), Mandel: from stresses, which are first derivatives, and more of them than constants."""
        return self.best.stress_GPa

    @property
    def c_GPa(self) -> np.ndarray:
        """(6, 6), Voigt."""
        return to_voigt(self.stiffness_GPa)

    @property
    def error_GPa(self) -> np.ndarray:
        """(6, 6), Voigt: of how the constants were measured, not of the potential.

        Root of the sum of squares of four: energies against stresses, relaxed ions against the response of a Hessian,
        the degree of the polynomials, what symmetry took off the stresses' slopes (only of constants that it leaves).
        """
        best = self.best
        parts = [best.energy_GPa - best.stress_GPa, best.stress_fit_GPa, best.asymmetry_GPa * self.allowed]
        if self.response_GPa is not None:
            parts.append(self.response_GPa - best.stress_GPa)
        return to_voigt(np.sqrt(np.sum(np.square(parts), axis=0)))

    @cached_property
    def basis(self) -> np.ndarray:
        """(m, 6, 6), Mandel: what symmetry leaves."""
        return independent(self.cell.rotations)

    @property
    def independent(self) -> list[tuple[int, int]]:
        """Places of constants that determine all others, counted from zero."""
        return independent_entries(self.basis)

    @cached_property
    def allowed(self) -> np.ndarray:
        """(6, 6) of bool: constants that symmetry does not put to zero."""
        return np.abs(self.basis).max(axis=0) > 1e-9

    @cached_property
    def softenings(self) -> list[Softening]:
        """Strains that lower the energy; none of a stable crystal."""
        return softenings(self.stiffness_GPa)[1]

    @property
    def born_stable(self) -> bool:
        """True where any strain costs energy."""
        return not self.softenings

    @cached_property
    def moduli(self) -> Moduli:
        """Of the polycrystal; of an unstable crystal they are formal."""
        return moduli(self.stiffness_GPa)

    def modulus_errors(self) -> dict[str, float]:
        """By how much Hill's moduli differ between the routes."""
        best = self.best
        others = [best.energy_GPa] + ([] if self.response_GPa is None else [self.response_GPa])
        found = [moduli(o) for o in others]
        mine = self.moduli
        return {
            "bulk_modulus_GPa": max(abs(m.bulk_GPa.hill - mine.bulk_GPa.hill) for m in found),
            "shear_modulus_GPa": max(abs(m.shear_GPa.hill - mine.shear_GPa.hill) for m in found),
            "young_modulus_GPa": max(abs(m.young_GPa - mine.young_GPa) for m in found),
        }

    @cached_property
    def zener_ratio(self) -> float | None:
        """Of cubic crystals."""
        return zener(self.stiffness_GPa) if self.cell.number >= CUBIC else None

    @cached_property
    def sound(self) -> Sound | None:
        """None where the crystal is unstable."""
        if not self.born_stable:
            return None
        B, G = self.moduli.bulk_GPa.hill, self.moduli.shear_GPa.hill
        return sound(B, G, self.density_g_cm3, self.atoms_per_A3)

    @cached_property
    def extremes(self) -> tuple[Extreme, Extreme] | None:
        """The softest and the stiffest direction; None where the crystal is unstable."""
        if not self.born_stable:
            return None
        return extremes(np.linalg.inv(self.stiffness_GPa), self.cell.rotations)

    @property
    def hardness_GPa(self) -> dict[str, float | None] | None:
        """Estimates, by `hardness_estimates_GPa`; None where the crystal is unstable."""
        if not self.born_stable:
            return None
        return hardness_estimates_GPa(self.moduli.bulk_GPa.hill, self.moduli.shear_GPa.hill)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; matrices in Voigt's form and order, in the standard setting."""
        return self._constants() | self._derived() | self._provenance()

    def _constants(self) -> dict[str, Any]:
        routes = {"clamped": self.clamped} | ({} if self.relaxed is None else {"relaxed": self.relaxed})
        compliance = np.linalg.inv(self.c_GPa)
        return {
            "formula": self.formula,
            "c_GPa": self.c_GPa.tolist(),
            "error_GPa": self.error_GPa.tolist(),
            "c_clamped_GPa": to_voigt(self.clamped.stress_GPa).tolist(),
            "c_energy_GPa": {k: to_voigt(v.energy_GPa).tolist() for k, v in routes.items()},
            "c_stress_GPa": {k: to_voigt(v.stress_GPa).tolist() for k, v in routes.items()},
            "c_response_GPa": None if self.response_GPa is None else to_voigt(self.response_GPa).tolist(),
            "asymmetry_GPa": {k: v.asymmetry_GPa for k, v in routes.items()},
            "ions_relaxed": self.relaxed is not None,
            "lowest_inner_curvature_eV_A2": self.lowest_inner_curvature_eV_A2,
            "compliance_per_GPa": compliance.tolist(),
            "independent": [f"C{i + 1}{j + 1}" for i, j in self.independent],
            "voigt_order": ["xx", "yy", "zz", "yz", "xz", "xy"],
        }

    def _derived(self) -> dict[str, Any]:
        means, waves = self.moduli, self.sound
        return {
            "born_stable": self.born_stable,
            "born_eigenvalues_GPa": softenings(self.stiffness_GPa)[0].tolist(),
            "born_failures": [
                {"eigenvalue_GPa": s.eigenvalue_GPa, "strain": s.strain.tolist()} for s in self.softenings
            ],
            "bulk_modulus_GPa": means.bulk_GPa.to_json(),
            "shear_modulus_GPa": means.shear_GPa.to_json(),
            "young_modulus_GPa": means.young_GPa,
            "poisson_ratio": means.poisson_ratio,
            "modulus_errors": self.modulus_errors(),
            "universal_anisotropy": means.universal_anisotropy,
            "zener_ratio": self.zener_ratio,
            "young_modulus_by_direction": self._by_direction(),
            "sound_velocities_m_s": None
            if waves is None
            else {"longitudinal": waves.longitudinal_m_s, "transverse": waves.transverse_m_s, "mean": waves.mean_m_s},
            "debye_temperature_K": None if waves is None else waves.debye_temperature_K,
            "hardness_estimate_GPa": self.hardness_GPa,
        }

    def _by_direction(self) -> dict[str, Any] | None:
        if self.extremes is None:
            return None
        return {
            name: {"young_modulus_GPa": e.young_modulus_GPa, "direction": e.direction.tolist()}
            for name, e in zip(("min", "max"), self.extremes, strict=True)
        }

    def _provenance(self) -> dict[str, Any]:
        atoms = self.cell.atoms
        return {
            "setting": {
                "convention": CONVENTION,
                "rotation": self.cell.rotation.tolist(),
                "conventional_cell_A": self.cell.conventional_cell_A.tolist(),
                "primitive_cell_A": atoms.cell.array.tolist(),
                "symbols": list(atoms.symbols),
                "scaled_positions": atoms.get_scaled_positions().tolist(),
            },
            "space_group": {"number": self.cell.number, "symbol": self.cell.symbol},
            "point_group": self.cell.point_group,
            "residual_stress_GPa": self.residual_stress_GPa.tolist(),
            "max_force_eV_A": self.max_force_eV_A,
            "density_g_cm3": self.density_g_cm3,
            "volume_A3_per_atom": 1 / self.atoms_per_A3,
            "n_directions": self.n_directions,
            "model_calls": sum(self.model_calls.values()),
            "model_calls_by_step": dict(self.model_calls),
            "settings": dict(self.settings),
            "potential": dict(self.potential),
        }


def stiffness_of_json(json: Mapping[str, Any]) -> np.ndarray:
    """(6, 6), Mandel, GPa, of what `to_json` gave."""
    return from_voigt(np.array(json["c_GPa"]))
