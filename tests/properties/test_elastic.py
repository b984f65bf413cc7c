"""Elastic constants against lattice sums, other routes to them, and what symmetry says."""

import json
from functools import lru_cache

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, fcc111, graphene, molecule
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.spacegroup import crystal
from scipy.spatial.transform import Rotation

from discover.compute import elastic as computation
from discover.progress import Silent
from discover.report.look import Look, png
from potentials import load
from potentials.potential import Evaluation, Potential, structure_of
from potentials.suitable import UnsuitableStructureError
from properties.crystallinity import NotACrystalError, check_three_dimensional, dimensionality
from properties.elastic import ElasticSettings, elastic, ions
from properties.elastic.directional import extremes, half_sphere, young_modulus_GPa
from properties.elastic.mandel import from_voigt, mandel, rotations_of_six, tensor_of, to_voigt
from properties.elastic.moduli import hardness_estimates_GPa, moduli, softenings, sound, zener_ratio
from properties.elastic.setting import standard_cell
from properties.elastic.strains import deformation, directions, piola_kirchhoff, strained
from properties.elastic.symmetry import free_internal_strains, independent, independent_entries, projected
from properties.errors import PropertyError
from properties.evaluating import EvaluationError
from properties.rest import NotAtRestError
from tests.potentials.crystals import FCC_LJ_A, argon, potential, triclinic

QUARTZ = crystal(
    ["Si", "O"], [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.7858)], spacegroup=152,
    cellpar=[4.916, 4.916, 5.405, 90, 90, 120],
)  # fmt: skip
ANY = Rotation.random(random_state=3).as_matrix()


def turned(atoms, rotation):
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array @ rotation.T, scale_atoms=True)
    return atoms


@lru_cache
def silicon(relax=True):
    return elastic(potential("7net-0+64"), bulk("Si"), ElasticSettings(relax=relax))


@lru_cache
def low_symmetry():
    """An alloy of twelve atoms on fcc sites, so ordered that nothing but translations is left."""
    atoms = bulk("Cu", "fcc", a=3.8).repeat((3, 2, 2))
    atoms.symbols = "CuCuAuPtNiAuPdCuAuPtCuNi"
    return elastic(load("emt"), atoms)


# Exact rows


def test_lennard_jones_fcc_has_the_constants_of_its_lattice_sums():
    """105.18188, 60.18657 twice (Cauchy), without a cut-off; ε and σ are one eV and one Å here."""
    cutoff = 24.0
    found = elastic(load("lj", "cpu", cutoff_A=cutoff), bulk("Ar", "fcc", a=FCC_LJ_A))
    density = 4 / FCC_LJ_A**3
    # The attraction that is switched off from 0.9 of the cut-off on has an energy density of 4e-4 of a unit; in second
    # derivatives it weighs up to 10 times as much (the crystal comes to rest without it, too)
    limit = 10 * 8 * np.pi / 3 * density**2 / (0.9 * cutoff) ** 3
    assert limit < 1e-4 * 105.18188
    for constants in (found.relaxed.energy_GPa, found.relaxed.stress_GPa):
        C = to_voigt(constants) * units.GPa
        assert [C[0, 0], C[0, 1], C[3, 3]] == pytest.approx([105.18188, 60.18657, 60.18657], abs=limit)
        # Each pair's own virial vanishes with the pressure, whatever the cut-off: rounding and 1e-4 eV/Å of rest
        assert C[0, 1] == pytest.approx(C[3, 3], rel=1e-5)


def test_emt_aluminium_has_its_known_constants():
    found = elastic(load("emt"), bulk("Al", "fcc", a=3.994274))
    for C in (to_voigt(found.relaxed.energy_GPa), found.c_GPa):
        # Given to two decimals, which is 1e-4 of them
        assert [C[0, 0], C[0, 1], C[3, 3]] == pytest.approx([53.33, 32.89, 36.20], abs=0.006)
    assert found.model_calls["strains"] == 3 * 6 and found.model_calls["ions"] == 0
    assert found.error_GPa.max() < 1e-4  # one atom a cell, a smooth potential, float64


# Ions


def test_silicon_s_shear_is_softened_by_its_ions_and_by_nothing_else():
    found = silicon()
    relaxed, clamped = found.c_GPa, to_voigt(found.clamped.stress_GPa)
    assert relaxed[3, 3] < 0.8 * clamped[3, 3]
    assert [relaxed[0, 0], relaxed[0, 1]] == pytest.approx([clamped[0, 0], clamped[0, 1]], rel=1e-5)
    # Kleinman's internal strain is the one that symmetry leaves
    assert free_internal_strains(found.cell.rotations, found.cell.permutations) == 1


def test_silicon_agrees_with_ase_s_own_relaxations_of_strained_cells():
    """Central differences of the Cauchy stress of a conventional cell, ions relaxed by ASE's BFGS."""
    atoms, h = bulk("Si", cubic=True), 2e-3
    atoms.calc = potential("7net-0+64").calculator()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-5)

    def stress(strain, relax):
        other = atoms.copy()
        other.set_cell(atoms.cell.array @ (np.eye(3) + tensor_of(strain)), scale_atoms=True)
        other.calc = atoms.calc
        if relax:
            BFGS(other, logfile=None).run(fmax=1e-5)
        return mandel(other.calc.evaluation.stress_eV_A3) if relax else mandel(_stress(other))

    def _stress(other):
        other.get_potential_energy()
        return other.calc.evaluation.stress_eV_A3

    found = silicon()
    normal, shear = np.eye(6)[0], np.eye(6)[3]
    for strain, relax, constants in (
        (normal, False, found.clamped), (shear, False, found.clamped), (shear, True, found.relaxed),
    ):  # fmt: skip
        slope = (stress(h * strain, relax) - stress(-h * strain, relax)) / (2 * h) / units.GPa
        # Third-order terms of plain central differences are h² of the constants; 0.02 GPa
        assert slope == pytest.approx(constants.stress_GPa @ strain, abs=0.05)


@pytest.mark.slow
def test_quartz_by_relaxed_ions_and_by_the_hessian_s_response():
    """Clamped ions, whose tetrahedra cannot turn, are three times too stiff; experiment: 87, 7, 12, 18, 106, 58 GPa."""
    found = elastic(potential("7net-0+64"), QUARTZ)
    assert [f"{i + 1}{j + 1}" for i, j in found.independent] == ["11", "12", "13", "14", "33", "44"]
    clamped = to_voigt(found.clamped.stress_GPa)
    assert clamped[0, 0] > 3 * found.c_GPa[0, 0]
    # They share neither forces nor method; what is left is the third order of a floppy crystal in steps of 0.002 Å
    assert found.response_GPa == pytest.approx(found.relaxed.stress_GPa, abs=0.05)
    assert found.relaxed.energy_GPa == pytest.approx(found.relaxed.stress_GPa, abs=0.05)
    assert found.error_GPa[0, 0] < 0.2


def test_twenty_one_constants_of_a_triclinic_crystal_by_three_routes():
    found = low_symmetry()
    assert len(found.independent) == 21 and found.n_directions == 21
    clamped, relaxed = found.clamped, found.relaxed
    largest = relaxed.stress_GPa.max()
    assert np.abs(clamped.stress_GPa - relaxed.stress_GPa).max() > 0.02 * largest
    for other in (relaxed.energy_GPa, found.response_GPa):
        # 1e-5 of the largest was met; steps of the Hessian are squared in it
        assert other == pytest.approx(relaxed.stress_GPa, abs=1e-4 * largest)
    assert clamped.energy_GPa == pytest.approx(clamped.stress_GPa, abs=1e-5 * largest)
    # A softer crystal in every direction: relaxing gains energy
    assert np.linalg.eigvalsh(clamped.stress_GPa - relaxed.stress_GPa).min() > -1e-3 * largest


def test_ions_that_newton_s_method_leaves_restless_are_relaxed_as_any_crystal_is(monkeypatch):
    atoms = bulk("Cu", "hcp", a=2.6, c=4.2)
    usual = elastic(load("emt"), atoms)
    monkeypatch.setattr(ions, "ROUNDS", 1)
    found = elastic(load("emt"), atoms)
    assert found.model_calls["ions"] > usual.model_calls["ions"]
    assert usual.clamped.stress_GPa[0, 0] > usual.relaxed.stress_GPa[0, 0] + 10
    # Forces of 1e-6 eV/Å in strains of 0.0003 are 1e-3 GPa or so
    assert found.c_GPa == pytest.approx(usual.c_GPa, abs=5e-3)


def test_clamped_ions_alone_cost_no_hessian():
    found = silicon(relax=False)
    assert found.relaxed is None and found.model_calls["ions"] == 0
    assert found.c_GPa == pytest.approx(to_voigt(silicon().clamped.stress_GPa), rel=1e-6)
    assert found.to_json()["ions_relaxed"] is False


# Setting


@pytest.mark.parametrize("changed", ["turned", "supercell", "left-handed"])
def test_the_same_crystal_given_otherwise_has_the_same_constants(changed):
    atoms = bulk("Ti", "hcp", a=2.95, c=4.68)
    other = {"turned": turned(atoms, ANY), "supercell": atoms.repeat((1, 2, 1)), "left-handed": atoms.copy()}[changed]
    if changed == "left-handed":
        other.set_cell(atoms.cell.array[[1, 0, 2]])
    lj = load("lj", "cpu", sigma_A=2.6, epsilon_eV=0.5)
    one, two = elastic(lj, atoms), elastic(lj, other)
    # Both come to rest within 1e-4 eV/Å only
    assert two.c_GPa == pytest.approx(one.c_GPa, rel=2e-4, abs=1e-3)
    assert len(two.cell.atoms) == 2 and two.cell.number == 194


def test_the_rotation_takes_given_axes_to_the_standard_ones():
    atoms = turned(bulk("Ti"), ANY)
    cell = standard_cell(atoms, 1e-3)
    moved = atoms.cell.array @ cell.rotation.T @ np.linalg.inv(cell.atoms.cell.array)
    assert moved == pytest.approx(moved.round(), abs=1e-9)
    assert cell.rotation @ ANY @ [0, 0, 1] == pytest.approx([0, 0, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("atoms", "n"),
    [
        (bulk("Si"), 3), (bulk("Ti"), 5), (QUARTZ, 6), (triclinic(), 21),
        (crystal("S", [(0.1, 0.2, 0.3)], spacegroup=62, cellpar=[5, 6, 7, 90, 90, 90]), 9),
        (crystal("S", [(0.1, 0.2, 0.3)], spacegroup=14, cellpar=[5, 6, 7, 90, 99, 90]), 13),
        (crystal("S", [(0.1, 0.2, 0.3)], spacegroup=88, cellpar=[5, 5, 7, 90, 90, 90]), 7),
        (crystal("S", [(0.1, 0.2, 0.3)], spacegroup=136, cellpar=[5, 5, 7, 90, 90, 90]), 6),
    ],
    ids=["cubic", "hexagonal", "trigonal", "triclinic", "orthorhombic", "monoclinic", "tetragonal 4/m", "4/mmm"],
)  # fmt: skip
def test_symmetry_leaves_as_many_constants_as_the_tables_say_and_as_few_strains_tell_them(atoms, n):
    cell = standard_cell(atoms, 1e-3)
    basis = independent(cell.rotations)
    assert len(basis) == n == len(independent_entries(basis))
    chosen = directions(basis)
    rows = np.einsum("mi,kij,mj->mk", chosen, basis, chosen)
    assert rows.shape == (n, n)
    # Well enough told: no constant magnifies the error of an energy more than tenfold
    assert np.linalg.svd(rows)[1].min() > 0.1


def test_projection_keeps_what_is_symmetric_and_is_idempotent():
    rotations = standard_cell(QUARTZ, 1e-3).rotations
    any_matrix = np.random.default_rng(0).normal(size=(6, 6))
    once = projected(any_matrix + any_matrix.T, rotations)
    assert projected(once, rotations) == pytest.approx(once, abs=1e-12)
    C = to_voigt(once)
    assert C[0, 3] == pytest.approx(-C[1, 3]) and C[5, 5] == pytest.approx((C[0, 0] - C[0, 1]) / 2)


def test_symmetry_knows_which_ions_a_strain_can_push():
    for atoms, count in ((bulk("Al"), 0), (bulk("MgO", "rocksalt", a=4.2), 0), (bulk("Ti"), 1), (triclinic(), 54)):
        cell = standard_cell(atoms, 1e-3)
        assert free_internal_strains(cell.rotations, cell.permutations) == count


# Finite strains


def test_a_deformation_has_the_strain_that_was_asked_for_and_turns_nothing():
    strain = np.array([0.02, -0.01, 0.03, 0.01, -0.02, 0.015])
    F = deformation(strain)
    assert (F.T @ F - np.eye(3)) / 2 == pytest.approx(tensor_of(strain), abs=1e-12)
    assert pytest.approx(F.T) == F


def test_the_second_piola_kirchhoff_stress_is_the_derivative_of_the_energy():
    structure, h = structure_of(triclinic()), 1e-5
    at = np.array([0.02, -0.01, 0.03, 0.01, -0.02, 0.015])
    here = argon()
    cauchy = here.evaluate([strained(structure, at)])[0].stress_eV_A3
    S = piola_kirchhoff(cauchy, at)
    for k in range(6):
        up, down = (here.evaluate([strained(structure, at + s * h * np.eye(6)[k])])[0].energy_eV for s in (1, -1))
        assert S[k] == pytest.approx((up - down) / (2 * h) / structure.volume_A3, rel=1e-6, abs=1e-6)


def test_mandel_s_numbers_keep_products_and_turn_by_orthogonal_matrices():
    rng = np.random.default_rng(1)
    a, b = (m + m.T for m in rng.normal(size=(2, 3, 3)))
    assert mandel(a) @ mandel(b) == pytest.approx(np.sum(a * b))
    assert tensor_of(mandel(a)) == pytest.approx(a)
    six = rotations_of_six(ANY[None])[0]
    assert six @ mandel(a) == pytest.approx(mandel(ANY @ a @ ANY.T))
    assert six @ six.T == pytest.approx(np.eye(6), abs=1e-12)


# What follows


def cubic(c11, c12, c44):
    C = np.diag([c11] * 3 + [c44] * 3).astype(float)
    C[:3, :3] += c12 * (1 - np.eye(3))
    return from_voigt(C)


def test_silicon_s_measured_constants_have_its_known_moduli():
    """Of 165.6, 63.9, 79.5 GPa and 2.329 g/cm³; handbooks: E 130 along 100, 188 along 111; Debye 645 K."""
    C = cubic(165.6, 63.9, 79.5)
    found = moduli(C)
    assert found.bulk_GPa.hill == pytest.approx((165.6 + 2 * 63.9) / 3)
    assert found.shear_GPa.voigt == pytest.approx((165.6 - 63.9 + 3 * 79.5) / 5)
    assert found.shear_GPa.reuss == pytest.approx(5 / (4 / (165.6 - 63.9) + 3 / 79.5))
    softest, stiffest = extremes(np.linalg.inv(C), standard_cell(bulk("Si"), 1e-3).rotations)
    assert (softest.young_modulus_GPa, stiffest.young_modulus_GPa) == pytest.approx((130, 188), abs=0.5)
    assert softest.direction == pytest.approx([1, 0, 0], abs=1e-3)
    assert stiffest.direction == pytest.approx(np.ones(3) / np.sqrt(3), abs=1e-3)
    assert zener_ratio(C) == pytest.approx(1.563, abs=1e-3)
    waves = sound(found.bulk_GPa.hill, found.shear_GPa.hill, 2.329, 8 / 5.431**3)
    # Anderson's mean is not the true one of an anisotropic crystal: 645 K to 1 %
    assert waves.debye_temperature_K == pytest.approx(645, rel=0.01)


def test_an_isotropic_solid_is_isotropic():
    C = cubic(3 + 4, 3, 2)  # λ = 3, μ = 2
    found = moduli(C)
    assert found.universal_anisotropy == pytest.approx(0, abs=1e-12)
    assert found.shear_GPa.hill == pytest.approx(2) and found.poisson_ratio == pytest.approx(3 / (2 * (3 + 2)))
    assert young_modulus_GPa(np.linalg.inv(C), half_sphere(100)) == pytest.approx(found.young_GPa)
    assert not softenings(C)[1]


def test_born_s_criterion_says_which_strain_gives_way():
    values, failed = softenings(cubic(100, 120, 50))  # C11 < C12: tetragonal shear
    assert len(failed) == 2 and values[0] == pytest.approx(-20)
    for one in failed:
        assert one.strain[:3].sum() == pytest.approx(0, abs=1e-9) and np.abs(one.strain[3:]).max() < 1e-9


def test_hardness_of_diamond_is_estimated_as_its_authors_do():
    """Chen et al. give 95.7 GPa for G 536.3 and B 442.3 GPa (their table 1)."""
    assert hardness_estimates_GPa(442.3, 536.3)["chen_2011"] == pytest.approx(95.7, abs=0.5)
    assert hardness_estimates_GPa(75.0, 26.0)["teter_1998"] == pytest.approx(0.151 * 26)
    assert hardness_estimates_GPa(100.0, 10.0)["chen_2011"] is None


# Errors


class Spoilt(Potential):
    """EMT whose stress is wrong by a factor."""

    def __init__(self, factor):
        self._emt, self._factor = load("emt"), factor
        self.metadata, self.batch_atoms = self._emt.metadata, self._emt.batch_atoms

    def evaluate(self, structures):
        return [
            Evaluation(e.energy_eV, e.forces_eV_A, self._factor * e.stress_eV_A3)
            for e in self._emt.evaluate(structures)
        ]


def test_a_stress_that_is_not_the_energy_s_derivative_shows_in_the_error():
    found = elastic(Spoilt(1.1), bulk("Al", "fcc", a=3.994274))
    # The energies say a tenth less
    assert found.error_GPa[0, 0] == pytest.approx(found.c_GPa[0, 0] / 11, rel=0.01)


def test_an_answer_that_is_no_number_is_refused():
    with pytest.raises((EvaluationError, NotAtRestError)):
        elastic(Spoilt(np.nan), bulk("Al"))


def test_bain_s_path_at_its_top_is_unstable():
    """Bcc copper is a maximum of EMT's energy on the way to fcc: C11 < C12."""
    found = elastic(load("emt"), bulk("Cu", "bcc", a=2.87))
    assert not found.born_stable and found.c_GPa[0, 0] < found.c_GPa[0, 1]
    told = found.to_json()
    assert told["born_failures"] and told["debye_temperature_K"] is None and told["hardness_estimate_GPa"] is None
    assert computation.plots(told) == []


@pytest.mark.parametrize(
    ("atoms", "what"),
    [
        (fcc111("Al", (1, 1, 4), vacuum=6, periodic=True), "Al4 is a layer in a box"),
        (graphene(vacuum=8), "C2 is a layer in a box"),
        (Atoms(molecule("H2O"), cell=[12, 12, 12]), "H2O is a molecule in a box"),
        (Atoms("Al", cell=[12, 12, 2.6], pbc=True), "Al is a chain in a box"),
    ],
    ids=["slab", "graphene", "water", "wire"],
)
def test_what_is_periodic_in_fewer_directions_is_refused(atoms, what):
    with pytest.raises(NotACrystalError, match=f"^{what}, no crystal: more than 6.5 Å are empty around it; give a cry"):
        check_three_dimensional(atoms)


def test_crystals_of_layers_and_of_rare_gas_are_crystals():
    layers = Atoms(
        "C4", scaled_positions=[(0, 0, 0.25), (1 / 3, 2 / 3, 0.25), (0, 0, 0.75), (2 / 3, 1 / 3, 0.75)],
        cell=[2.46, 2.46, 8.8, 90, 90, 120], pbc=True,
    )  # fmt: skip
    for atoms in (layers, bulk("Cs"), bulk("Ar", "fcc", a=5.3)):
        assert dimensionality(atoms) == 3
    check_three_dimensional(bulk("Ar", "fcc", a=1500.0), load("lj", "cpu", sigma_A=1000.0))  # units of its own


def test_bad_input_is_refused_in_one_line():
    overlapping = bulk("NiO", "rocksalt", a=4.2)
    overlapping.positions[1] = overlapping.positions[0] + [0.3, 0, 0]
    with pytest.raises(UnsuitableStructureError, match="atoms overlap"):
        elastic(load("emt"), overlapping)
    with pytest.raises(NotACrystalError, match="a layer in a box"):
        elastic(load("emt"), fcc111("Al", (1, 1, 4), vacuum=6, periodic=True))
    with pytest.raises(PropertyError, match="resists some strain by nothing at all"):
        elastic(load("emt"), bulk("Cu", a=8.5))
    with pytest.raises(ValueError, match="n_strains: must be odd and at least 7"):
        ElasticSettings(n_strains=8)
    with pytest.raises(ValueError, match="largest_strain: must be above 0"):
        ElasticSettings(largest_strain=0.0)


# The command


def test_the_computation_gives_what_the_design_fixes_and_a_figure():
    found = computation.compute(load("emt"), bulk("Cu"), computation.Settings(), Silent())
    told = json.loads(json.dumps(found.json, allow_nan=False))
    assert {"c_GPa", "c_clamped_GPa", "young_modulus_GPa", "poisson_ratio", "born_stable", "error_GPa"} <= set(told)
    for key in ("bulk_modulus_GPa", "shear_modulus_GPa"):
        assert set(told[key]) == {"voigt", "reuss", "hill"}
    assert found.rows[0][0] == "C11" and found.ok and "elastically stable" in found.title
    (plot,) = computation.plots(told)
    for look in (Look(), Look(dark=True, narrow=True)):
        assert png(plot, look).startswith(b"\x89PNG")
