"""Elastic constants of a crystal by strained cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from ase import Atoms, units

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential, structure_of
from potentials.primitive import primitive
from potentials.suitable import check_suitable
from properties.crystallinity import check_three_dimensional
from properties.elastic.elasticity import Elasticity
from properties.elastic.fit import Strains, constants
from properties.elastic.ions import (
    InnerHessian,
    displaced_structures,
    displacements,
    inner_hessian,
    internal_strain,
    ions_at_rest,
)
from properties.elastic.setting import StandardCell, standard_cell
from properties.elastic.strains import directions, strained
from properties.elastic.symmetry import free_internal_strains, independent, projected
from properties.errors import PropertyError
from properties.evaluating import evaluate_all
from properties.rest import FMAX_EV_A, at_rest

SYMMETRIC = (4e-3, 4e-4, 4e-5)
"""Of the spacing, 0.01 Å and less: the first to which the crystal at rest is symmetric, and at rest when made so."""
MOVED = 100.0
"""Times the force that counts as rest: what the idealised cell may have. 7net-0 takes a crystal and its mirror image
for two: in monoclinic ZrO2 it pushes ions off the inversion centre with 0.006 eV/Å, by less than 0.001 Å."""
LARGEST_STRAIN = {"float64": 1e-3, "float32": 5e-3}
"""By the precision of the potential: well above its rounding (CHGNet's energies, in single precision, tell nothing at
0.002), and so small that few neighbours pass a cut-off: in 7net-0's quartz energies and stresses disagree by 0.01 GPa
at 0.001, by 0.2 at 0.002 and 0.7 at 0.005."""
ENERGY_DEGREE = {"float64": 6, "float32": 4}
"""Of the polynomials that energies are fitted by; the lower one averages over rounding, which stresses feel less."""
IONS_FMAX_EV_A = {"float64": 1e-6, "float32": 2e-4}
"""Of ions in strained cells, by the precision of the potential: forces that a strain of 0.001 makes are 0.01 eV/Å."""
REST, STRAINS, IONS = "bringing it to rest", "straining it", "relaxing ions"

Say = Callable[[str, int, int], None]
"""Told what is being done, how many structures of it are done and how many there are."""


@dataclass(frozen=True)
class ElasticSettings:
    """How elastic constants are measured.

    Attributes:
        largest_strain: of Green and Lagrange's along each direction, a unit vector in Mandel's form; None takes what
            suits the precision of the potential.
        n_strains: of each direction, zero counted, evenly spread from minus to plus the largest; odd, 7 or more.
        relax: ions too; False clamps them.
        fmax_eV_A: of the crystal at rest.
    """

    largest_strain: float | None = None
    n_strains: int = 7
    relax: bool = True
    fmax_eV_A: float = FMAX_EV_A

    def __post_init__(self) -> None:
        if self.n_strains < 7 or self.n_strains % 2 == 0:
            raise ValueError(f"n_strains: must be odd and at least 7 (is {self.n_strains})")
        if self.largest_strain is not None and not 0 < self.largest_strain < 0.1:
            raise ValueError(f"largest_strain: must be above 0 and below 0.1 (is {self.largest_strain:g})")


def elastic(
    potential: Potential,
    atoms: Atoms,
    settings: ElasticSettings | None = None,
    say: Say = lambda doing, done, total: None,
) -> Elasticity:
    """Elastic constants, with ions relaxed and clamped, by energies and by stresses.

    The crystal is brought to rest, taken to its primitive cell in the standard setting, and strained along the fewest
    directions whose energies tell all constants that symmetry leaves. Everything is computed in double precision where
    the potential has it. The constants are second derivatives by the Lagrangian strain of the crystal at rest; what
    stress is left there is in the result.

    atoms: a crystal; not changed.

    Raises:
        UnsuitableStructureError: no cell, overlapping atoms, an element that the potential does not know.
        PropertyError: no crystal but a molecule or a layer in a box, no rest, a force that is not finite.
    """
    settings = settings or ElasticSettings()
    check_suitable(potential, atoms)
    check_three_dimensional(atoms, potential)
    return _Measurement(potential.in_double_precision(), atoms, settings, say).run()


class _Measurement:
    """One crystal on its way to elastic constants."""

    def __init__(self, potential: Potential, atoms: Atoms, settings: ElasticSettings, say: Say) -> None:
        self.largest_strain = settings.largest_strain or LARGEST_STRAIN[potential.precision]
        self.potential, self.given, self.settings, self.say = potential, atoms, settings, say
        self.calls = {"rest": 0, "strains": 0, "ions": 0}

    def run(self) -> Elasticity:
        cell, here = self._reference()
        reference, basis = structure_of(cell.atoms), independent(cell.rotations)
        sizes = np.linspace(-1, 1, self.settings.n_strains) * self.largest_strain
        strains = Strains(directions(basis), sizes, ENERGY_DEGREE[self.potential.precision])
        moves = self.settings.relax and free_internal_strains(cell.rotations, cell.permutations) > 0
        clamped, hessian = self._strain(cell, reference, here, strains, moves)
        of_clamped = constants(clamped, strains, basis, reference.volume_A3, units.GPa)
        relaxed, response = of_clamped, of_clamped.stress_GPa
        if hessian is not None:
            at_rest = self._relax(reference, strains, clamped, hessian)
            relaxed = constants(at_rest, strains, basis, reference.volume_A3, units.GPa)
            coupling = internal_strain(clamped, strains, cell)
            softer = coupling.T @ hessian.give_way(coupling) / reference.volume_A3 / units.GPa
            response = projected(response - softer, cell.rotations)
        _refuse_loose(cell, relaxed.stress_GPa)
        given, n = self.given, len(cell.atoms)
        per_A3 = n / reference.volume_A3
        return Elasticity(
            formula=cell.atoms.get_chemical_formula(),
            potential=self.potential.metadata.to_json(),
            settings=asdict(self.settings) | {"largest_strain": self.largest_strain},
            cell=cell,
            clamped=of_clamped,
            relaxed=relaxed if self.settings.relax else None,
            response_GPa=response if self.settings.relax else None,
            lowest_inner_curvature_eV_A2=None if hessian is None else float(hessian.curvatures_eV_A2[0]),
            n_directions=len(strains.directions),
            residual_stress_GPa=here.stress_eV_A3 / units.GPa,
            max_force_eV_A=float(np.linalg.norm(here.forces_eV_A, axis=1).max()),
            density_g_cm3=per_A3 * float(given.get_masses().mean()) * units._amu * 1e27,
            atoms_per_A3=per_A3,
            model_calls=self.calls,
        )

    def _reference(self) -> tuple[StandardCell, Evaluation]:
        """The crystal at rest in its standard setting, as symmetric as it is."""
        self.say(REST, 0, 1)
        spacing_A = (abs(self.given.cell.volume) / len(self.given)) ** (1 / 3)
        start = primitive(self.given, SYMMETRIC[0] * spacing_A)
        rest = at_rest(self.potential, start, fmax_eV_A=self.settings.fmax_eV_A)
        self.calls["rest"] += rest.model_calls
        for share in SYMMETRIC:
            cell = standard_cell(rest.atoms, share * spacing_A)
            here = self._evaluate([structure_of(cell.atoms)], "rest")[0]
            if np.linalg.norm(here.forces_eV_A, axis=1).max() <= MOVED * self.settings.fmax_eV_A:
                break
        self.say(REST, 1, 1)
        return cell, here

    def _strain(
        self, cell: StandardCell, reference: Structure, here: Evaluation, strains: Strains, moves: bool
    ) -> tuple[list[list[Evaluation]], InnerHessian | None]:
        """Strained cells and, where ions move, displaced ones, in one batch."""
        middle = len(strains.sizes) // 2
        others = np.delete(strains.all, middle, axis=1)
        structures = [strained(reference, s) for s in others.reshape(-1, 6)]
        spacing_A = (reference.volume_A3 / len(reference.numbers)) ** (1 / 3)
        phonons = displacements(cell, spacing_A) if moves else None
        moved = [] if phonons is None else displaced_structures(phonons)
        found = self._evaluate([*structures, *moved], "strains", STRAINS)
        rows = _rows(found[: len(structures)], others.shape[1])
        clamped = [[*row[:middle], here, *row[middle:]] for row in rows]
        return clamped, None if phonons is None else inner_hessian(phonons, found[len(structures) :])

    def _relax(
        self, reference: Structure, strains: Strains, clamped: list[list[Evaluation]], hessian: InnerHessian
    ) -> list[list[Evaluation]]:
        flat = [e for row in clamped for e in row]
        fmax_eV_A = IONS_FMAX_EV_A[self.potential.precision]
        found, calls = ions_at_rest(
            self.potential, reference, strains.all.reshape(-1, 6), flat, hessian, fmax_eV_A,
            lambda done, total: self.say(IONS, done, total),
        )  # fmt: skip
        self.calls["ions"] += calls
        return _rows(found, len(strains.sizes))

    def _evaluate(self, structures: Sequence[Structure], step: str, doing: str = "") -> list[Evaluation]:
        self.calls[step] += len(structures)
        on_done = (lambda done: self.say(doing, done, len(structures))) if doing else None
        return evaluate_all(self.potential, structures, on_done)


def _refuse_loose(cell: StandardCell, stiffness_GPa: np.ndarray) -> None:
    if np.linalg.matrix_rank(stiffness_GPa) < 6:
        raise PropertyError(
            f"{cell.atoms.get_chemical_formula()} has no moduli: the potential resists some strain by nothing at all, "
            "as where atoms lie further apart than it reaches"
        )


def _rows(flat: Sequence[Evaluation], length: int) -> list[list[Evaluation]]:
    return [list(flat[k : k + length]) for k in range(0, len(flat), length)]
