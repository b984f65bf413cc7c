"""All that phonons tell of one crystal, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from potentials.potential import Potential
from properties.crystallinity import check_three_dimensional
from properties.phonons import thermodynamics
from properties.phonons.bands import Bands, DensityOfStates, bands, density_of_states
from properties.phonons.following import MOST_MODES, Descent, follow
from properties.phonons.harmonic import (
    MESH_LENGTH_A,
    DisplacementSettings,
    HarmonicCrystal,
    Mesh,
    PhononError,
    harmonic_crystals,
)
from properties.phonons.polar import BornCharges, born_charges_of, with_born
from properties.phonons.stability import Stability, stability
from properties.phonons.supercells import image_distance_A, multiples_of, primitive_cell, supercell_matrix_for
from properties.rest import at_rest

TEMPERATURES_K = tuple(sorted([*range(0, 1001, 20), 298.15]))
ROOM_K = 300.0
SMALLER = 0.75
"""Image distance of the supercell that the error is estimated with, as a share of the larger one's."""
News = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, of how much."""


@dataclass(frozen=True)
class PhononSettings:
    """What is computed, and how.

    Attributes:
        displacements: how force constants are made.
        relax: False takes the crystal as it is.
        pressure_GPa: under which it rests, and what its imaginary modes lead to.
        temperatures_K: of free energy, entropy and heat capacity.
        mesh_length_A: how dense the mesh is; see `MESH_LENGTH_A`.
        born: for the non-analytic term; a text is that of phonopy's BORN file.
        follow_modes: how many imaginary modes are followed; 0 follows none.
        error: compare with a smaller supercell.
    """

    displacements: DisplacementSettings = field(default_factory=DisplacementSettings)
    relax: bool = True
    pressure_GPa: float = 0.0
    temperatures_K: Sequence[float] = TEMPERATURES_K
    mesh_length_A: float = MESH_LENGTH_A
    born: BornCharges | str | None = None
    follow_modes: int = MOST_MODES
    error: bool = True


@dataclass(frozen=True)
class Thermal:
    """Per cell, at each temperature, (t,).

    Attributes:
        temperatures_K, free_energy_eV, entropy_eV_K, heat_capacity_eV_K: zero-point energy is in the free energy.
        zero_point_energy_eV: of the cell.
        left_out: modes that hold nothing.
    """

    temperatures_K: np.ndarray
    free_energy_eV: np.ndarray
    entropy_eV_K: np.ndarray
    heat_capacity_eV_K: np.ndarray
    zero_point_energy_eV: float
    left_out: thermodynamics.LeftOut


@dataclass(frozen=True)
class SupercellError:
    """What a smaller supercell changes: an upper bound, as a rule, of what the larger one still lacks.

    Attributes:
        atoms: in the smaller supercell.
        image_distance_A: of it.
        frequency_THz: root mean square of the change over modes and mesh.
        free_energy_eV: its change at 300 K, per cell.
    """

    atoms: int
    image_distance_A: float
    frequency_THz: float
    free_energy_eV: float


@dataclass(frozen=True)
class Phonons:
    """Phonons of one crystal.

    Attributes:
        crystal: its force constants, with the non-analytic term where Born charges were given.
        gamma_THz: frequencies at Γ without that term, ascending, (3n,).
        gamma_along: with it, from where Γ is approached: the Cartesian direction and its (3n,) frequencies.
        stable: where the softest mode is.
        mesh: frequencies over the zone.
        bands, density: to be drawn.
        thermal: from the mesh.
        error: None where it was not asked for, or where no smaller supercell is.
        descent: imaginary modes followed; empty for a stable crystal.
        model_calls: of everything, relaxation included.
    """

    crystal: HarmonicCrystal
    gamma_THz: np.ndarray
    gamma_along: tuple[tuple[tuple[float, float, float], np.ndarray], ...]
    stable: Stability
    mesh: Mesh
    bands: Bands
    density: DensityOfStates
    thermal: Thermal
    error: SupercellError | None
    descent: Descent
    model_calls: int


def phonons(
    potential: Potential, atoms: Atoms, settings: PhononSettings | None = None, on_done: News | None = None
) -> Phonons:
    """Bands, density of states, thermodynamics and stability of a crystal, from its primitive cell at rest.

    Args:
        potential: gives energies and forces.
        atoms: periodic in three directions; not changed.
        settings: None takes the defaults.
        on_done: see `News`.

    Raises:
        NotACrystalError: a molecule, a chain or a layer in a box.
        NotAtRestError: it does not come to rest.
        EvaluationError: a force that is not finite.
        PhononError: settings that do not fit the crystal; atoms that nothing holds together.
    """
    settings = settings or PhononSettings()
    temperatures = _checked(settings.temperatures_K)
    check_three_dimensional(atoms, potential)
    rest, spent = atoms, 0
    if settings.relax:
        relaxed = at_rest(potential, atoms, settings.pressure_GPa)
        rest, spent = relaxed.atoms, relaxed.model_calls
    cell = primitive_cell(rest, settings.displacements.symprec_A)
    born = settings.born and born_charges_of(cell, settings.born, rest, settings.displacements.symprec_A)
    matrix = _matrix(settings.displacements, rest, cell)
    pair = _harmonic(potential, cell, matrix, settings, on_done)
    crystal = pair[0]
    gamma = crystal.frequencies_THz(np.zeros(3))[0]
    if born:
        crystal = with_born(crystal, born)
    mesh = crystal.mesh(settings.mesh_length_A)
    _refuse_loose(crystal, mesh)
    stable = stability(crystal, mesh)
    descent = _descent(potential, pair[0], stable, settings, on_done)
    return Phonons(
        crystal=crystal,
        gamma_THz=gamma,
        gamma_along=_along_axes(crystal) if born else (),
        stable=stable,
        mesh=mesh,
        bands=bands(crystal),
        density=density_of_states(crystal, mesh.counts),
        thermal=_thermal(mesh, temperatures),
        error=_error(pair) if len(pair) > 1 else None,
        descent=descent,
        model_calls=spent + sum(c.model_calls for c in pair) + descent.model_calls,
    )


def _refuse_loose(crystal: HarmonicCrystal, mesh: Mesh) -> None:
    if np.abs(mesh.frequencies_THz).max() < thermodynamics.LEAST_THZ:
        formula = crystal.atoms.get_chemical_formula("metal", empirical=True)
        raise PhononError(f"{formula} has no force constants: its atoms lie further apart than the potential reaches")


def _checked(temperatures_K: Sequence[float]) -> np.ndarray:
    temperatures = np.asarray(temperatures_K, float)
    if temperatures.ndim != 1 or not len(temperatures) or not (temperatures >= 0).all():
        raise PhononError("temperatures_K: give one or more numbers of at least 0")
    return temperatures


def _matrix(settings: DisplacementSettings, given: Atoms, cell: Atoms) -> np.ndarray:
    """The supercell in multiples of the primitive cell, whatever cell its multiples were given for."""
    asked = settings.given_matrix()
    if asked is None:
        return supercell_matrix_for(cell, settings.supercell_length_A, settings.symprec_A)
    return multiples_of(asked, given, cell)


def _harmonic(
    potential: Potential, cell: Atoms, matrix: np.ndarray, settings: PhononSettings, on_done: News | None
) -> list[HarmonicCrystal]:
    """The crystal, and where there is one in a smaller supercell too, from one list of evaluations."""
    matrices = [matrix]
    if settings.error:
        distance = SMALLER * image_distance_A(matrix @ cell.cell.array)
        smaller = supercell_matrix_for(cell, distance, settings.displacements.symprec_A)
        if np.linalg.det(smaller) < np.linalg.det(matrix) - 0.5:
            matrices.append(smaller)
    told = None if on_done is None else lambda done, of: on_done("displaced cells", done, of)
    return harmonic_crystals(potential, [cell] * len(matrices), settings.displacements, matrices, told)


def _descent(
    potential: Potential, crystal: HarmonicCrystal, stable: Stability, settings: PhononSettings, on_done: News | None
) -> Descent:
    if stable.dynamically_stable or not settings.follow_modes:
        return Descent((), 0)
    told = None if on_done is None else lambda done, of: on_done("modes followed downhill", done, of)
    return follow(
        potential, crystal, stable, settings.follow_modes, settings.displacements.precision, settings.pressure_GPa,
        on_done=told,
    )  # fmt: skip


def _along_axes(crystal: HarmonicCrystal) -> tuple[tuple[tuple[float, float, float], np.ndarray], ...]:
    """At Γ as it is approached along x, y and z."""
    found = []
    for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)):
        direction = crystal.atoms.cell.array @ axis  # fractional, of reciprocal vectors
        there = crystal.phonopy.run_qpoints(np.zeros((1, 3)), nac_q_direction=direction)
        found.append((axis, np.array(there.frequencies)[0]))
    return tuple(found)


def _thermal(mesh: Mesh, temperatures_K: np.ndarray) -> Thermal:
    sums = (mesh.frequencies_THz, mesh.weights)
    return Thermal(
        temperatures_K=temperatures_K,
        free_energy_eV=thermodynamics.free_energy_eV(*sums, temperatures_K),
        entropy_eV_K=thermodynamics.entropy_eV_K(*sums, temperatures_K),
        heat_capacity_eV_K=thermodynamics.heat_capacity_eV_K(*sums, temperatures_K),
        zero_point_energy_eV=thermodynamics.zero_point_energy_eV(*sums),
        left_out=thermodynamics.modes_left_out(*sums),
    )


def _error(pair: Sequence[HarmonicCrystal]) -> SupercellError:
    """Of the first, by the second; both without the non-analytic term, which they share."""
    larger, smaller = (c.mesh(MESH_LENGTH_A / 2) for c in pair)
    change = larger.frequencies_THz - smaller.frequencies_THz
    mean_square = (larger.weights @ (change**2).mean(1)) / larger.weights.sum()
    room = np.array([ROOM_K])
    free = [thermodynamics.free_energy_eV(m.frequencies_THz, m.weights, room)[0] for m in (larger, smaller)]
    return SupercellError(
        atoms=len(pair[1].phonopy.supercell),
        image_distance_A=image_distance_A(pair[1].phonopy.supercell.cell),
        frequency_THz=float(np.sqrt(mean_square)),
        free_energy_eV=float(abs(free[1] - free[0])),
    )
