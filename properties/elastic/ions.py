"""Ions in a strained cell: what they feel where they were, and where they come to rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential, structure_of
from properties.elastic.fit import DEGREE, Strains, derivative
from properties.elastic.mandel import rotations_of_six
from properties.elastic.setting import StandardCell
from properties.elastic.strains import deformation, strained
from properties.evaluating import evaluate_all
from properties.rest import NotAtRestError, all_at_rest

STEP = 0.001
"""Of the cube root of the volume per atom: displacements of the Hessian, 0.002 Å. With phonopy's own 0.01 Å the
response of quartz, whose tetrahedra turn almost freely, is 1.5 GPa off."""
FLAT = 1e-6
"""Of the largest curvature: a mode with less has no restoring force that differences could tell."""
ROUNDS = 6
"""Of Newton's method with one Hessian; each gains two digits or so, and what needs more is left to a relaxation."""
SKEW = 1e-8
"""A correction that is nearly orthogonal to what it corrects is left out, as is usual for this formula."""
LONGEST = 0.1
"""Of the spacing: a longer step is no small displacement, and the Hessian of the crystal at rest says nothing of it."""


@dataclass(frozen=True)
class InnerHessian:
    """Curvatures of the energy for displacements of a primitive cell's ions, rigid shifts left out.

    Attributes:
        curvatures_eV_A2: (3n − 3,), ascending.
        modes: (3n, 3n − 3), orthonormal.
    """

    curvatures_eV_A2: np.ndarray
    modes: np.ndarray

    def give_way(self, forces: np.ndarray) -> np.ndarray:
        """K⁺f: displacements, (3n, ...), Å, that forces (3n, ...), eV/Å, bring about."""
        firm = np.abs(self.curvatures_eV_A2) > FLAT * np.abs(self.curvatures_eV_A2).max(initial=0.0)
        modes = self.modes[:, firm]
        return modes @ ((modes.T @ forces).T / self.curvatures_eV_A2[firm]).T


def displacements(cell: StandardCell, spacing_A: float) -> Phonopy:
    """The cell, its own supercell, with the displacements that symmetry does not give from others."""
    atoms = cell.atoms
    unit = PhonopyAtoms(numbers=atoms.numbers, scaled_positions=atoms.get_scaled_positions(), cell=atoms.cell.array)
    phonons = Phonopy(unit, np.eye(3, dtype=int), primitive_matrix=np.eye(3))
    phonons.generate_displacements(distance=STEP * spacing_A)
    return phonons


def displaced_structures(phonons: Phonopy) -> list[Structure]:
    """The displaced cells."""
    cells = phonons.supercells_with_displacements or []
    return [Structure(c.numbers, c.positions, c.cell) for c in cells]


def inner_hessian(phonons: Phonopy, evaluations: Sequence[Evaluation]) -> InnerHessian:
    """From the forces in the displaced cells."""
    phonons.forces = np.array([e.forces_eV_A for e in evaluations])
    phonons.produce_force_constants()
    constants = np.asarray(phonons.force_constants)
    n = len(constants)
    full = constants.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)
    # The first three columns span the rigid shifts
    inner = np.linalg.qr(np.tile(np.eye(3), (n, 1)), mode="complete")[0][:, 3:]
    curvatures, vectors = np.linalg.eigh(inner.T @ (full + full.T) @ inner / 2)
    return InnerHessian(curvatures, inner @ vectors)


def internal_strain(clamped: list[list[Evaluation]], strains: Strains, cell: StandardCell) -> np.ndarray:
    """Λ, (3n, 6), eV/Å: forces that a strain (Mandel) brings about, in the frame of the cell without strain.

    From the slopes of Fᵀf along the measured directions d, by least squares over all that symmetry makes of them: what
    an operation makes of the forces is what it makes of d that brings them about.
    """
    pulled = np.array(
        [
            [_pulled(e, s) for e, s in zip(row, own, strict=True)]
            for row, own in zip(clamped, strains.all, strict=True)
        ]
    )
    slopes = np.einsum("msx,s->mx", pulled, derivative(strains.sizes, DEGREE, 1))
    turned = np.einsum("gij,mkj->gmki", cell.rotations, slopes.reshape(len(slopes), -1, 3))
    moved = np.empty_like(turned)
    for g, goes in enumerate(cell.permutations):
        moved[g][:, goes] = turned[g]
    along = np.einsum("gij,mj->gmi", rotations_of_six(cell.rotations), strains.directions).reshape(-1, 6)
    return np.linalg.lstsq(along, moved.reshape(len(along), -1), rcond=None)[0].T


def _pulled(evaluation: Evaluation, strain: np.ndarray) -> np.ndarray:
    """Fᵀf, (3n,): minus the derivative of the energy by w, x = F (X + w)."""
    return (evaluation.forces_eV_A @ deformation(strain)).ravel()


@dataclass
class _Ions:
    """One strained cell on its way.

    Attributes:
        inverse: (3n, 3n), of the Hessian, as far as it is known in this cell.
        tried: the last step, (3n,), and Fᵀf before it.
    """

    strain: np.ndarray
    displacements_A: np.ndarray
    evaluation: Evaluation
    inverse: np.ndarray
    tried: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def max_force_eV_A(self) -> float:
        return float(np.linalg.norm(self.evaluation.forces_eV_A, axis=1).max())

    def next_step(self) -> np.ndarray:
        """Newton's, (3n,), with what the last step has taught."""
        here = _pulled(self.evaluation, self.strain)
        if self.tried is not None:
            step, before = self.tried
            missed = step - self.inverse @ (before - here)
            share = missed @ (before - here)
            if abs(share) > SKEW * np.linalg.norm(missed) * np.linalg.norm(before - here):
                self.inverse = self.inverse + np.outer(missed, missed) / share
        step = self.inverse @ here
        self.tried = step, here
        return step


def ions_at_rest(
    potential: Potential,
    reference: Structure,
    strains: np.ndarray,
    clamped: Sequence[Evaluation],
    hessian: InnerHessian,
    fmax_eV_A: float,
    on_done: Callable[[int, int], None],
) -> tuple[list[Evaluation], int]:
    """Each strained cell with its ions at rest, and the model calls that took.

    All cells in one batch, by Newton's method from the Hessian of the cell without strain, which each corrects as it
    goes (symmetric rank one: Conn, Gould and Toint, Math. Program. 50, 177 (1991)). What that does not bring to rest in
    a few rounds is relaxed as any crystal is. Ions that feel nothing are left where they are.

    strains: (m, 6), Mandel.
    clamped: of the same cells, ions not displaced.
    fmax_eV_A: no larger force is left.
    on_done: told how many cells of how many are at rest.

    Raises:
        NotAtRestError: ions that find no rest.
    """
    shape = reference.positions.shape
    spacing_A = (reference.volume_A3 / len(reference.numbers)) ** (1 / 3)
    inverse = hessian.give_way(np.eye(reference.positions.size))
    ions = [_Ions(s, np.zeros(shape), e, inverse) for s, e in zip(strains, clamped, strict=True)]
    calls = 0
    for _ in range(ROUNDS):
        moving = []
        for cell in (i for i in ions if i.max_force_eV_A > fmax_eV_A):
            step = cell.next_step().reshape(shape)
            if np.abs(step).max() < LONGEST * spacing_A:
                cell.displacements_A = cell.displacements_A + step
                moving.append(cell)
        on_done(len(ions) - len(moving), len(ions))
        if not moving:
            break
        structures = [strained(reference, i.strain, i.displacements_A) for i in moving]
        for cell, evaluation in zip(moving, evaluate_all(potential, structures), strict=True):
            cell.evaluation = evaluation
        calls += len(moving)
    restless = [i for i in ions if i.max_force_eV_A > fmax_eV_A]
    calls += _relax(potential, reference, restless, hessian, fmax_eV_A) if restless else 0
    on_done(len(ions), len(ions))
    return [i.evaluation for i in ions], calls


def _relax(
    potential: Potential, reference: Structure, restless: Sequence[_Ions], hessian: InnerHessian, fmax_eV_A: float
) -> int:
    """What Newton's method left, by a relaxation; the calls it took."""
    lowest = float(hessian.curvatures_eV_A2.min())
    if lowest <= 0:
        raise NotAtRestError(
            f"ions have no rest in the strained cell: a displacement at Γ has a curvature of {lowest:.2g} eV/Å², so "
            "the crystal is unstable; relax it in a lower symmetry, or ask for clamped ions (relax=false)"
        )
    structures = [strained(reference, i.strain, i.displacements_A) for i in restless]
    crystals = [Atoms(s.numbers, s.positions, cell=s.cell, pbc=True) for s in structures]
    rests = all_at_rest(potential, crystals, relax_cell=False, fmax_eV_A=fmax_eV_A)
    evaluations = evaluate_all(potential, [structure_of(r.atoms) for r in rests])
    for ions, evaluation in zip(restless, evaluations, strict=True):
        ions.evaluation = evaluation
    return sum(r.model_calls for r in rests) + len(rests)
