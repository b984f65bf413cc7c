"""Phonons against analytic ones, against phonopy driven by hand, and against energies; imaginary modes end lower."""

import json
import warnings
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, make_supercell, molecule
from ase.calculators.emt import EMT
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from potentials import load
from potentials.potential import Potential, structure_of
from properties.crystallinity import NotACrystalError
from properties.errors import PropertyError
from properties.phonons import (
    BornCharges,
    DisplacementSettings,
    PhononError,
    PhononSettings,
    harmonic_crystals,
    phonons,
    primitive_cell,
    supercell_matrix_for,
)
from properties.phonons import thermodynamics as td
from properties.phonons.as_json import to_json
from properties.phonons.bands import bands, density_of_states
from properties.phonons.following import _modes, _starts, follow
from properties.phonons.polar import born_charges_of, with_born
from properties.phonons.stability import exact_q, softest, stability
from properties.phonons.supercells import commensurate_matrix, image_distance_A
from properties.rest import at_rest

RMIN = 2 ** (1 / 6)  # nearest neighbours of the Lennard-Jones pair at rest, in sigma
SPRING = 72 / RMIN**2  # V'' of 4(r^-12 - r^-6) at its minimum
THZ = 1e3 * units.fs / (2 * np.pi)  # of sqrt(eV/(Å² u))
FINE = 1e-4  # a displacement so small that anharmonicity leaves 1e-7 of a force constant, and rounding no more
AL = bulk("Al", a=3.994274)  # EMT's, at rest
SOMEWHERE = np.array([[0.11, 0.23, 0.31], [0.5, 0.5, 0.0], [0.5, 0.5, 0.5], [0.25, 0.0, 0.0], [0.5, 0.25, 0.75]])
E_SQUARED_EV_A = 14.399645  # e²/(4π ε0)


@pytest.fixture(scope="module")
def emt():
    return load("emt")


@pytest.fixture(scope="module")
def neighbours_only():
    """Lennard-Jones between nearest neighbours alone: force constants of fcc are known."""
    return load("lj", cutoff_A=1.5)


@pytest.fixture(scope="module")
def aluminium(emt):
    return harmonic_crystals(emt, [AL], DisplacementSettings(supercell=(4, 4, 4)))[0]


@pytest.fixture(scope="module")
def ordered_alloy(emt):
    """AuCu of caesium chloride's structure, two different atoms, at rest."""
    atoms = Atoms("AuCu", cell=3.1 * np.eye(3), scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], pbc=True)
    return at_rest(emt, atoms).atoms


def in_THz(squares):
    """Of eigenvalues, eV/(Å² u); negative ones are imaginary."""
    return THZ * np.sign(squares) * np.sqrt(np.abs(squares))


class Pulled(Potential):
    """A potential plus a force on every atom that grows with x + y + z of the first, which no law allows."""

    def __init__(self, whole: Potential, pull_eV_A2: float):
        self.whole, self.pull_eV_A2, self.metadata = whole, pull_eV_A2, whole.metadata

    def evaluate(self, structures):
        pulls = [self.pull_eV_A2 * s.positions[0].sum() * np.array([1, 0, 0]) for s in structures]
        told = self.whole.evaluate(structures)
        return [replace(e, forces_eV_A=e.forces_eV_A + pull) for e, pull in zip(told, pulls, strict=True)]


# --- force constants


def test_fcc_of_springs_has_its_analytic_dispersion(neighbours_only):
    """D(q) = (k/m) Σ_R R̂R̂ᵀ (1 − cos q·R) over the twelve neighbours (Born and Huang)."""
    atoms = bulk("Ar", "fcc", a=RMIN * np.sqrt(2))
    settings = DisplacementSettings(supercell=(4, 4, 4), displacement_A=FINE)
    crystal = harmonic_crystals(neighbours_only, [atoms], settings)[0]
    bonds = np.array([b for b in product((-1, 0, 1), repeat=3) if sum(map(abs, b)) == 2]) / np.sqrt(2)
    for q in SOMEWHERE:
        k = 2 * np.pi * q @ atoms.cell.reciprocal().array
        weights = 1 - np.cos(RMIN * bonds @ k)
        squares = np.linalg.eigvalsh(np.einsum("n,na,nb->ab", weights, bonds, bonds)) * SPRING / atoms.get_masses()[0]
        assert crystal.frequencies_THz(q)[0] == pytest.approx(THZ * np.sqrt(squares), rel=1e-6)


def test_equals_phonopy_driven_by_hand_with_an_ase_calculator(aluminium):
    """Independent of our batches, supercells and settings: nothing is shared but phonopy and the displacement."""
    cell = PhonopyAtoms(symbols=["Al"], scaled_positions=[[0, 0, 0]], cell=AL.cell.array)
    hand = Phonopy(cell, np.diag([4, 4, 4]), primitive_matrix=np.eye(3))
    hand.generate_displacements(distance=0.0126)
    forces = []
    for s in hand.supercells_with_displacements:
        atoms = Atoms(s.symbols, scaled_positions=s.scaled_positions, cell=s.cell, pbc=True)
        atoms.calc = EMT()
        forces.append(atoms.get_forces())
    hand.forces = forces
    hand.produce_force_constants()
    expected = hand.run_qpoints(SOMEWHERE).frequencies
    assert aluminium.frequencies_THz(SOMEWHERE) == pytest.approx(expected, abs=1e-4)  # ASE's and our cut-off differ


def test_equals_a_dynamical_matrix_by_brute_force(emt, ordered_alloy):
    """Every atom of the cell displaced along x, y and z, no symmetry; the wave's phases summed over the supercell."""
    matrix = np.diag([3, 3, 3])
    settings = DisplacementSettings(displacement_A=FINE)
    crystal = harmonic_crystals(emt, [ordered_alloy], settings, matrix)[0]
    supercell = make_supercell(ordered_alloy, matrix, order="cell-major")
    n, masses = len(ordered_alloy), ordered_alloy.get_masses()
    q = np.array([1 / 3, 2 / 3, 0.0])  # fits into the supercell: no image is ambiguous
    phases = np.exp(2j * np.pi * (supercell.positions @ np.linalg.inv(ordered_alloy.cell.array)) @ q)
    dynamical = np.zeros((n, 3, n, 3), complex)
    for i, a in product(range(n), range(3)):
        ends = []
        for sign in (1, -1):
            moved = supercell.copy()
            moved.positions[i, a] += sign * FINE
            ends.append(emt.evaluate([structure_of(moved)])[0].forces_eV_A)
        constants = (ends[1] - ends[0]) / (2 * FINE)  # (N, 3)
        for l, row in enumerate(constants):  # noqa: E741
            dynamical[i, a, l % n] += row * phases[l] / phases[i] / np.sqrt(masses[i] * masses[l % n])
    expected = np.linalg.eigvalsh(dynamical.reshape(3 * n, 3 * n))
    assert np.linalg.eigvalsh(crystal.dynamical_matrix(q)) == pytest.approx(expected, abs=1e-6 * expected.max())
    assert crystal.frequencies_THz(q)[0] == pytest.approx(in_THz(expected), rel=1e-4)


def test_frequency_is_the_curvature_along_its_eigenvector(emt, ordered_alloy):
    """E(u) = ½ ω² Σ M u² in the supercell that holds the wave, which fixes the phases of eigenvectors."""
    crystal = harmonic_crystals(emt, [ordered_alloy], DisplacementSettings(supercell=(4, 4, 4)))[0]
    q = np.array([0.25, 0.0, 0.5])
    frequencies, vectors = (x[0] for x in crystal.eigenvectors(q))
    supercell = make_supercell(ordered_alloy, np.diag([4, 1, 2]), order="cell-major")
    roots = np.sqrt(np.tile(ordered_alloy.get_masses(), 8))[:, None]
    phases = np.exp(2j * np.pi * (supercell.positions @ np.linalg.inv(ordered_alloy.cell.array)) @ q)
    at_rest_eV = emt.evaluate([structure_of(supercell)])[0].energy_eV
    for frequency, vector in zip(frequencies, vectors.T, strict=True):
        pattern = (phases[:, None] * np.tile(vector.reshape(-1, 3), (8, 1))).real / roots
        amplitude = 0.01 / np.abs(pattern).max()
        energies = []
        for sign in (1, -1):
            moved = supercell.copy()
            moved.positions += sign * amplitude * pattern
            energies.append(emt.evaluate([structure_of(moved)])[0].energy_eV)
        square = 2 * (np.mean(energies) - at_rest_eV) / ((amplitude * roots * pattern) ** 2).sum()
        assert in_THz(square) == pytest.approx(frequency, rel=5e-3, abs=0.02)  # 0.01 Å is anharmonic by so much


def test_sum_rule_is_imposed_and_its_violation_told(emt, aluminium):
    assert aluminium.sum_rule_violation_eV_A2 < 1e-9
    assert np.abs(aluminium.frequencies_THz(np.zeros(3))).max() < 1e-4
    broken = harmonic_crystals(Pulled(emt, 0.01), [AL], DisplacementSettings(supercell=(2, 2, 2)))[0]
    # 8 atoms are pulled; the step is along the diagonal of a face, whose coordinates add up to √2 of its length
    assert broken.sum_rule_violation_eV_A2 == pytest.approx(0.01 * 8 * np.sqrt(2), rel=1e-6)
    assert np.abs(broken.frequencies_THz(np.zeros(3))).max() < 1e-4


def test_forces_left_by_relaxation_do_not_enter(emt):
    """With a step along x alone, which is not taken both ways, a force at rest of 0.02 eV/Å would be 2 eV/Å²."""
    hcp = at_rest(emt, bulk("Cu", "hcp", a=2.55, c=4.2)).atoms
    pushed = hcp.copy()
    pushed.positions[1] += [2e-4, 1e-4, 3e-4]
    settings = DisplacementSettings(supercell=(3, 3, 2), symprec_A=2e-3)
    clean, left = harmonic_crystals(emt, [hcp, pushed], settings)
    assert left.largest_force_eV_A > 5 * clean.largest_force_eV_A
    q = SOMEWHERE[:1]
    assert left.frequencies_THz(q) == pytest.approx(clean.frequencies_THz(q), rel=2e-3)


def test_many_crystals_at_once_equal_one_by_one(emt, ordered_alloy, aluminium):
    settings = DisplacementSettings(supercell=(2, 2, 2))
    news = []
    both = harmonic_crystals(emt, [ordered_alloy, AL], settings, on_done=lambda done, of: news.append((done, of)))
    for crystal, atoms in zip(both, (ordered_alloy, AL), strict=True):
        alone = harmonic_crystals(emt, [atoms], settings)[0]
        assert crystal.frequencies_THz(SOMEWHERE) == pytest.approx(alone.frequencies_THz(SOMEWHERE), abs=1e-6)
    assert news[-1] == (sum(c.model_calls for c in both),) * 2


# --- supercells


@pytest.mark.parametrize("distance_A", [6.0, 9.0, 11.0])
@pytest.mark.parametrize(
    "atoms",
    [bulk("Si"), bulk("Ti"), bulk("Fe"), Atoms("CO", cell=[3, 3.5, 4, 80, 75, 95], positions=[[0, 0, 0], [0, 0, 1.9]])],
    ids=["fcc lattice", "hexagonal", "bcc", "triclinic"],
)
def test_supercell_keeps_images_away_and_symmetry(atoms, distance_A):
    matrix = supercell_matrix_for(atoms, distance_A)
    cell = matrix @ atoms.cell.array
    assert image_distance_A(cell) >= distance_A - 1e-9
    cells = round(np.linalg.det(matrix))
    simple = np.ceil(distance_A / image_distance_A(atoms.cell.array)) ** 3
    assert cells <= 1.5 * simple  # which even multiples may cost
    # close packing of images is the least that can be, and symmetry and evenness cost at most a few times that
    assert distance_A**3 / np.sqrt(2) <= cells * atoms.cell.volume * (1 + 1e-9) < 4 * distance_A**3
    # No displacement is added by the supercell: as many as of the cell itself
    least, used = (
        harmonic_displacements(atoms, m) for m in (np.eye(3, dtype=int), matrix)
    )  # fmt: skip
    assert used <= 2 * least


def harmonic_displacements(atoms, matrix):
    cell = PhonopyAtoms(numbers=atoms.numbers, scaled_positions=atoms.get_scaled_positions(), cell=atoms.cell.array)
    made = Phonopy(cell, matrix.T, primitive_matrix=np.eye(3))
    made.generate_displacements()
    return len(made.supercells_with_displacements)


def test_supercell_of_silicon_holds_the_zone_boundary():
    phases = supercell_matrix_for(bulk("Si"), 10.0) @ np.array([[0.5, 0.5, 0], [0.5, 0, 0], [0, 0, 0]]).T
    assert np.allclose(phases, phases.round())


def test_primitive_cell_tells_isotopes_apart_and_turns_nothing():
    cubic = bulk("Si", cubic=True)
    assert len(primitive_cell(cubic)) == 2
    turned = primitive_cell(cubic).cell.array @ np.linalg.inv(cubic.cell.array)
    assert np.allclose(2 * turned, (2 * turned).round())
    masses = cubic.get_masses()
    masses[0] = 30.0
    cubic.set_masses(masses)
    mixed = primitive_cell(cubic)
    assert len(mixed) == 8
    assert sorted(mixed.get_masses()) == pytest.approx(sorted(masses))


def test_multiples_are_of_the_cell_as_given(emt):
    settings = PhononSettings(DisplacementSettings(supercell=(2, 2, 2)), error=False)
    found = phonons(emt, bulk("Al", cubic=True), settings)
    assert len(found.crystal.atoms) == 1
    assert len(found.crystal.phonopy.supercell) == 32


def test_vectors_are_right_handed_whatever_was_given(emt):
    atoms = bulk("Al", a=3.994274)
    left = atoms.copy()
    left.set_cell(atoms.cell.array[[1, 0, 2]])
    turned = primitive_cell(left)
    assert turned.cell.volume > 0 and np.allclose(turned.cell.array, -left.cell.array)
    settings = PhononSettings(DisplacementSettings(supercell=(2, 2, 2)), error=False)
    zero = [phonons(emt, a, settings).thermal.zero_point_energy_eV for a in (atoms, left)]
    assert zero[0] == pytest.approx(zero[1], rel=1e-9)


def test_a_supercell_too_large_is_refused_at_once():
    with pytest.raises(PropertyError, match="has 60121 atoms or more, and 5000 are the most"):
        supercell_matrix_for(bulk("Cu"), 100.0)


def test_a_tolerance_wider_than_the_crystal_is_refused():
    with pytest.raises(PropertyError, match="take a smaller symprec_A"):
        primitive_cell(bulk("Cu"), 100.0)


def test_atoms_beyond_the_potentials_reach_have_no_phonons(emt):
    with pytest.raises(PhononError, match="further apart than the potential reaches"):
        phonons(emt, bulk("Cu", a=8.5))


@pytest.mark.parametrize("q", [(0, 0, 0), (0.5, 0.5, 0), (1 / 3, 2 / 3, 0.25), (0.2, 0, 0.5)])
def test_wave_fits_into_its_own_supercell(q):
    phases = commensurate_matrix(np.array(q)) @ np.array(q)
    assert np.allclose(phases, phases.round())
    smallest = np.lcm.reduce([round(1 / x) if 0 < x < 0.6 else 3 if x else 1 for x in q])
    assert round(np.linalg.det(commensurate_matrix(np.array(q)))) == smallest


def test_a_wave_that_needs_too_many_cells_has_no_supercell(emt):
    """A 5x6x1 supercell holds waves of 30 cells; an unstable crystal in it is followed by its other modes."""
    assert commensurate_matrix(np.array([0.2, 1 / 6, 0])) is None
    settings = PhononSettings(DisplacementSettings(supercell=(5, 6, 1)), error=False, follow_modes=1)
    assert phonons(emt, bulk("Cu", "sc", a=2.4), settings).descent.followed[0].lower


# --- thermodynamics


def test_thermodynamics_equal_phonopys(aluminium):
    mesh = aluminium.mesh(counts=(8, 8, 8))
    temperatures = np.array([0.0, 20.0, 300.0, 1000.0])
    aluminium.phonopy.run_mesh([8, 8, 8], is_gamma_center=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = aluminium.phonopy.run_thermal_properties(temperatures=temperatures, cutoff_frequency=td.LEAST_THZ)
    theirs = theirs or aluminium.phonopy.thermal_properties
    kJ = 1e3 / (units._e * units._Nav)
    sums = (mesh.frequencies_THz, mesh.weights, temperatures)
    near = {"rel": 3e-6, "abs": 3e-7}  # ASE's constants are CODATA's of 2014, phonopy's of 2018
    assert td.free_energy_eV(*sums) == pytest.approx(kJ * np.array(theirs.free_energy), **near)
    assert 1e3 * td.entropy_eV_K(*sums) == pytest.approx(kJ * np.array(theirs.entropy), **near)
    assert 1e3 * td.heat_capacity_eV_K(*sums) == pytest.approx(kJ * np.array(theirs.heat_capacity), **near)


def test_einstein_crystal_and_its_limits():
    frequencies, weights = np.full((2, 3), 6.0), np.array([1.0, 3.0])
    quantum = td.QUANTUM_EV_THZ * 6.0
    cold, warm, hot = 1e-3, 300.0, 1e6
    assert td.zero_point_energy_eV(frequencies, weights) == pytest.approx(1.5 * quantum)
    for values in (td.entropy_eV_K, td.heat_capacity_eV_K):
        assert values(frequencies, weights, np.array([0.0, cold])) == pytest.approx(0.0, abs=1e-100)
    x = quantum / (units.kB * warm)
    einstein = 3 * units.kB * x**2 * np.exp(x) / np.expm1(x) ** 2
    assert td.heat_capacity_eV_K(frequencies, weights, np.array([warm]))[0] == pytest.approx(einstein)
    dulong_petit = td.heat_capacity_eV_K(frequencies, weights, np.array([hot]))[0]
    assert dulong_petit == pytest.approx(3 * units.kB, rel=1e-6)
    classical = 3 * units.kB * hot * np.log(quantum / (units.kB * hot))
    assert td.free_energy_eV(frequencies, weights, np.array([hot]))[0] == pytest.approx(classical, rel=1e-6)


def test_entropy_is_the_slope_of_the_free_energy_and_heat_that_of_the_entropy(aluminium):
    mesh = aluminium.mesh(counts=(6, 6, 6))
    sums = (mesh.frequencies_THz, mesh.weights)
    step = 0.05
    near = np.array([250 - step, 250.0, 250 + step])
    free, entropy = td.free_energy_eV(*sums, near), td.entropy_eV_K(*sums, near)
    assert (free[0] - free[2]) / (2 * step) == pytest.approx(entropy[1], rel=1e-6)
    heat = td.heat_capacity_eV_K(*sums, near)[1]
    assert 250 * (entropy[2] - entropy[0]) / (2 * step) == pytest.approx(heat, rel=1e-6)


def test_modes_without_an_oscillator_are_left_out_and_counted():
    frequencies = np.array([[0.0, 1e-7, -1e-7, 5.0], [-2.0, 1.0, 4.0, 5.0]])
    weights = np.array([1.0, 3.0])
    left = td.modes_left_out(frequencies, weights)
    assert (left.zero, left.imaginary) == pytest.approx((0.75, 0.75))
    kept = td.QUANTUM_EV_THZ * (0.25 * 5.0 + 0.75 * 10.0) / 2
    assert td.zero_point_energy_eV(frequencies, weights) == pytest.approx(kept)
    with pytest.raises(ValueError, match="temperature_K must be 0 or more"):
        td.free_energy_eV(frequencies, weights, np.array([-1.0]))


# --- bands, density


def test_bands_pass_through_the_same_frequencies_and_jump_where_said(aluminium):
    found = bands(aluminium)
    assert found.segments[0] == ("Γ", "X")
    assert [label for _, label in found.ticks()] == ["Γ", "X", "U|K", "Γ", "L", "W", "X"]
    for q, frequencies, along in zip(found.q, found.frequencies_THz, found.distances_1_A, strict=True):
        assert frequencies == pytest.approx(aluminium.frequencies_THz(q), abs=1e-6)
        steps = np.linalg.norm(np.diff(q, axis=0) @ (2 * np.pi * AL.cell.reciprocal().array), axis=1)
        assert np.diff(along) == pytest.approx(steps, abs=1e-9)
    gamma_x = 2 * np.pi / AL.cell.array.max() / 2  # of the cubic cell: 2π/a
    assert found.distances_1_A[0][-1] == pytest.approx(gamma_x)


def test_density_holds_all_modes(aluminium):
    density = density_of_states(aluminium, (14, 14, 14))
    assert np.trapezoid(density.density_1_THz, density.frequencies_THz) == pytest.approx(3, rel=5e-3)


# --- the non-analytic term


def test_longitudinal_and_transverse_obey_lyddane_sachs_teller(emt, ordered_alloy):
    """ω_LO² − ω_TO² = e²Z²/(ε0 ε∞ V μ), and (ω_LO/ω_TO)² = ε_static/ε∞ with ε_static = ε∞ + e²Z²/(ε0 V μ ω_TO²)."""
    charge, infinite = 1.3, 2.5
    crystal = harmonic_crystals(emt, [ordered_alloy], DisplacementSettings(supercell=(3, 3, 3)))[0]
    transverse = crystal.frequencies_THz(np.zeros(3))[0][3:]
    assert np.ptp(transverse) < 1e-3
    born = BornCharges(charge * np.array([np.eye(3), -np.eye(3)]), infinite * np.eye(3))
    polar = with_born(crystal, born)
    masses = ordered_alloy.get_masses()
    strength = THZ**2 * 4 * np.pi * E_SQUARED_EV_A * charge**2 / ordered_alloy.cell.volume * (1 / masses).sum()
    static = infinite + strength / transverse[0] ** 2
    for direction in ([1, 0, 0], [0, 0.3, 0], [1, 1, 0], [1, 2, 3]):
        found = np.array(polar.phonopy.run_qpoints(np.zeros((1, 3)), nac_q_direction=direction).frequencies)[0][3:]
        assert found[:2] == pytest.approx(transverse[:2], rel=1e-6)
        assert found[2] ** 2 - transverse[0] ** 2 == pytest.approx(strength / infinite, rel=1e-5)
        assert (found[2] / transverse[0]) ** 2 == pytest.approx(static / infinite, rel=1e-5)
    assert crystal.frequencies_THz(np.zeros(3))[0][3:] == pytest.approx(transverse)  # it is left as it was


def test_charges_come_per_atom_of_either_cell_or_from_a_born_file(emt, ordered_alloy):
    crystal = harmonic_crystals(emt, [ordered_alloy], DisplacementSettings(supercell=(2, 2, 2)))[0]
    pair = np.array([np.eye(3), -np.eye(3)])
    larger = ordered_alloy.repeat((2, 1, 1))
    text = "# made up\n" + "2 0 0 0 2 0 0 0 2\n" + "1 0 0 0 1 0 0 0 1\n" + "-1 0 0 0 -1 0 0 0 -1\n"
    q = np.array([0.1, 0, 0])
    expected = with_born(crystal, BornCharges(pair, 2 * np.eye(3))).frequencies_THz(q)
    assert expected[0, -1] > crystal.frequencies_THz(q)[0, -1] + 0.01
    tiled = BornCharges(np.tile(pair, (2, 1, 1)), 2 * np.eye(3))
    for born, given in ((tiled, larger), (text, None)):
        there = born_charges_of(ordered_alloy, born, given)
        assert with_born(crystal, there).frequencies_THz(q) == pytest.approx(expected)
    with pytest.raises(PhononError, match=r"each of the 2 atoms of the primitive cell \(4 are given\)"):
        born_charges_of(ordered_alloy, tiled)
    with pytest.raises(PhononError, match="one for each of the 2 atoms that symmetry leaves"):
        born_charges_of(ordered_alloy, text.rsplit("\n", 2)[0] + "\n")


@pytest.mark.parametrize(
    ("charges", "dielectric", "words"),
    [
        (np.ones((2, 3)), np.eye(3), "a 3x3 matrix for each atom"),
        (np.array([np.eye(3), np.eye(3)]), np.eye(3), "must sum up to zero"),
        (np.array([np.eye(3), -np.eye(3)]), 0.5 * np.eye(3), "every eigenvalue must be 1 or more"),
        (np.array([np.eye(3), -np.eye(3)]), np.ones(3), "dielectric: give a 3x3 matrix"),
    ],
)
def test_charges_that_cannot_be_are_refused(charges, dielectric, words):
    with pytest.raises(PhononError, match=words):
        BornCharges(charges, dielectric)


# --- stability, and modes followed


def test_acoustic_modes_at_gamma_are_not_soft_ones():
    assert softest(np.zeros((1, 3)), np.array([[-1e-3, 0.0, 1e-3, 3.0]]))[0] == 3.0
    assert softest(np.zeros((1, 3)), np.array([[-2.0, -1e-3, 0.0, 1e-3]]))[0] == -2.0
    assert softest(np.array([[0, 0, 0.5]]), np.array([[-1e-3, 0.0, 1e-3]]))[0] == -1e-3


def test_points_of_the_supercell_are_one_of_each_star(aluminium):
    q = exact_q(aluminium)
    assert np.allclose(q[0], 0)
    assert len(q) == 8  # of 64: Γ, X, L, W, and halfway to L, X, K and between
    phases = q @ aluminium.supercell_matrix.T
    assert np.allclose(phases, phases.round())


def test_stable_crystal_is_stable_and_nothing_is_followed(emt, aluminium):
    stable = stability(aluminium, aluminium.mesh(counts=(6, 6, 6)))
    assert stable.dynamically_stable
    assert 0 < stable.min_frequency_THz <= stable.min_exact_frequency_THz
    assert follow(emt, aluminium, stable).followed == ()


@pytest.mark.parametrize(
    ("atoms", "lowest", "groups"),
    [(bulk("Cu", "sc", a=2.4), 0.45, (194, 225)), (bulk("Cu", "bcc", a=2.9), 0.03, (194,))],
    ids=["simple cubic", "bcc"],
)
def test_unstable_crystal_is_followed_to_a_lower_structure(emt, atoms, lowest, groups):
    """To close packing; EMT has hcp copper 0.9 meV/atom below fcc."""
    found = phonons(emt, atoms, PhononSettings(DisplacementSettings(supercell=(4, 4, 4)), error=False))
    assert not found.stable.dynamically_stable
    assert found.stable.min_frequency_THz < -1
    assert found.thermal.left_out.imaginary > 0.01
    best = max(found.descent.followed, key=lambda f: f.energy_drop_meV_per_atom)
    assert best.lower and best.space_group in groups
    # What is reported is what the structure has, by an evaluation of its own
    there = emt.evaluate([structure_of(best.atoms)])[0].energy_eV / len(best.atoms)
    here = found.crystal.energy_eV / len(found.crystal.atoms)
    assert 1e3 * (here - there) == pytest.approx(best.energy_drop_meV_per_atom, abs=1e-3)  # rounding, of tilted cells
    assert here - there > lowest
    assert [f.frequency_THz for f in found.descent.followed] == sorted(f.frequency_THz for f in found.descent.followed)


def test_under_pressure_modes_are_followed_by_enthalpy(emt):
    """bcc copper at 20 GPa ends in close packing at 20 GPa; letting go of the pressure alone is no way down."""
    settings = PhononSettings(
        DisplacementSettings(supercell=(4, 4, 4)), pressure_GPa=20.0, error=False, follow_modes=1
    )
    (followed,) = phonons(emt, bulk("Cu", "bcc", a=2.8), settings).descent.followed
    ends = [at_rest(emt, a, 20.0) for a in (bulk("Cu", "bcc", a=2.8), followed.atoms)]
    enthalpies = [(r.energy_eV + 20 * units.GPa * r.atoms.cell.volume) / len(r.atoms) for r in ends]
    assert followed.space_group == 194
    assert 1e3 * (enthalpies[0] - enthalpies[1]) == pytest.approx(followed.energy_drop_meV_per_atom, abs=0.01)


def test_displacements_go_downhill_along_the_mode(emt):
    """The smallest amplitude of an imaginary mode already lowers the energy, as ½ ω² Σ M u² says."""
    atoms = at_rest(emt, bulk("Cu", "bcc", a=2.9)).atoms
    crystal = harmonic_crystals(emt, [atoms], DisplacementSettings(supercell=(4, 4, 4)))[0]
    mode = _modes(crystal, stability(crystal, crystal.mesh(counts=(4, 4, 4))), 1)[0]
    first = _starts(atoms, mode)[0][0]
    rest = make_supercell(atoms, commensurate_matrix(mode.q), order="cell-major")
    moved = first.positions - rest.positions
    energies = [e.energy_eV for e in emt.evaluate([structure_of(first), structure_of(rest)])]
    foretold = 0.5 * -((mode.frequency_THz / THZ) ** 2) * (rest.get_masses()[:, None] * moved**2).sum()
    assert foretold < 0
    assert energies[0] - energies[1] == pytest.approx(foretold, rel=0.1)  # 0.05 Å is anharmonic by 6 %


# --- all of it


def test_json_holds_what_design_fixes_and_stays_small(emt):
    found = to_json(phonons(emt, bulk("Al")))
    text = json.dumps(found)
    assert len(text) < 2e5
    assert found["dynamically_stable"] is True
    assert found["frequencies_gamma_THz"] == [0.0, 0.0, 0.0]
    assert found["energy_eV_per_atom"] == pytest.approx(emt.evaluate([structure_of(AL)])[0].energy_eV, abs=1e-5)
    rows = zip(found["temperatures_K"], found["heat_capacity_J_per_K_per_mol_atoms"], strict=True)
    heat = dict(rows)
    assert heat[0.0] == 0
    assert 23 < heat[300.0] < 3 * 8.31446
    assert found["free_energy_eV_per_atom"][0] == found["zero_point_energy_eV_per_atom"]
    assert found["error"]["frequency_THz"] > 0
    assert found["followed"] == []


def test_error_estimate_holds_what_a_larger_supercell_changes(emt):
    small, large = (
        phonons(emt, bulk("Al"), PhononSettings(DisplacementSettings(supercell_length_A=d))) for d in (8.0, 14.0)
    )
    room = np.argmin(np.abs(small.thermal.temperatures_K - 300))
    change = abs(small.thermal.free_energy_eV[room] - large.thermal.free_energy_eV[room])
    assert change < small.error.free_energy_eV
    assert large.error.frequency_THz < small.error.frequency_THz


@pytest.mark.parametrize(
    ("supercell", "words"),
    [
        ((0, 2, 2), "positive determinant"),
        ((1, 2), "three whole numbers"),
        ((1.5, 1, 1), "three whole numbers"),
        ([[1, 2], 3], "three whole numbers"),
    ],
)
def test_supercells_that_are_none_are_refused(supercell, words):
    with pytest.raises(PhononError, match=words):
        DisplacementSettings(supercell=supercell)


def test_molecule_in_a_box_is_refused(emt):
    water = molecule("H2O", vacuum=8.0)
    water.pbc = True
    with pytest.raises(NotACrystalError, match="is a molecule in a box"):
        phonons(emt, water)


def test_silicon_by_7net_0():
    """16 atoms hold X, where the frequency is exact: it is that of 128 atoms, measured here, to 1 %."""
    settings = PhononSettings(DisplacementSettings(supercell=(2, 2, 2)), error=False)
    found = phonons(load("7net-0", device="cpu"), bulk("Si"), settings)
    assert found.stable.dynamically_stable
    assert found.gamma_THz[3:] == pytest.approx(12.495, abs=0.02)
    assert found.crystal.frequencies_THz([0.5, 0.5, 0])[0] == pytest.approx(
        [5.94, 5.94, 9.40, 9.40, 10.58, 10.58], rel=0.01
    )


@pytest.mark.slow
def test_bcc_titanium_falls_to_hcp_with_7net_l3i5():
    """By Burgers' path: the transverse mode at N and the shear that goes with it. 7net-0 has bcc below hcp."""
    found = phonons(load("7net-l3i5", device="cpu"), bulk("Ti", "bcc", a=3.25))
    assert not found.stable.dynamically_stable
    best = max(found.descent.followed, key=lambda f: f.energy_drop_meV_per_atom)
    assert best.space_group == 194
    assert best.energy_drop_meV_per_atom == pytest.approx(33.6, abs=1)
