"""`discover compute thermal`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from ase import Atoms
from pydantic import Field

from discover.compute.displacing import Displacing, MeshLength
from discover.compute.doing import told
from discover.compute.registry import Computed
from discover.compute.thermal_figures import expansion_plot, free_energy_plot, grueneisen_plot, stiffness_plot
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.phonons.harmonic import MESH_LENGTH_A
from properties.thermal import Thermal, ThermalSettings, thermal
from properties.thermal.equation_of_state import Form
from properties.thermal.settings import FEWEST_VOLUMES

MOST_ROWS = 12
SHOWN_K = (0, 50, 100, 200, 300, 500, 700, 1000)


class Settings(Displacing):
    """As `properties.thermal.ThermalSettings` has them.

    relax: False takes the crystal as at rest, and refuses it where it is not.
    temperatures_K: None takes 0 to 1000 in steps of 10.
    pressure_GPa: of the whole calculation.
    volumes, smallest, largest: a row of volumes, from V/V0 − 1 = `smallest` to `largest`.
    extensions: how often the row may be made longer where the crystal expands out of it.
    shape: of each volume: relaxed, scaled, or auto, which relaxes where symmetry leaves something to relax.
    equation: of state, of the static energies.
    """

    relax: bool = True
    temperatures_K: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)] | None = None
    pressure_GPa: float = 0.0
    volumes: int = Field(default=9, ge=FEWEST_VOLUMES, le=50)
    smallest: float = Field(default=-0.04, gt=-0.3, lt=0)
    largest: float = Field(default=0.06, gt=0, lt=0.5)
    extensions: int = Field(default=4, ge=0)
    shape: Literal["auto", "relaxed", "scaled"] = "auto"
    equation: Form = "vinet"
    mesh_length_A: MeshLength = MESH_LENGTH_A

    def physics(self) -> ThermalSettings:
        """What `thermal` takes."""
        return ThermalSettings(
            temperatures_K=self.temperatures_K,
            pressure_GPa=self.pressure_GPa,
            volumes=self.volumes,
            strains=(self.smallest, self.largest),
            extensions=self.extensions,
            shape=self.shape,
            equation=self.equation,
            mesh_length_A=self.mesh_length_A,
            displacements=self.displacements(),
            relax=self.relax,
        )


NEEDS: Sequence[str] = ("rest", "validate")


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """A handful of temperatures on a line each."""
    found = thermal(potential, atoms, settings.physics(), told(progress))
    for warning in found.warnings:
        progress.message(f"warning: {warning}")
    return Computed(
        json=found.to_json() | {"settings": settings.model_dump(mode="json")},
        title=_title(found),
        head=("T (K)", "V (Å³/atom)", "α_V (1e-6/K)", "from γ", "a, b, c (1e-6/K)", "γ", "B (GPa)", "C_P (J/K/mol)"),
        rows=_rows(found),
        right=("T (K)", "V (Å³/atom)", "α_V (1e-6/K)", "from γ", "a, b, c (1e-6/K)", "γ", "B (GPa)", "C_P (J/K/mol)"),
    )


def _title(found: Thermal) -> str:
    optical = ", ".join(f"{g:.2f}" for g in found.gamma.grueneisen[0][:6])
    more = ", ..." if found.gamma.grueneisen.shape[1] > 6 else ""
    modes = f"; Grüneisen parameters at Γ {optical}{more}" if optical else ""
    used = sum(not p.left_out for p in found.points)
    under = f" under {found.settings.pressure_GPa:g} GPa" if found.settings.pressure_GPa else ""
    return (
        f"{found.formula} with {found.potential.name}{under}: {used} volumes ({found.shape} in shape), "
        f"{found.model_calls} model calls{modes}"
    )


def _rows(found: Thermal) -> list[list[str]]:
    numbers = found.to_json()
    temperatures = found.found.temperatures_K
    every = range(len(temperatures))
    shown = every if len(every) <= MOST_ROWS else sorted({int(np.abs(temperatures - t).argmin()) for t in SHOWN_K})
    errors = found.error_expansion_per_K
    return [
        [
            f"{temperatures[k]:g}",
            f"{numbers['volume_A3_per_atom'][k]:.4f}",
            f"{1e6 * numbers['volumetric_expansion_per_K'][k]:.1f}" + _error(1e6 * errors[k]),
            f"{1e6 * numbers['expansion_from_grueneisen_per_K'][k]:.1f}",
            " ".join(f"{1e6 * x:.1f}" for x in found.linear_expansion_per_K[k]),
            "-" if numbers["mean_grueneisen"][k] is None else f"{numbers['mean_grueneisen'][k]:.2f}",
            f"{numbers['bulk_modulus_GPa'][k]:.1f}",
            f"{numbers['heat_capacity_p_J_per_K_per_mol_atoms'][k]:.2f}",
        ]
        for k in shown
    ]


def _error(value: float) -> str:
    return f" ± {value:.1f}" if np.isfinite(value) else " ± ?"


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """Volume and expansion, stiffness and heat, Grüneisen parameters, free energy against volume."""
    return (expansion_plot(json), stiffness_plot(json), grueneisen_plot(json), free_energy_plot(json))
