"""Paths and saddles against surfaces whose saddles are known, and what symmetry and periodicity say of them."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc100
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms, FixedLine
from ase.mep import NEB
from ase.optimize import BFGS

from potentials import load
from potentials.potential import structure_of
from properties.barriers import (
    BandSettings,
    BarrierError,
    BarrierSettings,
    barrier,
    neb,
    relax_band,
    saddle_from,
    vacancy_hops,
)
from properties.barriers.as_json import to_json
from properties.barriers.band import band_forces, improved_tangents, straight
from properties.barriers.descent import descend
from properties.barriers.dimer import dimer, softest_beside
from properties.barriers.ends import matched
from properties.barriers.idpp import idpp_path
from properties.barriers.modes import THZ, hessian, modes_of
from properties.barriers.path import settled
from properties.barriers.saddle import connects, slide
from properties.barriers.surface import surface_of
from properties.rest import at_rest

# Müller & Brown, Theor. Chim. Acta 53, 75 (1979); numbers as REFERENCES.md has them
HEIGHTS = np.array([-200.0, -100, -170, 15])
A, B, C = np.array([[-1, -1, -6.5, 0.7], [0, 0, 11, 0.6], [-10, -10, -6.5, 0.7]])
CENTRES = np.array([[1, 0], [0, 0.5], [-0.5, 1.5], [-1, 1]])
MINIMA = (-146.699517, -108.166724, -80.767818)
SADDLES = {-40.664844: (-0.822002, 0.624313), -72.248940: (0.212487, 0.292988)}
TIGHT = BandSettings(spring_eV_A2=100, fmax_eV_A=1e-4, band_fmax_eV_A=1, climb_below_eV_A=20, max_steps=2000)


def mueller_brown(points):
    """One particle in two dimensions; forces are minus the gradient."""
    x, y = (points[:, 0, :, None] - CENTRES.T).transpose(1, 0, 2)
    terms = HEIGHTS * np.exp(A * x * x + B * x * y + C * y * y)
    slopes = [(terms * (2 * A * x + B * y)).sum(1), (terms * (B * x + 2 * C * y)).sum(1)]
    return terms.sum(1), -np.stack(slopes, -1)[:, None]


@lru_cache
def minima():
    return descend(mueller_brown, np.array([[[-0.6, 1.4]], [[0.6, 0.0]], [[0.0, 0.5]]]), 1e-7)


@lru_cache
def gold_on_aluminium():
    """As ASE's tutorial has it: 2×2×3, the top layer free, vacuum wider than EMT sees (7 Å)."""
    slab = fcc100("Al", size=(2, 2, 3))
    add_adsorbate(slab, "Au", 1.7, "hollow")
    slab.center(axis=2, vacuum=4.0)
    slab.set_constraint(FixAtoms(mask=[atom.tag > 1 for atom in slab]))
    final = slab.copy()
    final.positions[-1, 0] += slab.cell[0, 0] / 2
    return slab, final


@lru_cache
def gold_hop():
    tight = BarrierSettings(images=3, end_fmax_eV_A=1e-3, saddle_fmax_eV_A=1e-3)
    return barrier(load("emt"), *gold_on_aluminium(), tight)


@lru_cache
def copper():
    return at_rest(load("emt"), bulk("Cu", cubic=True)).atoms


@lru_cache
def copper_hop():
    (hop,) = vacancy_hops(copper(), "Cu", supercell=[3, 3, 3])
    # The atom that hops vibrates alone: 18 evaluations in place of 300
    quick = BarrierSettings(images=3, end_fmax_eV_A=2e-3, saddle_fmax_eV_A=2e-3, region_A=2.0)
    return hop, barrier(load("emt"), hop.initial, hop.final, quick)


# A surface whose saddles are known


def test_descent_finds_the_minima_of_mueller_and_brown():
    assert minima().converged.all()
    assert minima().energies_eV == pytest.approx(MINIMA, abs=1e-6)  # the digits that are given


@pytest.mark.parametrize(("start", "end", "saddle"), [(0, 2, -40.664844), (2, 1, -72.248940), (0, 1, -40.664844)])
def test_band_climbs_to_the_saddles_of_mueller_and_brown(start, end, saddle):
    points = minima().points
    band = relax_band(mueller_brown, straight(points[start], points[end], 9), TIGHT)
    assert band.converged
    assert band.energies_eV[band.climbing] == pytest.approx(saddle, abs=1e-5)
    assert band.points[band.climbing, 0] == pytest.approx(SADDLES[saddle], abs=1e-5)


def test_fire_and_lbfgs_end_at_one_saddle():
    points = minima().points
    line = straight(points[2], points[1], 7)
    tops = [relax_band(mueller_brown, line, replace(TIGHT, optimiser=name)) for name in ("lbfgs", "fire")]
    assert tops[0].points[tops[0].climbing] == pytest.approx(tops[1].points[tops[1].climbing], abs=1e-5)


@pytest.mark.parametrize(("start", "push", "saddle"), [(0, (1, -1), -40.664844), (1, (-1, 0.3), -72.248940)])
def test_dimer_climbs_from_one_minimum_to_the_saddle(start, push, saddle):
    push = np.array([push], float)
    found = dimer(mueller_brown, minima().points[start] + 0.05 * push, push, 1e-5)
    assert found.converged and found.curvature_eV_A2 < 0
    assert found.energy_eV == pytest.approx(saddle, abs=1e-5)
    assert found.point[0] == pytest.approx(SADDLES[saddle], abs=1e-5)


def test_sides_of_a_saddle_lead_into_its_two_valleys():
    saddle = np.array([SADDLES[-40.664844]])
    modes = modes_of(hessian(mueller_brown, saddle, 1e-4), np.ones(1), floats=False)
    assert modes.n_imaginary == 1
    slid = slide(mueller_brown, saddle, modes.vectors[0], 1e-6, 500)
    upper, right, middle = minima().points
    # From REFERENCES.md's higher saddle one comes down to the deepest minimum and to the shallow one between the two
    assert connects(slid, upper, middle, floats=False) and connects(slid, middle, upper, floats=False)
    assert not connects(slid, upper, right, floats=False)


def test_softest_direction_beside_a_mode_is_found_among_all():
    rng = np.random.default_rng(2)
    curvatures = np.r_[-3.0, -0.5, rng.uniform(1, 30, 88)]
    turned, _ = np.linalg.qr(rng.normal(size=(90, 90)))
    second = turned @ np.diag(curvatures) @ turned.T

    def saddle(points):
        flat = points.reshape(-1, 90)
        return 0.5 * ((flat @ second) * flat).sum(1), -(flat @ second).reshape(points.shape)

    found = softest_beside(saddle, np.zeros((30, 3)), turned[:, 0].reshape(30, 3), floats=False)
    # Its sign is what counts; 24 iterations bring the value this near
    assert found.curvature_eV_A2 == pytest.approx(-0.5, abs=0.1)
    assert abs(found.vector.ravel() @ turned[:, 0]) < 1e-6 and abs(found.vector.ravel() @ turned[:, 1]) > 0.95


def test_a_runaway_dimer_says_that_it_found_nothing():
    found = dimer(lambda p: (-(p**4).sum((1, 2)), 4 * p**3), np.array([[3.0, 0.1]]), np.array([[1.0, 0]]), 1e-9, 40)
    assert not found.converged


# The band against another code


def test_improved_tangents_and_forces_are_those_of_ase():
    """An image on a slope, one at a maximum and one at a minimum: all branches of the definition."""
    rng = np.random.default_rng(1)
    slab, final = gold_on_aluminium()
    images = [slab.copy() for _ in range(5)]
    for k, image in enumerate(images):
        image.positions[-1] += k / 4 * (final.positions[-1] - slab.positions[-1]) + [0, 0, 0.2 * (k == 3)]
        image.positions[8:] += 0.02 * rng.normal(size=(5, 3)) * (0 < k < 4)
        image.calc = EMT()
    other = NEB(images, k=0.7, climb=True, method="improvedtangent")
    expected = other.get_forces().reshape(3, 13, 3)[:, 8:]
    surface = surface_of(load("emt"), slab)
    points = np.stack([image.positions[surface.free] for image in images])
    energies, forces = surface(points)
    found = band_forces(points, energies, forces, 0.7, 1 + int(np.argmax(energies[1:-1])))
    assert found == pytest.approx(expected, abs=1e-9)  # both add the same numbers up


def test_band_ends_at_the_energy_of_ase_s():
    slab, final = gold_on_aluminium()
    images = [slab.copy() for _ in range(4)] + [final.copy()]
    for image in images:
        image.calc = EMT()
    for end in (images[0], images[-1]):
        BFGS(end, logfile=None).run(fmax=0.01)
    other = NEB(images, climb=True, method="improvedtangent")
    other.interpolate()
    BFGS(other, logfile=None).run(fmax=0.01)
    theirs = max(image.get_potential_energy() for image in images) - images[0].get_potential_energy()
    ours = neb(load("emt"), slab, final, BarrierSettings(images=3, band=BandSettings(fmax_eV_A=0.01)))
    # Forces of 0.01 eV/Å at curvatures of 1 eV/Å² leave 5e-5 eV at either end
    assert ours.barrier_eV == pytest.approx(theirs, abs=1e-4)


def test_tangent_at_a_maximum_weighs_neighbours_by_their_depth():
    points = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 1.0]]])
    tangent = improved_tangents(points, np.array([0.0, 3.0, 1.0]))[0, 0]
    # The neighbour ahead lies 2 below, the one behind 3; the higher one ahead gets the larger weight
    assert tangent == pytest.approx(np.array([2.0, 3.0]) / np.sqrt(13))


# Crystals whose barriers are known


def test_gold_hops_on_aluminium_over_its_known_barrier():
    found = gold_hop()
    assert found.converged and len(found.hops) == 1
    assert found.forward_eV == pytest.approx(0.37446, abs=1e-5)
    assert found.reverse_eV == pytest.approx(found.forward_eV, abs=1e-5)  # bridges are mirrors


def test_a_path_over_two_passes_tells_of_the_higher_one():
    found = gold_hop()
    (hop,) = found.hops
    start, top, end = hop.energies_eV
    higher = replace(hop, energies_eV=(end, top + 0.1, start))
    told = to_json(replace(found, hops=[hop, higher]))
    assert told["forward_eV"] == pytest.approx(top + 0.1 - start)
    assert told["prefactor_THz"] == higher.prefactor_THz() and len(told["hops_on_path"]) == 2


def test_saddle_is_proven_by_one_imaginary_mode_and_both_its_sides():
    (hop,) = gold_hop().hops
    assert hop.saddle.n_imaginary == 1 and hop.connects is True
    assert all(modes.n_imaginary == 0 for modes in hop.minima)


def test_copper_s_vacancy_forms_and_migrates_as_it_is_known_to():
    hop, found = copper_hop()
    whole = load("emt").evaluate([structure_of(copper())])[0].energy_eV
    assert len(hop.initial) == 107
    assert found.hops[0].energies_eV[0] - 107 / 4 * whole == pytest.approx(1.2244, abs=2e-4)  # digits given, rest
    assert found.forward_eV == pytest.approx(0.7915, abs=1e-4)
    assert found.converged and found.hops[0].connects and hop.symmetric


def test_dimer_finds_the_same_saddle_without_the_other_end():
    slab, _ = gold_on_aluminium()
    found = saddle_from(load("emt"), slab, around=12, seed=1)
    assert found.leads_back and found.saddle.n_imaginary == 1
    assert found.barrier_eV == pytest.approx(0.37446, abs=1e-4)
    start, end = found.ends
    assert np.abs(start.positions - found.surface.at(found.start).positions).max() < 0.05
    assert np.linalg.norm(end.positions[-1] - start.positions[-1]) == pytest.approx(2.86, abs=0.02)  # a hollow further


# Over a minimum in between


def test_a_band_that_sags_into_a_valley_is_no_answer():
    (band,) = gold_hop().path.bands
    assert band.converged and settled(band)
    sagging = band.energies_eV.copy()
    sagging[len(sagging) // 2] = sagging.min() - 0.4
    assert not settled(replace(band, energies_eV=sagging))


def double_step():
    """Gold to the hollow across an atom: straight over it lies a hilltop, around it a hollow and two bridges."""
    slab = fcc100("Al", size=(3, 3, 2))
    add_adsorbate(slab, "Au", 1.7, "hollow")
    slab.center(axis=2, vacuum=4.0)
    slab.set_constraint(FixAtoms(mask=[atom.symbol == "Al" for atom in slab]))
    final = slab.copy()
    final.positions[-1] += [slab.cell[0, 0] / 3, slab.cell[1, 1] / 3, 0]
    return slab, final


def test_band_on_a_hilltop_turns_off_and_is_split_at_the_minimum_there():
    found = barrier(load("emt"), *double_step(), BarrierSettings(images=3))
    assert len(found.hops) == 2 and found.converged
    assert all(hop.connects and hop.saddle.n_imaginary == 1 for hop in found.hops)
    energies = found.path.energies_eV
    assert len(energies) == 9 and energies[4] == pytest.approx(energies[0], abs=1e-3)


# Ends


def test_an_atom_that_crosses_the_cell_s_edge_goes_a_short_way():
    crystal = bulk("Cu", cubic=True).repeat(2)
    crystal.positions += 0.01
    crystal.wrap()
    del crystal[[k for k in range(len(crystal)) if np.allclose(crystal.positions[k], 0.01)]]
    final = crystal.copy()
    final.positions[0] -= [0.5, 0.5, 0.5]
    final.wrap()
    ends = matched(crystal, final, floats=False)
    assert ends.farthest_A == pytest.approx(np.sqrt(0.75))
    path = idpp_path(crystal.positions, crystal.cell.array, np.arange(31), crystal.positions, ends.final.positions, 3)
    assert np.linalg.norm(np.diff(path, axis=0), axis=-1).max() < 0.5


def test_idpp_keeps_atoms_apart_where_a_straight_line_runs_them_into_one_another():
    """One atom passes another in a small cell, where both are neighbours of their own images as well."""
    cell = 6.0 * np.eye(3)
    start = np.array([[1.0, 3.0, 3.0], [3.0, 3.05, 3.0]])
    end = np.array([[5.0, 3.0, 3.0], [3.0, 3.05, 3.0]])
    path = idpp_path(start, cell, np.arange(2), start, end, 5)
    apart = np.linalg.norm(path[:, 0] - path[:, 1], axis=-1)
    assert apart[3] > 1.0 > np.linalg.norm(straight(start, end, 5)[3, 0] - start[1])


@pytest.mark.parametrize("seed", range(3))
def test_a_permuted_and_shifted_final_structure_is_matched(seed):
    hop, _ = copper_hop()
    order = np.random.default_rng(seed).permutation(len(hop.final))
    shuffled = hop.final[order]
    shuffled.positions += [0.4, -0.2, 0.3]
    shuffled.wrap()
    ends = matched(hop.initial, shuffled)
    assert (order[ends.order] == np.arange(len(order))).all()
    straightforward = matched(hop.initial, hop.final)
    assert ends.final.positions == pytest.approx(straightforward.final.positions, abs=1e-9)


def test_ends_that_are_none_are_refused_with_what_to_do():
    cu = bulk("Cu", cubic=True)
    del cu[0]
    other = cu.copy()
    other.symbols[0] = "Al"
    wide = cu.copy()
    wide.set_cell(cu.cell * 1.01, scale_atoms=True)
    moved = cu.copy()
    moved.positions[0] += [0.2, 0, 0]
    emt = load("emt")
    with pytest.raises(BarrierError, match="final: has other atoms, AlCu2 instead of Cu3"):
        neb(emt, cu, other)
    with pytest.raises(BarrierError, match=r"final: has another cell \(vectors differ by up to 0.0361 Å\)"):
        neb(emt, cu, wide)
    with pytest.raises(BarrierError, match=r"final: is the initial structure .*give match=false"):
        neb(emt, cu, cu[[1, 0, 2]])
    with pytest.raises(BarrierError, match="final: relaxes into the initial structure"):
        neb(emt, cu, moved)
    cu.set_constraint(FixedLine(0, [1, 0, 0]))
    with pytest.raises(BarrierError, match="FixedLine: only FixAtoms is known"):
        neb(emt, cu, moved)


# Vibrations


def test_frequencies_of_a_crystal_are_those_of_phonons_that_fit():
    from properties.phonons import harmonic_crystals

    crystal = copper()
    surface = surface_of(load("emt"), crystal)
    modes = modes_of(hessian(surface, crystal.positions), crystal.get_masses(), floats=True)
    phonons = harmonic_crystals(load("emt"), [crystal], supercell_matrix=np.eye(3, dtype=int))[0]
    expected = phonons.frequencies_THz(np.zeros(3))[0, 3:]
    assert len(modes.frequencies_THz) == 9
    assert modes.frequencies_THz == pytest.approx(expected, rel=1e-3)  # anharmonicity at 0.01 Å


def test_a_spring_has_the_frequency_of_its_constant():
    modes = modes_of(np.diag([1.0, 4.0, -9.0]), np.array([1.0]), floats=False)
    assert modes.frequencies_THz == pytest.approx(THZ * np.array([-3, 1, 2]))
    assert modes.with_masses(np.array([4.0])).frequencies_THz == pytest.approx(THZ * np.array([-1.5, 0.5, 1]))
    # One eV/Å² and one atomic mass: 1/(2π) sqrt(1.602e-19 J/1e-20 m²/1.6605e-27 kg)
    assert pytest.approx(15.6333, abs=1e-4) == THZ


def test_atoms_that_float_have_three_modes_less():
    atoms = Atoms("Cu2", [[0, 0, 0], [2.4, 0, 0]], cell=[12] * 3, pbc=True)
    surface = surface_of(load("emt"), atoms)
    assert surface.floats
    rest = descend(surface, atoms.positions[None], 1e-5).points[0]
    modes = modes_of(hessian(surface, rest), surface.masses_u, surface.floats)
    # The dimer's bond, and its two turnings, which cost nothing in a wide box
    assert len(modes.frequencies_THz) == 3 and modes.frequencies_THz[-1] > 1
    assert np.abs(modes.frequencies_THz[:2]).max() < 0.2
