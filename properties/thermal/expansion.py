"""Thermal expansion and what comes with it, from phonons at a row of volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms

from potentials.potential import Potential
from properties.crystallinity import check_three_dimensional
from properties.errors import PropertyError
from properties.phonons.harmonic import HarmonicCrystal, Mesh, harmonic_crystals, in_precision
from properties.phonons.stability import Stability, stability
from properties.phonons.supercells import multiples_of, primitive_cell, supercell_matrix_for, symprec_of
from properties.phonons.thermodynamics import (
    entropy_eV_K,
    free_energy_eV,
    heat_capacity_eV_K,
    mode_heat_capacities_eV_K,
)
from properties.rest import NotAtRestError, Rest, at_rest
from properties.thermal.axes import axes_at, conventional_axes
from properties.thermal.equation_of_state import FEWEST_VOLUMES as FEWEST_TO_FIT
from properties.thermal.equation_of_state import EquationOfState, fit_equation_of_state
from properties.thermal.grueneisen import ModeGrueneisen, mode_grueneisen, optical_grueneisen
from properties.thermal.quasi_harmonic import QuasiHarmonic, VolumeVibrations, quasi_harmonic
from properties.thermal.result import Thermal, VolumePoint
from properties.thermal.settings import FEWEST_VOLUMES, ThermalSettings
from properties.thermal.smoothing import HIGHEST
from properties.thermal.volumes import ShapeRelaxer, VolumeRow, relaxes, scaled_row

_LONGER_BY = 3  # volumes, where the row is too short
_NONE_MOVED = 1e-3  # of V0: a volume this near to it is the crystal at rest
_ROUGH_MEV = 0.2  # an atom: with a slope of 2 meV/atom for a percent, a tenth of it over two volumes' distance
_ALMOST = 10  # times the force at which a relaxation ends: a crystal given as at rest may have so much

OnDone = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, of how much."""


class DynamicallyUnstableError(PropertyError):
    """A crystal with imaginary modes, which has no quasi-harmonic free energy; the message says what to do."""


def thermal(
    potential: Potential, atoms: Atoms, settings: ThermalSettings | None = None, on_done: OnDone | None = None
) -> Thermal:
    """Quasi-harmonic expansion, bulk modulus, heat capacities, Gibbs energy and Grüneisen parameters.

    The primitive cell is brought to rest, then a row of volumes of it, each with the shape that is best for it; phonons
    of all are made in one list of evaluations. Where G(V, T) has its minimum outside of the row, the row is made
    longer; temperatures that no row reaches are left out, and a warning names them.

    Expansion has two routes: the minimum of G, and γ C_V/(B_T V) with Grüneisen parameters by mode. Its error is their
    difference, and what another equation of state, one through the innermost volumes alone, and another degree of ln V
    change. None of them knows of
    anharmonicity at fixed volume, nor of what the potential has wrong.

    Args:
        potential: gives energy, forces and stress; in its own precision, or in that of `settings.displacements`.
        atoms: any cell of a crystal; not changed.
        settings: None takes the defaults.
        on_done: hears of progress.

    Raises:
        NotACrystalError: a molecule, a chain, a layer in a box.
        NotAtRestError: it does not come to rest.
        DynamicallyUnstableError: it has imaginary modes at rest.
        PropertyError: fewer than 7 volumes are stable, or no temperature is reached.
    """
    settings = settings or ThermalSettings()
    check_three_dimensional(atoms, potential)
    potential = in_precision(potential, settings.displacements.precision)
    cell = primitive_cell(atoms, settings.displacements.symprec_A)
    rest = _rest(potential, cell, settings)
    asked = settings.displacements.given_matrix()
    study = _Study(potential, rest, settings, None if asked is None else multiples_of(asked, atoms, cell), on_done)
    study.add(settings.row())
    for _ in range(settings.extensions):
        side = study.beyond()
        if not side or not study.lengthen(side):
            break
    return study.result()


def _rest(potential: Potential, atoms: Atoms, settings: ThermalSettings) -> Rest:
    if settings.relax:
        return at_rest(potential, atoms, settings.pressure_GPa)
    given = at_rest(potential, atoms, settings.pressure_GPa, fmax_eV_A=1e9)
    largest = max(given.max_force_eV_A, given.max_stress_GPa / 160.2 * atoms.cell.volume / len(atoms))
    if largest > _ALMOST * 1e-4:
        raise NotAtRestError(
            f"{atoms.get_chemical_formula()} is not at rest ({largest:.1g} eV/Å, {given.max_stress_GPa:.2g} GPa): "
            "relax it first, or let it be relaxed (relax=true)"
        )
    return replace(given, atoms=atoms)


class _Study:
    """The volumes so far."""

    def __init__(
        self,
        potential: Potential,
        rest: Rest,
        settings: ThermalSettings,
        supercell: np.ndarray | None,
        on_done: OnDone | None,
    ) -> None:
        self.potential, self.rest, self.settings, self.on_done = potential, rest, settings, on_done
        how = settings.displacements
        if supercell is None:
            supercell = supercell_matrix_for(rest.atoms, how.supercell_length_A, how.symprec_A)
        self.matrix = supercell
        self.symprec_A = symprec_of(rest.atoms, how.symprec_A)
        self.relaxer = ShapeRelaxer(potential, rest)
        self.shape = settings.shape
        if self.shape == "auto":
            self.shape = "relaxed" if relaxes(rest.atoms, self.symprec_A) else "scaled"
        self.crystals: list[HarmonicCrystal] = []
        self.stable: list[Stability] = []
        self.strains: list[float] = []
        self.warnings: list[str] = []
        self.calls = rest.model_calls
        self.mesh: Mesh | None = None

    def add(self, strains: Sequence[float]) -> None:
        """More volumes, with their phonons."""
        row = self._row(strains)
        self.calls += row.model_calls
        harmonic = harmonic_crystals(
            self.potential, row.crystals, self.settings.displacements, self.matrix, self._telling("phonons")
        )
        self.calls += sum(h.model_calls for h in harmonic)
        pairs = [*zip(self.strains, self.crystals, strict=True), *zip(row.strains, harmonic, strict=True)]
        pairs.sort(key=lambda pair: pair[0])
        self.strains, self.crystals = [s for s, _ in pairs], [c for _, c in pairs]
        if self.mesh is None:
            self.mesh = self.crystals[self.at_rest].mesh(self.settings.mesh_length_A)
            self._refuse_unstable(stability(self.crystals[self.at_rest], self.mesh))
        self.stable = [stability(c, _on_mesh(c, self.mesh)) for c in self.crystals]

    def _refuse_unstable(self, found: Stability) -> None:
        if not found.dynamically_stable:
            raise DynamicallyUnstableError(
                f"{self.rest.atoms.get_chemical_formula('metal', empirical=True)} is dynamically unstable (a mode of "
                f"{found.min_frequency_THz:.2f} THz): it has no quasi-harmonic free energy; "
                "follow the mode to a lower structure (discover compute phonons)"
            )

    def _row(self, strains: Sequence[float]) -> VolumeRow:
        tell = self._telling("volumes")
        if self.shape == "relaxed":
            try:
                return self.relaxer.row(strains, None if tell is None else lambda done: tell(done, len(strains)))
            except NotAtRestError as error:
                # A row is of one kind: once some volumes have their best shapes, the others must have them too
                if self.settings.shape == "relaxed" or self.crystals:
                    raise
                self.shape = "scaled"
                self.warnings.append(f"shapes are not relaxed: {error}")
        return scaled_row(self.potential, self.rest, strains, relaxes(self.rest.atoms, self.symprec_A))

    @property
    def at_rest(self) -> int:
        """Index of the crystal at rest."""
        nearest = int(np.abs(self.strains).argmin())
        assert abs(self.strains[nearest]) < _NONE_MOVED
        return nearest

    def points(self) -> list[VolumePoint]:
        """Each volume, and whether it has a part: those without imaginary modes, in one row around the one at rest."""
        points = []
        for strain, crystal, stable in zip(self.strains, self.crystals, self.stable, strict=True):
            lowest = stable.min_frequency_THz
            why = "" if stable.dynamically_stable else f"imaginary modes, down to {lowest:.2f} THz"
            points.append(VolumePoint(strain, crystal.atoms.cell.volume, crystal.energy_eV, lowest, why))
        for side in (range(self.at_rest, -1, -1), range(self.at_rest, len(points))):
            cut = False
            for k in side:
                if cut and not points[k].left_out:
                    points[k] = replace(points[k], left_out="beyond a volume with imaginary modes")
                cut = cut or bool(points[k].left_out)
        return points

    def used(self) -> list[int]:
        """Indices of the volumes that have a part.

        Raises:
            PropertyError: too few.
        """
        points = self.points()
        used = [k for k, point in enumerate(points) if not point.left_out]
        if len(used) < FEWEST_VOLUMES:
            worst = min(point.min_frequency_THz for point in points)
            raise PropertyError(
                f"{len(used)} of {len(points)} volumes are without imaginary modes (down to {worst:.2f} THz), "
                f"{FEWEST_VOLUMES} are needed: take narrower strains, or more volumes"
            )
        return used

    def modes(self, used: Sequence[int]) -> list[ModeGrueneisen]:
        """Over the mesh, of each volume that has a part."""
        assert self.mesh is not None
        return mode_grueneisen([self.crystals[k] for k in used], self.mesh.q)

    def solve(self, used: Sequence[int], modes: Sequence[ModeGrueneisen], temperatures_K: np.ndarray) -> _Solved:
        """By the chosen equation of state, and by what its errors are told from."""
        assert self.mesh is not None
        vibrations = _vibrations(modes, self.mesh.weights, temperatures_K)
        energies = np.array([self.crystals[k].energy_eV for k in used])
        pressure, form = self.settings.pressure_GPa, self.settings.equation
        found = quasi_harmonic(energies, vibrations, pressure, form)
        degree = found.degree - 1 if found.degree == HIGHEST else found.degree + 1
        other = quasi_harmonic(
            energies, vibrations, pressure, "birch-murnaghan" if form == "vinet" else "vinet", found.degree
        )
        others = [other, quasi_harmonic(energies, vibrations, pressure, form, degree)]
        near = self._equation_near_rest(used, energies)
        if near is not None:
            others.append(quasi_harmonic(energies, vibrations, pressure, form, found.degree, near))
        return _Solved(vibrations, found, tuple(others))

    def _equation_near_rest(self, used: Sequence[int], energies: np.ndarray) -> EquationOfState | None:
        """Through the innermost volumes alone: where the potential follows no equation of state, it bends otherwise."""
        inner = np.argsort(np.abs([self.strains[k] for k in used]))[:FEWEST_TO_FIT]
        volumes = np.array([self.crystals[used[k]].atoms.cell.volume for k in inner])
        try:
            return fit_equation_of_state(volumes, energies[inner], self.settings.equation)
        except PropertyError as error:
            warning = f"the error of expansion knows nothing of the innermost volumes: {error}"
            self.warnings += [warning] if warning not in self.warnings else []
            return None

    def beyond(self) -> int:
        """On which side the row is too short for some temperature; 0 where it is long enough."""
        used = self.used()
        sides = self.solve(used, self.modes(used), self.settings.grid_K()).found.beyond
        return int(sides[np.flatnonzero(sides)[-1]]) if sides.any() else 0

    def lengthen(self, side: int) -> bool:
        """Some more volumes on that side; False where that is of no use, for the last ones there have no part."""
        points = self.points()
        edge = points[-1 if side > 0 else 0]
        if edge.left_out:
            return False
        new = [edge.strain + side * self.settings.step * k for k in range(1, _LONGER_BY + 1)]
        self.warnings.append(
            f"the row of volumes was too short for the temperatures: {_LONGER_BY} more, to {100 * new[-1]:+.1f} %"
        )
        try:
            self.add(sorted(new))
        except NotAtRestError as error:
            self.warnings.append(f"they do not come to rest: {error}")
            return False
        return True

    def result(self) -> Thermal:
        """Everything, at the temperatures that are reached.

        Raises:
            PropertyError: none is.
        """
        used, grid = self.used(), self.settings.grid_K()
        modes = self.modes(used)
        solved = self.solve(used, modes, grid)
        reached = solved.found.reached
        if not reached.any():
            raise PropertyError("G(V, T) has no minimum in the row of volumes at any temperature: take wider strains")
        if not reached.all():
            lost = grid[~reached]
            self.warnings.append(
                f"{len(lost)} temperatures from {lost.min():g} to {lost.max():g} K are left out: "
                "G(V, T) has no minimum in the row of volumes there"
            )
            solved = self.solve(used, modes, grid[reached])
        return self._thermal(used, modes, solved)

    def _thermal(self, used: Sequence[int], modes: Sequence[ModeGrueneisen], solved: _Solved) -> Thermal:
        assert self.mesh is not None
        crystals, home = [self.crystals[k] for k in used], list(used).index(self.at_rest)
        cells = np.array([c.atoms.cell.array for c in crystals])
        points = self.points()
        self._warn_of_roughness(solved.found)
        left_out = [f"volume {100 * p.strain:+.1f} % is left out: {p.left_out}" for p in points if p.left_out]
        return Thermal(
            formula=self.rest.atoms.get_chemical_formula("metal", empirical=True),
            atoms=len(self.rest.atoms),
            rest_energy_eV=crystals[home].energy_eV,
            rest_volume_A3=float(self.rest.atoms.cell.volume),
            found=solved.found,
            others=solved.others,
            axes=axes_at(cells, conventional_axes(self.rest.atoms, self.symprec_A), solved.found.volume_A3),
            vibrations=solved.vibrations,
            points=tuple(points),
            gamma=optical_grueneisen(crystals, home),
            zone=modes[home],
            weights=self.mesh.weights,
            mesh=self.mesh.counts,
            shape=self.shape,
            supercell=self.matrix,
            warnings=tuple(self.warnings + left_out),
            settings=self.settings,
            potential=self.potential.metadata,
            precision=self.potential.precision,
            model_calls=self.calls + self.relaxer.model_calls,
        )

    def _warn_of_roughness(self, found: QuasiHarmonic) -> None:
        rough_meV = 1e3 * found.roughness_eV / len(self.rest.atoms)
        if rough_meV > _ROUGH_MEV:
            self.warnings.append(
                f"{self.potential.metadata.name}'s vibrations are no smooth function of the volume (F is rough by "
                f"{rough_meV:.2g} meV/atom): see the error of expansion; a wider row of volumes averages over more"
            )

    def _telling(self, doing: str) -> Callable[[int, int], None] | None:
        told = self.on_done
        return None if told is None else lambda done, total: told(doing, done, total)


@dataclass(frozen=True)
class _Solved:
    vibrations: VolumeVibrations
    found: QuasiHarmonic
    others: tuple[QuasiHarmonic, ...]


def _on_mesh(crystal: HarmonicCrystal, mesh: Mesh) -> Mesh:
    """The same q points of another volume."""
    return replace(mesh, frequencies_THz=crystal.frequencies_THz(mesh.q))


def _vibrations(modes: Sequence[ModeGrueneisen], weights: np.ndarray, temperatures_K: np.ndarray) -> VolumeVibrations:
    """Sums over the zone, at each volume and temperature."""
    share = weights / weights.sum()

    def table(of_zone: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        return np.array([of_zone(m.frequencies_THz, weights, temperatures_K) for m in modes]).T

    def grueneisen_heat(m: ModeGrueneisen) -> list[float]:
        gamma = np.nan_to_num(m.grueneisen)
        return [float(share @ (gamma * mode_heat_capacities_eV_K(m.frequencies_THz, t)).sum(1)) for t in temperatures_K]

    return VolumeVibrations(
        temperatures_K=temperatures_K,
        volumes_A3=np.array([m.volume_A3 for m in modes]),
        free_energy_eV=table(free_energy_eV),
        entropy_eV_K=table(entropy_eV_K),
        heat_capacity_eV_K=table(heat_capacity_eV_K),
        grueneisen_heat_eV_K=np.array([grueneisen_heat(m) for m in modes]).T,
    )
