"""`discover compute kappa`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from pydantic import Field, PositiveFloat

from discover.compute.displacing import Displacing, MeshLength
from discover.compute.doing import told
from discover.compute.registry import Computed
from discover.progress import Progress
from discover.report.look import OPERATOR_COLOURS, Look, Plot
from discover.report.notation import formula_tex
from potentials import Potential
from properties.phonons import DisplacementSettings
from properties.phonons.harmonic import IMAGE_DISTANCE_A
from properties.thermal.conductivity import ConductivitySettings, lattice_conductivity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DEFAULTS = ConductivitySettings()


class Settings(Displacing):
    """As `properties.thermal.conductivity.ConductivitySettings` has them.

    relax: False takes the crystal as at rest.
    supercell_length_A, supercell, displacement_A: of third order; None takes phono3py's displacement of 0.03.
    cutoff_pair_A: pairs of atoms further apart are not displaced together.
    most_cells: displaced supercells beyond which it is refused.
    harmonic_supercell_length_A: of second order.
    """

    relax: bool = True
    temperatures_K: list[PositiveFloat] = Field(default=list(_DEFAULTS.temperatures_K), min_length=1)
    supercell_length_A: PositiveFloat = _DEFAULTS.supercell_length_A
    cutoff_pair_A: PositiveFloat | None = None
    mesh_length_A: MeshLength = _DEFAULTS.mesh_length_A
    most_cells: int = Field(default=_DEFAULTS.most_cells, ge=1)
    harmonic_supercell_length_A: PositiveFloat = IMAGE_DISTANCE_A

    def physics(self) -> ConductivitySettings:
        """What `lattice_conductivity` takes."""
        return ConductivitySettings(
            temperatures_K=self.temperatures_K,
            supercell_length_A=self.supercell_length_A,
            supercell=self.supercell,
            cutoff_pair_A=self.cutoff_pair_A,
            displacement_A=self.displacement_A,
            mesh_length_A=self.mesh_length_A,
            most_cells=self.most_cells,
            displacements=DisplacementSettings(
                supercell_length_A=self.harmonic_supercell_length_A, symprec_A=self.symprec_A, precision=self.precision
            ),
            relax=self.relax,
        )


NEEDS: Sequence[str] = ("rest", "validate")


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """A temperature on each line."""
    found = lattice_conductivity(potential, atoms, settings.physics(), told(progress))
    rows = [
        [f"{t:g}", f"{kappa:.4g} ± {error:.2g}", *(f"{x:.4g}" for x in tensor[:3])]
        for t, kappa, error, tensor in zip(
            found.temperatures_K, found.isotropic_W_mK, found.error_W_mK, found.kappa_W_mK, strict=True
        )
    ]
    mesh = "×".join(map(str, found.mesh))
    return Computed(
        json=found.to_json() | {"settings": settings.model_dump(mode="json")},
        title=f"{found.formula} with {potential.metadata.name}: lattice thermal conductivity (relaxation-time "
        f"approximation), mesh {mesh}, {found.cells} displaced cells of {found.supercell_atoms} atoms",
        head=("T (K)", "κ (W/m/K)", "xx", "yy", "zz"),
        rows=rows,
        right=("T (K)", "κ (W/m/K)", "xx", "yy", "zz"),
    )


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """Conductivity against temperature, both logarithmic."""
    if len(json["temperatures_K"]) < 2:
        return ()
    name, k = json["formula"], int(np.abs(np.array(json["temperatures_K"]) - 300).argmin())
    at = f"{json['kappa_W_per_m_K'][k]:.3g} W/m/K at {json['temperatures_K'][k]:g} K"
    return (
        Plot(
            name="kappa",
            alt=f"Lattice thermal conductivity of {name} against temperature: {at}.",
            caption=f"Lattice thermal conductivity of {name} ({json['potential']['name']}, relaxation-time "
            f"approximation): {at}. Bars: what a coarser mesh changes. Dotted: 1/T.",
            draw=lambda figure, look: _draw(figure, look, json),
            wide_in=(5.6, 3.8),
            narrow_in=(3.5, 3.4),
        ),
    )


def _draw(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    ax = figure.subplots()
    order = np.argsort(json["temperatures_K"])
    temperatures = np.array(json["temperatures_K"], float)[order]
    kappa, error = (np.array(json[key], float)[order] for key in ("kappa_W_per_m_K", "error_kappa_W_per_m_K"))
    colour = OPERATOR_COLOURS[4 if look.dark else 0]
    ax.errorbar(temperatures, kappa, error, fmt="o-", color=colour, ms=4, lw=1.3, capsize=2)
    ax.plot(temperatures, kappa[-1] * temperatures[-1] / temperatures, color=look.quiet, lw=0.9, ls=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(temperatures, [f"{t:g}" for t in temperatures], fontsize=8)
    # 1, 2 and 5 of each power of ten: within one power matplotlib's own ticks are too few to read a value by
    low, high = kappa.min() / 1.3, kappa.max() * 1.3
    steps = [m * 10.0**p for p in range(-3, 6) for m in (1, 2, 5) if low <= m * 10.0**p <= high]
    ax.set_yticks(steps, [f"{k:g}" for k in steps])
    ax.minorticks_off()
    ax.set_xlabel("temperature (K)")
    ax.set_ylabel("lattice conductivity (W/m/K)")
    ax.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    ax.grid(True, lw=0.5)
