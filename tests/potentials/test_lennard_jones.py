"""The Lennard-Jones crystal against its lattice sums."""

import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from potentials import LoadError, load
from potentials.conformance import strained
from potentials.neighbours import Structure
from potentials.potential import structure_of
from tests.potentials.crystals import FCC_LJ_A, FCC_LJ_ENERGY, argon, argon_fcc, rattled

CUTOFF = 24.0
DENSITY = 4 / FCC_LJ_A**3
# Attraction beyond the switch, which begins at 0.9 of the cut-off: 8π/3 ε ρ σ⁶/r_c³ an atom
TAIL = 8 * np.pi / 3 * DENSITY / (0.9 * CUTOFF) ** 3


@pytest.fixture(scope="module")
def lj():
    return load("lj", "cpu", cutoff_A=CUTOFF)


def test_fcc_energy_and_equilibrium(lj):
    answer = lj.evaluate([structure_of(bulk("Ar", "fcc", a=FCC_LJ_A))])[0]
    assert FCC_LJ_ENERGY < answer.energy_eV < FCC_LJ_ENERGY + TAIL
    # The pressure of r⁻⁶ is twice its energy density
    assert np.abs(answer.stress_eV_A3).max() < 2 * TAIL * DENSITY


def test_fcc_elastic_constants(lj):
    crystal, h = structure_of(bulk("Ar", "fcc", a=FCC_LJ_A)), 1e-4

    def slope(a, b, c, d):
        strain = np.zeros((3, 3))
        strain[a, b] += h / 2
        strain[b, a] += h / 2
        plus, minus = (lj.evaluate([strained(crystal, k * strain)])[0].stress_eV_A3 for k in (1, -1))
        return (plus - minus)[c, d] / (2 * h)

    # An r⁻⁶ tail weighs its energy density by 6·8/5 and less in second derivatives
    limit = 10 * TAIL * DENSITY
    assert slope(0, 0, 0, 0) == pytest.approx(105.18188, abs=limit)
    assert slope(0, 0, 1, 1) == pytest.approx(60.18657, abs=limit)
    assert slope(1, 2, 1, 2) == pytest.approx(60.18657, abs=limit)


def test_forces_and_stress_are_derivatives():
    s, h = structure_of(rattled(argon_fcc().repeat((2, 1, 1)))), 1e-5
    answer = argon().evaluate([s])[0]
    for atom, axis in np.ndindex(2, 3):
        move = np.zeros_like(s.positions)
        move[atom, axis] = h
        pair = [Structure(s.numbers, s.positions + k * move, s.cell) for k in (1, -1)]
        up, down = (e.energy_eV for e in argon().evaluate(pair))
        assert answer.forces_eV_A[atom, axis] == pytest.approx((down - up) / (2 * h), abs=1e-6)
    for a, b in ((0, 0), (1, 2), (0, 2)):
        strain = np.zeros((3, 3))
        strain[a, b] += h / 2
        strain[b, a] += h / 2
        up, down = (e.energy_eV for e in argon().evaluate([strained(s, k * strain) for k in (1, -1)]))
        assert answer.stress_eV_A3[a, b] == pytest.approx((up - down) / (2 * h) / s.volume_A3, abs=1e-6)


KOB_ANDERSEN = {"Ni-Pd": {"sigma_A": 0.8, "epsilon_eV": 1.5}, "Ni-Ni": {"sigma_A": 0.88, "epsilon_eV": 0.5}}


@pytest.mark.parametrize(
    ("symbols", "sigma", "epsilon"), [("Pd2", 1, 1), ("PdNi", 0.8, 1.5), ("NiPd", 0.8, 1.5), ("Ni2", 0.88, 0.5)]
)
def test_each_pair_of_elements_has_its_own_well(symbols, sigma, epsilon):
    lj = load("lj", "cpu", pairs=KOB_ANDERSEN)
    apart = Atoms(symbols, [(0, 0, 0), (2 ** (1 / 6) * sigma, 0, 0)], cell=[30, 30, 30])
    answer = lj.evaluate([structure_of(apart)])[0]
    assert answer.energy_eV == pytest.approx(-epsilon, abs=1e-12)
    assert np.abs(answer.forces_eV_A).max() < 1e-12


def test_forces_of_unlike_atoms_are_derivatives():
    s, h = structure_of(rattled(bulk("PdNi", "cesiumchloride", a=1.04).repeat((2, 1, 1)))), 1e-6
    lj = load("lj", "cpu", pairs=KOB_ANDERSEN)
    answer = lj.evaluate([s])[0]
    for atom, axis in np.ndindex(len(s.numbers), 3):
        move = np.zeros_like(s.positions)
        move[atom, axis] = h
        up, down = (
            e.energy_eV for e in lj.evaluate([Structure(s.numbers, s.positions + k * move, s.cell) for k in (1, -1)])
        )
        assert answer.forces_eV_A[atom, axis] == pytest.approx((down - up) / (2 * h), rel=1e-6, abs=1e-5)


def test_pairs_that_say_the_same_change_nothing():
    s = structure_of(bulk("PdNi", "cesiumchloride", a=1.2))
    plain, spelt = load("lj", "cpu"), load("lj", "cpu", pairs={"Pd-Ni": {"epsilon_eV": 1.0}})
    assert plain.evaluate([s])[0].energy_eV == spelt.evaluate([s])[0].energy_eV


def test_the_order_of_a_pair_does_not_matter():
    one, other = (load("lj", "cpu", pairs={name: {"sigma_A": 0.8}}) for name in ("Ni-Pd", "Pd-Ni"))
    assert one.metadata.same_energies(other.metadata.to_json())
    assert not one.metadata.same_energies(load("lj", "cpu").metadata.to_json())


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({"NiPd": {"sigma_A": 1}}, "'lj' cannot be loaded: pairs: 'NiPd' is no pair of elements; write it as in Ni-Pd"),
        (
            {"Ni-Pd": {"sigma": 1}},
            "'lj' cannot be loaded: pairs: Ni-Pd may have sigma_A and epsilon_eV (has sigma)",
        ),
    ],
)
def test_a_pair_that_is_none_is_refused(pairs, message):
    with pytest.raises(LoadError, match=re.escape(message)):
        load("lj", "cpu", pairs=pairs)
