"""Force constants of crystals, by finite displacements of all of them in one list of evaluations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from phonopy import Phonopy
from phonopy.harmonic.force_constants import get_drift_force_constants
from phonopy.phonon.grid import length2mesh
from phonopy.structure.atoms import PhonopyAtoms

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential, structure_of
from properties.errors import PropertyError
from properties.evaluating import evaluate_all
from properties.phonons.supercells import spacing_A, supercell_matrix_for, symprec_of

IMAGE_DISTANCE_A = 10.0
"""Of an atom from its own image in the supercell."""
STEP = 0.005
"""Displacement as a share of the cube root of the volume per atom: about 0.01 Å."""
MESH_LENGTH_A = 60.0
"""A mesh for thermal properties has as many points along a reciprocal vector b as this times |b| (without 2π)."""
_ROUNDS = 10  # of permutation and sum rule in turn, which settle to rounding within two or three


class PhononError(PropertyError):
    """Phonons that cannot be had so; the message says why, in one line."""


@dataclass(frozen=True)
class DisplacementSettings:
    """How force constants are made.

    Attributes:
        supercell_length_A: shortest distance between an atom and its own periodic image in the supercell.
        supercell: explicit multiples of the cell as given, or a matrix of integers whose rows are the supercell's
            vectors in the cell's; None takes the smallest that `supercell_length_A` allows.
        displacement_A: None takes `STEP` of the cube root of the volume per atom.
        symprec_A: in which symmetry is looked for; None takes 1e-3 of the same.
        precision: in what forces are computed; "float64" takes the potential in it, the others as it is.
    """

    supercell_length_A: float = IMAGE_DISTANCE_A
    supercell: Sequence[int] | Sequence[Sequence[int]] | None = None
    displacement_A: float | None = None
    symprec_A: float | None = None
    precision: Literal["auto", "float32", "float64"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not self.supercell_length_A > 0:
            raise PhononError(f"supercell_length_A: must be above 0 (is {self.supercell_length_A:g})")
        if self.displacement_A is not None and not self.displacement_A > 0:
            raise PhononError(f"displacement_A: must be above 0 (is {self.displacement_A:g})")
        self.given_matrix()

    def given_matrix(self) -> np.ndarray | None:
        """`supercell` as a matrix, (3, 3).

        Raises:
            PhononError: neither three whole numbers nor a matrix of nine that encloses a volume.
        """
        return None if self.supercell is None else integer_matrix(self.supercell)


def integer_matrix(supercell: Sequence[int] | Sequence[Sequence[int]] | np.ndarray) -> np.ndarray:
    """Three multiples or nine numbers as a matrix, (3, 3).

    Raises:
        PhononError: neither three whole numbers nor a matrix of nine that encloses a volume.
    """
    try:
        given = np.array(supercell, float)
    except (TypeError, ValueError):
        given = np.zeros(0)
    matrix = np.diag(given) if given.shape == (3,) else given
    if matrix.shape != (3, 3) or not np.array_equal(matrix, matrix.round()) or round(np.linalg.det(matrix)) < 1:
        raise PhononError("supercell: give three whole numbers, or a 3x3 matrix of them with a positive determinant")
    return matrix.astype(int)


@dataclass(frozen=True)
class Mesh:
    """A Γ-centred mesh over the zone, reduced by symmetry.

    Attributes:
        q: fractional, of the cell's reciprocal vectors, (m, 3).
        weights: how many points of the full mesh each stands for, (m,).
        frequencies_THz: (m, 3n), ascending, imaginary ones negative.
        counts: points along each reciprocal vector.
    """

    q: np.ndarray
    weights: np.ndarray
    frequencies_THz: np.ndarray
    counts: tuple[int, int, int]


@dataclass(frozen=True)
class HarmonicCrystal:
    """A crystal's harmonic force constants, with the acoustic sum rule and the permutation symmetry imposed.

    Attributes:
        atoms: the cell at rest that phonons belong to, n atoms; as it was given.
        energy_eV: of it, static.
        phonopy: with compact force constants, in eV/Å².
        supercell_matrix: rows are the supercell's vectors in the cell's, (3, 3).
        model_calls: evaluations spent: displaced supercells, and the cell itself.
        sum_rule_violation_eV_A2: largest |Σ_j Φ_ij| before the sum rule was imposed.
        largest_force_eV_A: on an atom of the cell at rest; such forces are taken off those of displaced supercells.
        precision: in what the forces were computed.
    """

    atoms: Atoms
    energy_eV: float
    phonopy: Phonopy
    supercell_matrix: np.ndarray
    model_calls: int
    sum_rule_violation_eV_A2: float
    largest_force_eV_A: float
    precision: str

    def frequencies_THz(self, q: np.ndarray) -> np.ndarray:
        """At fractional q (m, 3): (m, 3n), ascending, imaginary ones negative."""
        return np.asarray(self.phonopy.run_qpoints(_rows(q)).frequencies)

    def eigenvectors(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies (m, 3n) and eigenvectors (m, 3n, 3n), a column each, complex.

        Of atom j in the cell l the mode k moves by Re[e_jk exp(2πi q·x_jl)]/√M_j, where x is the atom's place in
        fractions of the cell.
        """
        found = self.phonopy.run_qpoints(_rows(q), with_eigenvectors=True)
        return np.asarray(found.frequencies), np.asarray(found.eigenvectors)

    def dynamical_matrix(self, q: np.ndarray) -> np.ndarray:
        """At one fractional q (3,): (3n, 3n), eV/(Å² u), hermitian; the phases of `eigenvectors`."""
        found = self.phonopy.run_qpoints(_rows(q), with_dynamical_matrices=True).dynamical_matrices
        return np.asarray(found)[0]

    def mesh(self, length_A: float = MESH_LENGTH_A, counts: Sequence[int] | None = None) -> Mesh:
        """Frequencies over the zone, on `counts` points or as many as `length_A` makes (see `MESH_LENGTH_A`)."""
        if counts is None:
            rotations = self.phonopy.primitive_symmetry.pointgroup_operations
            counts = length2mesh(length_A, self.atoms.cell.array, rotations=rotations).tolist()
        a, b, c = counts
        found = self.phonopy.run_mesh([a, b, c], is_gamma_center=True)
        return Mesh(np.array(found.qpoints), np.array(found.weights, float), np.array(found.frequencies), (a, b, c))


def harmonic_crystals(
    potential: Potential,
    crystals: Sequence[Atoms],
    settings: DisplacementSettings | None = None,
    supercell_matrix: np.ndarray | Sequence[np.ndarray] | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> list[HarmonicCrystal]:
    """Force constants of all crystals, from one list of evaluations.

    phonopy (Togo, J. Phys. Soc. Jpn. 92, 012001 (2023)) chooses the displacements that symmetry leaves, both ways
    where symmetry does not make one from the other, and makes force constants of the forces. The forces that the
    cell has at rest are taken off first, so that what relaxation left does not enter.

    Args:
        potential: gives the forces.
        crystals: cells at rest that phonons are to belong to, taken as they are (see `primitive_cell`); not changed.
        settings: None takes the defaults.
        supercell_matrix: one for all crystals, such as the volumes of one quasi-harmonic crystal, (3, 3), or one for
            each, (k, 3, 3); None makes each its own.
        on_done: told after each call how many evaluations are done, of how many.

    Raises:
        PhononError: settings that cannot be.
        EvaluationError: a force that is not finite.
    """
    settings = settings or DisplacementSettings()
    potential = in_precision(potential, settings.precision)
    if supercell_matrix is None:
        matrices = [_matrix(c, settings) for c in crystals]
    else:
        matrices = [integer_matrix(m) for m in np.broadcast_to(supercell_matrix, (len(crystals), 3, 3))]
    displaced = [_displaced(c, m, settings) for c, m in zip(crystals, matrices, strict=True)]
    cells = [_structures(c, phonopy) for c, phonopy in zip(crystals, displaced, strict=True)]
    flat = [structure for own in cells for structure in own]
    told = iter(
        evaluate_all(potential, flat, None if on_done is None else lambda done: on_done(done, len(flat)))
    )  # fmt: skip
    answers = [[next(told) for _ in own] for own in cells]
    return [
        _harmonic(crystal, phonopy, own, potential.precision)
        for crystal, phonopy, own in zip(crystals, displaced, answers, strict=True)
    ]


def in_precision(potential: Potential, precision: str) -> Potential:
    """The potential that computes so; "auto" and "float32" take it as it is.

    7net-0's frequencies of Si, Al, MgO and TiC in float32 are within 0.001 THz of those in float64, in half the time.
    """
    return potential.in_double_precision() if precision == "float64" else potential


def _matrix(atoms: Atoms, settings: DisplacementSettings) -> np.ndarray:
    given = settings.given_matrix()
    return supercell_matrix_for(atoms, settings.supercell_length_A, settings.symprec_A) if given is None else given


def _displaced(atoms: Atoms, matrix: np.ndarray, settings: DisplacementSettings) -> Phonopy:
    cell = PhonopyAtoms(
        numbers=atoms.numbers, scaled_positions=atoms.get_scaled_positions(wrap=False), cell=atoms.cell.array,
        masses=atoms.get_masses(),
    )  # fmt: skip
    # phonopy takes the matrix with a supercell's vector in each column
    phonopy = Phonopy(cell, matrix.T, primitive_matrix=np.eye(3), symprec=symprec_of(atoms, settings.symprec_A))
    phonopy.generate_displacements(distance=settings.displacement_A or STEP * spacing_A(atoms))
    return phonopy


def _structures(atoms: Atoms, phonopy: Phonopy) -> list[Structure]:
    """The cell itself and its displaced supercells."""
    cells = phonopy.supercells_with_displacements or []
    return [structure_of(atoms), *(Structure(c.numbers, c.positions, c.cell) for c in cells)]


def _harmonic(atoms: Atoms, phonopy: Phonopy, answers: Sequence[Evaluation], precision: str) -> HarmonicCrystal:
    rest, displaced = answers[0], answers[1:]
    # Where each atom of the supercell has its like in the cell
    like = [phonopy.primitive.p2p_map[k] for k in phonopy.primitive.s2p_map]
    phonopy.forces = np.array([d.forces_eV_A - rest.forces_eV_A[like] for d in displaced])
    phonopy.produce_force_constants(calculate_full_force_constants=False, show_drift=False)
    assert phonopy.force_constants is not None
    drifts = [*get_drift_force_constants(phonopy.force_constants, primitive=phonopy.primitive)[:2], *_net(phonopy)]
    phonopy.symmetrize_force_constants(level=_ROUNDS, show_drift=False)
    return HarmonicCrystal(
        atoms=atoms,
        energy_eV=rest.energy_eV,
        phonopy=phonopy,
        supercell_matrix=phonopy.supercell_matrix.T,
        model_calls=len(answers),
        sum_rule_violation_eV_A2=float(np.abs(drifts).max()),
        largest_force_eV_A=float(np.linalg.norm(rest.forces_eV_A, axis=1).max()),
        precision=precision,
    )


def _net(phonopy: Phonopy) -> list[float]:
    """Largest component of the force on each displaced supercell as a whole, by displacement, eV/Å²."""
    moves = [np.linalg.norm(d["displacement"]) for d in phonopy.dataset["first_atoms"]]  # type: ignore[index, typeddict-item]
    return [float(np.abs(forces.sum(0)).max() / move) for forces, move in zip(phonopy.forces, moves, strict=True)]


def _rows(q: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.asarray(q, float))
