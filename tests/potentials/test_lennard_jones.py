"""The Lennard-Jones crystal against its lattice sums."""

import numpy as np
import pytest
from ase.build import bulk

from potentials import load
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
