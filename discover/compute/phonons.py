"""`discover compute phonons`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator

from discover.compute.born import read_born
from discover.compute.phonon_figures import bands_plot, thermal_plot
from discover.compute.registry import Computed
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.errors import PropertyError
from properties.phonons import DisplacementSettings, Phonons, PhononSettings, phonons
from properties.phonons.as_json import to_json
from properties.phonons.following import MOST_MODES
from properties.phonons.harmonic import IMAGE_DISTANCE_A, MESH_LENGTH_A, integer_matrix
from properties.phonons.vibrations import ROOM_K, TEMPERATURES_K


class Settings(BaseModel):
    """As `properties.phonons.PhononSettings` has them.

    relax: False takes the crystal as it is.
    supercell_length_A: shortest distance between an atom and its own image in the supercell.
    supercell: three multiples of the cell as given, or a 3x3 matrix, in place of that.
    displacement_A: None takes 0.5 % of the cube root of the volume per atom.
    precision: of forces; auto takes the potential as it is.
    born: a file with Born charges, phonopy's BORN or YAML/JSON.
    follow_modes: how many imaginary modes are followed downhill.
    error: compare with a smaller supercell.
    """

    model_config = ConfigDict(extra="forbid")

    relax: bool = True
    supercell_length_A: PositiveFloat = IMAGE_DISTANCE_A
    supercell: list[Any] | None = None
    displacement_A: PositiveFloat | None = None
    symprec_A: PositiveFloat | None = None
    precision: Literal["auto", "float32", "float64"] = "auto"
    temperatures_K: list[Annotated[float, Field(ge=0)]] = Field(default=list(TEMPERATURES_K), min_length=1)
    mesh_length_A: PositiveFloat = MESH_LENGTH_A
    born: Path | None = None
    follow_modes: int = Field(default=MOST_MODES, ge=0, le=12)
    error: bool = True

    @field_validator("supercell")
    @classmethod
    def _is_one(cls, given: list[Any] | None) -> list[Any] | None:
        """Refuse multiples that make no supercell."""
        try:
            return None if given is None else integer_matrix(given).tolist()
        except PropertyError:
            raise ValueError("give three whole numbers, or a 3x3 matrix of them with a positive determinant") from None

    def physics(self) -> PhononSettings:
        """What `phonons` takes.

        Raises:
            InputError: a file of Born charges that cannot be read.
        """
        return PhononSettings(
            displacements=DisplacementSettings(
                self.supercell_length_A, self.supercell, self.displacement_A, self.symprec_A, self.precision
            ),
            relax=self.relax,
            temperatures_K=self.temperatures_K,
            mesh_length_A=self.mesh_length_A,
            born=None if self.born is None else read_born(self.born),
            follow_modes=self.follow_modes,
            error=self.error,
        )


NEEDS: Sequence[str] = ("rest", "validate")


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """Γ's frequencies, stability and what they hold at room temperature."""
    found = phonons(potential, atoms, settings.physics(), _news(progress))
    settled = settings.model_dump(mode="json")
    return Computed(
        json=to_json(found) | {"potential": potential.metadata.to_json(), "settings": settled},
        title=_title(found, potential),
        head=("quantity", "value", "unit"),
        rows=_rows(found),
        right=("value",),
        ok=found.stable.dynamically_stable,
    )


def _news(progress: Progress) -> Callable[[int, int, str], None]:
    begun: list[str] = []

    def told(done: int, of: int, doing: str) -> None:
        if doing not in begun:
            begun.append(doing)
            progress.start(of, done, doing)
        progress.note(done, f"{doing}, {of} in all")

    return told


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
    at, molar = f"at {thermal.temperatures_K[k]:g} K", 96485.332 / n
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
