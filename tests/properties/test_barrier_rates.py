"""Rates by closed forms, and hops of crystals by counting."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.spacegroup import crystal
from hypothesis import given
from hypothesis import strategies as st

from potentials import load
from properties.barriers import BarrierError, interstitial_hops, vacancy_hops
from properties.barriers.rates import PLANCK_EV_PER_THZ, rates, vineyard_prefactor_THz, zero_point_eV

LICOO2 = crystal(
    ["Li", "Co", "O"], [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.2605)], spacegroup=166,
    cellpar=[2.84, 2.84, 14.1, 90, 90, 120],
)  # fmt: skip
THZ = st.lists(st.floats(0.5, 40), min_size=2, max_size=6)


def test_vineyard_divides_what_the_minimum_has_by_what_the_saddle_keeps():
    assert vineyard_prefactor_THz(np.array([2.0, 3, 4]), np.array([-5.0, 2, 6])) == pytest.approx(2.0)
    assert np.isnan(vineyard_prefactor_THz(np.array([2.0, 3]), np.array([1.0, 2])))  # no saddle
    assert np.isnan(vineyard_prefactor_THz(np.array([-2.0, 3]), np.array([-1.0, 2])))  # no minimum


def test_rate_is_prefactor_times_boltzmann_s_factor():
    found = rates(0.5, np.array([5.0]), np.array([-3.0]), [300.0, 600.0])
    assert found.classical_per_s == pytest.approx(5e12 * np.exp(-0.5 / (units.kB * np.array([300.0, 600.0]))))
    slope = -np.diff(np.log(found.classical_per_s)) / np.diff(1 / (units.kB * found.temperatures_K))
    assert slope == pytest.approx(0.5)


@given(THZ, st.floats(0.5, 40))
def test_quantum_oscillators_become_classical_when_hot(frequencies, imaginary):
    minimum = np.array(frequencies)
    saddle = np.r_[-imaginary, 1.2 * minimum[1:]]
    hot = rates(0.3, minimum, saddle, [2e5])
    # Corrections are of order (hν/k_BT)²/24 a mode: 40 THz at 2e5 K is 0.0096
    assert hot.quantum_per_s == pytest.approx(hot.classical_per_s, rel=1e-4)
    assert hot.wigner == pytest.approx(1, abs=1e-4)


@given(THZ, st.floats(0.5, 40))
def test_quantum_barrier_is_the_zero_point_corrected_one_when_cold(frequencies, imaginary):
    minimum = np.array(frequencies)
    saddle = np.r_[-imaginary, 1.2 * minimum[1:]]
    T = np.array([2.0, 2.2])  # hν of the softest is 12 k_BT
    found = rates(0.01, minimum, saddle, T)
    barrier = 0.01 + zero_point_eV(saddle) - zero_point_eV(minimum)
    expected = units.kB * T / (2 * np.pi * units._hbar / units._e) * np.exp(-barrier / (units.kB * T))
    assert found.quantum_per_s == pytest.approx(expected, rel=1e-3)


def test_planck_s_constant_is_in_electronvolts_per_terahertz():
    assert pytest.approx(4.135667e-3, rel=1e-6) == PLANCK_EV_PER_THZ


def test_a_heavier_isotope_has_less_zero_point_energy_to_lose():
    light, heavy = (rates(0.2, np.array([20.0]) / m, np.array([-10.0]) / m, [300.0]) for m in (1, np.sqrt(2)))
    # The minimum's zero-point energy lowers the barrier, of the light one more; so does tunnelling
    assert light.quantum_per_s / light.classical_per_s > heavy.quantum_per_s / heavy.classical_per_s > 1
    assert light.wigner > heavy.wigner > 1


# Hops of crystals


@pytest.mark.parametrize(
    ("atoms", "species", "expected"),
    [
        (bulk("Cu"), "Cu", [(2.553, 12, True)]),
        (bulk("Cu", cubic=True), "Cu", [(2.553, 12, True)]),
        (bulk("Fe"), "Fe", [(2.485, 8, True), (2.87, 6, True)]),  # both shells of bcc, before its first wide gap
        (bulk("Mg"), "Mg", [(3.198, 6, True), (3.21, 6, True)]),  # between and within the layers of hcp
        (bulk("NaCl", "rocksalt", a=5.64), "Na", [(3.988, 12, True)]),
        (LICOO2, "Li", [(2.84, 6, True)]),
        (LICOO2, "O", [(2.628, 3, True), (2.84, 6, True), (3.113, 3, True)]),  # over Co, within, over Li
    ],
    ids=lambda value: value.get_chemical_formula() if isinstance(value, Atoms) else "",
)
def test_hops_are_the_neighbours_that_symmetry_tells_apart(atoms, species, expected):
    found = [(hop.distance_A, hop.per_site, hop.symmetric) for hop in vacancy_hops(atoms, species, 6.0)]
    assert [f[1:] for f in found] == [e[1:] for e in expected]
    assert [f[0] for f in found] == pytest.approx([e[0] for e in expected], abs=1e-3)


def test_a_hop_into_a_vacancy_moves_one_atom_by_the_distance():
    for hop in vacancy_hops(LICOO2, "O", 6.0):
        steps = np.linalg.norm(hop.final.positions - hop.initial.positions, axis=1)
        assert steps[hop.hopper] == pytest.approx(hop.distance_A)
        assert np.count_nonzero(steps) == 1 and hop.initial.symbols[hop.hopper] == "O"
        assert (hop.initial.numbers == hop.final.numbers).all()
        both = hop.final.copy()
        both.wrap()
        assert both.get_all_distances(mic=True)[hop.hopper][hop.initial.numbers > 0].max() > 0
        # Nothing overlaps in either: the emptied site is free, and so is the one that is left behind
        for end in (hop.initial, hop.final):
            apart = end.get_all_distances(mic=True) + 9 * np.eye(len(end))
            assert apart.min() > 1.8


def test_more_distant_hops_are_listed_when_asked_for():
    distances = [hop.distance_A for hop in vacancy_hops(bulk("Cu"), "Cu", 6.0, longest_A=3.7)]
    assert distances == pytest.approx([2.553, 3.61], abs=1e-3)


def test_a_hop_through_another_atom_is_none():
    """From sodium along a cube's edge chlorine is in the way."""
    salt = bulk("NaCl", "rocksalt", a=5.64)
    assert [hop.distance_A for hop in vacancy_hops(salt, "Na", 9.0, longest_A=5.7)] == pytest.approx([3.988], abs=1e-3)


def test_an_order_that_breaks_symmetry_tells_more_hops_apart():
    """CuAu in layers: copper's neighbours in its layer are one hop; a tetragonal cell has one kind of it."""
    layers = Atoms("CuAu", [[0, 0, 0], [1.4, 1.4, 1.85]], cell=[2.8, 2.8, 3.7], pbc=True)
    near = vacancy_hops(layers, "Cu", 6.0)
    assert [(round(hop.distance_A, 2), hop.per_site) for hop in near] == [(2.8, 4), (3.7, 2), (3.96, 4)]


def test_vacancies_of_what_is_not_there_are_refused():
    with pytest.raises(BarrierError, match=r"hop: there is no Li in Cu; .*mechanism: interstitial"):
        vacancy_hops(bulk("Cu"), "Li")
    with pytest.raises(BarrierError, match="longest_A: no two sites are within 1 Å"):
        vacancy_hops(bulk("Cu"), "Cu", longest_A=1.0)


def test_hydrogen_in_palladium_rests_in_octahedra_and_tetrahedra():
    sites, hops = interstitial_hops(load("emt"), bulk("Pd"), "H", 5.0)
    found = sorted((site.multiplicity, site.room_A / 3.89) for site in sites)
    # One octahedral site a cell, at a/2 from its neighbours, and two tetrahedral, at a√3/4
    assert [m for m, _ in found] == [1, 2]
    assert [r for _, r in found] == pytest.approx([1 / 2, np.sqrt(3) / 4], abs=2e-3)
    assert [(hop.per_site, hop.symmetric) for hop in hops if hop.distance_A < 1.7] == [(8, False)]
    assert min(hop.distance_A for hop in hops) == pytest.approx(3.89 * np.sqrt(3) / 4, abs=5e-3)
