"""Heat that a lattice conducts, limited by its phonons' collisions in threes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from phonopy.structure.atoms import PhonopyAtoms

from potentials.metadata import Metadata
from potentials.neighbours import Structure
from potentials.potential import Potential
from properties.crystallinity import check_three_dimensional
from properties.errors import PropertyError
from properties.evaluating import evaluate_all
from properties.phonons.harmonic import (
    DisplacementSettings,
    HarmonicCrystal,
    Mesh,
    harmonic_crystals,
    in_precision,
    integer_matrix,
)
from properties.phonons.stability import stability
from properties.phonons.supercells import multiples_of, primitive_cell, supercell_matrix_for, symprec_of
from properties.rest import at_rest
from properties.thermal.expansion import DynamicallyUnstableError

_COARSER = 0.75  # points of the mesh that the error is told from


class MissingPhono3pyError(PropertyError):
    """phono3py is not installed; the message says how to install it."""


@dataclass(frozen=True)
class ConductivitySettings:
    """What a lattice conductivity is made of.

    Attributes:
        temperatures_K: above 0.
        supercell_length_A: shortest distance between an atom and its own image in the supercell of third order.
        supercell: three multiples or a matrix in place of that, see `DisplacementSettings`.
        cutoff_pair_A: pairs of atoms further apart are not displaced together; None displaces all.
        displacement_A: of third order; None takes phono3py's 0.03.
        mesh_length_A: see `HarmonicCrystal.mesh`.
        most_cells: displaced supercells beyond which it is refused.
        displacements: of second order, with a supercell of its own.
        relax: False takes the crystal as at rest.
    """

    temperatures_K: Sequence[float] = (100.0, 200.0, 300.0, 400.0, 500.0, 700.0, 1000.0)
    supercell_length_A: float = 9.0
    supercell: Sequence[int] | Sequence[Sequence[int]] | None = None
    cutoff_pair_A: float | None = None
    displacement_A: float | None = None
    mesh_length_A: float = 36.0
    most_cells: int = 3000
    displacements: DisplacementSettings = field(default_factory=DisplacementSettings)
    relax: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not len(self.temperatures_K) or not min(self.temperatures_K) > 0:
            raise PropertyError("temperatures_K: must be above 0")


@dataclass(frozen=True)
class LatticeConductivity:
    """In the relaxation-time approximation, with isotopes as masses are, and no boundaries.

    Attributes:
        formula: of the primitive cell.
        temperatures_K: (t,).
        kappa_W_mK: (t, 6), Voigt order xx, yy, zz, yz, xz, xy.
        coarse_kappa_W_mK: (t, 6), on a mesh of three quarters of the points each way.
        mesh: points along each reciprocal vector.
        supercell: of third order, (3, 3), and how many atoms it has.
        cells: displaced supercells of third order.
        settings, potential, precision, model_calls: where it comes from, and what it cost.
    """

    formula: str
    temperatures_K: np.ndarray
    kappa_W_mK: np.ndarray
    coarse_kappa_W_mK: np.ndarray
    mesh: tuple[int, int, int]
    supercell: np.ndarray
    supercell_atoms: int
    cells: int
    settings: ConductivitySettings
    potential: Metadata
    precision: str
    model_calls: int

    @property
    def isotropic_W_mK(self) -> np.ndarray:
        """(t,): a third of the trace."""
        return self.kappa_W_mK[:, :3].mean(1)

    @property
    def error_W_mK(self) -> np.ndarray:
        """(t,): what the coarser mesh changes in it. The supercell's, and the potential's, are not in it."""
        return np.abs(self.isotropic_W_mK - self.coarse_kappa_W_mK[:, :3].mean(1))

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "formula": self.formula,
            "temperatures_K": self.temperatures_K.tolist(),
            "kappa_W_per_m_K": self.isotropic_W_mK.tolist(),
            "error_kappa_W_per_m_K": self.error_W_mK.tolist(),
            "kappa_tensor_W_per_m_K": self.kappa_W_mK.tolist(),
            "mesh": list(self.mesh),
            "supercell": self.supercell.tolist(),
            "supercell_atoms": self.supercell_atoms,
            "displaced_cells": self.cells,
            "potential": self.potential.to_json(),
            "precision": self.precision,
            "model_calls": self.model_calls,
        }


def lattice_conductivity(
    potential: Potential,
    atoms: Atoms,
    settings: ConductivitySettings | None = None,
    on_done: Callable[[str, int, int], None] | None = None,
) -> LatticeConductivity:
    """Conductivity from second- and third-order force constants by finite displacements, on phono3py.

    κ = (1/NV) Σ C_λ v_λ ⊗ v_λ τ_λ, 1/τ from three-phonon collisions by the tetrahedron method; Togo, Chaput and Tanaka,
    Phys. Rev. B 91, 094306 (2015). The relaxation-time approximation is low by a few percent for silicon, and by half
    where collisions mostly conserve momentum (diamond, graphene).

    atoms: any cell of a crystal; not changed.
    on_done: hears what is done, how much, of how much; first, before anything costly, of how many displaced cells.

    Raises:
        MissingPhono3pyError: phono3py is not installed.
        NotACrystalError, NotAtRestError, DynamicallyUnstableError: no crystal in a minimum.
        PropertyError: more displaced cells than `most_cells`.
    """
    settings = settings or ConductivitySettings()
    phono3py = _phono3py()
    check_three_dimensional(atoms, potential)
    potential = in_precision(potential, settings.displacements.precision)
    cell = primitive_cell(atoms, settings.displacements.symprec_A)
    asked = settings.displacements.supercell, settings.supercell
    second, of_third = (None if s is None else multiples_of(integer_matrix(s), atoms, cell) for s in asked)
    harmonic, mesh, calls = _second_order(potential, cell, second, settings)
    third = _displaced(phono3py, harmonic, of_third, settings)
    cells = _third_order(potential, third, harmonic, settings, on_done)
    third.fc2 = harmonic.phonopy.force_constants
    coarser = [max(1, round(_COARSER * n)) for n in mesh.counts]
    if on_done is not None:
        on_done("collisions on two meshes", 0, 2)
    return LatticeConductivity(
        formula=harmonic.atoms.get_chemical_formula("metal", empirical=True),
        temperatures_K=np.array(settings.temperatures_K, float),
        kappa_W_mK=_kappa(third, mesh.counts, settings.temperatures_K),
        coarse_kappa_W_mK=_kappa(third, coarser, settings.temperatures_K),
        mesh=mesh.counts,
        supercell=third.supercell_matrix.T,
        supercell_atoms=len(third.supercell),
        cells=cells,
        settings=settings,
        potential=potential.metadata,
        precision=potential.precision,
        model_calls=cells + 1 + calls,
    )


def _second_order(
    potential: Potential, atoms: Atoms, supercell: np.ndarray | None, settings: ConductivitySettings
) -> tuple[HarmonicCrystal, Mesh, int]:
    """The crystal at rest with its phonons, and the model calls spent.

    Raises:
        DynamicallyUnstableError: it has imaginary modes.
    """
    rest = at_rest(potential, atoms) if settings.relax else None
    crystal = atoms if rest is None else rest.atoms
    harmonic = harmonic_crystals(potential, [crystal], settings.displacements, supercell)[0]
    mesh = harmonic.mesh(settings.mesh_length_A)
    stable = stability(harmonic, mesh)
    if not stable.dynamically_stable:
        raise DynamicallyUnstableError(
            f"{crystal.get_chemical_formula('metal', empirical=True)} is dynamically unstable (a mode of "
            f"{stable.min_frequency_THz:.2f} THz): its phonons conduct nothing; follow the mode to a lower structure"
        )
    return harmonic, mesh, harmonic.model_calls + (0 if rest is None else rest.model_calls)


def _phono3py() -> Any:
    try:
        import phono3py
    except ModuleNotFoundError as error:
        if error.name != "phono3py":
            raise
        raise MissingPhono3pyError(
            "lattice conductivity needs phono3py, which is not installed: pip install 'discover-materials[kappa]'"
        ) from None
    return phono3py


def _displaced(
    phono3py: Any, harmonic: HarmonicCrystal, supercell: np.ndarray | None, settings: ConductivitySettings
) -> Any:
    """A `Phono3py` with its displacements; supercell: of third order, (3, 3), None for the smallest.

    Raises:
        PropertyError: there are too many.
    """
    atoms = harmonic.atoms
    matrix = supercell
    if matrix is None:
        matrix = supercell_matrix_for(atoms, settings.supercell_length_A, settings.displacements.symprec_A)
    cell = PhonopyAtoms(
        numbers=atoms.numbers, scaled_positions=atoms.get_scaled_positions(wrap=False), cell=atoms.cell.array,
        masses=atoms.get_masses(),
    )  # fmt: skip
    third = phono3py.Phono3py(
        cell,
        matrix.T,
        primitive_matrix=np.eye(3),
        phonon_supercell_matrix=harmonic.supercell_matrix.T,
        symprec=symprec_of(atoms, settings.displacements.symprec_A),
    )
    third.generate_displacements(distance=settings.displacement_A, cutoff_pair_distance=settings.cutoff_pair_A)
    cells = sum(c is not None for c in third.supercells_with_displacements)
    if cells > settings.most_cells:
        raise PropertyError(
            f"third-order force constants need {cells} displaced cells of {len(third.supercell)} atoms, more than "
            f"most_cells ({settings.most_cells}): set cutoff_pair_A, a smaller supercell_length_A, or allow as many"
        )
    return third


def _third_order(
    potential: Potential,
    third: Any,
    harmonic: HarmonicCrystal,
    settings: ConductivitySettings,
    on_done: Callable[[str, int, int], None] | None,
) -> int:
    """Make the third-order force constants; how many displaced cells that took."""
    wanted = third.supercells_with_displacements
    cells = [third.supercell, *(c for c in wanted if c is not None)]
    doing = f"third order, {len(cells) - 1} displaced cells of {len(third.supercell)} atoms"
    if on_done is not None:
        on_done(doing, 0, len(cells))
    structures = [Structure(c.numbers, c.positions, c.cell) for c in cells]
    told = None if on_done is None else lambda done: on_done(doing, done, len(cells))
    rest, *answers = (e.forces_eV_A for e in evaluate_all(potential, structures, told))
    # What is at rest feels no force: what relaxation left is no force constant
    displaced = iter(answers)
    none = np.zeros_like(rest)
    third.forces = np.array([none if c is None else next(displaced) - rest for c in wanted])
    third.produce_fc3()
    third.symmetrize_fc3()
    return len(answers)


def _kappa(third: Any, counts: Sequence[int], temperatures_K: Sequence[float]) -> np.ndarray:
    """(t, 6), W/m/K."""
    third.mesh_numbers = list(counts)
    third.init_phph_interaction(symmetrize_fc3q=True)
    third.run_thermal_conductivity(temperatures=np.array(temperatures_K, float))
    return np.array(third.thermal_conductivity.kappa)[0]
