"""The primitive cell is the same crystal."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from potentials.potential import structure_of
from potentials.primitive import primitive, space_group
from tests.potentials.crystals import argon, argon_fcc, potential, rattled, triclinic

CONVENTIONAL = {"Si": (bulk("Si", cubic=True), 2, 227), "TiC": (bulk("TiC", "rocksalt", a=4.33, cubic=True), 2, 225)}


@pytest.mark.parametrize("crystal", list(CONVENTIONAL))
def test_energy_per_atom_stays(crystal):
    atoms, n, number = CONVENTIONAL[crystal]
    small = primitive(atoms)
    energies = [potential("7net-0").evaluate([structure_of(a)])[0].energy_eV / len(a) for a in (atoms, small)]
    assert len(small) == n
    assert energies[1] == pytest.approx(energies[0], abs=2e-6)
    assert space_group(small) == space_group(atoms) == number


@given(st.integers(0, 200), st.tuples(*[st.integers(1, 3)] * 3))
@settings(max_examples=20, deadline=None)
def test_a_supercell_of_anything_shrinks_to_what_it_repeats(seed, repeats):
    small = rattled(argon_fcc().repeat((2, 1, 1)), 0.3, 0.1, seed)
    found = primitive(small.repeat(repeats))
    energies = [argon().evaluate([structure_of(a)])[0].energy_eV for a in (small, found)]
    assert len(found) == 2
    assert energies[1] == pytest.approx(energies[0], abs=1e-6)


def test_a_skewed_cell_becomes_compact():
    skewed = triclinic()
    skewed.set_cell(np.array([[1, 0, 0], [7, 1, 0], [-5, 9, 1]]) @ skewed.cell.array)
    found = primitive(skewed)
    assert found.cell.lengths().max() < 6
    energies = [potential("7net-0").evaluate([structure_of(a)])[0].energy_eV for a in (triclinic(), found)]
    assert energies[1] == pytest.approx(energies[0], rel=1e-6)


def test_atoms_on_top_of_each_other_keep_their_number():
    assert len(primitive(Atoms("Si2", np.zeros((2, 3)), cell=4 * np.eye(3), pbc=True))) == 2
