"""`discover compute phonons`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from ase import Atoms
from pydantic import Field

from discover.compute.born import read_born
from discover.compute.displacing import Displacing, MeshLength
from discover.compute.doing import told
from discover.compute.phonon_figures import bands_plot, thermal_plot
from discover.compute.registry import Computed
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.phonons import Phonons, PhononSettings, phonons
from properties.phonons.as_json import to_json
from properties.phonons.following import MOST_MODES
from properties.phonons.harmonic import MESH_LENGTH_A
from properties.phonons.thermodynamics import J_PER_MOL_EV
from properties.phonons.vibrations import ROOM_K, TEMPERATURES_K


class Settings(Displacing):
    """As `properties.phonons.PhononSettings` has them.

    relax: False takes the crystal as it is.
    pressure_GPa: under which it rests.
    born: a file with Born charges, phonopy's BORN or YAML/JSON.
    follow_modes: how many imaginary modes are followed downhill.
    error: compare with a smaller supercell.
    """

    relax: bool = True
    pressure_GPa: float = 0.0
    temperatures_K: list[Annotated[float, Field(ge=0)]] = Field(default=list(TEMPERATURES_K), min_length=1)
    mesh_length_A: MeshLength = MESH_LENGTH_A
    born: Path | None = None
    follow_modes: int = Field(default=MOST_MODES, ge=0, le=12)
    error: bool = True

    def physics(self) -> PhononSettings:
        """What `phonons` takes.

        Raises:
            InputError: a file of Born charges that cannot be read.
        """
        return PhononSettings(
            displacements=self.displacements(),
            relax=self.relax,
            pressure_GPa=self.pressure_GPa,
            temperatures_K=self.temperatures_K,
            mesh_length_A=self.mesh_length_A,
            born=None if self.born is None else read_born(self.born),
            follow_modes=self.follow_modes,
            error=self.error,
        )


NEEDS: Sequence[str] = ("rest", "validate")


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """Γ's frequencies, stability and what they hold at room temperature."""
    found = phonons(potential, atoms, settings.physics(), told(progress))
    settled = settings.model_dump(mode="json")
    return Computed(
        json=to_json(found) | {"potential": potential.metadata.to_json(), "settings": settled},
        title=_title(found, potential),
        head=("quantity", "value", "unit"),
        rows=_rows(found),
        right=("value",),
        ok=found.stable.dynamically_stable,
    )


def _title(found: Phonons, potential: Potential) -> str:
    crystal, stable = found.crystal, found.stable
    formula = crystal.atoms.get_chemical_formula("metal", empirical=True)
    verdict = "dynamically stable" if stable.dynamically_stable else "dynamically UNSTABLE"
    softest = f"softest mode {stable.min_frequency_THz:.2f} THz at q = ({_listed(stable.min_q)})"
    cells = f"{len(crystal.phonopy.supercell)} atoms in the supercell, {found.model_calls} model calls"
    return f"{formula} with {potential.metadata.name}: {verdict}; {softest}; {cells}"


def _rows(found: Phonons) -> list[list[str]]:
    thermal, n = found.thermal, len(found.crystal.atoms)
    rows = [["frequencies at Γ", ", ".join(_levels(found.gamma_THz)), "THz"]]
    for axis, frequencies in found.gamma_along:
        rows.append([f"at Γ, from {_axis(axis)}", ", ".join(_levels(frequencies)), "THz"])
    rows.append(["zero-point energy", f"{1e3 * thermal.zero_point_energy_eV / n:.2f}", "meV/atom"])
    k = int(np.argmin(np.abs(thermal.temperatures_K - ROOM_K)))
    at, molar = f"at {thermal.temperatures_K[k]:g} K", J_PER_MOL_EV / n
    error = "" if found.error is None else f" ± {1e3 * found.error.free_energy_eV / n:.2f}"
    rows += [
        [f"vibrational free energy {at}", f"{1e3 * thermal.free_energy_eV[k] / n:.2f}{error}", "meV/atom"],
        [f"entropy {at}", f"{thermal.entropy_eV_K[k] * molar:.2f}", "J/K per mol of atoms"],
        [f"heat capacity C_V {at}", f"{thermal.heat_capacity_eV_K[k] * molar:.2f}", "J/K per mol of atoms"],
        ["sum rule violated by", f"{found.crystal.sum_rule_violation_eV_A2:.1e}", "eV/Å²"],
    ]
    if found.error is not None:
        rows.append(["frequencies, error at most about", f"{found.error.frequency_THz:.2f}", "THz"])
    if thermal.left_out.imaginary:
        rows.append(["imaginary modes left out", f"{thermal.left_out.imaginary:.3f}", f"of {3 * n} a cell"])
    for mode in found.descent.followed:
        group = "" if mode.space_group is None else f", space group {mode.space_group}"
        drop = f"{mode.energy_drop_meV_per_atom:.1f} meV/atom lower{group}" if mode.lower else mode.outcome
        rows.append([f"{mode.frequency_THz:.2f} THz at q = ({_listed(mode.q)}) leads to", drop, ""])
    return rows


def _levels(frequencies_THz: np.ndarray) -> list[str]:
    """"12.49 (3)": equal ones once."""
    values, counts = np.unique(np.round(frequencies_THz, 2) + 0.0, return_counts=True)
    return [f"{v:.2f}" + (f" ({c})" if c > 1 else "") for v, c in zip(values, counts, strict=True)]


def _listed(q: np.ndarray) -> str:
    return ", ".join(f"{x:.3g}" for x in q + 0.0)


def _axis(axis: Sequence[float]) -> str:
    return "xyz"[int(np.argmax(axis))]


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """Bands beside the density of states; free energy, entropy and heat capacity."""
    return (bands_plot(json), thermal_plot(json))
